"""Bad input gets a clear error that names the file, and never anything else."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medlab import data, io
from tests import corpus


@pytest.mark.parametrize("name", corpus.BAD)
@pytest.mark.filterwarnings("ignore")  # the libraries warn about what they cannot read; the error is what counts
def test_bad_file_is_refused_by_name(name, tmp_path):
    bad = corpus.BAD[name]
    path = bad.write(tmp_path)
    with pytest.raises(io.ReadError, match=rf"(?s){bad.says}"):
        io.read(path)


@pytest.mark.filterwarnings("ignore")
@given(
    place=st.floats(0, 1),
    content=st.binary(min_size=1, max_size=8),
    kind=st.sampled_from(["dcm", "nii", "png", "jpg", "tif"]),
)
@settings(max_examples=60, deadline=None)
def test_a_damaged_file_is_read_or_refused_but_never_breaks(place, content, kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    if kind == "dcm":
        path = corpus.series(folder / "s")[0]
    elif kind == "nii":
        path = corpus.nifti(folder, np.zeros((4, 5, 6), np.int16), "scan.nii")
    else:
        path = corpus.picture(folder, f"x.{kind}")
    raw = bytearray(path.read_bytes())
    start = int(place * (len(raw) - 1))
    raw[start : start + len(content)] = content
    path.write_bytes(bytes(raw))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read = io.read(path)
        except io.ReadError as error:
            said = str(error)
        else:
            said = read.source
    assert str(path) in said


def test_a_path_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.dcm.*looked from"):
        io.read(tmp_path / "nowhere.dcm")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        io.series(tmp_path / "nowhere")


def test_series_that_is_not_in_the_folder(tmp_path):
    corpus.series(tmp_path / "s")
    with pytest.raises(io.ReadError, match=r"(?s)no series '1\.2\.3'.*CT  6 slices"):
        io.read(tmp_path / "s", series="1.2.3")
    with pytest.raises(io.ReadError, match="leave it out"):
        io.read(tmp_path / "s" / "0001.dcm", series="1.2.3")


def test_nan_can_be_filled(tmp_path):
    volume = io.read(corpus.nan_nifti(tmp_path), fill_nan=-1000)
    assert volume.array.min() == -1000
    assert np.isfinite(volume.array).all()


def test_a_trusted_large_file_can_be_read(tmp_path):
    path = corpus.nifti(tmp_path, np.zeros((4, 5, 6), np.int16))
    with pytest.raises(io.ReadError, match="max_voxels=100"):
        io.read(path, max_voxels=100)
    assert io.read(path, max_voxels=120).shape == (6, 5, 4)


def test_a_series_is_weighed_as_a_whole(tmp_path):
    corpus.series(tmp_path / "s")
    with pytest.raises(io.ReadError, match="s: claims 432 voxels, more than max_voxels=400"):
        io.read(tmp_path / "s", max_voxels=400)
    assert io.read(tmp_path / "s", max_voxels=432).shape == (6, 9, 8)


def test_one_uid_for_two_patients_cannot_be_chosen(tmp_path):
    folder = corpus.two_patients_one_uid(tmp_path)
    uids = {s.uid for s in io.series(folder)}
    assert len(uids) == 1
    with pytest.raises(io.ReadError, match="stands for 2 patients"):
        io.read(folder, series=uids.pop())


@pytest.mark.parametrize(
    "elements",
    [
        {"SeriesDescription": None, "Modality": ""},
        {"PixelSpacing": [0, 0.7]},
        {"ImagePositionPatient": []},
        {"ImageOrientationPatient": [1, 0, 0]},
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_listing_never_fails_on_a_header_that_reading_refuses(tmp_path, elements):
    corpus.change(corpus.series(tmp_path / "s")[2], **elements)
    corpus.text_in_series(tmp_path / "other")
    assert [s.n_slices for s in io.series(tmp_path)] == [12]  # the same series twice, and the text passed over


def test_a_damaged_file_of_another_series_is_no_obstacle():
    """The real folder holds fifty slices whose pixels were left out."""
    folder = data.example("pacs-folder")
    gated = next(s for s in io.series(folder) if s.n_slices == 5)
    assert io.read(folder, series=gated.uid).shape == (5, 16, 16)


def test_ct_without_rescale_rule_is_not_called_hu(tmp_path):
    path = corpus.change(corpus.series(tmp_path / "s")[0], RescaleSlope=None, RescaleIntercept=None, RescaleType=None)
    with pytest.warns(UserWarning, match="not HU"):
        volume = io.read(path)
    assert (volume.modality, volume.unit) == ("CT", "")


def test_an_empty_path_does_not_mean_the_current_folder():
    with pytest.raises(FileNotFoundError, match="path is empty"):
        io.read("")


def test_inverted_grey_is_announced():
    with pytest.warns(UserWarning, match="MONOCHROME1"):
        io.read(data.example("pacs-folder") / "77654033" / "CR1" / "6154")


BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ImportError(name)
sys.meta_path.insert(0, Blocker())
from medlab import data, io
try:
    io.read(sys.argv[1])
except io.ReadError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("file", "blocked", "plugin"),
    [
        ("MR_small_jpeg_ls_lossless.dcm", ["jpeg_ls", "pylibjpeg"], "pyjpegls"),
        ("SC_rgb_jpeg_gdcm.dcm", ["pylibjpeg", "libjpeg"], "pylibjpeg-libjpeg"),
        ("MR_small_jp2klossless.dcm", ["pylibjpeg", "PIL"], "pylibjpeg-openjpeg"),
    ],
)
def test_a_missing_plugin_is_named(file, blocked, plugin):
    from pydicom.data import get_testdata_file

    path = get_testdata_file(file, download=False)
    script = BLOCKED.format(blocked=set(blocked))
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    assert file in done.stdout
    assert plugin in done.stdout
    assert "pip install" in done.stdout
