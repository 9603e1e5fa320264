"""Every lesson runs with small settings, and what its text claims is true."""

import re

import nbformat
import numpy as np
import pytest
from matplotlib import pyplot

from medlab import data, detect, io
from medlab.report import lessons, run
from tests import corpus, notebooks
from tests.lesson_runs import CELL_SECONDS, SMALL, run_cells, run_small, text_of


def test_every_lesson_has_small_settings_that_it_knows():
    assert set(SMALL) == {path.stem for path in notebooks.LESSONS}
    for lesson in lessons.find():
        assert set(SMALL[lesson.name]) <= set(lesson.parameters)


def test_00_takes_the_other_example(capsys):
    run_cells("00_start_here", "path = data.example(example)", "rows × {dy", example="ct-spine")
    pyplot.close("all")
    assert "128 rows × 0.661 mm" in capsys.readouterr().out


def test_00_start_here():
    result = run_small("00_start_here")
    assert result.numbers["packages_missing"] == 0
    assert result.numbers["lessons_here"] == len(notebooks.LESSONS)
    assert result.numbers["nodules_of_the_phantom"] == 20
    assert "nothing, all is well" in text_of(result)


def test_01_reading_medical_images():
    result = run_small("01_reading_medical_images")
    numbers = result.numbers
    assert numbers["largest_hu_over_255"] > 1  # HU/255 is no 0-1 image
    assert (
        numbers["greys_for_the_brain_if_windowed"] > 10 * numbers["greys_for_the_brain_if_squeezed"]
    )  # windowing first keeps the greys
    assert numbers["largest_jpeg_error_in_greys"] > 10  # JPEG changes pixels that PNG keeps
    assert 150 < numbers["brain_length_mm"] < 210  # an adult's brain
    assert -120 < numbers["fat_hu"] < -60 < 50 < numbers["spongy_bone_hu"] < 300
    assert numbers["slice_order_restored"] is True
    assert numbers["personal_header_entries"] > 10
    assert numbers["slices_of_the_phantom"] == 28
    text = text_of(result)
    assert "1 missing slice(s)" in text
    assert "Phantom^Paula" in text
    assert "largest change in grey: PNG 0" in text


@pytest.mark.parametrize("skip", [1, 6])
def test_01_measures_the_same_brain_with_any_slice_thickness(skip):
    cells = ("brain = io.read(", "upright = io.reorient(brain)", "dz, dy, dx =", "inside = sparse")
    measured = run_cells("01_reading_medical_images", *cells, skip_slices=skip)
    assert measured["size_mm"][0] == pytest.approx(180, abs=2 * 2 * skip)  # a slice more or less at either end


@pytest.mark.parametrize("kind", ["dicom series", "one of two series", "nifti", "colour", "film", "x-ray", "16 bit"])
def test_01_reads_the_readers_own_files(kind, tmp_path):
    given = {}
    if kind == "dicom series":
        path = io.write(corpus.volume(), tmp_path / "s")
    elif kind == "one of two series":
        path = corpus.two_series(tmp_path)
        given["series"] = io.series(path)[1].uid
    elif kind == "nifti":
        path = io.write(corpus.volume(), tmp_path / "v.nii.gz")
    elif kind == "16 bit":
        path = corpus.picture(tmp_path, "x.png")
    else:
        path = data.example({"colour": "histology", "film": "us-heart", "x-ray": "bone-scan"}[kind])
    cells = ("own = io.read(", "plots.planes(one", "plots.histogram(one", "def draw_slice")
    shown = run_cells("01_reading_medical_images", *cells, path=str(path), **given)
    assert shown["own"].array.size > 0
    assert shown["picture"].axes
    pyplot.close("all")


