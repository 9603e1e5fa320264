"""Read and write pictures without geometry: PNG, JPEG, TIFF, BMP."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from medlab.files import beside
from medlab.io.volume import ReadError, Volume, palette_of_8_bits, refuse_huge

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # how such files begin; the last two are BigTIFF
AXES = {"T": "t", "I": "z", "Q": "z", "Z": "z", "Y": "y", "X": "x", "S": "c"}  # of tifffile; I and Q: pages as such
TURNS = {2: "x", 3: "yx", 4: "y", 5: "t", 6: "tx", 7: "tyx", 8: "ty"}  # orientation: transpose, then flip y, x
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE = range(4)  # photometric
BY_PILLOW = (5, 6, 8)  # photometric: CMYK, YCbCr and Lab, which become RGB


def read(path: Path, max_voxels: int) -> Volume:
    """Read a picture as (y, x) or (y, x, colour), as it is meant to be seen; it has no millimetres.

    A photograph is turned as its camera says; an alpha channel that hides nothing is dropped. The pages of a TIFF are
    (z, y, x), or (t, y, x) where it says so; its values are as stored, but high is bright also where white is 0.
    """
    with open(path, "rb") as file:
        start = file.read(26)
    if start[:4] in TIFF:
        return _read_tiff(path, max_voxels)
    if start[1:4] == b"PNG" and start[24] > 8 and start[25] in (2, 4, 6):  # Pillow would cut off the lower bits
        raise ReadError(f"{path}: {start[24]} bits a colour channel; save it with 8, or the channels as grey images")
    try:
        with _no_limit_of_pillow(), Image.open(path) as image:
            refuse_huge(path, image.width * image.height, max_voxels)
            header = {key: value for key, value in image.info.items() if isinstance(value, (str, int, float, tuple))}
            header |= {"format": image.format, "mode": image.mode}
            array = _pixels(image)
    except UnidentifiedImageError:
        what = f"not what its name says, or of a kind not read here (it begins with {start[:16]!r})"
        raise ReadError(f"{path}: {what}; save it as PNG") from None
    return Volume(array, source=str(path), header=header, axes="yx" + "c" * (array.ndim - 2))


def _read_tiff(path: Path, max_voxels: int) -> Volume:
    """A TIFF whose pages are one image, slices or moments."""
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        one, *others = tiff.series
        page, first = tiff.pages[0], tiff.pages[0].tags.valueof(274, 1)
        turns = {other.aspage().tags.valueof(274, first) for other in tiff.pages}  # the first may speak for all
        tiff.filehandle.seek(tiff.pages.next_page_offset)
        last = tiff.filehandle.read(tiff.tiff.offsetsize) == bytes(tiff.tiff.offsetsize)  # zeros stand behind the last
        if not last or (tiff.is_imagej and one.kind != "imagej"):
            raise ReadError(f"{path}: cut off or damaged, pages after the first {len(tiff.pages)} are missing")
        if others:
            sizes = sorted({(image.shape, str(image.dtype)) for image in tiff.series})
            raise ReadError(f"{path}: its pages differ in size or kind {sizes}; save them one by one")
        axes = [AXES.get(axis, axis) for axis in one.axes]
        if len({*axes}) < len(axes) or not {*axes} <= {*AXES.values()} or len(turns) > 1 or one.dtype.kind == "c":
            what = f"{one.axes} {one.shape} of {one.dtype} (C: channels), not only slices or moments of one kind"
            raise ReadError(f"{path}: {what}; save each part by itself")
        refuse_huge(path, one.size, max_voxels)
        order = sorted(range(len(axes)), key=lambda i: "tzyxc".index(axes[i]))
        axes = "".join(axes[i] for i in order).removesuffix("c")
        try:
            array = None if page.photometric in BY_PILLOW else one.asarray().transpose(order)
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            array = None
        if array is None:
            array = _by_pillow(path, page)
        else:
            turn, y = TURNS.get(min(turns), ""), axes.index("y")
            array = _as_seen(array, page, path)
            array = array.swapaxes(y, y + 1) if "t" in turn else array
            array = np.ascontiguousarray(np.flip(array, [y + "yx".index(axis) for axis in turn if axis != "t"]))
    header = {"format": "TIFF", "axes": one.axes, "orientation": min(turns)}
    return Volume(array, source=str(path), header=header, axes=axes + "c" * (array.ndim - len(axes)))


def _as_seen(array: np.ndarray, page: Any, path: Path) -> np.ndarray:
    """Stored values of a TIFF, colour last, with palette, alpha and white applied."""
    if page.photometric == PALETTE:
        return palette_of_8_bits(page.colormap.T, 16, 16, path)[array]
    if page.samplesperpixel > 1:
        alpha = page.samplesperpixel - (3 if page.photometric == RGB else 1)
        if array.dtype != np.uint8 or alpha > 1 or (page.photometric != RGB and page.extrasamples == (0,)):
            what = f"{page.samplesperpixel} channels with {page.bitspersample} bits a colour channel"
            raise ReadError(f"{path}: {what}; save it as RGB of 8 bits, or each channel as a grey image")
        return _without_opaque_alpha(array) if alpha else array
    if page.photometric == WHITE_IS_ZERO and array.dtype.kind == "u":
        return (1 << page.bitspersample) - 1 - array
    if page.photometric == WHITE_IS_ZERO:
        what = "read with black and white exchanged" if array.dtype == bool else f"{array.dtype} stays as stored"
        warnings.warn(f"{path}: says that white is 0 (WhiteIsZero); {what}", stacklevel=5)
    return ~array if page.photometric == WHITE_IS_ZERO and array.dtype == bool else array


def _by_pillow(path: Path, page: Any) -> np.ndarray:
    """What tifffile alone cannot unpack (LZW, JPEG, fax) and Pillow does, where its values can be relied on."""
    grey = page.samplesperpixel == 1 and page.photometric == BLACK_IS_ZERO
    if page.dtype not in (bool, np.uint8) and not (grey and page.dtype in (np.uint16, np.float32)):
        what = f"{page.dtype} packed as {page.compression!r}"
        raise ReadError(f"{path}: {what}; to unpack it, pip install imagecodecs, or save it without compression")
    with open(path, "rb") as file, _no_limit_of_pillow(), Image.open(file) as image:  # by its path, it is turned wrong
        pages = [_pixels(one) for one in ImageSequence.Iterator(image)]
    return np.stack(pages) if len(pages) > 1 else pages[0]


@contextmanager
def _no_limit_of_pillow() -> Iterator[None]:
    """Our limit stands in for Pillow's own, which no argument can raise."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def write(volume: Volume, path: Path) -> None:
    """Write one image as PNG: 8 or 16 bit grey, 8 bit RGB, or a mask as black and white. The spacing is lost.

    Raises:
        ValueError: If it is a stack, or holds values that PNG has not (negative, fractions).
    """
    array = volume.array.astype(np.uint8) * 255 if volume.array.dtype == bool else volume.array
    if volume.axes not in ("yx", "yxc") or ("c" in volume.axes and array.shape[2] not in (3, 4)):
        raise ValueError(f"{path}: PNG holds one image (y, x) or (y, x, 3), got {volume.axes!r}, shape {array.shape}")
    if not (array.dtype == np.uint8 or (array.dtype == np.uint16 and array.ndim == 2)):
        raise ValueError(
            f"{path}: PNG holds whole numbers of 8 or 16 bit (colour: 8), got {array.dtype}; "
            f"a window turns HU into them: (255 * preprocess.window(hu, center=40, width=400)).round().astype('uint8')"
        )
    with beside(path) as part:
        Image.fromarray(array).save(part, format="PNG")


def _pixels(page: Image.Image) -> np.ndarray:
    page = ImageOps.exif_transpose(page)
    if page.mode == "1":
        return np.array(page)
    if page.mode in ("P", "PA", "CMYK", "YCbCr", "LAB", "HSV"):
        page = page.convert("RGBA" if "transparency" in page.info or page.mode == "PA" else "RGB")
    pixels = np.array(page)
    pixels = _without_opaque_alpha(pixels) if page.mode in ("LA", "RGBA") else pixels
    return pixels.astype(pixels.dtype.newbyteorder("="))


def _without_opaque_alpha(pixels: np.ndarray) -> np.ndarray:
    if (pixels[..., -1] < 255).any():
        return pixels
    return pixels[..., 0] if pixels.shape[-1] == 2 else pixels[..., :3]
