"""One door to all data: `load` finds out what a name or a path stands for."""

import os
from pathlib import Path

from medlab import arguments
from medlab.data import cohort, medmnist, phantom
from medlab.data import folder as classes
from medlab.data.dataset import Dataset

REPOSITORY = Path(__file__).resolve().parents[2]
PHANTOMS = ("phantom-nodules", "phantom-chests")


def load(
    name_or_path: str | Path,
    *,
    size: int = 28,
    n: int | None = None,
    seed: int = 0,
    label: str | None = None,
    folder: str | Path | None = None,
    download: bool = True,
) -> Dataset:
    """Load a data set: phantoms, MedMNIST, a folder of images, or a cohort.

    Args:
        name_or_path: "phantom-nodules" or "phantom-chests" (synthetic, nothing to download); one of the 18 sets of
            MedMNIST, such as "pneumoniamnist"; a folder with `cohort.csv`, or with scans and a table (.csv) that has
            a column with their names; a folder with one sub-folder of images per class. A folder is named by its path,
            or by its name in the data folder.
        size: Side of MedMNIST's images in pixels: 28, 64, in two dimensions also 128 and 224.
        n: How many images: of phantoms that many; of others a random part in which every class keeps its share. None
            takes all (400 nodules, 12 chests).
        seed: Where random choices start; of phantoms it chooses the patients.
        label: Which column is the label, of a cohort's or phantoms' table; "malignant" is made from `malignancy` 1 to 5
            if need be (4-5 is 1, 1-2 is 0, 3 is left out). Of ChestMNIST one finding.
        folder: Where data files lie and downloads go; else the folder in the environment variable MEDLAB_DATA, else
            `data/cache/` of the course.
        download: Fetch a MedMNIST file that is not there, with a progress bar.

    Raises:
        FileNotFoundError: If there is no such name or folder, or the file is missing and download is False.
        DownloadError: If the file cannot be fetched; the message says how to get it by hand.
        ValueError: If what is there does not fit.
    """
    if not str(name_or_path).strip():
        raise FileNotFoundError(f"the name of the data is empty; {_known(folder)}")
    n = None if n is None else arguments.whole(n, "n", low=1)
    name = str(name_or_path).lower()
    if name in medmnist.CATALOGUE:
        place = data_folder(folder)
        return medmnist.load(name, size=size, n=n, seed=seed, label=label, folder=place, download=download)
    if size != 28:
        raise ValueError(f"size={size} chooses among the files of MedMNIST; {name_or_path!r} has one size only")
    if name in PHANTOMS:
        make = phantom.nodules if name == "phantom-nodules" else phantom.chests
        return make(n=n, seed=seed, label=label)
    path = _place(name_or_path, folder)
    beside = None if (path / cohort.TABLE).is_file() else classes.table_beside(path)
    if beside or (path / cohort.TABLE).is_file():
        return cohort.load(path, label=label, n=n, seed=seed, beside=beside)
    if label is not None:
        raise ValueError(f"{path}: label= chooses a column, and no table here names the files; a class is a sub-folder")
    return classes.load(path, n=n, seed=seed)


def data_folder(folder: str | Path | None = None) -> Path:
    """The folder to look in and to download to: the one named, else that of MEDLAB_DATA, else `data/cache/`."""
    named = folder or os.environ.get("MEDLAB_DATA")
    return Path(named).expanduser() if named else REPOSITORY / "data" / "cache"


def _place(name_or_path: str | Path, folder: str | Path | None) -> Path:
    path = Path(name_or_path).expanduser()
    for place in (path, data_folder(folder) / path):
        if place.is_dir():
            return place.absolute()
    if path.is_file() and path.name == cohort.TABLE:
        return path.absolute().parent
    if path.is_file():
        raise ValueError(f"{path}: is a file; name the folder it lies in, or read one image with io.read")
    nowhere = f"neither from {Path.cwd()} nor in the data folder"
    raise FileNotFoundError(f"no data {str(name_or_path)!r}, {nowhere}; {_known(folder)}")


def _known(folder: str | Path | None) -> str:
    there = data_folder(folder)
    cohorts = sorted(path.parent.name for path in there.glob("*/cohort.csv")) if there.is_dir() else []
    in_folder = f"{', '.join(cohorts)} in {there}" if cohorts else f"no cohort in {there}"
    return f"known are {', '.join(PHANTOMS)}; {', '.join(medmnist.CATALOGUE)}; {in_folder}; or the path of a folder"
