"""One slice through a lesion."""

from dataclasses import replace

import numpy as np
import pytest

from medlab import data
from medlab.data import Dataset


def made(images, masks=None, spacing=None):
    return Dataset("made", images, np.array([0, 1]), None, None, ("no", "yes"), "binary", masks, spacing)


def test_the_slice_is_where_the_mask_is_largest():
    images = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    masks = np.zeros(images.shape, bool)
    masks[1, 0, 0, 0] = masks[1, 2, :2, :2] = True
    image, mask, spacing = data.lesion_slice(made(images, masks, (2.0, 1.0, 0.5)), 1)
    np.testing.assert_array_equal(image, images[1, 2])
    assert mask.sum() == 4
    assert spacing == (1.0, 0.5)


def test_without_a_mask_it_is_the_middle_and_an_image_is_itself():
    volumes, flat = np.arange(24).reshape(2, 3, 2, 2), np.arange(8).reshape(2, 2, 2)
    assert data.lesion_slice(made(volumes, spacing=(1, 1, 1)), 0)[0].tolist() == [[4, 5], [6, 7]]
    image, mask, spacing = data.lesion_slice(made(flat), 1)
    assert image.tolist() == [[4, 5], [6, 7]]
    assert mask is None
    assert spacing is None


def test_refuses_colour_and_a_mask_of_another_shape():
    with pytest.raises(ValueError, match=r"must be grey.*\(4, 4, 3\)"):
        data.lesion_slice(made(np.zeros((2, 4, 4, 3))), 0)
    wrong = replace(made(np.zeros((2, 3, 4, 4)), spacing=(1, 1, 1)), masks=np.zeros((2, 3, 4, 5), bool))
    with pytest.raises(ValueError, match=r"made: image 1: the mask is \(3, 4, 5\), its image \(3, 4, 4\)"):
        data.lesion_slice(wrong, 1)
