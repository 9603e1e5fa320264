"""Reading and writing agree with SimpleITK and nibabel, in value and in millimetres."""

import itertools
import warnings
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.data import get_testdata_file
from skimage.color import rgb2gray

from medlab import data, io
from medlab.io.volume import rescale
from tests import corpus

sitk.ProcessObject.SetGlobalWarningDisplay(False)


def dicom_file(name: str) -> Path:
    return Path(get_testdata_file(name, download=False))


def assert_same_geometry(volume: io.Volume, image: sitk.Image) -> None:
    """Every corner and the middle lie at the same millimetres in SimpleITK (LPS too)."""
    z, y, x = volume.shape[-3:] if volume.space == "zyx" else (1, *volume.shape[:2])
    for index in [*itertools.product((0, z - 1), (0, y - 1), (0, x - 1)), (z // 2, y // 2, x // 2)]:
        theirs = image.TransformContinuousIndexToPhysicalPoint([float(i) for i in index[::-1]])
        np.testing.assert_allclose(volume.to_mm(index), theirs, atol=0.01)  # SimpleITK straightens rounded cosines


GREY = [
    "CT_small.dcm", "MR_small.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm",
    "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm", "693_J2KI.dcm", "J2K_pixelrep_mismatch.dcm",
    "examples_overlay.dcm",
]  # fmt: skip


@pytest.mark.parametrize("name", GREY)
def test_one_slice_as_simpleitk_reads_it(name):
    volume, image = io.read(dicom_file(name)), sitk.ReadImage(str(dicom_file(name)))
    np.testing.assert_array_equal(volume.array, sitk.GetArrayFromImage(image)[0])
    assert volume.spacing == pytest.approx(image.GetSpacing()[1::-1])
    assert_same_geometry(volume, image)


@pytest.mark.parametrize("name", ["MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm"])
def test_lossless_compression_changes_nothing(name):
    np.testing.assert_array_equal(io.read(dicom_file(name)).array, io.read(dicom_file("MR_small.dcm")).array)


@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_jpeg_gdcm.dcm",
        "SC_rgb_rle.dcm",
        "SC_rgb_jls_lossy_line.dcm",
        "examples_palette.dcm",
        "examples_jpeg2k.dcm",
    ],
)
def test_colour_as_simpleitk_reads_it(name):
    """Lossless JPEG (process 14), RLE, JPEG-LS, palette, JPEG 2000 in YBR."""
    volume = io.read(dicom_file(name))
    assert volume.axes == "yxc"
    np.testing.assert_array_equal(volume.array, sitk.GetArrayFromImage(sitk.ReadImage(str(dicom_file(name)))).squeeze())


def test_twelve_bit_jpeg():
    """SimpleITK's own decoder differs by rounding."""
    volume = io.read(dicom_file("JPGExtended.dcm"))
    theirs = sitk.GetArrayFromImage(sitk.ReadImage(str(dicom_file("JPGExtended.dcm"))))[0].astype(int)
    assert np.abs(volume.array - theirs).max() <= 1
    assert volume.array.max() > 255


def test_ct_is_in_hu():
    ds = pydicom.dcmread(dicom_file("CT_small.dcm"))
    volume = io.read(dicom_file("CT_small.dcm"))
    assert volume.array.dtype == np.int16
    np.testing.assert_array_equal(
        volume.array, ds.pixel_array.astype(int) * int(ds.RescaleSlope) + int(ds.RescaleIntercept)
    )


def test_fractional_slope_gives_float32(tmp_path):
    path = corpus.change(corpus.series(tmp_path / "s")[0], RescaleSlope="0.5", RescaleIntercept="-3")
    volume = io.read(path)
    assert volume.array.dtype == np.float32
    np.testing.assert_allclose(volume.array, pydicom.dcmread(path).pixel_array * 0.5 - 3)


def test_header_is_plain_python():
    header = io.read(data.example("mr-abdomen")).header
    assert header["Modality"] == "MR"
    assert header["PixelSpacing"] == pytest.approx([0.7231, 0.7231], abs=1e-4)
    assert type(header["Rows"]) is int
    assert type(header["PatientName"]) is str
    assert "PixelData" not in header


