"""Answers to exercise 06 as students write them; see `tests.answers`."""

RIGHT_IN_ANOTHER_WAY = {
    "hinge_loss": """
def hinge_loss(features, labels, w, b):
    total = 0
    for x, label in zip(features, labels):
        f = sum(x * w) + b
        total += max(0, 1 - f) if label else max(0, 1 + f)
    return total / len(labels)
""",
    "best_split": """
def best_split(values, labels):
    order = np.argsort(values)
    v, y = values[order], labels[order]
    n, ones = len(y), np.cumsum(y)
    cuts = np.flatnonzero(np.diff(v) > 0)
    left, right = cuts + 1, n - cuts - 1
    p, q = ones[cuts] / left, (ones[-1] - ones[cuts]) / right
    impurity = (left * 2 * p * (1 - p) + right * 2 * q * (1 - q)) / n
    k = np.argmin(impurity)
    return v[cuts[k]] / 2 + v[cuts[k] + 1] / 2, impurity[k]
""",
    "rates": """
def rates(truth, said):
    tp = np.count_nonzero(truth & said)
    fp = np.count_nonzero(said) - tp
    fn = np.count_nonzero(truth) - tp
    tn = len(truth) - tp - fp - fn
    with np.errstate(invalid="ignore"):
        return np.array([tp, tn, tp]) / np.array([tp + fn, tn + fp, tp + fp])
""",
    "deal_folds": """
def deal_folds(patients, k):
    seen, sizes = {}, [0] * k
    for patient in patients:
        if patient not in seen:
            seen[patient] = sizes.index(min(sizes))
            sizes[seen[patient]] += 1
    return [seen[patient] for patient in patients]
""",
    "scale_folds": """
from sklearn.preprocessing import StandardScaler
def scale_folds(features, folds):
    rows = []
    for row, fold in zip(features, folds):
        rows.append(StandardScaler().fit(features[folds != fold]).transform(row[None])[0])
    return np.array(rows)
""",
}

