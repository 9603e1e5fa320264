"""Exercise 07: the functions that yours are compared with, and the mistakes that the checks recognise."""

import numpy as np

MISTAKES = {}  # for each task: what is wrong, in a sentence, and a function that goes wrong like that


def distances(archive: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Euclidean distance of each query, (n, f), to each row of the archive, (m, f), scaled by the archive; (n, m)."""
    from scipy.spatial.distance import cdist
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(archive)
    return cdist(scaler.transform(queries), scaler.transform(archive))


def _gaps(archive, queries, mean, spread):
    """What each query differs by from each row of the archive, both scaled by this mean and spread; (n, m, f)."""
    return ((queries - mean) / spread)[:, None] - (archive - mean) / spread


def _by_archive(archive, queries):
    return _gaps(archive, queries, archive.mean(axis=0), archive.std(axis=0))


def _by_both(archive, queries):
    both = np.concatenate([archive, queries])
    return _gaps(archive, queries, both.mean(axis=0), both.std(axis=0))


def _each_by_itself(archive, queries):
    a, q = ((rows - rows.mean(axis=0)) / rows.std(axis=0) for rows in (archive, queries))
    return q[:, None] - a


MISTAKES["distances"] = {
    "You did not scale: the feature with the largest numbers decides alone, and mm³ beat mm.": (
        lambda archive, queries: np.linalg.norm(_gaps(archive, queries, 0, 1), axis=2)
    ),
    "You scaled the queries by their own mean and spread: the same nodule would have another place in every "
    "set of queries, and a single query has no spread. Both get the archive's.": (
        lambda archive, queries: np.linalg.norm(_each_by_itself(archive, queries), axis=2)
    ),
    "You took mean and spread of archive and queries together: every new query would move the whole archive.": (
        lambda archive, queries: np.linalg.norm(_by_both(archive, queries), axis=2)
    ),
    "You did not take the square root: the order stays, but it is no distance.": (
        lambda archive, queries: (_by_archive(archive, queries) ** 2).sum(axis=2)
    ),
    "You summed absolute differences: this is the Manhattan distance.": (
        lambda archive, queries: np.abs(_by_archive(archive, queries)).sum(axis=2)
    ),
    "Rows and columns are swapped: a row for each query, a column for each image of the archive.": (
        lambda archive, queries: distances(archive, queries).T
    ),
}


def nearest(distances: np.ndarray, archive_patients: np.ndarray, query_patients: np.ndarray, k: int) -> np.ndarray:
    """Rows of the archive of the k nearest images of other patients, nearest first; (n, k).

    The slow way, by what it means: walk along the sorted list and pass over the query's own patient.
    """
    found = []
    for row, own in zip(distances, query_patients):
        others = [i for i in np.argsort(row) if archive_patients[i] != own]
        found.append(others[:k])
    return np.array(found, int).reshape(len(distances), k)


def _first(distances, k):
    return np.argsort(distances, axis=1)[:, :k]


def _farthest(distances, archive_patients, query_patients, k):
    own = query_patients[:, None] == archive_patients
    return _first(np.where(own, np.inf, -distances), k)


def _distances_themselves(distances, archive_patients, query_patients, k):
    own = query_patients[:, None] == archive_patients
    return np.sort(np.where(own, np.inf, distances), axis=1)[:, :k]


MISTAKES["nearest"] = {
    "The query's own patient is among the answers: another slice of the same nodule is no second opinion.": (
        lambda distances, archive_patients, query_patients, k: _first(distances, k)
    ),
    "You dropped the first answer of each query: its patient may have more than one image in the archive, or none.": (
        lambda distances, archive_patients, query_patients, k: _first(distances, k + 1)[:, 1:]
    ),
    "These are the farthest: np.argsort puts the smallest first.": _farthest,
    "These are the distances: return the rows of the archive (np.argsort).": _distances_themselves,
    "The right images, but sorted by row: nearest first.": (
        lambda distances, archive_patients, query_patients, k: np.sort(
            nearest(distances, archive_patients, query_patients, k), axis=1
        )
    ),
}


def _right(query_labels: np.ndarray, answer_labels: np.ndarray) -> np.ndarray:
    return answer_labels == query_labels[:, None]


MISTAKES["precision_at_k"] = {
    "You counted all answers: only the first k.": (
        lambda query_labels, answer_labels, k: _right(query_labels, answer_labels).mean(axis=1)
    ),
    "You divided by the number of all answers: divide by k.": (
        lambda query_labels, answer_labels, k: (
            _right(query_labels, answer_labels)[:, :k].sum(axis=1) / answer_labels.shape[1]
        )
    ),
    "You divided by the right answers there are: that is recall at k.": (
        lambda query_labels, answer_labels, k: (
            _right(query_labels, answer_labels)[:, :k].sum(axis=1) / _right(query_labels, answer_labels).sum(axis=1)
        )
    ),
    "You counted malignant answers: for a benign query the benign answers are right.": (
        lambda query_labels, answer_labels, k: (answer_labels[:, :k] == 1).mean(axis=1)
    ),
    "This is the mean over all queries: return one number for each, so that an interval can be put around it.": (
        lambda query_labels, answer_labels, k: _right(query_labels, answer_labels)[:, :k].mean()
    ),
}


def average_precision(right: np.ndarray) -> float:
    """Mean precision at the ranks of the right answers; `right` is bool, nearest first; 0 if none is right."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(right, -np.arange(len(right)))) if right.any() else 0.0


def _precisions(right: np.ndarray) -> np.ndarray:
    return right.cumsum() / np.arange(1, len(right) + 1)


MISTAKES["average_precision"] = {
    "You took the mean over all ranks: only the ranks of right answers count.": lambda right: _precisions(right).mean(),
    "You divided by the number of all answers: divide by the number of right ones.": (
        lambda right: (_precisions(right) * right).mean()
    ),
    "This is the share of right answers: their order would not matter.": lambda right: right.mean(),
    "You averaged 1 / rank: at the second right answer the precision is 2 / rank.": (
        lambda right: float((1 / (1 + np.flatnonzero(right))).mean()) if right.any() else 0.0
    ),
    "Where no answer is right you return NaN, the mean of nothing: 0 is asked for.": (
        lambda right: float(_precisions(right)[right].mean())
    ),
}


def move(points: np.ndarray, spacing: tuple[float, float], degrees: float, shift: tuple[float, float]) -> np.ndarray:
    """Points (y, x) in pixels, (n, 2), after a turn and then a shift, both (y, x) in mm.

    With complex numbers y + i x, in which a turn is one product.
    """
    there = (points * spacing) @ np.array([1, 1j]) * np.exp(1j * np.deg2rad(degrees)) + shift[0] + 1j * shift[1]
    return np.stack([there.real, there.imag], axis=1)


def _turned(points: np.ndarray, angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return points @ np.array([[cos, -sin], [sin, cos]]).T


MISTAKES["move"] = {
    "You gave degrees to cosine and sine: they take radians (np.deg2rad).": (
        lambda points, spacing, degrees, shift: _turned(points * spacing, degrees) + shift
    ),
    "You turned the other way: mind which of the two sines has the minus, and that a point is (y, x).": (
        lambda points, spacing, degrees, shift: move(points, spacing, -degrees, shift)
    ),
    "You left out the spacing: the shift is in mm, the points are in pixels.": (
        lambda points, spacing, degrees, shift: move(points, (1, 1), degrees, shift)
    ),
    "You turned pixels and then made them mm: where pixels are not square that bends the image. First mm.": (
        lambda points, spacing, degrees, shift: _turned(points, np.deg2rad(degrees)) * spacing + shift
    ),
    "You shifted first: then the shift is turned too.": (
        lambda points, spacing, degrees, shift: _turned(points * spacing + shift, np.deg2rad(degrees))
    ),
}