def test_film_has_time_and_colour(tmp_path):
    film = io.read(data.example("us-heart"))
    assert (film.axes, film.shape) == ("tyxc", (30, 240, 320, 3))
    # one region with 0.0510 cm a pixel
    ds = pydicom.dcmread(data.example("us-heart"))
    (region,) = ds.SequenceOfUltrasoundRegions
    assert film.spacing == pytest.approx((region.PhysicalDeltaY * 10, region.PhysicalDeltaX * 10))
    region.PhysicalDeltaY *= 2
    ds.save_as(tmp_path / "stretched.dcm")
    assert io.read(tmp_path / "stretched.dcm").spacing == pytest.approx((2 * film.spacing[0], film.spacing[1]))


def test_radiotherapy_dose_is_a_stack_in_gray():
    dose, image = io.read(dicom_file("rtdose.dcm")), sitk.ReadImage(str(dicom_file("rtdose.dcm")))
    scaling = float(pydicom.dcmread(dicom_file("rtdose.dcm")).DoseGridScaling)
    np.testing.assert_allclose(dose.array, sitk.GetArrayFromImage(image) * scaling, rtol=1e-6)
    assert_same_geometry(dose, image)


def enhanced(path: Path, volume: io.Volume, order: list[int], *, rescale: list[tuple[float, float]]) -> Path:
    """An enhanced multi-frame CT: frames in the given order, each with its own position and rescale rule."""
    folder = path.with_suffix("")
    ds = pydicom.dcmread(sorted(io.write(volume, folder).iterdir())[0])
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = pydicom.uid.EnhancedCTImageStorage
    ds.NumberOfFrames = len(order)
    ds.PixelData = volume.array[order].tobytes()
    shared, plane, measures = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
    plane.ImageOrientationPatient = ds.ImageOrientationPatient
    measures.PixelSpacing = ds.PixelSpacing
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [plane], [measures]
    ds.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for i, (slope, intercept) in zip(order, rescale, strict=True):
        frame, position, rule = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
        position.ImagePositionPatient = [float(f"{v:.10g}") for v in volume.to_mm((i, 0, 0))]
        rule.RescaleSlope, rule.RescaleIntercept = slope, intercept
        frame.PlanePositionSequence, frame.PixelValueTransformationSequence = [position], [rule]
        frames.append(frame)
    ds.PerFrameFunctionalGroupsSequence = frames
    for keyword in (
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "RescaleSlope",
        "RescaleIntercept",
    ):
        del ds[keyword]
    ds.save_as(path)
    return path


def test_multi_frame_file_is_sorted_and_rescaled_frame_by_frame(tmp_path):
    volume = corpus.volume()
    order = [3, 0, 5, 1, 4, 2]
    read = io.read(enhanced(tmp_path / "multi.dcm", volume, order, rescale=[(1, -100 * i) for i in order]))
    np.testing.assert_array_equal(read.array, volume.array - 100 * np.arange(6)[:, None, None])
    np.testing.assert_allclose(read.affine, volume.affine, atol=1e-6)
    assert read.spacing == pytest.approx(volume.spacing)


def test_a_frame_without_its_rule_is_refused(tmp_path):
    path = enhanced(tmp_path / "multi.dcm", corpus.volume(), list(range(6)), rescale=[(1, -1000)] * 6)
    ds = pydicom.dcmread(path)
    del ds.PerFrameFunctionalGroupsSequence[2].PixelValueTransformationSequence
    ds.save_as(path)
    with pytest.raises(io.ReadError, match=r"multi\.dcm: 1 of 6 frames lack a rescale rule"):
        io.read(path)


