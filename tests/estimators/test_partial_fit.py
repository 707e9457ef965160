"""partial_fit trains for one more epoch, on the scale and the classes of the first call."""

from __future__ import annotations

import numpy as np
import pytest

from skconvattn import ConvAttentionClassifier, ConvAttentionRegressor, SelfAttentionClassifier
from tests.estimator_params import every

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 6))
Y = X[:, 0] - X[:, 5]
SMALL = {"members": ["network"], "units": 2, "random_state": 0, "epochs": 3}

every_estimator = every("regressor", "classifier", quick="ConvAttention")


def _target(cls, y=Y):
    return y > 0 if cls.__name__.endswith("Classifier") else y


@every_estimator
def test_each_call_is_one_epoch_on_all_samples(cls):
    estimator = cls(**SMALL)
    for n_epochs in (1, 2, 3):
        assert estimator.partial_fit(X, _target(cls)) is estimator
        assert estimator.n_iter_ == len(estimator.history_["loss"]) == n_epochs
    again = cls(**SMALL)
    for _ in range(3):
        again.partial_fit(X, _target(cls))
    np.testing.assert_array_equal(again.predict(X), estimator.predict(X))


def test_the_first_call_is_a_fit_of_one_epoch_and_a_fit_begins_anew():
    settings = {"early_stopping": False, "optimizer": "sgd", "members": ["network"]}
    settings = {**settings, "batch_size": 60, "random_state": 0}  # in one batch order is no matter
    fitted = ConvAttentionRegressor(**settings, epochs=1).fit(X, Y)
    regressor = ConvAttentionRegressor(**settings, epochs=1)
    regressor.partial_fit(X, Y).partial_fit(X, Y)
    assert regressor.n_iter_ == 2
    np.testing.assert_array_equal(regressor.fit(X, Y).predict(X), fitted.predict(X))
    assert regressor.n_iter_ == 1


def test_gradient_descent_in_calls_is_gradient_descent_in_epochs():
    """Plain descent on one batch has no state but the weights."""
    settings = {"optimizer": "sgd", "batch_size": 60, "early_stopping": False, "random_state": 0}
    settings["members"] = ["network"]
    whole = ConvAttentionRegressor(**settings, epochs=4).fit(X, Y)
    steps = ConvAttentionRegressor(**settings, epochs=1).fit(X, Y)
    for _ in range(3):
        steps.partial_fit(X, Y)
    np.testing.assert_allclose(steps.history_["loss"], whole.history_["loss"], rtol=1e-5)
    np.testing.assert_allclose(steps.predict(X), whole.predict(X), rtol=1e-4, atol=1e-6)


@every_estimator
def test_batches_of_samples_teach(cls):
    y = _target(cls, 3 * X[:, 0])
    estimator = cls(random_state=0, learning_rate=0.02)
    for _ in range(40):
        for start in (0, 20, 40):
            estimator.partial_fit(X[start : start + 20], y[start : start + 20])
    assert estimator.score(X, y) > 0.8


def test_scale_and_gaps_are_those_of_the_first_call():
    regressor = ConvAttentionRegressor(**SMALL).partial_fit(X, Y)
    before = regressor._preparation_, regressor._target_scaling_
    gaps = np.where(np.arange(6) == 2, np.nan, 100 * X)
    regressor.partial_fit(gaps, 7 * Y)
    assert (regressor._preparation_, regressor._target_scaling_) == before
    assert regressor.n_iter_ == 2


def test_classes_are_those_of_the_first_call():
    y = np.where(Y > 0, "up", "down")
    classifier = ConvAttentionClassifier(**SMALL)
    classifier.partial_fit(X[:5], y[:5], classes=["up", "level", "down"])
    assert classifier.classes_.tolist() == ["down", "level", "up"]
    assert classifier.partial_fit(X, y).predict_proba(X).shape == (60, 3)
    before = classifier.predict_proba(X)
    with pytest.raises(ValueError, match=r"y has the class 'new', .* give partial_fit all classes"):
        classifier.partial_fit(X[:1], ["new"])
    with pytest.raises(ValueError, match=r"y has the class 0, which is none of \['down', 'level'"):
        classifier.partial_fit(X, (Y > 0).astype(int))
    with pytest.raises(ValueError, match="are not those of the first call"):
        classifier.partial_fit(X, y, classes=["up", "down"])
    np.testing.assert_array_equal(classifier.predict_proba(X), before)
    assert classifier.fit(X, y).classes_.tolist() == ["down", "up"]


def test_classes_without_samples_yet_stay_possible():
    classifier = SelfAttentionClassifier(random_state=0)
    classifier.partial_fit(X[:20], ["a"] * 20, classes=["a", "b", "c"])
    probabilities = classifier.predict_proba(X)
    assert probabilities.shape == (60, 3)
    assert (probabilities > 0).all()
    classifier.partial_fit(X, np.where(X[:, 0] > 0, "b", "c"))
    assert classifier.predict_proba(X)[:, 1:].sum() > probabilities[:, 1:].sum()


def test_text_is_no_number_however_many_classes_there_are():
    classifier = ConvAttentionClassifier(**SMALL)
    with pytest.raises(ValueError, match=r"y has the class '0', which is none of \[0, 1, 2"):
        classifier.partial_fit(X, np.where(Y > 0, "10", "0"), classes=np.arange(40))
    labels = np.where(Y > 0, "10", "0").astype(object)
    classifier.partial_fit(X, labels, classes=["0", "10"]).partial_fit(X, labels.astype(str))
    assert classifier.n_iter_ == 2


def test_balanced_classes_need_all_samples():
    classifier = ConvAttentionClassifier(**SMALL, class_weight="balanced")
    with pytest.raises(ValueError, match="which partial_fit does not see; give the weights as a d"):
        classifier.partial_fit(X, Y > 0)
    weighted = ConvAttentionClassifier(**SMALL, class_weight={True: 3}).partial_fit(X, Y > 0)
    by_hand = ConvAttentionClassifier(**SMALL)
    by_hand.partial_fit(X, Y > 0, sample_weight=np.where(Y > 0, 3, 1))
    np.testing.assert_array_equal(weighted.predict_proba(X), by_hand.predict_proba(X))


def test_other_shapes_than_in_the_first_call_are_refused():
    regressor = ConvAttentionRegressor(**SMALL).partial_fit(X, Y)
    with pytest.raises(ValueError, match=r"X has 5 features, but .* is expecting 6"):
        regressor.partial_fit(X[:, :5], Y)
    with pytest.raises(ValueError, match=r"y has \(60, 2\), and that of the first call had"):
        regressor.partial_fit(X, np.c_[Y, Y])
    series = [row[: 3 + i % 4] for i, row in enumerate(X)]
    regressor = ConvAttentionRegressor(**SMALL).partial_fit(series, Y)
    regressor.partial_fit([row[:4] for row in X], Y)
    with pytest.raises(ValueError, match=r"X has 9 time steps, .* at most 6; cut longer"):
        regressor.partial_fit(np.ones((60, 9)), Y)
