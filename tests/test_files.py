"""Files and folders appear whole or not at all."""

import pytest

from medlab.files import beside, new_folder


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "a.nii.gz"
    with beside(path) as part:
        part.write_text("half")
        assert not path.exists()
        assert part.parent == path.parent  # renaming works within one disk only
        assert part.name.endswith(".nii.gz")
    assert path.read_text() == "half"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt])
def test_what_goes_wrong_leaves_the_old_file(tmp_path, stop):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write():
        with beside(path) as part:
            part.write_text("half of it")
            raise stop

    with pytest.raises(stop):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_appears_when_it_is_whole(tmp_path):
    folder = tmp_path / "series"
    folder.mkdir()
    with new_folder(folder) as part:
        (part / "1.dcm").write_text("1")
        assert not any(folder.iterdir())
    assert [file.name for file in folder.iterdir()] == ["1.dcm"]
    with pytest.raises(FileExistsError, match="series: is there already and not empty; name a new folder"):
        new_folder(folder).__enter__()
    with pytest.raises(FileExistsError, match=r"1\.dcm: is a file"):
        new_folder(folder / "1.dcm").__enter__()


def test_a_folder_that_goes_wrong_is_not_there(tmp_path):
    def write():
        with new_folder(tmp_path / "series") as part:
            (part / "1.dcm").write_text("1")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        write()
    assert not any(tmp_path.iterdir())