WRITTEN_BY_STUDENTS = {
    "hinge_loss": [
        (
            """
def hinge_loss(features, labels, w, b):
    f = np.dot(features, w) + b
    return np.mean(np.maximum(0, 1 - labels * f))
""",
            "likely cause: You took the labels 0 and 1 for y",
        ),
        (
            """
def hinge_loss(features, labels, w, b):
    y = np.where(labels > 0, 1, -1)
    f = np.dot(features, w) + b
    return np.sum(np.maximum(0, 1 - y * f))
""",
            "likely cause: This is the sum over the cases",
        ),
        (
            """
def hinge_loss(features, labels, w, b):
    y = 2 * labels - 1
    return np.mean(1 - y * (features @ w + b))
""",
            "likely cause: You did not stop at 0",
        ),
        (
            """
def hinge_loss(features, labels, w, b):
    y = 2 * labels - 1
    return np.maximum(0, 1 - y * (features @ w + b))
""",
            "expected a single number, not an array (0.75), got an array of shape (4,)",
        ),
    ],
    "best_split": [
        (
            """
def best_split(values, labels):
    def gini(side):
        p = np.mean(side)
        return 1 - p**2 - (1 - p) ** 2
    best = None
    v = sorted(set(values))
    for i in range(1, len(v)):
        t = (v[i - 1] + v[i]) / 2
        g = (gini(labels[values < t]) + gini(labels[values > t])) / 2
        if best is None or g < best[1]:
            best = (t, g)
    return best
""",
            "likely cause: You averaged the two sides as if they were of one size",
        ),
        (
            """
def best_split(values, labels):
    best = (0, 1)
    for t in np.unique(values)[:-1]:
        g = 0
        for side in (labels[values <= t], labels[values > t]):
            g += len(side) * 2 * side.mean() * (1 - side.mean())
        if g / len(labels) < best[1]:
            best = (t, g / len(labels))
    return best
""",
            "likely cause: Your threshold is one of the values",
        ),
        (
            """
def best_split(values, labels):
    best = (0, 1)
    for t in np.unique(values):
        left, right = labels[values <= t], labels[values > t]
        g = sum(len(s) * (1 - s.mean() ** 2 - (1 - s.mean()) ** 2) for s in (left, right)) / len(labels)
        if g < best[1]:
            best = (t + 0.5, g)
    return best
""",
            "expected [7.5, 0], got [6.5, 0]",
        ),
    ],
    "rates": [
        (
            """
def rates(truth, said):
    tp = np.sum(truth & said)
    fp = np.sum(~truth & said)
    tn = np.sum(~truth & ~said)
    return tp / (tp + fp), tn / (tn + fp), tp / (tp + fp)
""",
            "that is precision, not recall",
        ),
        (
            """
def rates(truth, said):
    tp, fn = sum(truth & said), sum(truth & ~said)
    tn, fp = sum(~truth & ~said), sum(~truth & said)
    precision = tp / (tp + fp) if tp + fp > 0 else 0
    return tp / (tp + fn), tn / (tn + fp), precision
""",
            "likely cause: You returned 0 where nothing is there to divide by",
        ),
        (
            """
def rates(truth, said):
    tp, fn = int((truth & said).sum()), int((truth & ~said).sum())
    tn, fp = int((~truth & ~said).sum()), int((~truth & said).sum())
    return tp / (tp + fn), tn / (tn + fp), tp / (tp + fp)
""",
            "it raised ZeroDivisionError: division by zero",
        ),
    ],
    "deal_folds": [
        (
            """
def deal_folds(patients, k):
    folds = []
    for i in range(len(patients)):
        folds.append(i % k)
    return np.array(folds)
""",
            "likely cause: You dealt out images",
        ),
        (
            """
def deal_folds(patients, k):
    names = sorted(set(patients))
    return np.array([names.index(p) for p in patients])
""",
            "likely cause: You gave each patient a fold",
        ),
        (
            """
def deal_folds(patients, k):
    rng = np.random.default_rng(0)
    return rng.integers(0, k, len(patients))
""",
            "patients in more than one fold, such as",
        ),
        (
            """
def deal_folds(patients, k):
    names = np.unique(patients)
    return np.arange(len(names)) % k
""",
            "got 'folds of shape (4,) for 9 images'",
        ),
        (
            "def deal_folds(patients, k):\n    np.unique(patients, return_inverse=True)[1] % k",
            "forget `return`?",
        ),
        (
            """
def deal_folds(patients, k):
    number = np.unique(patients, return_inverse=True)[1]
    return np.minimum(number, k - 1)
""",
            "got '1 + 3 patients in the folds, which are to differ by 1 at most'",
        ),
    ],
    "scale_folds": [
        (
            """
from sklearn.preprocessing import StandardScaler
def scale_folds(features, folds):
    return StandardScaler().fit_transform(features)
""",
            "likely cause: You took the statistics of all rows",
        ),
        (
            """
def scale_folds(features, folds):
    out = np.zeros_like(features)
    for k in np.unique(folds):
        part = features[folds == k]
        out[folds == k] = (part - part.mean(0)) / part.std(0)
    return out
""",
            "likely cause: You scaled each fold by its own mean and spread",
        ),
        (
            """
def scale_folds(features, folds):
    out = []
    for k in np.unique(folds):
        train = features[folds != k]
        out.append((features[folds == k] - train.mean(0)) / train.std(0))
    return np.concatenate(out)  # by fold, no more in the order that came
""",
            "case 2 of 3 differs",
        ),
    ],
}

CAUGHT_BY_HIDDEN_CASES = [
    (
        "rates",  # only the missing alarm was thought of
        """
def rates(truth, said):
    tp, tn = int((truth & said).sum()), int((~truth & ~said).sum())
    precision = tp / int(said.sum()) if said.any() else np.nan
    return tp / int(truth.sum()), tn / int((~truth).sum()), precision
""",
    ),
    (
        "scale_folds",  # folds are taken to be 0, 1, 2, ...; and whole numbers stay whole
        """
def scale_folds(features, folds):
    out = np.zeros_like(features)
    for k in range(len(np.unique(folds))):
        train = features[folds != k]
        out[folds == k] = (features[folds == k] - train.mean(0)) / train.std(0)
    return out
""",
    ),
]
