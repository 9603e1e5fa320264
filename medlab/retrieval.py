"""Similar images from an archive: the nearest by feature distance, and how good the answers are.

    archive = retrieval.fit(features, patients=patients)
    answers = archive.query(new_features, k=5, patients=new_patients)
    shown = labels[answers.indices]  # (queries, 5)
    retrieval.precision_at_k(new_labels, shown, 5).mean()

Precision at k and average precision are one number a query, so that their mean can have an interval by patient:
`metrics.interval(lambda labels, values: values.mean(), new_labels, values, groups=new_patients)`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medlab import arguments

METRICS = ("euclidean", "manhattan", "cosine", "mahalanobis")


@dataclass(frozen=True)
class Neighbors:
    """What an archive answers.

    Args:
        indices: (n, k) rows of the archive, nearest first.
        distances: (n, k) in the metric of the index, rising along each row.
    """

    indices: np.ndarray
    distances: np.ndarray


@dataclass(frozen=True)
class Index:
    """An archive that can be asked; made by `fit`.

    Args:
        features: (n, f) of the archive, scaled.
        center: (f,) subtracted from the features of the archive and of every query.
        factor: (f,) what they are multiplied with then.
        metric: As in `fit`; for "mahalanobis", `inverse` is the inverse covariance, else None.
        patients: (n,) the patient of each row, None if they were not given.
        columns: Their names if the features came as a data frame, else None.
    """

    features: np.ndarray
    center: np.ndarray
    factor: np.ndarray
    metric: str
    inverse: np.ndarray | None
    patients: np.ndarray | None
    columns: tuple | None = None

    def query(self, features: np.ndarray, *, k: int = 5, patients: Sequence | None = None) -> Neighbors:
        """The k nearest rows of the archive for each query, never one of the query's own patient.

        Args:
            features: (n, f) of the queries, not scaled, with the columns of the archive.
            k: Number of answers, at least 1.
            patients: (n,) the patient of each query; needed if the archive knows its patients, and only then. Without
                patients, a picture that stands in the archive finds itself.

        Raises:
            ValueError: If columns differ, a feature is not finite, patients are known on one side only, or fewer than
                k rows of other patients exist.
        """
        from sklearn.neighbors import NearestNeighbors

        rows, columns = _table(features), _columns(features)
        if rows.shape[1] != self.features.shape[1]:
            raise ValueError(f"features must be (n, {self.features.shape[1]}) as the archive, got shape {rows.shape}")
        if columns is not None and self.columns is not None and columns != self.columns:
            raise ValueError(f"features must have the archive's columns in its order, {self.columns}, got {columns}")
        rows = _directed((rows - self.center) * self.factor, self.metric)
        k, n = arguments.whole(k, "k", low=1), len(self.features)
        if (patients is None) != (self.patients is None):
            side = "query" if self.patients is None else "fit"
            raise ValueError(f"patients must be given to fit and to query or to neither, got them in {side} only")
        own = np.zeros(len(rows), dtype=int)
        if patients is not None:
            patients = _names(patients, len(rows))
            names, counts = np.unique(self.patients, return_counts=True)
            own = (patients[:, None] == names) @ counts  # rows of the archive that each query may not have
        if k > n - own.max():
            raise ValueError(f"k must be at most {n - own.max()}, the rows of the archive left for a query, got {k}")
        options = {"VI": self.inverse} if self.metric == "mahalanobis" else None
        nearest = NearestNeighbors(
            n_neighbors=int(k + own.max()), metric=self.metric, algorithm="brute", metric_params=options
        )
        distances, indices = nearest.fit(self.features).kneighbors(rows)
        if patients is not None:  # own rows to the back, all others in their order; then the first k
            order = np.argsort(self.patients[indices] == patients[:, None], axis=1, kind="stable")
            distances, indices = (np.take_along_axis(values, order, axis=1) for values in (distances, indices))
        return Neighbors(indices[:, :k], distances[:, :k])


def fit(
    features: np.ndarray, *, scale: bool = True, metric: str = "euclidean", patients: Sequence | None = None
) -> Index:
    """Make an archive that can be asked for similar images.

    Args:
        features: (n, f) numbers, at least 2 rows; a data frame of `features.extract` too.
        scale: Give every feature mean 0 and spread 1 over the archive, and the queries the same shift and factor, or
            the feature with the largest numbers decides alone. A feature that is constant in the archive is left out.
        metric: "euclidean", "manhattan", "cosine" (direction only) or "mahalanobis" (features that go together count
            once; covariance of the archive by Ledoit and Wolf, which exists even with more features than images).
        patients: (n,) the patient of each row; then no query is answered with its own patient.

    Raises:
        ValueError: If features are no table or not finite, are all constant, or a name is unknown.

    Source: Ledoit and Wolf 2004, doi:10.1016/S0047-259X(03)00096-4.
    """
    rows = _table(features)
    arguments.choice(metric, "metric", METRICS)
    if len(rows) < 2:
        raise ValueError(f"features must have at least 2 rows to make an archive, got {len(rows)}")
    center, factor = np.zeros(rows.shape[1]), np.ones(rows.shape[1])
    if scale:
        center, spread = rows.mean(axis=0), rows.std(axis=0)
        varied = spread > 1e-12 * np.abs(rows).max(axis=0)  # a constant column has a spread of rounding errors
        if not varied.any():
            raise ValueError(f"features must vary: all {rows.shape[1]} are constant in the archive")
        factor = np.divide(1, spread, out=np.zeros_like(spread), where=varied)
    rows = _directed((rows - center) * factor, metric)
    inverse = None
    if metric == "mahalanobis":
        from sklearn.covariance import LedoitWolf

        covariance = LedoitWolf().fit(rows).covariance_
        if np.linalg.matrix_rank(covariance, hermitian=True) < len(covariance):
            raise ValueError("features have no covariance that can be inverted: they hardly vary, or scale is needed")
        inverse = np.linalg.inv(covariance)
    names = None if patients is None else _names(patients, len(rows))
    return Index(rows, center, factor, metric, inverse, names, _columns(features))


def precision_at_k(query_labels: Sequence, answer_labels: Sequence, k: int) -> np.ndarray:
    """Share of the first k answers that carry the query's label, for each query.

    Args:
        query_labels: (n,) one label a query.
        answer_labels: (n, k or more) the labels of its answers, nearest first.

    >>> precision_at_k([1, 0], [[1, 0, 1], [1, 1, 0]], 2).tolist()
    [0.5, 0.0]
    """
    right = _right(query_labels, answer_labels)
    return right[:, : arguments.whole(k, "k", low=1, high=right.shape[1])].mean(axis=1)


def average_precision(query_labels: Sequence, answer_labels: Sequence) -> np.ndarray:
    """Mean of the precisions at the ranks of the right answers, for each query: 1 if all of them come first.

    Args:
        query_labels: (n,) one label a query.
        answer_labels: (n, k) the labels of its answers, nearest first; the whole archive, or right answers that come
            later go unnoticed.

    Returns:
        (n,) from 0 to 1; 0 where no answer is right.

    Source: Manning, Raghavan and Schütze 2008, Introduction to Information Retrieval, section 8.4.

    >>> average_precision([1], [[1, 0, 1, 0]]).tolist() == [(1 / 1 + 2 / 3) / 2]
    True
    """
    right = _right(query_labels, answer_labels)
    precisions = right.cumsum(axis=1) / np.arange(1, right.shape[1] + 1)
    return (precisions * right).sum(axis=1) / np.maximum(right.sum(axis=1), 1)


def mean_average_precision(query_labels: Sequence, answer_labels: Sequence) -> float:
    """Mean of `average_precision` over the queries (mAP)."""
    return float(average_precision(query_labels, answer_labels).mean())


def _table(features: np.ndarray) -> np.ndarray:
    rows = np.asarray(features)
    if rows.ndim != 2:
        raise ValueError(f"features must be a table (n, f), one row an image, got shape {rows.shape}")
    return arguments.image(rows, "features", dtype=np.float64)


def _columns(features) -> tuple | None:
    return tuple(features.columns) if hasattr(features, "columns") else None


def _directed(rows: np.ndarray, metric: str) -> np.ndarray:
    if metric == "cosine" and not rows.any(axis=1).all():
        where = int(np.argmin(rows.any(axis=1)))
        raise ValueError(f"features of row {where} have no direction (all 0 after scaling), which cosine needs")
    return rows


def _names(patients: Sequence, n: int) -> np.ndarray:
    """The patients as text, so that 7 of a table and "7" of a file are the same."""
    names = arguments.patients(patients, n, "patients")
    if names.dtype.kind == "f":  # 7.0 of one table would not be 7 of another, and a patient would find their own scan
        raise ValueError(f"patients must be text or whole numbers, got {names.dtype}")
    return names.astype(str)


def _right(query_labels: Sequence, answer_labels: Sequence) -> np.ndarray:
    """(n, k) whether each answer carries its query's label."""
    asked, answered = np.asarray(query_labels), np.asarray(answer_labels)
    if asked.ndim != 1 or answered.ndim != 2 or len(asked) != len(answered) or answered.size == 0:
        raise ValueError(f"labels must be (n,) of queries and (n, k) of answers, got {asked.shape}, {answered.shape}")
    for labels, name in ((asked, "query_labels"), (answered, "answer_labels")):
        if labels.dtype.kind == "f" and np.isnan(labels).any():
            raise ValueError(f"{name} must all be known, {int(np.isnan(labels).sum())} are NaN")
    return asked[:, None] == answered
