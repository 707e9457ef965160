"""Series of unequal length are masked: what follows their end does not matter."""

from __future__ import annotations

import pickle

import keras
import numpy as np
import pandas as pd
import pytest

from skconvattn import ConvAttentionClassifier, ConvAttentionRegressor, load
from skconvattn.data.panel import Panel, Preparation
from skconvattn.inspection import attention_weights
from tests.estimator_params import every

RNG = np.random.default_rng(0)
LENGTHS = RNG.integers(4, 13, size=60)
LENGTHS[7] = 12
SERIES = [RNG.normal(size=(2, n)) for n in LENGTHS]
Y = np.array([values[0, -1] for values in SERIES])
SMALL = {"units": 2, "epochs": 2, "random_state": 0}
NETWORK = {**SMALL, "members": ["network"]}

every_estimator = every("regressor", "classifier", quick="ConvAttention")


def _target(cls, y=Y):
    return y > 0 if cls.__name__.endswith("Classifier") else y


def _outputs(estimator, series):
    if hasattr(estimator, "predict_proba"):
        return estimator.predict_proba(series)
    return estimator.predict(series)


def _frames(series):
    return [pd.DataFrame(values.T, columns=["a", "b"]) for values in series]


CONTAINERS = {
    "tuple of arrays": tuple,
    "array of arrays": lambda series: np.array([*series, None], dtype=object)[:-1],
    "list of frames": _frames,
    "frame of series": lambda series: pd.DataFrame(
        {name: [pd.Series(values[i]) for values in series] for i, name in enumerate("ab")}
    ),
    "frame of two levels": lambda series: pd.concat(
        dict(enumerate(_frames(series))), names=["series", "time"]
    ),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_containers_hold_the_same_series(container):
    expected = ConvAttentionRegressor(**SMALL).fit(SERIES, Y).predict(SERIES)
    given = CONTAINERS[container](SERIES)
    regressor = ConvAttentionRegressor(**SMALL).fit(given, Y)
    np.testing.assert_array_equal(regressor.predict(given), expected)
    assert regressor.n_features_in_ == 2
    assert hasattr(regressor, "feature_names_in_") == ("frame" in container)


@pytest.mark.parametrize("container", CONTAINERS)
def test_containers_of_equal_lengths_are_as_one_array(container):
    series = np.stack([values[:, :4] for values in SERIES])
    expected = ConvAttentionRegressor(**NETWORK).fit(series, Y).predict(series)
    given = CONTAINERS[container](list(series))
    regressor = ConvAttentionRegressor(**NETWORK).fit(given, Y)
    np.testing.assert_array_equal(regressor.predict(given), expected)
    assert not regressor.fitted_model_.spec.masked


@pytest.mark.parametrize("container", ["array of arrays", "list of frames", "frame of series"])
def test_containers_are_predicted_after_a_fit_on_an_array_of_two_axes(container):
    flat = np.stack([values[0, :4] for values in SERIES])
    regressor = ConvAttentionRegressor(**NETWORK).fit(flat, Y)
    given = {
        "array of arrays": np.array([*flat, None], dtype=object)[:-1],
        "list of frames": [pd.DataFrame({0: row}) for row in flat],
        "frame of series": pd.DataFrame({0: [pd.Series(row) for row in flat]}),
    }[container]
    np.testing.assert_array_equal(regressor.predict(given), regressor.predict(flat))
    regressor.partial_fit(given, Y)
    assert regressor.n_features_in_ == 4
    with pytest.raises(ValueError, match=r"X has 4 time steps and 2 channels, but .* on 4 and 1"):
        regressor.predict(CONTAINERS["array of arrays"](np.stack([flat, flat], axis=1)))


def test_lists_of_numbers_may_be_of_unequal_length():
    arrays = [values[0] for values in SERIES]
    one = ConvAttentionRegressor(**SMALL).fit(arrays, Y)
    other = ConvAttentionRegressor(**SMALL).fit([values.tolist() for values in arrays], Y)
    np.testing.assert_array_equal(one.predict(arrays), other.predict(arrays))
    # Series that happen to have one length are series of that fit too.
    np.testing.assert_array_equal(one.predict(np.stack([arrays[7]])), one.predict(arrays)[7:8])


@every_estimator
def test_a_prediction_depends_on_its_own_series_alone(cls):
    estimator = cls(**SMALL).fit(SERIES, _target(cls))
    together = _outputs(estimator, SERIES)
    for i in (0, 7, 30):
        np.testing.assert_array_equal(_outputs(estimator, [SERIES[i]]), together[i : i + 1])
    longer = [*SERIES[:5], RNG.normal(size=(2, 40))]
    np.testing.assert_array_equal(_outputs(estimator, longer)[:5], together[:5])


@every_estimator
def test_padding_by_hand_changes_nothing_that_a_prediction_sees(cls):
    """The same weights on a longer padding give the same values but for the order of sums."""
    estimator = cls(**NETWORK).fit(SERIES, _target(cls))
    panel = Panel.padded([values.astype(np.float32) for values in SERIES])
    rows = np.arange(60)
    model = estimator.fitted_model_
    near = model.predict(estimator._preparation_.inputs(panel, rows))
    far = model.for_length(24).predict(estimator._preparation_.inputs(panel, rows, 24))
    np.testing.assert_allclose(far, near, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cls", [ConvAttentionRegressor, ConvAttentionClassifier])
def test_a_fit_on_unequal_lengths_and_gaps_survives_a_file_and_a_pickle(cls, tmp_path):
    gaps = [np.where(values > 1.5, np.nan, values) for values in SERIES]
    estimator = cls(**SMALL).fit(gaps, _target(cls))
    estimator.save(tmp_path / "model.zip")
    longer = [*gaps, RNG.normal(size=(2, 20))]
    for again in (load(tmp_path / "model.zip"), pickle.loads(pickle.dumps(estimator))):
        np.testing.assert_array_equal(_outputs(again, longer), _outputs(estimator, longer))


@every_estimator
def test_order_and_repetition_do_not_matter_with_unequal_lengths(cls):
    y, times = _target(cls), np.arange(60) % 3
    picked = np.random.default_rng(1).permutation(np.repeat(np.arange(60), times))
    weighted = cls(**SMALL).fit(SERIES, y, sample_weight=times)
    repeated = cls(**SMALL).fit([SERIES[i] for i in picked], y[picked])
    np.testing.assert_array_equal(_outputs(weighted, SERIES), _outputs(repeated, SERIES))


def test_weight_zero_leaves_out_the_length_of_a_series_too():
    times = (LENGTHS == 5).astype(float)
    kept = [values for values in SERIES if values.shape[1] == 5]
    one = ConvAttentionRegressor(**NETWORK).fit(SERIES, Y, sample_weight=times)
    other = ConvAttentionRegressor(**NETWORK).fit(kept, Y[LENGTHS == 5])
    assert not one.fitted_model_.spec.masked
    np.testing.assert_array_equal(one.predict(kept), other.predict(kept))


def test_padding_stays_out_of_location_and_scale():
    flat = [np.full((1, n), 3.0) + np.arange(n) for n in (2, 5)]
    preparation = Preparation.of(Panel.padded(flat), np.arange(2), np.array([1.0, 2.0]))
    values, weights = np.array([3, 4, 3, 4, 5, 6, 7]), [1, 1, 2, 2, 2, 2, 2]
    center = np.average(values, weights=weights)
    assert preparation.scaling.center[0] == pytest.approx(center)
    variance = np.average((values - center) ** 2, weights=weights)
    assert preparation.scaling.scale[0] == pytest.approx(np.sqrt(variance))
    series, mask = preparation.inputs(Panel.padded(flat), np.arange(2))
    np.testing.assert_array_equal(mask, [[1, 1, 0, 0, 0], [1, 1, 1, 1, 1]])
    np.testing.assert_array_equal(series[0, 2:], 0)
    assert len(preparation.missing_channels) == 0


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the compiled engine is of TensorFlow"
)
def test_both_engines_train_on_the_same_masks():
    losses = [
        ConvAttentionClassifier(**NETWORK, engine=engine).fit(SERIES, Y > 0).history_["loss"]
        for engine in ("compiled", "portable")
    ]
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_a_classifier_learns_from_the_end_of_series_of_any_length():
    rng = np.random.default_rng(1)
    y = np.arange(120) % 2
    series = [rng.normal(size=rng.integers(8, 25)) for _ in y]
    for values, label in zip(series, y, strict=True):
        values[-3:] += 6 * label - 3
    classifier = ConvAttentionClassifier(random_state=0).fit(series[:80], y[:80])
    assert classifier.score(series[80:], y[80:]) > 0.9


def test_a_fit_on_equal_lengths_takes_no_others():
    equal = np.stack([values[:, :4] for values in SERIES])
    regressor = ConvAttentionRegressor(**SMALL).fit(equal, Y)
    with pytest.raises(ValueError, match=r"X has 4 to 12 time steps .* fitted on 4 and 2; give"):
        regressor.predict(SERIES)


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ([np.ones((2, 3)), np.ones((1, 4))], "series of 1 to 2 channels; give all series the same"),
        ([np.ones(3), np.ones(0)], "without time steps at position 1; leave it out"),
        ([np.ones(3), np.array([1, np.inf])], "Input X contains infinity"),
        ([np.ones(3), np.ones(2) * 1j], "Complex data not supported"),
        ([*_frames(SERIES[:1]), pd.DataFrame({"a": [1.0], "c": [2.0]})], "at position 1, .*'c'"),
        (pd.DataFrame({"a": [pd.Series([1.0, 2.0])], "b": [pd.Series([1.0])]}),
         "channels of 1 to 2 time steps in row 0; give all channels"),
        (pd.DataFrame({"a": [1.0]}, index=pd.MultiIndex.from_tuples([(0, 0, 0)])),
         "index of 3 levels; give a panel one level for the series"),
    ],
)  # fmt: skip
def test_series_that_make_no_panel_are_refused(series, message):
    with pytest.raises(ValueError, match=message):
        ConvAttentionRegressor(**SMALL).fit(series, np.arange(len(series), dtype=float))


def test_names_and_numbers_of_channels_are_checked():
    frames = _frames(SERIES)
    regressor = ConvAttentionRegressor(**SMALL).fit(frames, Y)
    assert regressor.feature_names_in_.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="feature names should match"):
        regressor.predict([frame.rename(columns={"b": "c"}) for frame in frames])
    with pytest.raises(ValueError, match=r"X has 1 features, but .* is expecting 2"):
        ConvAttentionRegressor(**SMALL).fit(SERIES, Y).predict([v[:1] for v in SERIES])


def test_attention_covers_a_series_and_no_padding():
    classifier = ConvAttentionClassifier(**NETWORK, pool_size=1).fit(SERIES, Y > 0)
    attention = attention_weights(classifier, SERIES)
    assert attention.shape == (60, 12)
    np.testing.assert_allclose(attention.sum(axis=1), 1, rtol=1e-5)
    for weights, length in zip(attention, LENGTHS, strict=True):
        np.testing.assert_array_equal(weights[length:], 0)
    with pytest.raises(ValueError, match=r"X has 4 to 13 time steps, .* at most 12; cut longer"):
        attention_weights(classifier, [*SERIES, np.ones((2, 13))])
