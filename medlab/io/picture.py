"""Read and write pictures without geometry: PNG, JPEG, TIFF, BMP."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, ImageSequence

from medlab.files import beside
from medlab.io.volume import ReadError, Volume, refuse_huge


def read(path: Path, max_voxels: int) -> Volume:
    """Read a picture as (y, x) or (y, x, colour), the pages of a TIFF as (z, y, x); it has no millimetres.

    A photograph is turned as its camera says; an alpha channel that hides nothing is dropped.
    """
    with _no_limit_of_pillow(), Image.open(path) as image:
        # a phone's JPEG may hold a preview behind the picture; pages are a matter of TIFF
        n_pages = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
        _refuse_16_bit_colour(image, path)
        header = {key: value for key, value in image.info.items() if isinstance(value, (str, int, float, tuple))}
        header |= {"format": image.format, "mode": image.mode}
        pages = []
        for page in ImageSequence.Iterator(image) if n_pages > 1 else [image]:
            refuse_huge(path, page.width * page.height * n_pages, max_voxels)
            pages.append(_pixels(page))
    if len({page.shape for page in pages}) > 1:
        sizes = sorted({page.shape for page in pages})
        raise ReadError(f"{path}: its pages differ in size {sizes}; save them one by one")
    array = np.stack(pages) if n_pages > 1 else pages[0]
    axes = ("z" if n_pages > 1 else "") + "yx"
    return Volume(array, source=str(path), header=header, axes=axes + "c" * (array.ndim - len(axes)))


@contextmanager
def _no_limit_of_pillow() -> Iterator[None]:
    """Our limit stands in for Pillow's own, which no argument can raise."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _refuse_16_bit_colour(image: Image.Image, path: Path) -> None:
    """Pillow would cut each channel to its upper 8 bits without a word."""
    bits = 8
    if image.format == "PNG":
        with open(path, "rb") as file:
            bits = file.read(25)[24]
    elif image.format == "TIFF":
        bits = max(image.tag_v2.get(258, (8,)))
    if bits > 8 and len(image.getbands()) > 1:
        raise ReadError(f"{path}: {bits} bits a colour channel; save it with 8, or the channels as grey images")


def write(volume: Volume, path: Path) -> None:
    """Write one image as PNG: 8 or 16 bit grey, 8 bit RGB, or a mask as black and white. The spacing is lost.

    Raises:
        ValueError: If it is a stack, or holds values that PNG has not (negative, fractions).
    """
    array = volume.array.astype(np.uint8) * 255 if volume.array.dtype == bool else volume.array
    if volume.axes not in ("yx", "yxc") or ("c" in volume.axes and array.shape[2] not in (3, 4)):
        raise ValueError(
            f"{path}: PNG holds one image (y, x) or (y, x, 3), got axes {volume.axes!r} and shape {array.shape}"
        )
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
    if page.mode in ("LA", "RGBA") and (pixels[..., -1] == 255).all():
        pixels = pixels[..., 0] if page.mode == "LA" else pixels[..., :3]
    return pixels.astype(pixels.dtype.newbyteorder("="))
