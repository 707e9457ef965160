"""Regressors and classifiers take series of one or many channels, in any order of samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.multioutput import MultiOutputRegressor

from tests.estimator_params import every

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 8))
X3 = RNG.normal(size=(60, 2, 8))
Y = X[:, 0] - X[:, 5]
SMALL = {"units": 2, "epochs": 3, "random_state": 0}

# Each estimator is traced once for SMALL on X, which tests of every_estimator share. Other settings
# and shapes take seconds more per estimator: `make test` has them for convolutional attention.
every_estimator = every("regressor", "classifier")
exhaustively = every("regressor", "classifier", quick="ConvAttention")
every_regressor = every("regressor", quick="ConvAttention")
every_classifier = every("classifier", quick="ConvAttention")


def _target(cls, y=Y):
    return y > 0 if cls.__name__.endswith("Classifier") else y


def _outputs(estimator, series):
    if hasattr(estimator, "predict_proba"):
        return estimator.predict_proba(series)
    return estimator.predict(series)


@every_estimator
@pytest.mark.parametrize(
    "series",
    [
        pytest.param(X, id="one channel"),
        pytest.param(X3, id="two channels", marks=pytest.mark.exhaustive),
    ],
)
def test_the_order_of_samples_does_not_matter(cls, series):
    y = _target(cls)
    shuffled = np.random.default_rng(1).permutation(60)
    one = cls(**SMALL).fit(series, y)
    other = cls(**SMALL).fit(series[shuffled], y[shuffled])
    np.testing.assert_array_equal(_outputs(one, series), _outputs(other, series))


@every_estimator
def test_a_weight_of_two_is_the_same_as_giving_a_sample_twice(cls):
    y = _target(cls)
    times = np.arange(60) % 3
    weighted = cls(**SMALL).fit(X, y, sample_weight=times)
    repeated = cls(**SMALL).fit(np.repeat(X, times, axis=0), np.repeat(y, times))
    np.testing.assert_array_equal(_outputs(weighted, X), _outputs(repeated, X))


@every_estimator
def test_weights_count_by_their_proportions(cls):
    y = _target(cls)
    weights = np.random.default_rng(1).integers(1, 9, size=60)
    one = cls(**SMALL).fit(X, y, sample_weight=weights)
    other = cls(**SMALL).fit(X, y, sample_weight=4.0 * weights)
    np.testing.assert_array_equal(_outputs(one, X), _outputs(other, X))


@every_estimator
def test_one_channel_may_have_an_axis_of_its_own(cls):
    y = _target(cls)
    flat, deep = cls(**SMALL).fit(X, y), cls(**SMALL).fit(X[:, None], y)
    np.testing.assert_array_equal(_outputs(flat, X), _outputs(deep, X[:, None]))


@every_estimator
def test_lists_frames_and_other_types_of_number_give_the_same_fit(cls):
    y, whole = _target(cls), np.round(10 * X)
    expected = _outputs(cls(**SMALL).fit(whole, y), whole)
    arrays = [whole.astype("int16"), whole.astype("float32"), np.asfortranarray(whole)]
    for given in (*arrays, whole.tolist(), pd.DataFrame(whole, columns=list("abcdefgh"))):
        estimator = cls(**SMALL).fit(given, y)
        np.testing.assert_allclose(_outputs(estimator, given), expected, rtol=1e-5, atol=1e-6)


@exhaustively
@pytest.mark.parametrize(("scale", "offset"), [(1e-6, 0), (1e6, 0), (2.0**-3, 2.0**10)])
def test_units_and_offsets_of_channels_do_not_matter(cls, scale, offset):
    y = _target(cls)
    # In one batch and without dropout: the order of samples in it follows their values.
    settings = {
        **SMALL,
        "units": 8,
        "batch_size": 60,
        "dropout": 0.0,
        "members": ["network"],
        "early_stopping": False,
    }
    expected = _outputs(cls(**settings).fit(X3, y), X3)
    moved = X3.copy()
    moved[:, 1] = scale * moved[:, 1] + offset
    found = _outputs(cls(**settings).fit(moved, y), moved)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


@every_regressor
@pytest.mark.parametrize(("scale", "offset"), [(1e-6, 0), (1e6, -3e7)])
def test_a_regressor_moves_and_grows_with_its_target(cls, scale, offset):
    # In one batch and without dropout: the order of samples in it follows their values.
    settings = {**SMALL, "units": 8, "batch_size": 60, "dropout": 0.0, "members": ["network"]}
    # So do the parts that are left out to choose the number of epochs.
    settings["early_stopping"] = False
    expected = cls(**settings).fit(X, Y).predict(X)
    found = cls(**settings).fit(X, scale * Y + offset).predict(X)
    np.testing.assert_allclose((found - offset) / scale, expected, rtol=1e-3, atol=1e-4)


@every_regressor
def test_several_targets_are_learned_together(cls):
    targets = np.c_[X[:, 0], -100 * X[:, 0], 7 + 0 * X[:, 0]]
    regressor = cls(**{**SMALL, "epochs": 60, "learning_rate": 0.02}).fit(X, targets)
    predicted = regressor.predict(X)
    assert predicted.shape == (60, 3)
    assert regressor.score(X, targets) > 0.5
    # A constant target is predicted exactly but for the noise of the network, of scale one.
    assert np.abs(predicted[:, 2] - 7).max() < 0.5
    assert np.corrcoef(predicted[:, 0], predicted[:, 1])[0, 1] < -0.9
    # One column stays a column, and a plain target plain.
    assert cls(**SMALL).fit(X, targets[:, :1]).predict(X).shape == (60, 1)
    assert cls(**SMALL).fit(X, targets[:, 0]).predict(X).shape == (60,)
    assert MultiOutputRegressor(cls(**SMALL)).fit(X, targets).predict(X).shape == (60, 3)


@every_classifier
@pytest.mark.parametrize(
    "labels",
    [["down", "up"], [False, True], [-1, 5], [0.0, 2.0], np.array(["a", "b"], dtype=object)],
    ids=["text", "bool", "int", "float", "object"],
)
def test_labels_of_any_kind_come_back_as_they_were_given(cls, labels):
    labels = np.asarray(labels)
    # Normalized over two channels, a step is a pair of signs: one start in four learns nothing.
    classifier = cls(**{**SMALL, "units": 4, "epochs": 40, "learning_rate": 0.02})
    series = X + 2 * np.sign(Y)[:, None]
    y = labels[(Y > 0).astype(int)]
    classifier.fit(series, y)
    np.testing.assert_array_equal(classifier.classes_, labels)
    predicted = classifier.predict(series)
    assert predicted.dtype == labels.dtype
    assert (predicted == y).mean() > 0.9


@every_classifier
def test_probabilities_of_many_classes_sum_to_one_in_the_order_of_classes(cls):
    labels = np.array(["c", "a", "d", "b"])
    kind = np.arange(60) % 4
    series = X + 4 * (kind[:, None] == np.arange(8) // 2)
    classifier = cls(**{**SMALL, "units": 8, "epochs": 60, "learning_rate": 0.02})
    probabilities = classifier.fit(series, labels[kind]).predict_proba(series)
    np.testing.assert_array_equal(classifier.classes_, ["a", "b", "c", "d"])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    best = classifier.classes_[probabilities.argmax(axis=1)]
    np.testing.assert_array_equal(best, classifier.predict(series))
    assert classifier.score(series, labels[kind]) > 0.9


@every_classifier
def test_one_class_is_predicted_with_certainty(cls):
    classifier = cls(**SMALL).fit(X, np.full(60, "only"))
    assert set(classifier.predict(X)) == {"only"}
    np.testing.assert_array_equal(classifier.predict_proba(X), np.ones((60, 1)))


@every("classifier")
def test_the_same_share_of_each_class_is_held_out_rounded_down(cls):
    codes = np.repeat([0, 1, 2, 3], [100, 40, 9, 4])
    held_out = cls()._held_out(codes, round(0.2 * len(codes)), np.random.default_rng(0))
    assert len(set(held_out)) == len(held_out)
    share = round(0.2 * 153) / 153
    expected = [int(share * n) for n in (100, 40, 9, 4)]
    assert np.bincount(codes[held_out], minlength=4).tolist() == expected == [20, 8, 1, 0]


@exhaustively
def test_a_single_sample_and_a_single_time_step_are_enough(cls):
    one = cls(**SMALL).fit(X[:1], _target(cls)[:1])
    assert np.isfinite(_outputs(one, X)).all()
    short = cls(**SMALL).fit(X[:, :1], _target(cls))
    assert np.isfinite(_outputs(short, X[:, :1])).all()


@exhaustively
def test_constant_series_give_finite_predictions(cls):
    estimator = cls(**SMALL).fit(np.full((60, 8), 1e6), _target(cls))
    assert np.isfinite(_outputs(estimator, np.full((3, 8), 1e6))).all()


@every_classifier
def test_a_warm_start_resumes_for_the_same_labels_only(cls):
    y = Y > 0
    cold = cls(**SMALL, members=["network"]).fit(X, np.where(y, 2, 1))
    warm = cls(**SMALL, members=["network"], warm_start=True).fit(X, y.astype(int))
    first = warm.history_["loss"]
    # The second output was of the label 1, which is now the first.
    warm.fit(X, np.where(y, 2, 1))
    assert warm.history_ == cold.history_
    np.testing.assert_array_equal(warm.predict_proba(X), cold.predict_proba(X))
    warm.fit(X, np.where(y, 2, 1))
    assert warm.history_["loss"][0] < first[0]