def test_one_frame_of_an_enhanced_file_keeps_its_place(tmp_path):
    volume = corpus.volume()
    one = io.read(enhanced(tmp_path / "one.dcm", volume, [4], rescale=[(1, 0)]))
    np.testing.assert_array_equal(one.array.squeeze(), volume.array[4])
    np.testing.assert_allclose(one.to_mm((0, 0)), volume.to_mm((4, 0, 0)), atol=1e-6)
    segmentation = io.read(dicom_file("liver_1frame.dcm"))
    theirs = sitk.ReadImage(str(dicom_file("liver_1frame.dcm")))
    assert segmentation.spacing == pytest.approx(theirs.GetSpacing()[1::-1], abs=1e-3)
    assert_same_geometry(segmentation, theirs)


@pytest.mark.parametrize(
    ("stored", "slope", "intercept", "expected", "dtype"),
    [
        (np.array([0, 4095], np.uint16), 1, -1024, [-1024, 3071], np.int16),
        (np.array([-1024, 3071], np.int16), 1, 0, [-1024, 3071], np.int16),
        (np.array([0, 65535], np.uint16), 1, -1024, [-1024, 64511], np.int32),
        (np.array([30000], np.int16), 1, 10000, [40000], np.int32),
        (np.array([3_000_000_000], np.uint32), 1, -1024, [2_999_998_976], np.int64),
        (np.array([1, 2], np.int16), 0.5, 1, [1.5, 2], np.float32),
    ],
)
def test_rescaling_never_wraps(stored, slope, intercept, expected, dtype):
    values = rescale(stored, slope, intercept)
    assert values.tolist() == expected
    assert values.dtype == dtype


def test_unit_is_hu_only_where_the_file_makes_it_so(tmp_path):
    assert io.read(data.example("ct-spine")).unit == "HU"
    assert io.read(data.example("mr-abdomen")).unit == ""
    assert io.read(dicom_file("rtdose.dcm")).unit == "Gy"
    corpus.series(tmp_path / "s")
    assert io.reorient(io.read(tmp_path / "s")).unit == "HU"


def test_series_as_simpleitk_reads_it(tmp_path):
    files = corpus.series(tmp_path / "s")
    for file, name in zip(files, "dafcbe", strict=True):
        file.rename(tmp_path / "s" / name)  # no ending, and not in order
    volume = io.read(tmp_path / "s")
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "s")))
    image = reader.Execute()
    theirs = sitk.GetArrayFromImage(image)
    # GDCM sorts along the normal as well
    np.testing.assert_array_equal(volume.array, theirs)
    assert_same_geometry(volume, image)


def test_series_in_a_folder_as_a_pacs_exports_it(tmp_path):
    files = corpus.series(tmp_path / "A" / "S1")
    corpus.series(tmp_path / "A" / "S2", seed=1)
    scout = corpus.change(tmp_path / "A" / "S2" / "0001.dcm", SeriesInstanceUID="1.2.3", SeriesDescription="Scout")
    (tmp_path / "README.txt").write_text("autorun")
    (tmp_path / "._0001.dcm").write_bytes(b"left by a Macintosh")
    found = io.series(tmp_path)
    assert sorted(s.n_slices for s in found) == [1, 5, 6]
    assert next(s for s in found if s.uid == "1.2.3").description == "Scout"
    whole = next(s for s in found if s.n_slices == 6)
    assert (whole.modality, set(whole.files)) == ("CT", set(files))
    assert whole.spacing == pytest.approx(corpus.SPACING)
    assert io.read(tmp_path, series=whole.uid).shape == (6, 9, 8)
    assert io.read(tmp_path, series="1.2.3").axes == "yx"
    assert scout.exists()


def test_a_left_handed_volume_comes_back_turned_but_in_place(tmp_path):
    volume = corpus.volume()
    affine = volume.affine.copy()
    affine[:3, 0] *= -1
    read = io.read(io.write(io.Volume(volume.array, volume.spacing, affine, "CT", unit="HU"), tmp_path / "s"))
    np.testing.assert_array_equal(read.array, volume.array[::-1])
    np.testing.assert_allclose(read.to_mm((5, 0, 0)), affine[:3, 3], atol=1e-6)


