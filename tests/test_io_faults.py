"""Files that went wrong in practice, by kind: each test states the rule that reading and writing keep to."""

import gzip
import struct
import warnings
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset

from medlab import features, io
from tests import corpus
from tests.corpus import silently

# 1. the unit follows from the rescale rule that was applied

NO_RULE = [
    {"RescaleSlope": ""},
    {"RescaleSlope": None},
    {"RescaleSlope": "0"},
    {"RescaleSlope": "nan"},
    {"RescaleSlope": "inf"},
    {"RescaleIntercept": ""},
    {"RescaleIntercept": None},
    {"RescaleIntercept": "nan"},
    {"RescaleSlope": None, "RescaleIntercept": None},
    {"RescaleSlope": None, "RescaleIntercept": None, "ModalityLUTSequence": []},
]


def stored(path: Path) -> np.ndarray:
    return pydicom.dcmread(path).pixel_array


@pytest.mark.parametrize("elements", NO_RULE)
def test_without_a_rule_that_works_values_are_as_stored_and_no_hu(elements, tmp_path):
    files = corpus.series(tmp_path / "s")
    path = corpus.change(files[0], **elements)
    with pytest.warns(UserWarning, match="no rescale rule .*RescaleSlope is .*RescaleIntercept is .*not HU") as said:
        one = io.read(path)
    assert (one.unit, len(said)) == ("", 1)
    np.testing.assert_array_equal(one.array, stored(path))
    with pytest.raises(io.ReadError, match=r"0002\.dcm: rescaled.*0001\.dcm: without a rescale rule"):
        io.read(tmp_path / "s")  # the other slices have one
    for file in files[1:]:
        corpus.change(file, **elements)
    with pytest.warns(UserWarning, match="not HU") as said:
        volume = io.read(tmp_path / "s")
    assert (volume.unit, len(said)) == ("", 1)
    with pytest.warns(UserWarning, match="not HU"):
        again = io.read(io.write(volume, tmp_path / "again"))
    assert (again.modality, again.unit) == ("CT", "")
    np.testing.assert_array_equal(again.array, volume.array)


@pytest.mark.parametrize(
    ("elements", "unit", "factor"),
    [
        ({"Modality": "PT", "Units": "BQML", "RescaleSlope": 2}, "Bq/ml", 2),
        ({"Modality": "PT", "Units": "BQML", "RescaleSlope": 0}, "", 1),
        ({"Modality": "PT", "Units": "BQML", "RescaleSlope": None, "RescaleIntercept": None}, "", 1),
        ({"Modality": "RTDOSE", "DoseGridScaling": 2}, "Gy", 2),
        ({"Modality": "RTDOSE", "DoseGridScaling": ""}, "", 1),
        ({"Modality": "MR", "RescaleSlope": 0}, "", 1),
        ({"RescaleType": "US", "RescaleSlope": 2}, "HU", 2),
        ({"RescaleType": "MGML", "RescaleSlope": 2}, "MGML", 2),
    ],
)
@pytest.mark.filterwarnings("ignore:.*no rescale rule")
def test_the_unit_of_other_kinds_needs_their_rule_too(elements, unit, factor, tmp_path):
    path = corpus.change(corpus.series(tmp_path / "s")[0], **elements)
    volume = io.read(path)
    assert volume.unit == unit
    np.testing.assert_array_equal(volume.array, stored(path) * factor)


def test_a_table_in_place_of_the_rule_gives_its_own_unit(tmp_path):
    table = Dataset()
    table.LUTDescriptor, table.ModalityLUTType = [4096, -1024, 16], "HU"
    table.add_new("LUTData", "OW", np.arange(4096, dtype="<u2").tobytes())
    path = corpus.change(
        corpus.series(tmp_path / "s")[0], RescaleSlope=None, RescaleIntercept=None, ModalityLUTSequence=[table]
    )
    volume = silently(path)
    assert volume.unit == "HU"
    np.testing.assert_array_equal(volume.array, stored(path) + 1024)


def test_slices_in_different_units_are_no_series(tmp_path):
    corpus.change(corpus.series(tmp_path / "s")[3], RescaleType="MGML")
    with pytest.raises(io.ReadError, match=r"0004\.dcm: .*'MGML'.*0001\.dcm: .*'HU'"):
        io.read(tmp_path / "s")


# 2. a header that contradicts itself: one warning with both statements and which is used


