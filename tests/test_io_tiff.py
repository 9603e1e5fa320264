"""TIFF: every kind of number, turned and shown as its header says, and refused where it is not what io reads."""

import warnings

import numpy as np
import pytest
import tifffile
from PIL import Image

from medlab import io
from tests.corpus import silently

GREY = np.random.default_rng(0).integers(0, 255, (8, 10), dtype=np.uint8)
TURNED = {  # TIFF 6.0, tag 274: where row 0 and column 0 are in the picture as it is seen
    1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, -1), 7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a), 9: lambda a: a,
}  # fmt: skip


@pytest.mark.parametrize("kind", ["imagej", "ome"])
@pytest.mark.parametrize(("axes", "read"), [("TZYX", "tzyx"), ("ZCYX", None), ("TCYX", None), ("CZYX", None)])
def test_stacks_of_microscopes(axes, read, kind, tmp_path):
    array = np.random.default_rng(0).integers(0, 999, (2, 3, 8, 10)).astype(np.uint16)
    if kind == "imagej":
        order = [axes.index(axis) for axis in "TZCYX" if axis in axes]
        array = array.transpose(order)
        axes = "".join(axes[i] for i in order)
    path = tmp_path / f"a.{kind}.tif"
    tifffile.imwrite(path, array, metadata={"axes": axes}, imagej=kind == "imagej", ome=kind == "ome")
    if read is None:
        with pytest.raises(io.ReadError, match=rf"{axes} .*C: channels"):
            io.read(path)
    else:
        volume = silently(path)
        assert volume.axes == read
        np.testing.assert_array_equal(volume.array, array)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8"])
