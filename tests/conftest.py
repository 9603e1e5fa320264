"""What holds for every test."""

import pytest


@pytest.fixture(autouse=True)
def no_data_folder(monkeypatch, tmp_path):
    """The suite tells the same everywhere: no test sees the data folder of the machine it runs on."""
    monkeypatch.setenv("MEDLAB_DATA", str(tmp_path / "data-folder"))
