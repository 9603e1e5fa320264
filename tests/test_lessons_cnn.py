"""What the lessons on networks claim is true, with small settings."""

import re

import numpy as np
import pytest

from medlab import data
from tests.lesson_runs import run_small, text_of


def test_08_convolution_by_hand():
    result = run_small("08_convolution_by_hand")
    numbers = result.numbers
    # by loops, in NumPy, in PyTorch; turned; with channels, padding and stride; backwards: the same numbers
    for name in ("loops_minus_torch", "turned_kernel_minus_convolution", "layer_minus_torch", "backward_minus_torch"):
        assert numbers[name] < 1e-8, name
    # sizes: 3 × 3 on 3 × 3 is one pixel, and six other settings make 2 × 2, half of them from all nine pixels
    assert numbers["sizes_checked"] == 360
    assert numbers["side_of_3_by_3_on_3_by_3"] == 1
    assert numbers["ways_to_2_by_2"] == 6
    assert numbers["ways_that_use_all_nine_pixels"] == 3
    assert numbers["ways_that_use_one_pixel"] == 1
    # zeros around a CT are a frame of water
    assert numbers["gradient_in_frame_zeros"] > 100 * numbers["gradient_in_frame_continued"]
    # pooling takes the brightest of the noise (the largest of four: 1.03 sd), and is not indifferent to a shift
    assert numbers["noise_mean_after_max_pooling"] == pytest.approx(1.03, abs=0.03)
    assert numbers["moved_convolution"] == numbers["moved_pooling_2"] == 0
    assert numbers["moved_pooling_1"] > 0.5
    # what a pixel sees: calculated is measured, and most comes from the middle
    assert numbers["fields_calculated_wrong"] == 0
    assert numbers["field_of_two"] == 5
    assert numbers["side_of_90_percent_of_ten"] < 0.7 * numbers["field_of_ten"]
    # two 3 × 3 are one 5 × 5, until a ReLU stands between
    assert numbers["two_3_by_3_minus_5_by_5"] < 1e-10
    assert numbers["not_linear_without_relu"] < 1e-10 < 0.1 < numbers["not_linear_with_relu"]
    # gradients checked numerically: in double precision
    assert numbers["numerical_gradient_error_double"] < 1e-8
    assert 1e-6 < numbers["numerical_gradient_error_single"] < 1e-3
    # the table the lesson finds by trying, worked out on paper: (kernel, padding, stride): pixels used
    outputs = [output for cell in result.notebook.cells for output in cell.get("outputs", [])]
    (html,) = [t for o in outputs if "pixels used, of 9" in (t := o.get("data", {}).get("text/html", ""))]
    found = [int(n) for n in re.findall(r">(\d+)</td>", html)]
    rows = {tuple(found[i : i + 3]): found[i + 4] for i in range(0, len(found), 5)}
    assert rows == {(1, 0, 2): 4, (1, 1, 3): 1, (2, 0, 1): 9, (2, 1, 2): 9, (2, 1, 3): 4, (3, 1, 2): 9}


@pytest.mark.parametrize("given", [{"dataset": "phantom-nodules"}, {"path": "fundus"}])
def test_08_takes_other_images(given):
    """A small one in HU, one in colour without millimetres."""
    if "path" in given:
        given = {"path": str(data.example(given["path"]))}
    assert run_small("08_convolution_by_hand", **given).numbers["fields_calculated_wrong"] == 0


def test_09_first_cnn():
    result = run_small("09_first_cnn")
    numbers = result.numbers
    # the two teaching nets, counted
    assert (numbers["parameters_64_px"], numbers["parameters_256_px"]) == (8_765_066, 2_479_562)
    # the loop by hand is fit, and it learns
    assert numbers["loop_minus_fit"] < 1e-2
    assert numbers["loss_at_the_end"] < 0.9 * numbers["loss_at_first"]
    # a large net learns few images by heart; a tiny one cannot
    assert numbers["seen_few"].value > 0.95 > numbers["seen_tiny"].value
    assert numbers["gap_few"] > numbers["gap_tiny"] + 0.2
    # six times the steps do not bring the tiny one near the large one on the same images
    assert numbers["loss_tiny"] > numbers["loss_many"] + 0.1
    assert numbers["gap_tiny"] < 0.2
    assert numbers["gap_many"] < numbers["gap_few"]
    # better than chance from pixels alone, and nobody beats the ceiling by more than luck
    assert numbers["auc_cnn"].low > 0.5
    for name in ("cnn", "svm", "simple"):
        assert numbers[f"auc_{name}"].value < numbers["auc_ceiling"].high, name
    # one sentence on which is better, a measured verdict on bfloat16, and an answer about a new file
    text = text_of(result)
    assert re.search(r"CNN and SVM cannot be told apart|(CNN|SVM) is (perhaps )?better than (CNN|SVM)", text)
    assert "on this processor" in text
    assert "new.nii.gz: labelled" in text
    assert numbers["inverted_changes"] > 0.01


