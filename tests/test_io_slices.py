"""One grey picture of whatever was read."""

import numpy as np
import pytest
from skimage.color import rgb2gray

from medlab import data, io
from tests import corpus


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
