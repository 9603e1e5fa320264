"""How large the output of a convolution or pooling is, and how much of the image one of its pixels sees."""

from collections.abc import Iterable

from medlab.networks.base import whole


def output_size(size: int, *, kernel: int, padding: int = 0, stride: int = 1, dilation: int = 1) -> int:
    """Pixels along one side after a convolution or pooling: floor((n + 2p - d (k - 1) - 1) / s) + 1.

    Args:
        size: Pixels along the side before.
        kernel: Pixels along the side of the kernel.
        padding: Pixels added at each end.
        stride: Pixels from one position of the kernel to the next.
        dilation: Pixels from one element of the kernel to the next.

    Raises:
        ValueError: If the kernel is larger than the padded image, or an argument is no whole number or too small.

    Source: Dumoulin and Visin 2016, arXiv:1603.07285.

    >>> output_size(3, kernel=3), output_size(28, kernel=3, padding=1), output_size(28, kernel=2, stride=2)
    (1, 28, 14)
    """
    size, kernel, stride = whole("size", size), whole("kernel", kernel), whole("stride", stride)
    padding, dilation = whole("padding", padding, 0), whole("dilation", dilation)
    reach = dilation * (kernel - 1) + 1
    padded = size + 2 * padding
    if reach > padded:
        raise ValueError(f"kernel reaches over {reach} pixels, but the padded image has only {padded}")
    return (padded - reach) // stride + 1


def receptive_field(layers: Iterable[tuple[int, ...]]) -> int:
    """Side, in pixels of the image, of the square that one pixel after the last layer depends on.

    Args:
        layers: (kernel, stride) or (kernel, stride, dilation) of each convolution and pooling, from the image on.

    Raises:
        ValueError: If a layer has not two or three numbers, or one of them is not a whole number above 0.

    Source: Araujo et al. 2019, doi:10.23915/distill.00021.

    >>> receptive_field([(3, 1), (3, 1)]), receptive_field([(3, 1), (2, 2), (3, 1)])
    (5, 8)
    """
    field, step = 1, 1  # step: pixels of the image from one pixel of this layer to the next
    for layer in layers:
        if len(layer) not in (2, 3):
            raise ValueError(f"a layer is (kernel, stride) or (kernel, stride, dilation), got {layer}")
        kernel, stride, dilation = (whole("every number of a layer", n) for n in (*layer, 1)[:3])
        field += dilation * (kernel - 1) * step
        step *= stride
    return field