@pytest.mark.parametrize(
    "options", [{}, {"byteorder": ">"}, {"compression": "zlib"}, {"bigtiff": True}, {"tile": (16, 16)}]
)
def test_tiff_keeps_every_kind_of_number(dtype, options, tmp_path):
    rng = np.random.default_rng(0)
    low, high = (-1e4, 1e4) if dtype[0] == "f" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    array = rng.uniform(low, high, (20, 30)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", array, **options)
    volume = silently(tmp_path / "a.tif")
    np.testing.assert_array_equal(volume.array, array)
    assert (volume.array.dtype, volume.axes, volume.spacing) == (array.dtype, "yx", None)


@pytest.mark.parametrize("orientation", TURNED)
def test_tiff_is_turned_as_its_header_says(orientation, tmp_path):
    rgb = np.dstack([GREY, GREY // 2, 255 - GREY])
    tag = {"extratags": [(274, "H", 1, orientation, True)]}
    turn = TURNED[orientation]
    for array, options, expected in [
        (GREY, {}, turn(GREY)),
        (GREY.astype(np.uint16), {"compression": "zlib"}, turn(GREY)),
        (rgb, {}, turn(rgb)),
        (rgb.transpose(2, 0, 1), {"photometric": "rgb", "planarconfig": "separate"}, turn(rgb)),
        (np.stack([GREY, GREY // 2]), {"photometric": "minisblack"}, np.stack([turn(GREY), turn(GREY // 2)])),
        (np.stack([rgb, rgb // 2]), {"photometric": "rgb"}, np.stack([turn(rgb), turn(rgb // 2)])),
    ]:
        tifffile.imwrite(tmp_path / "a.tif", array, **options, **tag)
        np.testing.assert_array_equal(io.read(tmp_path / "a.tif").array, expected)


@pytest.mark.parametrize(
    ("compression", "mode"), [("tiff_lzw", "L"), ("tiff_lzw", "I;16"), ("tiff_lzw", "RGB"), ("group4", "1")]
)
@pytest.mark.parametrize("orientation", [1, 6])
def test_what_tifffile_cannot_unpack_pillow_does(compression, mode, orientation, tmp_path):
    image = Image.fromarray(GREY.astype(np.uint16) * 200) if mode == "I;16" else Image.fromarray(GREY).convert(mode)
    exif = Image.Exif()
    exif[274] = orientation
    image.save(tmp_path / "a.tif", compression=compression, exif=exif)
    np.testing.assert_array_equal(silently(tmp_path / "a.tif").array, TURNED[orientation](np.array(image)))


def test_where_neither_can_the_package_is_named(tmp_path):
    image = Image.fromarray(np.arange(12, dtype=np.int32).reshape(3, 4))
    image.save(tmp_path / "a.tif", compression="tiff_lzw")
    with pytest.raises(io.ReadError, match=r"a\.tif: int32 packed as .*LZW.*pip install imagecodecs"):
        io.read(tmp_path / "a.tif")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32])
def test_white_as_zero_becomes_bright_at_any_depth(dtype, tmp_path):
    array = np.array([[0, 50, np.iinfo(dtype).max]], dtype).repeat(4, 0)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="miniswhite")
    np.testing.assert_array_equal(io.read(tmp_path / "a.tif").array, np.iinfo(dtype).max - array)
    tifffile.imwrite(tmp_path / "b.tif", array.view(f"i{array.itemsize}"), photometric="miniswhite")
    with pytest.warns(UserWarning, match="WhiteIsZero"):  # the middle of signed values is not known
        np.testing.assert_array_equal(io.read(tmp_path / "b.tif").array, array.view(f"i{array.itemsize}"))


def test_tiff_palettes_and_channels(tmp_path):
    path = tmp_path / "a.tif"
    colours = np.stack([np.arange(256), 255 - np.arange(256), np.full(256, 7)]).astype(np.uint16)
    for scale in (257, 1):
        tifffile.imwrite(path, GREY, photometric="palette", colormap=colours * np.uint16(scale))
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            np.testing.assert_array_equal(io.read(path).array, colours.T[GREY])
        assert len(said) == (scale == 1)
    rgba = np.dstack([GREY, GREY, GREY, np.full_like(GREY, 255)])
    tifffile.imwrite(path, rgba, photometric="rgb", extrasamples=["unassalpha"])
    np.testing.assert_array_equal(silently(path).array, rgba[..., :3])
    rgba[0, 0, 3] = 0
    tifffile.imwrite(path, rgba, photometric="rgb", extrasamples=["unassalpha"])
    np.testing.assert_array_equal(silently(path).array, rgba)
    Image.fromarray(rgba, "CMYK").save(path)
    np.testing.assert_array_equal(silently(path).array, np.array(Image.fromarray(rgba, "CMYK").convert("RGB")))
    for array, options in [
        (np.zeros((8, 10, 5), np.uint8), {"photometric": "rgb"}),
        (np.zeros((8, 10, 3), np.uint16), {"photometric": "rgb"}),
        (np.zeros((8, 10, 2), np.uint8), {"photometric": "minisblack", "planarconfig": "contig"}),
    ]:
        tifffile.imwrite(path, array, **options)
        with pytest.raises(io.ReadError, match=r"a\.tif: \d channels with (8|16) bits a colour channel"):
            io.read(path)


@pytest.mark.parametrize("kind", ["pages", "imagej", "zlib"])
@pytest.mark.filterwarnings("ignore")
def test_a_tiff_that_is_cut_off_loses_no_page_silently(kind, tmp_path):
    stack = np.stack([GREY, GREY // 2, GREY // 3])
    if kind == "imagej":
        tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    else:
        with tifffile.TiffWriter(tmp_path / "a.tif") as file:
            for page in stack:
                file.write(page, metadata=None, compression="zlib" if kind == "zlib" else None)
    whole = (tmp_path / "a.tif").read_bytes()
    np.testing.assert_array_equal(io.read(tmp_path / "a.tif").array, stack)
    for length in range(1, len(whole) - 1, 7):
        (tmp_path / "cut.tif").write_bytes(whole[:length])
        try:
            array = io.read(tmp_path / "cut.tif").array
        except io.ReadError:
            continue
        np.testing.assert_array_equal(array, stack)


def test_a_mask_whose_file_says_that_white_is_0_comes_with_a_warning(tmp_path):
    """Libraries write arrays of True and False so: read as the file says, but never in silence."""
    import tifffile

    mask = np.zeros((8, 9), bool)
    mask[2:4, 3:6] = True
    tifffile.imwrite(tmp_path / "m.tif", mask)
    with pytest.warns(UserWarning, match=r"m\.tif: says that white is 0 .* black and white exchanged"):
        assert np.array_equal(io.read(tmp_path / "m.tif").array, ~mask)
