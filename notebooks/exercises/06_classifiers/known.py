"""Exercise 06: the functions that yours are compared with, and the mistakes that the checks recognise."""

import functools
from collections.abc import Callable

import numpy as np

NO_FAULT = "folds without a fault"
MISTAKES = {}  # for each task: what is wrong, in a sentence, and a function that goes wrong like that


def hinge_loss(features: np.ndarray, labels: np.ndarray, w: np.ndarray, b: float) -> float:
    """Mean cost of a linear SVM's decisions; features (n, f), labels (n,) of 0 and 1."""
    decision = features @ w + b
    return float(np.where(labels == 1, np.maximum(0, 1 - decision), np.maximum(0, 1 + decision)).mean())


def _margin(features, labels, w, b):
    """How far each case lies on its right side, below 0 on the wrong one."""
    return np.where(labels == 1, 1, -1) * (features @ w + b)


MISTAKES["hinge_loss"] = {
    "You took the labels 0 and 1 for y: with y = 0 every benign case costs 1, wherever it lies. Make them -1 and 1.": (
        lambda features, labels, w, b: np.maximum(0, 1 - labels * (features @ w + b)).mean()
    ),
    "You did not stop at 0: a case far on the right side costs nothing, and must not pay for others.": (
        lambda features, labels, w, b: (1 - _margin(features, labels, w, b)).mean()
    ),
    "You left out the margin, the 1: cases on the right side but nearer than 1 cost something too.": (
        lambda features, labels, w, b: np.maximum(0, -_margin(features, labels, w, b)).mean()
    ),
    "You squared the cost: that is the squared hinge loss, which one outlier can rule.": (
        lambda features, labels, w, b: (np.maximum(0, 1 - _margin(features, labels, w, b)) ** 2).mean()
    ),
    "You left out b: the border would have to go through the origin.": (
        lambda features, labels, w, b: hinge_loss(features, labels, w, 0)
    ),
    "This is the sum over the cases: the mean does not grow with their number.": (
        lambda features, labels, w, b: hinge_loss(features, labels, w, b) * len(labels)
    ),
}