def test_tilted_gantry_keeps_its_shear(tmp_path):
    """Slices shifted in their plane: the step is not along the normal, and every voxel is where its file says."""
    straight = corpus.volume()
    files = corpus.series(tmp_path / "s")
    shift = straight.affine[:3, 1] / straight.spacing[1] * 0.4
    for i, file in enumerate(files):
        place = straight.to_mm((i, 0, 0)) + i * shift
        corpus.change(file, ImagePositionPatient=[float(f"{v:.10g}") for v in place])
    volume = io.read(tmp_path / "s")
    np.testing.assert_allclose(volume.to_mm((5, 0, 0)), straight.to_mm((5, 0, 0)) + 5 * shift, atol=1e-6)


ORIENTATIONS = [
    "".join(letters)
    for axes in itertools.permutations(("LR", "PA", "SI"))
    for letters in itertools.product(*axes)
]  # fmt: skip


@pytest.mark.parametrize("letters", ORIENTATIONS)
def test_nifti_in_any_orientation(letters, tmp_path):
    """All 48: values and millimetres as SimpleITK has them, and reoriented they are one and the same volume."""
    original = corpus.volume()
    source = io.write(original, tmp_path / "lps.nii.gz")
    image = nibabel.load(source)
    turn = nibabel.orientations.ornt_transform(
        nibabel.orientations.io_orientation(image.affine), nibabel.orientations.axcodes2ornt(letters)
    )
    nibabel.save(image.as_reoriented(turn), tmp_path / "turned.nii")
    volume, theirs = io.read(tmp_path / "turned.nii"), sitk.ReadImage(str(tmp_path / "turned.nii"))
    np.testing.assert_array_equal(volume.array, sitk.GetArrayFromImage(theirs))
    assert volume.spacing == pytest.approx(theirs.GetSpacing()[::-1])
    assert_same_geometry(volume, theirs)
    upright, expected = io.reorient(volume), io.reorient(original)
    np.testing.assert_array_equal(upright.array, expected.array)
    np.testing.assert_allclose(upright.affine, expected.affine, atol=1e-4)


@given(
    shape=st.tuples(*[st.integers(2, 6)] * 3),
    spacing=st.tuples(*[st.floats(0.2, 6)] * 3),
    seed=st.integers(0, 2**31),
    letters=st.sampled_from(ORIENTATIONS),
)
@settings(max_examples=20, deadline=None)
def test_reorient_moves_no_voxel(shape, spacing, seed, letters):
    """Any oblique affine: the voxel that lay at a point still lies there, with its value."""
    rng = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = np.linalg.qr(rng.normal(size=(3, 3)))[0] * spacing
    affine[:3, 3] = rng.uniform(-300, 300, 3)
    volume = io.Volume(np.arange(np.prod(shape)).reshape(shape), spacing, affine)
    turned = io.reorient(volume, letters)
    assert sorted(turned.shape) == sorted(shape)
    np.testing.assert_allclose(np.linalg.norm(turned.affine[:3, :3], axis=0), turned.spacing)
    for index in np.ndindex(shape):
        place = np.linalg.solve(turned.affine, [*volume.to_mm(index), 1])[:3]
        assert turned.array[tuple(np.round(place).astype(int))] == volume.array[index]


