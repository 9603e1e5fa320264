"""The features as steps of scikit-learn: the numbers of the functions, in pipelines, searches and tables."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler

from medlab import features

SPACING = (2.0, 0.7, 0.7)
N = 12


def stripes() -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 16, 16) of stripes that lie (0) or stand (1), with noise."""
    rng = np.random.default_rng(0)
    labels = np.arange(N) % 2
    y, x = np.mgrid[:16, :16]
    images = np.stack([np.sin(1.2 * (x if label else y) + rng.uniform(0, 6)) for label in labels])
    return 100 + 50 * images + rng.normal(0, 10, images.shape), labels


def balls() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Volumes and masks of balls and cigars, large and small alike."""
    rng = np.random.default_rng(1)
    labels = np.arange(N) % 2
    z, y, x = np.meshgrid(np.arange(9) - 4, np.arange(24) - 12, np.arange(24) - 12, indexing="ij")
    long = np.where(labels, 2.0, 1.0)
    masks = np.stack(
        [(3 * z) ** 2 + y**2 + (x / k) ** 2 <= r**2 for r, k in zip(rng.uniform(4, 5.5, N), long, strict=True)]
    )
    return (
        np.where(masks, 40.0 - 300 * labels[:, None, None, None], -800) + rng.normal(0, 30, masks.shape),
        masks,
        labels,
    )


GREY, KIND = stripes()
COLOUR = np.stack([GREY, 255 - GREY, 0 * GREY], axis=-1).clip(0, 255).astype(np.uint8)
VOLUMES, MASKS, LONG = balls()
PAIRS = list(zip(VOLUMES, MASKS, strict=True))

STEPS = {
    "haar": (features.Haar(types="type-4"), GREY, lambda: features.haar_features(GREY, types="type-4")),
    "lbp": (features.LBP(radius=2), GREY, lambda: features.lbp_histogram(GREY, radius=2)),
    "glcm": (
        features.GLCM(low=0, high=256, distances=(1, 2)), GREY,
        lambda: features.glcm_features(GREY, low=0, high=256, distances=(1, 2)),
    ),
    "hog": (features.HOG(orientations=6), GREY, lambda: features.hog_features(GREY, orientations=6)),
    "hog of colour": (features.HOG(), COLOUR, lambda: features.hog_features(COLOUR)),
    "hsv": (features.HSV(bins=(4, 2, 2)), COLOUR, lambda: features.hsv_histogram(COLOUR, bins=(4, 2, 2))),
    "shape": (
        features.Shape(spacing=SPACING), MASKS,
        lambda: [list(features.shape_features(m, spacing=SPACING).values()) for m in MASKS],
    ),
    "intensity": (
        features.Intensity(spacing=SPACING, rim_width=3), PAIRS,
        lambda: [list(features.intensity_features(*p, spacing=SPACING, rim_width=3).values()) for p in PAIRS],
    ),
    "margin": (
        features.Margin(spacing=SPACING), PAIRS,
        lambda: [list(features.margin_features(*p, spacing=SPACING).values()) for p in PAIRS],
    ),
}  # fmt: skip
every_step = pytest.mark.parametrize("name", STEPS)


@every_step
def test_numbers_of_the_function(name):
    step, X, expected = STEPS[name]
    found = clone(step).fit_transform(X)
    np.testing.assert_allclose(found, expected())
    np.testing.assert_array_equal(clone(step).fit(X[:1]).transform(X), found)  # nothing is learned from the others


@every_step
def test_clone_and_parameters(name):
    step = STEPS[name][0]
    copy = clone(step)
    assert copy is not step
    assert copy.get_params() == step.get_params()
    assert "masks" not in step.get_params()  # each image has its own
    with pytest.raises(TypeError, match="no_such_option"):
        type(step)(no_such_option=1)
    changed = clone(step).set_params(**{next(iter(step.get_params())): None})
    assert next(iter(changed.get_params().values())) is None
    assert type(step).__name__ in repr(step)


@every_step
def test_tables_with_names(name):
    step, X, expected = STEPS[name]
    table = clone(step).set_output(transform="pandas").fit_transform(X)
    assert isinstance(table, pd.DataFrame)
    assert table.columns.is_unique
    assert table.columns.str.startswith(name.split()[0] + "_").all()
    np.testing.assert_allclose(table, expected())


@every_step
def test_names_only_after_fit(name):
    step, X, _ = STEPS[name]
    for call in (lambda: clone(step).transform(X), clone(step).get_feature_names_out):
        with pytest.raises(NotFittedError):
            call()
    with pytest.raises(ValueError, match="needs at least one image"):
        clone(step).fit(X[:0])


@every_step
def test_no_images_give_no_rows(name):
    step, X, _ = STEPS[name]
    fitted = clone(step).fit(X)
    assert fitted.transform(X[:0]).shape == (0, len(fitted.get_feature_names_out()))


@every_step
def test_in_a_pipeline_and_its_folds(name):
    step, X, _ = STEPS[name]
    labels = LONG if X is MASKS or X is PAIRS else KIND
    model = make_pipeline(clone(step), StandardScaler(), RandomForestClassifier(20, random_state=0))
    scores = cross_val_score(model, X, labels, cv=3, error_score="raise")
    assert len(scores) == 3
    if name in ("glcm", "hog", "shape", "intensity", "margin"):  # the others cannot tell, or not from so few
        assert scores.mean() > 0.9


def test_names_of_glcm_say_what_was_measured():
    step = features.GLCM(low=0, high=256, distances=(1, 2), properties=["contrast", "energy"]).fit(GREY)
    names = step.get_feature_names_out().tolist()
    assert names[:5] == [f"glcm_contrast_{w}" for w in ("d1_a0", "d1_a45", "d1_a90", "d1_a135", "d2_a0")]
    one = features.glcm_features(GREY, low=0, high=256, distances=[2], angles=[np.pi / 2], properties="energy")
    np.testing.assert_allclose(step.transform(GREY)[:, names.index("glcm_energy_d2_a90")], one[:, 0])


def test_search_over_options():
    model = make_pipeline(features.HOG(), LogisticRegression())
    options = {"hog__orientations": [1, 8], "hog__pixels_per_cell": [(8, 8), (4, 4)]}
    search = GridSearchCV(model, options, cv=3, error_score="raise").fit(GREY, KIND)
    assert search.best_params_["hog__orientations"] == 8  # one direction cannot tell lying from standing
    assert search.best_score_ == 1
    masks = list(zip(MASKS, [SPACING] * N, strict=True))
    search = GridSearchCV(
        make_pipeline(features.Shape(), StandardScaler(), LogisticRegression()),
        {"logisticregression__C": [1, 10]},
        cv=3,
    )
    assert search.fit(masks, LONG).best_score_ == 1


def test_several_families_beside_each_other():
    union = make_union(features.Intensity(spacing=SPACING), features.Margin(spacing=SPACING))
    table = union.set_output(transform="pandas").fit_transform(PAIRS)
    assert {"intensity__intensity_mean", "margin__margin_edge_slope"} <= set(table.columns)


def test_lists_and_images_of_other_sizes():
    sizes = [GREY[0], GREY[1][:12], GREY[2][:, :14]]
    for step, of in (
        (features.LBP(), features.lbp_histogram), (features.GLCM(low=0, high=256), features.glcm_features)
    ):  # fmt: skip
        found = step.fit_transform(sizes)
        np.testing.assert_allclose(found, np.concatenate([of(i[None], **step.get_params()) for i in sizes]))
    for step in (features.HOG(), features.Haar(types="type-4")):
        np.testing.assert_array_equal(step.fit_transform(list(GREY)), step.fit_transform(GREY))
        with pytest.raises(ValueError, match=r"was fitted on images of \(16, 16\), got \(12, 16\)"):
            step.fit(sizes).transform(sizes)


def test_every_lesion_its_own_spacing():
    spacings = [(2.0, 0.7, 0.7), (1.0, 0.5, 0.5)]
    found = features.Shape().fit_transform(list(zip(MASKS[:2], spacings, strict=True)))
    expected = [list(features.shape_features(m, spacing=s).values()) for m, s in zip(MASKS[:2], spacings, strict=True)]
    np.testing.assert_array_equal(found, expected)
    triples = [(*pair, s) for pair, s in zip(PAIRS[:2], spacings, strict=True)]
    for step, of in (
        (features.Intensity(), features.intensity_features), (features.Margin(), features.margin_features)
    ):  # fmt: skip
        expected = [list(of(i, m, spacing=s).values()) for i, m, s in triples]
        np.testing.assert_array_equal(step.fit_transform(triples), expected)


@pytest.mark.parametrize(
    ("step", "X", "message"),
    [
        (features.Shape(), MASKS, "spacing must be 3 numbers in mm"),
        (features.Shape(spacing=(1, 1)), MASKS, "spacing must be 3 numbers"),
        (features.Shape(spacing=SPACING), MASKS & False, "mask must mark at least one pixel"),
        (features.Intensity(), VOLUMES, r"takes \(image, mask\) or \(image, mask, spacing\)"),
        (features.Intensity(), VOLUMES[:, :3], r"takes \(image, mask\) or \(image, mask, spacing\)"),
        (features.Margin(), PAIRS, "spacing must be 3 numbers in mm"),
        (features.HOG(), GREY[:, :4], "one block of cells needs"),
        (features.HSV(), GREY, "in colour"),
        (features.LBP(), GREY * np.nan, "finite"),
    ],
)
def test_bad_input(step, X, message):
    with pytest.raises(ValueError, match=message):
        step.fit_transform(X)


def test_planes_and_volumes_do_not_mix():
    step = features.Shape().fit([(MASKS[0], SPACING)])
    with pytest.raises(ValueError, match="item 0 gives other features than the first"):
        step.transform([(MASKS[0][4], (1, 1))])