def test_02_preprocessing():
    numbers = run_small("02_preprocessing").numbers
    assert numbers["auc_of_greys_moved_by_gamma"] < 1e-3  # a curve of greys tells a classifier nothing new
    assert numbers["auc_of_greys_gained_by_a_filter"] > 0.01
    assert numbers["rician_bias_in_sd"] == pytest.approx((np.pi / 2) ** 0.5, rel=0.02)
    assert numbers["noise_theory_error"] < 0.01
    assert numbers["least_of_the_best_gains_db"] > 3  # for every noise there is a suited filter
    assert numbers["median_on_salt_and_pepper_db"] > 3 + numbers["next_best_on_salt_and_pepper_db"]
    assert numbers["contrast_left_of_the_smallest_disc"] < 0.9 < numbers["contrast_left_of_the_largest_disc"]
    assert numbers["gain_on_ct_noise_db"] < numbers["gain_on_drawn_noise_db"] - 1
    blurred = numbers["blurred_db"]
    assert numbers["inverse_without_noise_db"] > blurred + 10
    assert numbers["inverse_with_noise_db"] < blurred - 10 < blurred < numbers["wiener_with_noise_db"]
    assert numbers["noise_left_by_careful_resampling"] < 0.5 * numbers["noise_kept_by_every_fourth_pixel"]
    assert numbers["auc_baseline"].low > 0.5
    for step in ("hu_over_255", "soft_tissue_window", "wide_gaussian"):
        assert numbers[f"auc_gain_{step}"].high < 0, step  # steps that throw evidence away harm
    for step in ("median", "non_local_means", "unsharp_mask", "equalised", "clahe"):
        assert numbers[f"auc_gain_{step}"].low < 0.01, step  # and what pleases the eye does not help