@given(
    shape=st.tuples(*[st.integers(1, 5)] * 3), spacing=st.tuples(*[st.floats(0.2, 6)] * 3), seed=st.integers(0, 2**31)
)
@settings(max_examples=8, deadline=None)
def test_round_trip_keeps_values_and_millimetres(shape, spacing, seed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("round")
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn[:, 0] *= np.sign(np.linalg.det(turn[:, [2, 1, 0]]))
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn * spacing, rng.uniform(-300, 300, 3)
    volume = io.Volume(rng.integers(-1024, 3071, shape).astype(np.int16), spacing, affine, "CT", unit="HU")
    as_nifti = io.read(io.write(volume, folder / "v.nii.gz"))
    as_dicom = io.read(io.write(volume, folder / "v"))
    for read in (as_nifti, as_dicom):
        array = read.array if read.array.ndim == 3 else read.array[None]  # one slice comes back as an image
        np.testing.assert_array_equal(array, volume.array)
        np.testing.assert_allclose(read.affine, volume.affine, rtol=1e-5, atol=1e-4)
    assert_same_geometry(volume, sitk.ReadImage(str(folder / "v.nii.gz")))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_nifti_round_trip_of_every_type(dtype, tmp_path):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    affine = io.read(data.example("mr-brain")).affine
    volume = io.Volume(array, affine=affine, spacing=np.linalg.norm(affine[:3, :3], axis=0))
    read = io.read(io.write(volume, tmp_path / "v.nii.gz"))
    np.testing.assert_array_equal(read.array, array)
    assert read.array.dtype == (np.uint8 if dtype is bool else dtype)


def test_nifti_scale_factors_and_units(tmp_path):
    image = nibabel.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.diag([0.5, 0.6, 0.7, 1]))
    image.header.set_slope_inter(1, -1024)
    image.header.set_xyzt_units("meter")
    nibabel.save(image, tmp_path / "m.nii")
    volume = io.read(tmp_path / "m.nii")
    assert volume.array.dtype == np.int16
    assert volume.array.min() == -1024
    assert volume.spacing == pytest.approx((700, 600, 500))
    image.header.set_slope_inter(0.25, 1)
    nibabel.save(image, tmp_path / "s.nii")
    np.testing.assert_allclose(io.read(tmp_path / "s.nii").array, nibabel.load(tmp_path / "s.nii").get_fdata().T)