def test_09_on_x_rays(monkeypatch, tmp_path):
    """On a small file of the same form; the pictures are noise, with a bright corner where the label says pneumonia."""
    rng = np.random.default_rng(0)
    arrays = {}
    for part, n in (("train", 120), ("val", 60), ("test", 8)):
        labels = (np.arange(n)[:, None] % 2).astype(np.uint8)
        images = rng.integers(0, 200, (n, 28, 28)).astype(np.uint8)
        images[:, :10, :10] += np.uint8(50) * labels[..., None]
        arrays |= {f"{part}_images": images, f"{part}_labels": labels}
    (tmp_path / "medmnist").mkdir()
    np.savez(tmp_path / "medmnist" / "pneumoniamnist.npz", **arrays)
    monkeypatch.setenv("MEDLAB_DATA", str(tmp_path))
    result = run_small("09_first_cnn", dataset="pneumoniamnist")
    assert "auc_ceiling" not in result.numbers
    assert result.numbers["loop_minus_fit"] < 1e-2
    assert result.numbers["auc_cnn"].low > 0.5  # averaged over the repeats
    assert "new.png: labelled" in text_of(result)


def test_10_how_deep():
    numbers = run_small("10_how_deep").numbers
    nothing = numbers["knows_nothing"]
    assert numbers["parameters_of_the_giant"] == 424_732_226  # 186 convolutions and a dense layer for two classes
    # before training: plain pictures become alike, normalisation alone explodes backwards, shortcuts alone forwards
    assert numbers["alike_plain"] > 0.95 > 0.7 > numbers["alike_shortcuts_norm"]
    assert numbers["alike_giant"] > 0.95  # at full width too
    assert numbers["answers_plain"] < 1e-3 < 10 < numbers["answers_shortcuts_only"]
    assert numbers["gradient_ratio_norm_only"] > 100 > 20 > numbers["gradient_ratio_shortcuts_norm"]
    # a deep plain network stays with those who know nothing; both inventions together learn at the same depth
    for kind in ("plain", "norm_only"):
        assert numbers[f"last_loss_{kind}"].low > nothing - 0.1, kind
        assert numbers[f"loss_shallow_{kind}"] < nothing - 0.05, kind
        assert numbers[f"loss_tall_{kind}"] > nothing - 0.1, kind
    assert numbers["range_tall_plain"] < 1e-3 < 0.1 < numbers["range_tall_shortcuts_norm"]  # one answer for all
    assert numbers["auc_tall_norm_only"].low <= 0.5
    assert numbers["last_loss_shortcuts_norm"].high < nothing - 0.2
    assert numbers["loss_tall_shortcuts_norm"] < nothing - 0.2
    assert numbers["lowest_loss_at_other_rates"] > nothing - 0.05  # it was not the learning rate
    # neither does it alone; what starts at zero does not explode
    assert numbers["last_loss_shortcuts_only"].low > numbers["last_loss_shortcuts_norm"].high + 0.1
    assert numbers["first_loss_shortcuts_only"].low > 5 > 1 > numbers["first_loss_zero"].high
    # depth is possible, not useful here
    assert numbers["deep_minus_shallow"].low < 0
    assert numbers["times_more_work"] > 10


def test_11_transfer_learning():
    result = run_small("11_transfer_learning")
    numbers = result.numbers
    # the published sizes, less the head for 1000 classes and two of three input channels
    heads = {"alexnet": 4096, "vgg11": 4096, "resnet18": 512}
    published = {"alexnet": 61_100_840, "vgg11": 132_863_336, "resnet18": 11_689_512}
    first = {"alexnet": 64 * 121, "vgg11": 64 * 9, "resnet18": 64 * 49}
    for name, inputs in heads.items():
        assert numbers[f"weights_{name}"] == published[name] - 998 * (inputs + 1) - 2 * first[name], name
    assert numbers["dense_share_alexnet"] > 0.9 < numbers["dense_share_vgg11"]
    assert numbers["dense_share_resnet18"] < 0.01
    assert numbers["resnet18_work_over_ours"] > 10
    # what was learned from phantoms of hospital A holds in hospital B without a label, below the ceiling
    assert numbers["auc_hospital_a"].value > 0.75
    assert numbers["auc_no_label"].low > 0.6
    assert numbers["auc_no_label"].value < numbers["auc_ceiling"].high
    # with few labels: fine-tuning is better than starting from scratch, and is worth more labels than it was given
    assert numbers["auc_fine_tuned_few"].value > numbers["auc_from_scratch_few"].value + 0.05
    assert numbers["worth_fine_tuned_few"].value > numbers["labels_few"]
    assert numbers["labels_most"] == 50
    for way in ("from_scratch", "frozen_phantoms", "fine_tuned_phantoms"):
        assert 0 <= numbers[f"auc_resnet18_{way}"].value <= 1
    text = text_of(result)
    assert "there is no file not_there.pth" in text  # missing weights are an error, never random ones
    assert "Same question as in hospital A: yes" in text
