"""Where images come from, in one shape: phantoms, MedMNIST, folders of images, cohorts; divided by patient, guarded.

    dataset = data.load("phantom-nodules", n=200)            # or "pneumoniamnist", or the path of a folder
    train, val, test = data.split(dataset)                   # by patient; data.folds for cross-validation
    data.refuse_leak(train, test)
    cubes = data.crops(train, size_mm=32, shape=32)          # every lesion in the same millimetres

`data.example` gives real images that ship inside installed packages.
"""

from medlab.data.cohort import write_cohort
from medlab.data.crops import crops, lesion_slice
from medlab.data.dataset import Dataset
from medlab.data.download import DownloadError
from medlab.data.examples import EXAMPLES, Example, example
from medlab.data.load import load
from medlab.data.splits import LeakError, folds, refuse_leak, split

__all__ = [
    "EXAMPLES",
    "Dataset",
    "DownloadError",
    "Example",
    "LeakError",
    "crops",
    "example",
    "folds",
    "lesion_slice",
    "load",
    "refuse_leak",
    "split",
    "write_cohort",
]