@pytest.mark.parametrize("shape", [(40, 236), (301, 59), (33, 31)])
def test_02_takes_a_picture_of_any_size(shape, tmp_path):
    """Both middles are of one size, of which every fourth pixel can be kept."""
    image = np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)
    path = io.write(io.Volume(image, axes="yx"), tmp_path / "a.png")
    pairs = run_cells("02_preprocessing", "synthetic = dataset", path=str(path), n_images=4)["pairs"]
    (one, other) = (pixels.shape for pixels, _, _ in pairs)
    assert one == other == tuple(min(128, n // 4 * 4) for n in (shape[0], shape[1] // 2))


def test_03_edges_and_segmentation():
    numbers = run_small("03_edges_and_segmentation").numbers
    assert abs(numbers["otsu_by_hand_minus_library_hu"]) < 1
    assert numbers["blob_sigma_for_radius_6"] == pytest.approx(6 / 2**0.5, abs=0.3)
    assert numbers["lung_dice_before_closing"] > 0.98  # looks fine ...
    assert numbers["wall_nodules_lost_before_closing"] >= 3  # ... and what mattered is lost
    assert numbers["lung_dice"] > 0.99
    assert numbers["wall_nodules_lost"] == 0
    assert numbers["nodule_dice"].low > numbers["nodule_dice_otsu"].high
    assert numbers["wall_dice_by_growing"] < 0.5  # runs along the wall
    assert numbers["wall_dice_by_growing_in_the_lung_mask"] > 0.8
    assert numbers["wall_dice_by_random_walker"] > 0.8
    assert numbers["cells_right_by_threshold"] < 0.5 * numbers["cells"]
    assert numbers["cells_right_by_the_best_of_nine_distances"] > 0.9 * numbers["cells"]
    assert numbers["nuclei"] > 50


def cohort(folder, n: int) -> str:
    """As real nodules come: in files, with masks, a spacing each, patients with several nodules."""
    nodules = data.load("phantom-nodules", n=n, seed=3)
    nodules.patients = np.array([f"p{i // 2}" for i in range(n)])
    return str(data.write_cohort(nodules, folder / "cohort"))


@pytest.mark.parametrize(
    ("lesson", "kind"), [("02_preprocessing", "fundus"), ("03_edges_and_segmentation", "mr-brain")]
)
def test_02_and_03_take_the_readers_own_image_and_cohort(lesson, kind, tmp_path):
    result = run_small(lesson, path=str(data.example(kind)), dataset=cohort(tmp_path, 40), n_images=40)
    assert "20 patients" in text_of(result)


def test_05_texture_colour_shape():
    numbers = run_small("05_texture_colour_shape").numbers
    # codes: what turning moves and what it does not
    assert numbers["lbp_uniform_moved_by_turning"] == 0
    assert numbers["lbp_default_moved_by_turning"] > 0.05
    assert numbers["hog_moved_by_turning"] > 0.5
    # co-occurrence: sees order where the histogram is the same; its range must be fixed
    assert abs(numbers["correlation_of_noise"]) < 0.05 < 0.9 < numbers["correlation_of_blobs"]
    assert numbers["stripes_contrast_across_over_along"] > 2
    assert numbers["homogeneity_moved_by_metal_fixed_range"] < 0.01
    assert numbers["homogeneity_moved_by_metal_own_range"] > 0.1
    # stains: the lamp matters until the empty glass is divided out
    assert numbers["brown_warm"] > numbers["brown_usual"] + 0.1
    assert numbers["brown_mended"] == pytest.approx(numbers["brown_usual"], abs=0.01)
    assert numbers["same_heap_by_colour_and_texture"] < 0.8
    # shape: a mesh makes slices thicker than pixels look less round
    assert numbers["ball_sphericity_thick_slices"] < 0.86 < 0.9 < numbers["ball_sphericity_thin_slices"] < 1
    assert numbers["ball_roundness_worst"] < 0.02
    assert numbers["radius_variation_spiculated"] > 2 * numbers["radius_variation_smooth"]
    assert numbers["edge_slope_blurred"] < 0.8 * numbers["edge_slope_smooth"]
    # most of what predicts is size
    assert numbers["auc_vs_size_rank_correlation"] > 0.6
    assert numbers["texture_moved_by_size_alone_sd"] > 0.5
    assert numbers["auc_longest_side"].low > 0.7
    assert numbers["added_size"].low < 0.01  # more sizes add nothing to a size
    assert numbers["added_hog"].low < 0  # directions of edges around a thing without an upright position
    # and what survives another scanner
    for name in ("size", "form"):
        assert numbers[f"survives_dose_{name}"] > 0.99
        assert numbers[f"survives_kernel_{name}"] > 0.99
    assert numbers["survives_dose_lbp"] < 0.85
    assert numbers["survives_kernel_lbp"] < 0.85


def test_05_takes_a_cohort_of_the_reader(tmp_path):
    result = run_small("05_texture_colour_shape", dataset=cohort(tmp_path, 40))
    assert "20 patients" in text_of(result)


def test_06_svm_and_rivals():
    result = run_small("06_svm_and_rivals")
    numbers = result.numbers
    # a narrow kernel with a high price memorises, a wide one does not
    assert numbers["memorised_narrow"] > 0.1 > numbers["memorised_wide"]
    # accuracy beside the majority; a threshold that follows the costs finds more
    assert numbers["always_no"] < numbers["accuracy_logistic"].value
    assert numbers["recall_at_threshold"] > numbers["recall_at_half"] + 0.1
    # size is a hard rival, nobody beats the ceiling by more than luck, and no winner can be crowned
    assert numbers["auc_size_alone"].low > 0.7
    for name in ("logistic", "linear_SVM", "SVM", "MLP", "tree", "forest"):
        assert numbers[f"gain_{name}"].low < 0, name
        assert numbers[f"auc_{name}"].value < numbers["auc_ceiling"].high, name
    assert numbers["gain_tree"].value == min(n.value for key, n in numbers.items() if re.match(r"gain_(?!6)", key))
    # what leaks buy
    for name in ("slices", "copies", "augmented", "selection", "best_of_fifty", "letter"):
        assert numbers[f"optimism_{name}"].low > 0.05, name
    assert numbers["optimism_selection"].value > 0.4  # a splendid study out of pure noise
    assert numbers["optimism_selection_in_folds"].low < 0.02
    assert abs(numbers["optimism_scaler"].value - numbers["optimism_none"].value) < 0.02
    assert numbers["optimism_slices"].value > numbers["optimism_slices_by_patient"].value + 0.1
    assert numbers["guards_that_spoke"] == 2  # shared patients and exact copies; not what was renamed or saved anew
    assert numbers["auc_of_file_size"].value == 0.5
    # handing over: the range check notices a picture in the wrong unit, and opening a pickle ran a line
    assert numbers["squeezed_refused"] > 0.7
    text = text_of(result)
    assert "this line was run by opening a file" in text
    assert "not a model file of medlab.classify" in text


def test_04_haar_features():
    result = run_small("04_haar_features")
    numbers = result.numbers
    assert numbers["features_of_a_window"] == 162_336
    assert numbers["gigabytes_for_ten_thousand_windows"] > 10
    assert numbers["first_stump_error"] < 0.15  # one feature, one threshold, and already useful
    assert numbers["toy_wrong_after_three_rounds"] <= 3
    # what was learned shows less on new patients than on those it was learned from
    assert numbers["others_passing_seen"] <= numbers["others_passing_new"] < 0.1
    # the cascade is fast because nearly all windows are refused at once
    assert numbers["windows_of_a_chest"] > 1_000_000
    assert numbers["windows_left"] < 0.05 * numbers["windows_of_a_chest"]
    assert numbers["features_asked_of_a_window"] < 0.2 * numbers["features_in_all"]
    # it finds nodules, more of them where more false alarms are allowed
    found = [numbers[f"sensitivity_at_{rate}"].value for rate in (1, 2, 4, 8)]
    assert found == sorted(found)
    assert numbers["sensitivity_at_8"].low > 0.4
    assert numbers["sensitivity_at_the_set_threshold"].low > 0.3
    assert numbers["ground_glass"] > 0
    assert numbers["sensitivity_ground_glass"] < numbers["sensitivity_solid"] - 0.3  # and misses the faint ones
    assert "not searched" not in text_of(result)  # the synthetic patient


def test_04_says_what_is_no_chest(capsys):
    run_cells("04_haar_features", "def search_own", "= search_own(", path=str(data.example("ct-head")))
    assert "not searched: a chest CT is a volume" in capsys.readouterr().out


def test_04_takes_a_chest_as_nifti_for_the_same(monkeypatch):
    """NIfTI says neither CT nor HU; lungs and voxels are those of the DICOM series."""
    monkeypatch.setattr(detect, "find_nodules", lambda cascade, hu, lungs, spacing: None)
    at_grid = {"spacing": (1.25, 1.3, 1.3), "cascade": None}
    search = run_cells("04_haar_features", "def search_own")["search_own"]
    search.__globals__.update(at_grid)
    dicom = data.example("phantom-patient")
    for ours, theirs in zip(search(io.read(dicom)), search(io.read(dicom.parent / "chest.nii.gz"))):
        assert ours is None or np.allclose(ours, theirs, atol=0.01)


def test_04_refuses_other_data():
    (lesson,) = lessons.find(["04_haar_features"])
    result = run.run_lesson(lesson, {"dataset": "lidc-nodules"}, cell_seconds=CELL_SECONDS)
    assert not result.ok
    assert "phantom-chests" in result.error


# (patient 2 of seed 0 is the one whose nodule grows and wins the vote, so n_patients must be at least 3)


def test_07_similar_images():
    numbers = run_small("07_similar_images").numbers
    assert numbers["hu_share_not_scaled"] > 0.95  # without scaling HU decide alone
    assert numbers["hu_share_scaled"] == pytest.approx(0.5)
    assert numbers["finds_herself"] > 0.9  # an archive with the own patient recognizes her ...
    assert numbers["flattery_at_1"] > 0.05  # ... which flatters
    assert numbers["map_random"] == pytest.approx(numbers["same_label_share"], abs=0.04)  # mAP starts there, not at 0
    assert numbers["map_intensity_scaled"] > numbers["map_intensity_not_scaled"]
    assert min(numbers["map_all"], numbers["map_diameter"]) > numbers["map_random"] + 0.05
    assert (
        numbers["gain_in_precision"] > numbers["gain_in_map"]
    )  # better where the reader looks, not over the whole list
    assert numbers["auc_neighbours"].low > 0.5
    assert numbers["wrong_for_sure"] > 0  # equal answers are no proof
    # in the plane: a vote against a fit to all pairs
    assert numbers["plane_mm"] < 1
    assert numbers["plane_mm_by_hand"] < 1 < 3 < numbers["plane_mm_all_pairs"]
    # in space: the follow-up scan
    assert numbers["nodule_mm_nothing"] > 3 > 1 > numbers["nodule_mm_one_shift"]
    assert numbers["nodule_mm_masked"] < 0.5
    assert numbers["worst_mm_key_points"] > 2 * numbers["worst_mm_masked"]  # the nodule that grew won the vote
    assert numbers["scale_off"] > 2 * numbers["scale_off_masked"]  # its growth was taken for a breath
    assert numbers["clicks_landed"] == numbers["clicks"] > numbers["clicks_landed_by_nothing"]
    assert numbers["volume_ratio_error"] < 0.25


def test_07_takes_a_cohort_of_the_reader(tmp_path):
    """Patients with two nodules each: neither may answer for the other."""
    result = run_small("07_similar_images", dataset=cohort(tmp_path, 40), n_patients=2, n_twice=12)
    assert "40 nodules" in text_of(result)
    assert "20 patients" in text_of(result)


def test_06_takes_a_cohort_of_the_reader_and_x_rays(monkeypatch, tmp_path):
    """The X-rays in a small file of the same form: noise, brighter where the label says pneumonia."""
    rng = np.random.default_rng(0)
    arrays = {}
    for part, n in (("train", 80), ("val", 60), ("test", 8)):
        labels = np.arange(n)[:, None] % 2
        arrays[f"{part}_images"] = rng.integers(0, 200, (n, 28, 28)).astype(np.uint8) + np.uint8(20) * labels[..., None]
        arrays[f"{part}_labels"] = labels.astype(np.uint8)
    (tmp_path / "medmnist").mkdir()
    np.savez(tmp_path / "medmnist" / "pneumoniamnist.npz", **{k: v.astype(np.uint8) for k, v in arrays.items()})
    monkeypatch.setenv("MEDLAB_DATA", str(tmp_path))
    result = run_small("06_svm_and_rivals", dataset=cohort(tmp_path, 60), xrays="pneumoniamnist")
    assert "26 patients" in text_of(result)  # four of thirty are in the drawer
    numbers = result.numbers
    assert numbers["xrays_mean_grey_alone"].low > 0.8  # perfect on 60 pictures: known to lie above 0.88
    assert numbers["xrays_svm"].low > 0.5


@pytest.mark.parametrize("path", notebooks.LESSONS, ids=lambda p: p.stem)
def test_anatomy(path):
    """The shape of a lesson: title, what it needs, imports, parameters, story, summary, references."""
    cells = nbformat.read(path, as_version=4).cells
    texts = [c.source for c in cells if c.cell_type == "markdown"]
    code = [c for c in cells if c.cell_type == "code"]
    assert re.match(rf"# {int(path.stem[:2])} · ", texts[0])
    assert all(f"**{word}" in texts[1] for word in ("You will learn", "Before this", "Time", "Data"))
    assert code[0] == cells[2]
    assert "import" in code[0].source
    assert "import *" not in code[0].source
    assert cells[3].metadata["tags"] == ["parameters"]
    assert all(re.match(r"\w+ = .+  # .+", line) for line in cells[3].source.splitlines())
    assert any("**Try it**" in text for text in texts)
    assert "**Summary**" in texts[-2]
    assert "**Limits**" in texts[-2]
    assert texts[-1].startswith("**References**")
    lengths = sorted(len(c.source.splitlines()) for c in code)
    assert lengths[-1] <= 25
    assert lengths[int(0.9 * len(lengths))] <= 15
