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

WRONG_IN_ANOTHER_WAY = [
    (
        "best_split",
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
        "best_split",
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
    (
        "deal_folds",
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
        "scale_folds",
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
]

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
