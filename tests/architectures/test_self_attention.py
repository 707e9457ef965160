"""Self-attention architectures see what they should, and classifiers start at a regression."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifierCV

from skconvattn import SelfAttentionClassifier, SelfAttentionRegressor
from skconvattn.architectures.self_attention import SelfAttentionNetwork
from skconvattn.estimators.pattern_start import _temperature
from skconvattn.layers.parts.pattern_proportions import PatternProportions
from skconvattn.networks import ClassHead, ClassOutput, ModelSpec

KINDS = ["multi_head", "additive", "multiplicative", "linear"]


def _model(*, sequence: bool = False, **parameters):
    network = SelfAttentionNetwork(filters=4, units=4, num_heads=2, kernel_size=3, **parameters)
    spec = ModelSpec.of(
        network, ClassHead(ClassOutput(3)), n_timepoints=None, n_channels=2, masked=True
    )
    if not sequence:
        return spec.build().model
    import keras

    series, mask = keras.Input((None, 2)), keras.Input((None,), dtype="bool")
    return keras.Model([series, mask], network.encode(series, mask).sequence)


@pytest.fixture
def series() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, 20, 2)).astype("float32")


@pytest.mark.parametrize("pooling", ["statistics", "attention"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_masked_tail_is_as_good_as_none(kind, pooling, series):
    model = _model(attention_type=kind, pooling=pooling, strides=2, pattern_dilations=2)
    mask = np.broadcast_to(np.arange(20) < 13, (3, 20))
    behind = np.where(mask[..., None], series, 50.0).astype("float32")
    alone = np.asarray(model([series[:, :13], mask[:, :13]]))
    np.testing.assert_allclose(np.asarray(model([behind, mask])), alone, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_no_step_sees_a_later_one_with_history_only(kind, series):
    model = _model(sequence=True, attention_type=kind, history_only=True, dilation_base=2)
    mask = np.ones((3, 20), bool)
    changed = series.copy()
    changed[:, 12:] += 1.0
    before, after = np.asarray(model([series, mask])), np.asarray(model([changed, mask]))
    np.testing.assert_allclose(after[:, :12], before[:, :12], atol=1e-6)
    assert (np.abs(after[:, 12:] - before[:, 12:]).max(axis=2) > 1e-3).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"attention_type": "linear", "attention_width": 3}, "attention_width=3 does not go with"),
        ({"attention_type": "additive", "positions": "rotary"}, "positions='rotary' does not go"),
        ({"filters": 1}, "filters=1 does not go with hidden_normalization='layer'"),
    ],
)
def test_options_that_contradict_each_other_are_refused(parameters, message):
    X = np.random.default_rng(0).normal(size=(12, 8))
    with pytest.raises(ValueError, match=message):
        SelfAttentionRegressor(epochs=1, **parameters).fit(X, X[:, 0])


@pytest.mark.parametrize("kind", ["multi_head", "additive"])
def test_attention_of_a_window_is_shown_as_a_square(kind):
    X = np.random.default_rng(0).normal(size=(12, 10))
    regressor = SelfAttentionRegressor(
        epochs=1, attention_type=kind, attention_width=3, num_heads=1, random_state=0
    )
    regressor.fit(X, X[:, 0])
    attention = regressor.fitted_model_.attention([X[..., None].astype("float32")])
    assert attention.shape == (12, 1, 10, 10)
    np.testing.assert_allclose(attention.sum(axis=-1), 1, atol=1e-5)
    far = np.abs(np.subtract.outer(np.arange(10), np.arange(10))) > 1
    assert (attention[:, :, far] == 0).all()


def test_a_classifier_starts_at_the_ridge_regression_on_its_patterns():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 15)
    X = np.sin(np.arange(40) * (0.3 + 0.1 * y[:, None])) + rng.normal(size=(45, 40))
    classifier = SelfAttentionClassifier(
        epochs=1, learning_rate=1e-12, pattern_dilations=3, random_state=0
    ).fit(X, y)

    # The same patterns with the thresholds and statistics that the fit has found.
    state = classifier.fitted_model_
    layer = PatternProportions(3, gain=1.0)
    layer.build((None, 40, 1))
    for name, value in zip(
        ("dilations", "thresholds", "center", "scale"), state.state, strict=True
    ):
        getattr(layer, name).assign(value)
    features = np.asarray(layer(((X - X.mean()) / X.std())[..., None].astype("float32")))
    ridge = RidgeClassifierCV(np.logspace(-1, 5, 13)).fit(features, y)
    scores = ridge.decision_function(features)
    logits = np.log(classifier.predict_proba(X))
    logits -= logits.mean(axis=1, keepdims=True)
    scores -= scores.mean(axis=1, keepdims=True)
    factor = (logits * scores).sum() / (scores * scores).sum()
    assert factor > 0.9
    np.testing.assert_allclose(logits, factor * scores, atol=0.02 * factor)


def test_the_temperature_makes_scores_as_sure_as_they_are_right():
    targets = np.array([0, 1] * 50)
    right = np.where(np.arange(100) < 95, 1.0, -1.0)
    scores = right[:, None] * (2.0 * np.eye(2)[targets] - 1.0)
    # Scores of f and -f make a probability of 1 / (1 + exp(-2 f)): 0.95 at f = 1.47.
    assert 1.2 < _temperature(scores, targets, np.ones(100)) < 1.6
    # Where all are right, the surer the better.
    assert _temperature(2.0 * np.eye(2)[targets] - 1.0, targets, np.ones(100)) > 10


def test_a_series_of_one_step_and_a_class_of_one_sample_are_taken():
    X = np.array([[0.0], [1.0], [2.0]])
    classifier = SelfAttentionClassifier(epochs=1, pattern_dilations=2, random_state=0)
    assert set(classifier.fit(X, ["a", "a", "b"]).predict(X)) <= {"a", "b"}
    assert classifier.fit(X[:1], ["a"]).predict(X).tolist() == ["a", "a", "a"]