def test_nifti_in_time_and_colour(tmp_path):
    brain = io.read(data.example("mr-brain"))
    assert (brain.axes, brain.shape) == ("tzyx", (2, 24, 96, 128))
    np.testing.assert_array_equal(brain.array, nibabel.load(data.example("mr-brain")).get_fdata().T)
    rgb = np.zeros((2, 3, 4), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    rgb["G"][1, 2, 3] = 200
    nibabel.save(nibabel.Nifti1Image(rgb, np.eye(4)), tmp_path / "rgb.nii")
    colour = io.read(tmp_path / "rgb.nii")
    assert (colour.axes, colour.shape) == ("zyxc", (4, 3, 2, 3))
    assert colour.array[3, 2, 1].tolist() == [0, 200, 0]


def test_nifti_keeps_the_time_step(tmp_path):
    brain = io.read(data.example("mr-brain"))
    written = nibabel.load(io.write(brain, tmp_path / "t.nii"))
    original = nibabel.load(data.example("mr-brain"))
    assert written.header.get_zooms() == pytest.approx(original.header.get_zooms(), rel=1e-5)
    assert written.header.get_xyzt_units() == original.header.get_xyzt_units()
    np.testing.assert_array_equal(written.get_fdata(), original.get_fdata())


def test_an_unknown_place_stays_unknown(tmp_path):
    path = io.write(io.Volume(np.zeros((2, 3, 4), np.int16), (3, 2, 1)), tmp_path / "v.nii.gz")
    with pytest.warns(UserWarning, match="unknown"):
        read = io.read(path)
    assert read.affine is None
    assert read.spacing == (3, 2, 1)


def test_nifti_without_orientation_warns(tmp_path):
    image = nibabel.Nifti1Image(np.zeros((2, 3, 4), np.int16), None)
    image.header.set_sform(None, 0)
    image.header.set_qform(None, 0)
    nibabel.save(image, tmp_path / "bare.nii")
    with pytest.warns(UserWarning, match=r"bare\.nii.*unknown"):
        io.read(tmp_path / "bare.nii")


def test_pictures(tmp_path):
    rng = np.random.default_rng(0)
    grey8, grey16 = rng.integers(0, 2**8, (5, 7), dtype=np.uint8), rng.integers(0, 2**16, (5, 7), dtype=np.uint16)
    colour = rng.integers(0, 2**8, (5, 7, 3), dtype=np.uint8)
    for array, axes in ((grey8, "yx"), (grey16, "yx"), (colour, "yxc"), (grey8 > 100, "yx")):
        read = io.read(io.write(io.Volume(array, axes=axes), tmp_path / "p.png"))
        np.testing.assert_array_equal(read.array, array.astype(np.uint8) * 255 if array.dtype == bool else array)
        assert (read.axes, read.spacing, read.affine) == (axes, None, None)
    Image.fromarray(np.dstack([colour, np.full((5, 7), 255, np.uint8)])).save(tmp_path / "a.png")
    np.testing.assert_array_equal(io.read(tmp_path / "a.png").array, colour)
    Image.fromarray(colour).convert("P").save(tmp_path / "palette.png")
    assert io.read(tmp_path / "palette.png").axes == "yxc"
    pages = [Image.fromarray(grey16 // i) for i in (1, 2, 3)]
    pages[0].save(tmp_path / "stack.tiff", save_all=True, append_images=pages[1:])
    stack = io.read(tmp_path / "stack.tiff")
    assert stack.axes == "zyx"
    np.testing.assert_array_equal(stack.array[2], grey16 // 3)
    Image.fromarray(grey8.astype(np.float32) / 7).save(tmp_path / "f.tif")
    np.testing.assert_allclose(io.read(tmp_path / "f.tif").array, grey8.astype(np.float32) / 7)


def test_a_phones_picture_with_a_preview_behind_it(tmp_path):
    first, preview = Image.new("RGB", (8, 6), "red"), Image.new("RGB", (4, 3))
    first.save(tmp_path / "phone.jpg", format="MPO", save_all=True, append_images=[preview])
    assert io.read(tmp_path / "phone.jpg").shape == (6, 8, 3)


def test_a_large_picture_can_be_trusted(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # what Pillow would refuse by itself
    Image.fromarray(np.zeros((30, 40), np.uint8)).save(tmp_path / "large.png")
    assert io.read(tmp_path / "large.png").shape == (30, 40)
    assert Image.MAX_IMAGE_PIXELS == 10


def test_a_photograph_is_turned_as_the_camera_says(tmp_path):
    image = Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    image.save(tmp_path / "phone.png", exif=exif)
    assert io.read(tmp_path / "phone.png").shape == (6, 4)


@pytest.mark.parametrize(
    ("volume", "name", "says"),
    [
        (io.Volume(np.zeros((3, 4), np.float32)), "x.png", "8 or 16 bit"),
        (io.Volume(np.zeros((2, 3, 4), np.uint8)), "x.png", "one image"),
        (io.Volume(np.zeros((2, 3, 4), np.int16)), "x.nii.gz", "spacing"),
        (io.Volume(np.zeros((2, 3, 4), np.int64), (1, 1, 1)), "x.nii", "int64"),
        (io.Volume(np.zeros((2, 3, 3), np.uint8), (1, 1), axes="yxc"), "x.nii", "axes 'yxc'"),
        (io.Volume(np.zeros((2, 3, 4), np.uint8), (1, 1), axes="tyx"), "x.nii", "axes 'tyx'"),
        (io.Volume(np.zeros((3, 4, 1), np.uint8), axes="yxc"), "x.png", r"\(3, 4, 1\)"),
        (
            io.Volume(np.full((2, 3, 4), 0.5, np.float32), (1, 1, 1), np.diag([1, 1, 1, 1.0])[:, [2, 1, 0, 3]]),
            "x",
            "round first",
        ),
        (io.Volume(np.full((2, 3, 4), 70000), (1, 1, 1), np.diag([1, 1, 1, 1.0])[:, [2, 1, 0, 3]]), "x", "16 bit"),
        (io.Volume(np.zeros((2, 3, 4), np.int16), (1, 1, 1)), "x", "affine"),
        (io.Volume(np.zeros((2, 3, 4), np.int16), (1, 1, 1)), "x.jpg", "not '.jpg'"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_and_leaves_nothing(volume, name, says, tmp_path):
    with pytest.raises(ValueError, match=says):
        io.write(volume, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_writing_never_mixes_with_old_files(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileExistsError, match="is a file"):
        corpus.series(tmp_path / "file")
    corpus.series(tmp_path / "s")
    before = sorted(p.name for p in (tmp_path / "s").iterdir())
    with pytest.raises(FileExistsError, match="not empty; name a new folder"):
        corpus.series(tmp_path / "s", seed=1)
    assert sorted(p.name for p in (tmp_path / "s").iterdir()) == before


def test_a_broken_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = io.write(corpus.volume(), tmp_path / "v.nii.gz")
    before = path.read_bytes()

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(nibabel, "save", full)
    with pytest.raises(OSError, match="No space"):
        io.write(corpus.volume(seed=1), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["v.nii.gz"]


def test_same_volume_same_bytes(tmp_path):
    for name in ("a", "b"):
        corpus.series(tmp_path / name)
        io.write(corpus.volume(), tmp_path / f"{name}.nii.gz")
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_written_dicom_keeps_the_name_and_is_valid_elsewhere(tmp_path):
    volume = corpus.volume(modality="MR")
    volume.header = {"PatientName": "Doe^Jane", "PatientID": "7", "StudyDate": "20260102", "BodyPartExamined": "CHEST"}
    read = io.read(io.write(volume, tmp_path / "s"))
    assert (read.header["PatientName"], read.header["StudyDate"]) == ("Doe^Jane", "20260102")
    assert read.modality == "MR"
    assert sitk.ReadImage(str(tmp_path / "s" / "0001.dcm")).GetMetaData("0010|0010").strip() == "Doe^Jane"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"array": np.zeros((0, 3))}, "at least one pixel"),
        ({"array": np.zeros((2, 3, 3)), "axes": "yx"}, "do not describe"),
        ({"array": np.zeros((2, 3, 4)), "spacing": (1, 1)}, "3 numbers above 0"),
        ({"array": np.zeros((2, 3)), "spacing": (1, -1)}, "above 0"),
        ({"array": np.zeros((2, 3, 4)), "affine": np.zeros((4, 4))}, "span a volume"),
        ({"array": np.zeros((2, 3, 4)), "spacing": (2, 1, 1), "affine": np.eye(4)}, "disagree"),
    ],
)
def test_a_volume_that_contradicts_itself(arguments, says):
    with pytest.raises(ValueError, match=says):
        io.Volume(**arguments)


def test_reorient_needs_to_know_where():
    with pytest.raises(ValueError, match="affine"):
        io.reorient(io.Volume(np.zeros((2, 3, 4)), (1, 1, 1)))


def test_every_example_is_there_and_reads():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in data.EXAMPLES:
            path = data.example(name)
            assert io.series(path) if path.is_dir() else io.read(path).array.size
    with pytest.raises(KeyError, match="no example image 'heart'"):
        data.example("heart")


# one grey picture of whatever was read


def test_a_volume_gives_its_middle_slice_turned_to_lps():
    volume = io.reorient(corpus.volume())
    turned = io.reorient(volume, "RAS")
    for one in (volume, turned):
        flat = io.middle_slice(one)
        np.testing.assert_array_equal(flat.array, io.reorient(one).array[len(volume.array) // 2])
        assert flat.spacing == pytest.approx(volume.spacing[1:])
        assert (flat.axes, flat.unit, flat.modality) == ("yx", volume.unit, volume.modality)


def test_a_film_gives_its_first_frame():
    film = io.read(data.example("mr-brain"))
    np.testing.assert_array_equal(io.middle_slice(film).array, io.reorient(film).array[0, 12])


def test_colour_becomes_the_grey_a_screen_shows():
    fundus = io.read(data.example("histology"))
    np.testing.assert_allclose(io.middle_slice(fundus).array / 255, rgb2gray(fundus.array), atol=1e-6)


def test_a_picture_without_spacing_stays_without():
    flat = io.middle_slice(io.Volume(np.arange(6).reshape(2, 3)))
    assert flat.spacing is None
    assert flat.array.tolist() == [[0, 1, 2], [3, 4, 5]]
