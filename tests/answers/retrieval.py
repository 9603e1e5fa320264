"""Answers to exercise 07 as students write them; see `tests.answers`."""

RIGHT_IN_ANOTHER_WAY = {
    "distances": """
from sklearn.preprocessing import StandardScaler
def distances(archive, queries):
    scaler = StandardScaler().fit(archive)
    a = scaler.transform(archive)
    return np.array([np.linalg.norm(a - q, axis=1) for q in scaler.transform(queries)])
""",
    "nearest": """
def nearest(distances, archive_patients, query_patients, k):
    rows = []
    for d, own in zip(distances, query_patients):
        others = np.flatnonzero(archive_patients != own)
        rows.append(others[d[others].argsort()][:k])
    return np.stack(rows)
""",
    "precision_at_k": """
def precision_at_k(query_labels, answer_labels, k):
    return np.array([np.mean(found[:k] == label) for label, found in zip(query_labels, answer_labels)])
""",
    "average_precision": """
def average_precision(right):
    found, total = 0, 0
    for rank, good in enumerate(right, start=1):
        if good:
            found += 1
            total += found / rank
    return total / max(found, 1)
""",
    "move": """
def move(points, spacing, degrees, shift):
    a = np.radians(degrees)
    y, x = points[:, 0] * spacing[0], points[:, 1] * spacing[1]
    matrix = np.array([[np.cos(a), -np.sin(a), shift[0]], [np.sin(a), np.cos(a), shift[1]], [0, 0, 1]])
    return (matrix @ np.stack([y, x, np.ones(len(points))]))[:2].T
""",
}

WRONG_IN_ANOTHER_WAY = [
    (
        "nearest",
        """
def nearest(distances, archive_patients, query_patients, k):
    return np.array([np.argsort(row)[:k] for row in distances])
""",
        "likely cause: The query's own patient is among the answers",
    ),
    (
        "nearest",
        """
def nearest(distances, archive_patients, query_patients, k):
    rows = []
    for d, own in zip(distances, query_patients):
        d = d[archive_patients != own]  # the numbers are now those of the shorter list
        rows.append(np.argsort(d)[:k])
    return np.array(rows)
""",
        "case 1 of 2 differs",
    ),
    (
        "precision_at_k",
        """
def precision_at_k(query_labels, answer_labels, k):
    return (answer_labels[:, :k] == query_labels).mean(axis=1)
""",
        "case 1 of 3 differs",
    ),
    (
        "average_precision",
        """
def average_precision(right):
    total = 0
    for r in range(1, len(right) + 1):
        total += right[:r].sum() / r
    return total / len(right)
""",
        "likely cause: You took the mean over all ranks",
    ),
]

CAUGHT_BY_HIDDEN_CASES = [
    (
        "nearest",  # a large number that is not large enough
        """
def nearest(distances, archive_patients, query_patients, k):
    d = distances.copy()
    d[query_patients[:, None] == archive_patients] = 1000
    return d.argsort(axis=1)[:, :k]
""",
    ),
    (
        "distances",  # queries are cut to whole numbers where the archive holds such
        """
def distances(archive, queries):
    rows = np.zeros_like(archive, shape=queries.shape)
    rows[:] = queries
    return np.array([np.sqrt((((q - archive) / archive.std(0)) ** 2).sum(axis=1)) for q in rows])
""",
    ),
]