def leaning(folder: Path, degrees: float, **elements) -> Path:
    """Slices whose plane is turned about x while the table moves along z, as with a tilted gantry."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    for i, file in enumerate(corpus.series(folder)):
        place = {"ImagePositionPatient": [0, 0, 5 * i], "ImageOrientationPatient": [1, 0, 0, 0, round(cos, 8), -sin]}
        corpus.change(file, **place, SpacingBetweenSlices=None, **elements)
    return folder


def test_a_tilted_gantry_gives_the_true_volume(tmp_path):
    with pytest.warns(
        UserWarning, match=r"5 mm apart and lean 20\.0°.*GantryDetectorTilt.*20.*positions are used"
    ) as said:
        volume = io.read(leaning(tmp_path / "s", 20, GantryDetectorTilt=20))
    assert len(said) == 1
    voxel = 5 * np.cos(np.deg2rad(20)) * 0.7 * 0.6
    assert np.prod(volume.spacing) == pytest.approx(voxel, rel=1e-5)
    assert features.shape_features(np.ones((6, 9, 8), bool), spacing=volume.spacing)["volume"] == pytest.approx(
        6 * 9 * 8 * abs(np.linalg.det(volume.affine[:3, :3])), rel=1e-5
    )
    assert (volume.to_mm((5, 0, 0)) - volume.to_mm((0, 0, 0))).tolist() == pytest.approx([0, 0, 25])
    assert io.reorient(volume, "PSL").spacing == pytest.approx([volume.spacing[i] for i in (2, 0, 1)])
    with pytest.warns(UserWarning, match="lean 20"):
        again = io.read(io.write(volume, tmp_path / "again.nii.gz"))
    assert again.spacing == pytest.approx(volume.spacing, rel=1e-5)
    assert [s.spacing for s in io.series(tmp_path / "s")] == [pytest.approx(volume.spacing)]


@pytest.mark.parametrize(
    ("elements", "says"),
    [
        ({"GantryDetectorTilt": 15}, r"lean 0\.0°.*GantryDetectorTilt': 15"),
        ({"SpacingBetweenSlices": 5}, r"2\.5 mm apart.*SpacingBetweenSlices': 5"),
    ],
)
def test_positions_count_more_than_what_else_is_said_of_steps(elements, says, tmp_path):
    for file in corpus.series(tmp_path / "s"):
        corpus.change(file, **elements)
    with pytest.warns(UserWarning, match=says) as said:
        volume = io.read(tmp_path / "s")
    assert len(said) == 1
    assert volume.spacing == pytest.approx(corpus.SPACING)


def nifti(path: Path, *patches: tuple[int, str, list[float]], affine=None) -> Path:
    """A NIfTI of 0.6 × 0.7 × 2.5 mm whose header is then overwritten: (byte, format, values)."""
    affine = np.diag([0.6, 0.7, 2.5, 1]) if affine is None else affine
    image = nibabel.Nifti1Image(np.arange(720, dtype=np.int16).reshape(10, 9, 8), affine)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    image.header.set_xyzt_units("mm")
    plain = path.parent / path.name.removesuffix(".gz")
    nibabel.save(image, plain)
    raw = bytearray(plain.read_bytes())
    for place, form, values in patches:
        struct.pack_into(f"<{form}", raw, place, *values)
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


PIXDIM, QFORM, SFORM, SROW, UNITS = 80, 252, 254, 280, 123
UNIT_MATRIX = (SROW, "12f", [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0])
NO_PIXDIM = (PIXDIM, "3f", [0, 0, 0])


@pytest.mark.parametrize("ending", ["nii", "nii.gz"])
@pytest.mark.parametrize(
    ("patches", "says", "spacing"),
    [
        ([UNIT_MATRIX], r"pixdim says .*2\.5, 0\.7, 0\.6.*sform \[1\.0, 1\.0, 1\.0\]; the sform is used", (1, 1, 1)),
        ([NO_PIXDIM], r"pixdim says .*0\.0, 0\.0, 0\.0.*sform \[2\.5, 0\.7, 0\.6\]", (2.5, 0.7, 0.6)),
        ([NO_PIXDIM, (SFORM, "h", [0])], "pixdim says .*0.*unknown", None),
        ([NO_PIXDIM, (SFORM, "h", [0]), (QFORM, "h", [0])], "pixdim says .*0.*unknown", None),
        ([(PIXDIM, "f", [np.nan]), (SFORM, "h", [0]), (QFORM, "h", [0])], "pixdim says .*nan.*unknown", None),
        ([(268, "f", [50])], "sform and qform lie 83.3 voxels apart; the sform is used", (2.5, 0.7, 0.6)),
        ([(UNITS, "B", [5])], "xyzt_units has the unknown unit of length 5", (2.5, 0.7, 0.6)),
    ],
)
def test_a_nifti_that_contradicts_itself_warns_once(patches, says, spacing, ending, tmp_path):
    with pytest.warns(UserWarning, match=says) as said:
        volume = io.read(nifti(tmp_path / f"a.{ending}", *patches))
    assert len(said) == 1
    assert volume.spacing == (spacing and pytest.approx(spacing))
    if spacing:
        assert np.prod(volume.spacing) == pytest.approx(abs(np.linalg.det(volume.affine[:3, :3])))
    else:
        assert volume.affine is None


def test_a_nifti_that_agrees_with_itself_is_silent(tmp_path):
    assert silently(nifti(tmp_path / "a.nii")).spacing == pytest.approx((2.5, 0.7, 0.6))
    another_space = nifti(tmp_path / "b.nii", (SFORM, "h", [4]), (268, "f", [50]))  # sform: a template, qform: scanner
    silently(another_space)
    silently(nifti(tmp_path / "c.nii", (UNITS, "B", [2 | 56])))  # no unit of time that NIfTI knows; lengths are in mm


def test_a_leaning_nifti_gives_the_true_volume(tmp_path):
    affine = np.diag([0.6, 0.7, 2.5, 1])
    affine[1, 2] = 0.9
    with pytest.warns(UserWarning, match="lean 19.8"):
        volume = io.read(nifti(tmp_path / "a.nii", (QFORM, "h", [0]), (PIXDIM + 8, "f", [2.657]), affine=affine))
    assert np.prod(volume.spacing) == pytest.approx(0.6 * 0.7 * 2.5)


@pytest.mark.parametrize("spacing", [[0, 0], ["nan", "nan"], 0.5])
def test_a_radiograph_with_a_spacing_that_is_none_has_none(spacing, tmp_path):
    away = {"ImagePositionPatient": None, "ImageOrientationPatient": None, "Modality": "DX"}
    path = corpus.change(corpus.series(tmp_path / "s")[0], PixelSpacing=spacing, **away)
    with pytest.warns(UserWarning, match="PixelSpacing is .*no spacing") as said:
        assert io.read(path).spacing is None
    assert len(said) == 1
    corpus.change(path, ImagerPixelSpacing=[0.2, 0.1])
    with pytest.warns(UserWarning, match="PixelSpacing is"):
        assert io.read(path).spacing == (0.2, 0.1)


@pytest.mark.parametrize(
    ("bits", "stored_as", "scale", "entries", "warns"),
    [
        (8, "u1", 1, 256, False),
        (16, "<u2", 257, 256, False),
        (8, "<u2", 1, 256, True),
        (8, "<u2", 257, 256, True),
        (16, "<u2", 1, 256, True),
        (16, "u1", 1, 256, True),
        (8, "u1", 1, 1000, False),  # more colours than 8 bits can count
        (8, "u1", 1, 255, False),  # padded to an even length
    ],
)
def test_palettes_are_read_as_their_data_are(bits, stored_as, scale, entries, warns, tmp_path):
    colours = np.arange(entries * 3).reshape(3, entries) % 256
    path = corpus.series(tmp_path / "s")[0]
    ds = pydicom.dcmread(path)
    index = np.random.default_rng(1).integers(0, entries, (9, 8)).astype(np.uint16)
    ds.PhotometricInterpretation, ds.PixelRepresentation, ds.Modality, ds.PixelData = (
        "PALETTE COLOR",
        0,
        "US",
        index.tobytes(),
    )
    for name, table in zip(("Red", "Green", "Blue"), colours):
        raw = (table * scale).astype(stored_as).tobytes()
        ds.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [entries, 0, bits])
        ds.add_new(f"{name}PaletteColorLookupTableData", "OW", raw + b"\0" * (len(raw) % 2))
    del ds.RescaleSlope, ds.RescaleIntercept
    ds.save_as(path)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        volume = io.read(path)
    assert len([w for w in said if "palette" in str(w.message)]) == warns
    np.testing.assert_array_equal(volume.array, colours.T[index])


# 3. frames that are neither slices nor time are refused by name


def frames(path: Path, **elements) -> Path:
    ds = pydicom.dcmread(corpus.series(path.with_suffix(""), modality="MR")[0])
    ds.NumberOfFrames, ds.PixelData = 6, np.arange(6 * 72, dtype=np.int16).tobytes()
    del ds.ImagePositionPatient, ds.ImageOrientationPatient
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    ds.save_as(path)
    return path


@pytest.mark.parametrize(
    ("elements", "says"),
    [
        ({"Modality": "NM", "FrameIncrementPointer": 0x00540080}, "6 frames are counted by SliceVector .NM."),
        (
            {"Modality": "NM", "FrameIncrementPointer": [0x00540010, 0x00540020, 0x00540090]},
            "EnergyWindowVector, DetectorVector, AngularViewVector",
        ),
        ({"Modality": "NM", "SliceVector": [1, 2, 3, 4, 5, 6]}, "SliceVector"),
        ({"Modality": "SM", "TotalPixelMatrixRows": 18, "TotalPixelMatrixColumns": 24}, r"tiles of a slide.*18, 24"),
        ({"Modality": "SM", "DimensionOrganizationType": "TILED_FULL"}, "tiles of a slide"),
        ({"Modality": "MR", "ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]}, r"MOSAIC.*not read here"),
    ],
)
def test_frames_that_are_neither_slices_nor_moments_are_refused(elements, says, tmp_path):
    with pytest.raises(io.ReadError, match=rf"x\.dcm: .*{says}"):
        io.read(frames(tmp_path / "x.dcm", **elements))


def test_segments_at_one_place_are_no_film(tmp_path):
    index = Dataset()
    index.DimensionIndexPointer = 0x0062000B
    with pytest.raises(io.ReadError, match=r"counted by ReferencedSegmentNumber .SEG."):
        io.read(frames(tmp_path / "x.dcm", Modality="SEG", DimensionIndexSequence=[index]))


def test_a_series_of_mosaics_is_refused_by_name(tmp_path):
    for file in corpus.series(tmp_path / "s", modality="MR"):
        corpus.change(file, ImageType=["ORIGINAL", "PRIMARY", "MOSAIC"], ImagePositionPatient=[0, 0, 0])
    with pytest.raises(io.ReadError, match="MOSAIC"):
        io.read(tmp_path / "s")


def test_frames_counted_by_time_are_a_film(tmp_path):
    film = silently(frames(tmp_path / "x.dcm", Modality="US", FrameIncrementPointer=0x00181063, FrameTime=33))
    assert (film.axes, film.shape) == ("tyx", (6, 9, 8))
    with pytest.warns(UserWarning, match="does not say what its 6 frames are"):
        assert io.read(frames(tmp_path / "y.dcm", Modality="US")).axes == "tyx"


# 4. archives are read to their checksum (pictures: test_io_tiff.py)


def test_an_archive_is_read_to_its_checksum(tmp_path):
    array = np.random.default_rng(0).normal(-600, 200, (16, 16, 8)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), tmp_path / "a.nii.gz")
    raw = (tmp_path / "a.nii.gz").read_bytes()
    np.testing.assert_array_equal(io.read(tmp_path / "a.nii.gz").array, array.T)
    for place in range(400, len(raw), 150):
        damaged = bytearray(raw)
        damaged[place] ^= 4
        (tmp_path / "b.nii.gz").write_bytes(damaged)
        with pytest.raises(io.ReadError, match=r"b\.nii\.gz.*damaged"):
            io.read(tmp_path / "b.nii.gz")
    (tmp_path / "c.nii").write_bytes(gzip.decompress(raw)[:-1])
    with pytest.raises(io.ReadError, match=r"c\.nii.*cut off or damaged"):
        io.read(tmp_path / "c.nii")


# 6. a sound file of a kind that is not read is not called damaged


def cifti() -> Path:
    return Path(nibabel.__file__).parent / "tests" / "data" / "row_major.dconn.nii"


def spectra(folder: Path) -> Path:
    path = corpus.change(corpus.series(folder / "s")[0], SOPClassUID=uid.MRSpectroscopyStorage, PixelData=None)
    ds = pydicom.dcmread(path)
    ds.add_new("SpectroscopyData", "OF", bytes(32))
    ds.save_as(path)
    return path


def without_image(folder: Path, kind: uid.UID) -> Path:
    return corpus.change(corpus.series(folder / "s")[0], SOPClassUID=kind, PixelData=None, Rows=None)


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda f: cifti(), "a Cifti2 file .*not read here"),
        (lambda f: nifti(f / "a.nii", (70, "h", [1536])), r"data code 1536 not supported"),
        (lambda f: nifti(f / "a.nii", (70, "h", [1])), r"data code 1 not supported"),
        (lambda f: corpus.nifti(f, np.zeros((2, 3, 4), np.complex64)), "complex numbers are not read here"),
        (spectra, "SpectroscopyData.*not read here"),
        (lambda f: without_image(f, uid.EncapsulatedPDFStorage), "no pixel data, it holds a Encapsulated PDF"),
        (lambda f: without_image(f, uid.BasicTextSRStorage), "no pixel data, it holds a Basic Text SR"),
        (lambda f: without_image(f, uid.TwelveLeadECGWaveformStorage), "no pixel data, it holds a 12-lead ECG"),
        (lambda f: corpus.named(f, "a.gii", b"<GIFTI/>"), "'.gii' is not a kind"),
        (
            lambda f: corpus.named(f, "a.jpg", b"\0\0\0\x18ftypheic"),
            "not what its name says, or of a kind not read here",
        ),
    ],
)
def test_a_kind_that_is_not_read_is_named_and_not_called_damaged(write, says, tmp_path):
    with pytest.raises(io.ReadError, match=says) as error:
        io.read(write(tmp_path))
    assert "damaged" not in str(error.value)


# 7. writing keeps what values mean, or refuses


def test_polarity_is_kept(tmp_path):
    volume = corpus.volume(modality="MR")
    volume.header["PhotometricInterpretation"] = "MONOCHROME1"
    path = sorted(io.write(volume, tmp_path / "s").iterdir())[0]
    assert pydicom.dcmread(path).PhotometricInterpretation == "MONOCHROME1"
    with pytest.warns(UserWarning, match="MONOCHROME1"):
        again = io.read(tmp_path / "s")
    np.testing.assert_array_equal(again.array, volume.array)
    flat = replace(again, array=again.array[0].astype(np.uint8), spacing=None, affine=None, axes="yx")
    for one, name in ((again, "a.nii.gz"), (flat, "a.png")):
        with pytest.raises(ValueError, match=rf"{name}: low is bright \(MONOCHROME1"):
            io.write(one, tmp_path / name)


@pytest.mark.parametrize(
    ("modality", "unit"), [("PT", "Bq/ml"), ("CT", "HU"), ("CT", "MGML"), ("MR", ""), ("CT", ""), ("PT", "")]
)
@pytest.mark.filterwarnings("ignore:.*no rescale rule")
def test_the_unit_is_kept(modality, unit, tmp_path):
    volume = replace(corpus.volume(modality=modality), unit=unit)
    read = io.read(io.write(volume, tmp_path / "s"))
    assert (read.modality, read.unit) == (modality, unit)
    np.testing.assert_array_equal(read.array, volume.array)


def test_a_unit_that_a_format_cannot_hold(tmp_path):
    dose = replace(corpus.volume(modality="RTDOSE"), unit="Gy")
    with pytest.raises(ValueError, match=r"not the unit 'Gy' in modality 'RTDOSE'"):
        io.write(dose, tmp_path / "s")
    assert not (tmp_path / "s").exists()
    with pytest.warns(UserWarning, match="cannot say that values are in Gy"):
        io.write(dose, tmp_path / "a.nii.gz")


# one series: last digits of positions, directions and pixel sizes may differ


def test_rounding_makes_no_other_series(tmp_path):
    original = corpus.volume()
    for i, file in enumerate(corpus.series(tmp_path / "s")):
        place = np.array(corpus.position(original, i)) + 1e-4 * (i % 2)
        corpus.change(
            file, PixelSpacing=[0.7 + 1e-7 * i, 0.6], ImagePositionPatient=[float(f"{v:.10g}") for v in place]
        )
    volume = silently(tmp_path / "s")
    assert volume.spacing == pytest.approx(corpus.SPACING, rel=1e-4)
    corpus.change(tmp_path / "s" / "0003.dcm", PixelSpacing=[0.71, 0.6])
    with pytest.raises(io.ReadError, match=r"0003\.dcm: its PixelSpacing \(0\.71, 0\.6\) is not that of"):
        io.read(tmp_path / "s")


def test_frames_whose_positions_differ_by_rounding_are_a_film(tmp_path):
    groups = []
    for i in range(6):
        group, place = Dataset(), Dataset()
        place.ImagePositionPatient = [0, 0, 1e-9 * i]
        group.PlanePositionSequence = [place]
        groups.append(group)
    shared, plane, size = Dataset(), Dataset(), Dataset()
    plane.ImageOrientationPatient, size.PixelSpacing = [1, 0, 0, 0, 1, 0], [1, 1]
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [plane], [size]
    elements = {"PerFrameFunctionalGroupsSequence": groups, "SharedFunctionalGroupsSequence": [shared], "FrameTime": 40}
    assert io.read(frames(tmp_path / "x.dcm", FrameIncrementPointer=0x00181063, **elements)).axes == "tyx"
