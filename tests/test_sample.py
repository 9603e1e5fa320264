"""The sample patient: its files agree with each other, with the code that makes them, and name nobody."""

import numpy as np
import pytest

from medlab import data, io
from tests import make_sample


@pytest.fixture(scope="module")
def sample() -> io.Volume:
    return io.read(data.example("phantom-patient"))


def test_dicom_and_nifti_are_one_scan(sample):
    nifti = io.read(make_sample.FOLDER / "chest.nii.gz")
    np.testing.assert_array_equal(sample.array, nifti.array)
    np.testing.assert_allclose(sample.affine, nifti.affine, atol=1e-4)
    assert (sample.modality, sample.unit) == ("CT", "HU")
    assert sample.spacing == pytest.approx(make_sample.SPACING)


def test_the_mask_marks_six_solid_nodules_in_the_lung(sample):
    labels = io.read(make_sample.FOLDER / "nodules.nii.gz").array
    assert labels.shape == sample.shape
    assert np.unique(labels).tolist() == list(range(7))
    lung = np.median(sample.array[(sample.array > -950) & (sample.array < -700)])
    for number in range(1, 7):
        assert np.median(sample.array[labels == number]) > lung + 100


def test_the_name_is_invented_and_in_the_header(sample):
    assert sample.header["PatientName"] == "Phantom^Paula"
    assert sample.header["InstitutionName"] == "Hospital of Nowhere"


def test_the_code_makes_the_files_again(sample, tmp_path):
    """To the byte on one machine; elsewhere the last digit of a few voxels may differ."""
    made = io.read(make_sample.make(tmp_path / "new") / "dicom")
    assert made.shape == sample.shape
    assert np.abs(made.array.astype(int) - sample.array).max() <= 2