def best_split(values: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Threshold on one feature, and the mean Gini impurity of the two sides, as a decision tree of depth 1 finds it."""
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(max_depth=1).fit(values[:, None], labels).tree_
    sizes, impurities = tree.n_node_samples[1:], tree.impurity[1:]
    return float(tree.threshold[0]), float((sizes * impurities).sum() / sizes.sum())


def _split(values, labels, impurity, *, weighted=True, pick=min):
    """The best split by another impurity(share of class 1), or another mean of the two sides."""
    levels, tried = np.unique(values), []
    for threshold in (levels[:-1] + levels[1:]) / 2:
        sides = labels[values <= threshold], labels[values > threshold]
        sizes = [len(side) if weighted else 1 for side in sides]
        tried.append((threshold, np.average([impurity(side.mean()) for side in sides], weights=sizes)))
    return pick(tried, key=lambda split: split[1])


def _gini(p):
    return 2 * p * (1 - p)


def _entropy(p):
    return -sum(q * np.log2(q) for q in (p, 1 - p) if q > 0)


def _at_value(values, labels):
    threshold, impurity = best_split(values, labels)
    return values[values <= threshold].max(), impurity


MISTAKES["best_split"] = {
    "You averaged the two sides as if they were of one size: weight each by its share of the cases, or a side "
    "with a single case, always pure, wins.": lambda values, labels: _split(values, labels, _gini, weighted=False),
    "This is entropy: Gini is 1 - p² - (1 - p)².": lambda values, labels: _split(values, labels, _entropy),
    "This is the share of errors, which does not reward a side for getting purer: Gini is 1 - p² - (1 - p)².": (
        lambda values, labels: _split(values, labels, lambda p: min(p, 1 - p))
    ),
    "You took p (1 - p), half of Gini: it is 1 - p² - (1 - p)² = 2 p (1 - p).": (
        lambda values, labels: _split(values, labels, lambda p: p * (1 - p))
    ),
    "You took the largest impurity: the best split leaves the least.": (
        lambda values, labels: _split(values, labels, _gini, pick=max)
    ),
    "Your threshold is one of the values: take the middle between it and the next larger one.": _at_value,
}


def rates(truth: np.ndarray, said: np.ndarray) -> tuple[float, float, float]:
    """Sensitivity, specificity and precision of decisions; NaN where there is nothing to divide by."""
    from medlab import metrics

    return metrics.recall(truth, said), metrics.specificity(truth, said), metrics.precision(truth, said)


def _counts(truth, said):
    """True positives, false positives, true negatives, false negatives."""
    return (truth & said).sum(), (~truth & said).sum(), (~truth & ~said).sum(), (truth & ~said).sum()


def _negative_predictive_value(truth, said):
    tp, fp, tn, fn = _counts(truth, said)
    return tp / (tp + fn), tn / (tn + fn), tp / (tp + fp)


def _false_alarm_rate(truth, said):
    tp, fp, tn, fn = _counts(truth, said)
    return tp / (tp + fn), fp / (tn + fp), tp / (tp + fp)


def _accuracy(truth, said):
    tp, fp, tn, fn = _counts(truth, said)
    return tp / (tp + fn), (tp + tn) / (tp + fp + tn + fn), tp / (tp + fp)


MISTAKES["rates"] = {
    "You swapped sensitivity and precision: sensitivity divides by the ill, precision by the alarms.": (
        lambda truth, said: rates(truth, said)[::-1]
    ),
    "For sensitivity you divided by predicted: that is precision, not recall.": (
        lambda truth, said: tuple(np.array(rates(truth, said))[[2, 1, 2]])
    ),
    "For specificity you divided by the cases called healthy: that is the negative predictive "
    "value.": _negative_predictive_value,
    "Your specificity is the false alarm rate: it is 1 less that.": _false_alarm_rate,
    "Your specificity is the accuracy: divide the healthy who are left in peace by all the healthy.": _accuracy,
    "You returned 0 where nothing is there to divide by: no alarm is not the same as only false ones; NaN.": (
        lambda truth, said: tuple(np.nan_to_num(rates(truth, said)))
    ),
}


def deal_folds(patients: np.ndarray, k: int) -> np.ndarray:
    """The fold, 0 to k - 1, of each image, (n,): the patients are dealt out like cards."""
    return np.unique(patients, return_inverse=True)[1] % k


MISTAKES["deal_folds"] = {
    "You dealt out images: deal out patients, and give each image the fold of its patient.": (
        lambda patients, k: np.arange(len(patients)) % k
    ),
    "You cut the list of images into k pieces: the cuts go through patients.": (
        lambda patients, k: np.arange(len(patients)) * k // len(patients)
    ),
    "You gave each patient a fold: there are only k, so begin again at 0 after k - 1.": (
        lambda patients, k: np.unique(patients, return_inverse=True)[1]
    ),
    "You took the patients' own numbers modulo k: they may have gaps, or be text. Number the patients 0, 1, "
    "2, ... first (np.unique).": (lambda patients, k: patients % k),
}


def _fault(folds: np.ndarray, patients: np.ndarray, k: int) -> str:
    if folds.shape != patients.shape:
        return f"folds of shape {folds.shape} for {len(patients)} images"
    if folds.dtype.kind not in "iu":
        return f"folds of {folds.dtype}, not whole numbers"
    if folds.min() < 0 or folds.max() >= k:
        return f"folds from {folds.min()} to {folds.max()}, not from 0 to {k - 1}"
    stands_in = {patient: np.unique(folds[patients == patient]).tolist() for patient in np.unique(patients).tolist()}
    torn = {patient: found for patient, found in stands_in.items() if len(found) > 1}
    if torn:
        patient, found = next(iter(torn.items()))
        return f"{len(torn)} of {len(stands_in)} patients in more than one fold, such as {patient!r} in {found}"
    counts = np.bincount([found[0] for found in stands_in.values()], minlength=k)
    if np.ptp(counts) > 1:
        return f"{' + '.join(map(str, counts))} patients in the folds, which are to differ by 1 at most"
    return NO_FAULT


def faults_of(assign: Callable) -> Callable:
    """The same function, but what it returns is, in words, what is wrong with its folds.

    There are many right ways to make folds, so they cannot be compared with one reference; what must hold can.

    Args:
        assign: Takes patients (n,) and k, returns the fold of each image.

    Returns:
        A function that returns `NO_FAULT` if nothing is wrong, None if `assign` returned nothing.
    """

    @functools.wraps(assign)
    def judged(patients: np.ndarray, k: int) -> str | None:
        folds = assign(patients, k)
        return None if folds is None else _fault(np.asarray(folds), patients, k)

    return judged


def scale_folds(features: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Each row scaled as a test row: by mean and standard deviation of the rows of all other folds; (n, f)."""
    from sklearn.preprocessing import StandardScaler

    scaled = np.empty(features.shape)
    for fold in np.unique(folds):
        test = folds == fold
        scaled[test] = StandardScaler().fit(features[~test]).transform(features[test])
    return scaled


def _scaled(features: np.ndarray, folds: np.ndarray, rows_for: Callable, *, axis: int | None = 0) -> np.ndarray:
    """Scaled by the statistics of other rows: rows_for(test rows), bool."""
    scaled = np.empty(features.shape)
    for fold in np.unique(folds):
        test = folds == fold
        rows = features[rows_for(test)]
        scaled[test] = (features[test] - rows.mean(axis=axis)) / rows.std(axis=axis)
    return scaled


MISTAKES["scale_folds"] = {
    "You took the statistics of all rows: the test rows take part in what they are measured with.": (
        lambda features, folds: (features - features.mean(axis=0)) / features.std(axis=0)
    ),
    "You scaled each fold by its own mean and spread: a new patient comes alone and has neither.": (
        lambda features, folds: _scaled(features, folds, lambda test: test)
    ),
    "You took one mean and spread for the whole table: each feature has its own (axis=0).": (
        lambda features, folds: _scaled(features, folds, lambda test: ~test, axis=None)
    ),
    "You only subtracted the mean: divide by the standard deviation, or the feature in the smallest unit wins.": (
        lambda features, folds: np.array([x - features[folds != f].mean(axis=0) for x, f in zip(features, folds)])
    ),
}
