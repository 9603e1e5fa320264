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

WRITTEN_BY_STUDENTS = {
    "distances": [
        (
            """
from scipy.spatial.distance import cdist
def distances(archive, queries):
    return cdist(queries, archive)
""",
            "likely cause: You did not scale",
        ),
        (
            """
def distances(archive, queries):
    both = np.vstack([archive, queries])
    a = (archive - both.mean(0)) / both.std(0)
    q = (queries - both.mean(0)) / both.std(0)
    return np.array([[np.sqrt(((u - v) ** 2).sum()) for v in a] for u in q])
""",
            "likely cause: You took mean and spread of archive and queries together",
        ),
        (
            """
from sklearn.preprocessing import StandardScaler
from scipy.spatial.distance import cdist
def distances(archive, queries):
    return cdist(StandardScaler().fit_transform(queries), StandardScaler().fit_transform(archive))
""",
            "likely cause: You scaled the queries by their own mean and spread",
        ),
    ],
    "nearest": [
        (
            """
def nearest(distances, archive_patients, query_patients, k):
    return np.array([np.argsort(row)[:k] for row in distances])
""",
            "likely cause: The query's own patient is among the answers",
        ),
        (
            """
def nearest(distances, archive_patients, query_patients, k):
    order = np.argsort(distances, axis=1)
    return order[:, 1 : k + 1]  # the first one is the query itself
""",
            "likely cause: You dropped the first answer of each query",
        ),
        (
            """
def nearest(distances, archive_patients, query_patients, k):
    for i, patient in enumerate(query_patients):
        distances[i, archive_patients == patient] = np.inf
    return np.argsort(distances, axis=1)[:, :k]
""",
            "it changed its input: work on a copy",
        ),
        (
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
    ],
    "precision_at_k": [
        (
            """
def precision_at_k(query_labels, answer_labels, k):
    hits = (answer_labels[:, :k] == query_labels[:, None]).sum()
    return hits / (k * len(query_labels))
""",
            "likely cause: This is the mean over all queries",
        ),
        (
            """
def precision_at_k(query_labels, answer_labels, k):
    return np.array([sum(answers[:k]) / k for answers in answer_labels == 1])
""",
            "likely cause: You counted malignant answers",
        ),
        (
            """
def precision_at_k(query_labels, answer_labels, k):
    return (answer_labels[:, :k] == query_labels).mean(axis=1)
""",
            "case 1 of 3 differs",
        ),
    ],
    "average_precision": [
        (
            """
def average_precision(right):
    total = 0
    for r in range(1, len(right) + 1):
        total += right[:r].sum() / r
    return total / len(right)
""",
            "likely cause: You took the mean over all ranks",
        ),
        (
            """
def average_precision(right):
    ranks = np.flatnonzero(right) + 1
    return np.mean(np.arange(1, len(ranks) + 1) / ranks)
""",
            "likely cause: Where no answer is right you return NaN",
        ),
        (
            """
def average_precision(right):
    ranks = np.flatnonzero(right)  # counted from 0
    return np.mean(np.arange(1, len(ranks) + 1) / ranks) if len(ranks) else 0
""",
            "expected 0.833333, got inf",
        ),
    ],
    "move": [
        (
            """
def move(points, spacing, degrees, shift):
    c, s = np.cos(degrees), np.sin(degrees)
    mm = points * np.array(spacing)
    return np.array([[c * y - s * x + shift[0], s * y + c * x + shift[1]] for y, x in mm])
""",
            "likely cause: You gave degrees to cosine and sine",
        ),
        (
            """
def move(points, spacing, degrees, shift):
    a = np.deg2rad(degrees)
    rotation = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    return points * spacing @ rotation + shift  # points stand in rows: this is the transposed turn
""",
            "likely cause: You turned the other way",
        ),
        (
            """
def move(points, spacing, degrees, shift):
    a = np.deg2rad(degrees)
    rotation = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    return rotation @ (points * spacing) + shift
""",
            "matmul: Input operand 1 has a mismatch in its core dimension",
        ),
    ],
}

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
