"""From features to a diagnosis: classifiers, compared by patient, and files that are safe to open.

    found = classify.compare(["svm", "forest", "logistic"], table, labels, groups=patients)
    found.table                                                        # one row a model, every number with its interval
    classify.sentence("svm", "forest", classify.better(found, "svm", "forest"))
    final = classify.tune(classify.model("svm"), table, labels, groups=patients)
    classify.save(final, "svm.medlab", card={"features": [...], "classes": [...], "data": "..."})

scikit-learn and pandas are imported when a function is called that needs them.
"""

from medlab.classify.calibration import calibration_curve
from medlab.classify.compare import Comparison, better, compare, sentence
from medlab.classify.files import load, save
from medlab.classify.fitting import fit, folds, out_of_fold, probabilities, tune
from medlab.classify.models import model

__all__ = [
    "Comparison",
    "better",
    "calibration_curve",
    "compare",
    "fit",
    "folds",
    "load",
    "model",
    "out_of_fold",
    "probabilities",
    "save",
    "sentence",
    "tune",
]
