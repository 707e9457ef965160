"""Updates follow their strategy, and streams continue from an updated forecaster."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
from sktime.datasets import load_airline
from sktime.split import ExpandingWindowSplitter

from skconvattn import ConvAttentionForecaster, RNNAttentionForecaster
from tests.estimator_params import of_architectures, thinned

AIRLINE = load_airline()
FIRST, MORE = AIRLINE[:120], AIRLINE[120:126]
FH = [1, 2, 3]
SMALL = {
    "units": 2,
    "epochs": 4,
    "window_length": 12,
    "seasonal_period": 12,
    "early_stopping": False,
    "random_state": 0,
}
FORECASTERS = dict(of_architectures("forecaster"))
X = pd.DataFrame(
    {"x": np.sin(np.arange(150))}, index=pd.period_range("1949-01", periods=150, freq="M")
)


@pytest.fixture(scope="module", params=thinned(FORECASTERS, "ConvAttentionForecaster"))
def architecture(request):
    return FORECASTERS[request.param]


@pytest.fixture(scope="module")
def fitted(architecture):
    return architecture(**SMALL).fit(FIRST, fh=FH)


def _with(forecaster, **parameters):
    """A copy with other parameters; sktime's set_params would forget the fit."""
    moved = copy.deepcopy(forecaster)
    vars(moved).update(parameters)
    return moved


def _updated(forecaster, strategy, update_params=True, **parameters):
    moved = _with(forecaster, update_strategy=strategy, **parameters)
    return moved.update(MORE, update_params=update_params)


def test_a_refit_equals_a_fresh_fit_to_everything(architecture, fitted):
    moved = _updated(fitted, "refit")

    fresh = architecture(**SMALL).fit(AIRLINE[:126], fh=FH)

    np.testing.assert_array_equal(moved.fitted_model_.weights, fresh.fitted_model_.weights)
    pd.testing.assert_series_equal(moved.predict(), fresh.predict())
    pd.testing.assert_frame_equal(moved.predict_interval(), fresh.predict_interval())
    assert moved.history_ == fresh.history_


def test_no_training_only_moves_the_cutoff(fitted):
    for moved in (_updated(fitted, "none"), _updated(fitted, "refit", update_params=False)):
        np.testing.assert_array_equal(moved.fitted_model_.weights, fitted.fitted_model_.weights)
        assert moved.cutoff[0] == MORE.index[-1]
        assert list(moved.predict().index) == list(AIRLINE.index[126:129])
        # The same steps, seen from before and from within.
        np.testing.assert_array_equal(moved.predict(fh=[-20, -10]), fitted.predict(fh=[-14, -4]))


def test_fine_tuning_resumes_from_the_weights(fitted):
    before = fitted.fitted_model_.weights

    tuned = {
        epochs: _updated(fitted, "finetune", finetune_epochs=epochs).fitted_model_.weights
        for epochs in (0, 1, 3)
    }

    np.testing.assert_array_equal(tuned[0], before)
    steps = {epochs: np.abs(weights - before).mean() for epochs, weights in tuned.items()}
    assert 0 < steps[1] < steps[3]
    # Weights of another draw lie much further away.
    fresh = fitted.clone().set_params(random_state=1).fit(FIRST, fh=FH).fitted_model_.weights
    assert steps[1] < 0.5 * np.abs(fresh - before).mean()


def test_fine_tuning_is_the_same_each_time(fitted):
    one, other = (_updated(fitted, "finetune") for _ in range(2))

    np.testing.assert_array_equal(one.fitted_model_.weights, other.fitted_model_.weights)


@pytest.mark.parametrize("strategy", ["none", "finetune", "refit"])
def test_an_update_by_parts_sees_the_same_history(fitted, strategy):
    whole = _updated(fitted, strategy)
    parts = _with(fitted, update_strategy=strategy)

    parts.update(MORE[:2], update_params=False)
    parts.update(MORE[2:])

    np.testing.assert_array_equal(parts.predict(), whole.predict())
    np.testing.assert_array_equal(parts.predict_interval(), whole.predict_interval())


def test_values_given_again_replace_those_before(fitted):
    corrected = AIRLINE[115:126] + 30.0

    moved = copy.deepcopy(fitted).update(corrected, update_params=False)

    history = moved.panel_.first.y.iloc[:, 0]
    np.testing.assert_array_equal(history, [*AIRLINE[:115], *corrected])


@pytest.mark.parametrize("strategy", ["none", "finetune", "refit"])
def test_update_predict_follows_the_strategy(strategy):
    forecaster = ConvAttentionForecaster(filters=2, update_strategy=strategy, **SMALL)
    forecaster.fit(FIRST, fh=[1])
    before = forecaster.predict()
    cv = ExpandingWindowSplitter(fh=[1], initial_window=2, step_length=2)

    forecasts = forecaster.update_predict(MORE, cv, update_params=True)

    by_hand, expected = copy.deepcopy(forecaster), []
    for end in (2, 4):
        by_hand.update(MORE[:end])
        expected.append(by_hand.predict().iloc[0])
    np.testing.assert_allclose(forecasts.to_numpy().ravel()[:2], expected, rtol=1e-6)
    pd.testing.assert_series_equal(forecaster.predict(), before)


@pytest.mark.parametrize("strategy", ["none", "finetune", "refit"])
def test_covariates_are_updated_with_the_series(strategy):
    parameters = {"filters": 2, "members": ("linear", "network"), **SMALL}
    forecaster = ConvAttentionForecaster(update_strategy=strategy, **parameters)
    forecaster.fit(FIRST, X=X[:120], fh=FH)

    forecaster.update(MORE, X=X[120:126])

    fresh = ConvAttentionForecaster(**parameters).fit(AIRLINE[:126], X=X[:126], fh=FH)
    pd.testing.assert_frame_equal(forecaster.panel_.first.X, fresh.panel_.first.X)
    equal = np.array_equal(forecaster.predict(X=X[126:]), fresh.predict(X=X[126:]))
    assert equal == (strategy == "refit")


def test_single_updates_and_forecasts_in_one_call(fitted):
    together = copy.deepcopy(fitted)

    forecast = together.update_predict_single(MORE, fh=FH, update_params=False)

    separate = copy.deepcopy(fitted).update(MORE, update_params=False)
    pd.testing.assert_series_equal(forecast, separate.predict(fh=FH))
    assert together.cutoff.equals(separate.cutoff)


STREAMED = {**SMALL, "normalization": "series"}


@pytest.fixture(scope="module")
def streaming():
    return RNNAttentionForecaster(**STREAMED).fit(FIRST, fh=FH)


@pytest.fixture(scope="module")
def stream(streaming):
    """Made once, since it builds a network; each test begins it anew."""
    return streaming.stream()


def test_a_stream_of_a_fine_tuned_forecaster_equals_the_whole_history(streaming):
    moved = _updated(streaming, "finetune", finetune_epochs=2)
    stream = moved.stream()
    for value in AIRLINE[126:]:
        stream.update(value)
    forecast, interval = stream.predict(), stream.predict_interval()

    at_once = stream.restart(AIRLINE)

    pd.testing.assert_series_equal(forecast, at_once.predict(), rtol=1e-5)
    pd.testing.assert_frame_equal(interval, at_once.predict_interval(), rtol=1e-5)
    assert not np.allclose(moved.fitted_model_.weights, streaming.fitted_model_.weights)


def test_a_stream_is_the_network_on_the_whole_history():
    """An independent way: the Keras model on all steps at once, where the window is the history."""
    length = 40
    y = AIRLINE[: length + 20]
    parameters = {**STREAMED, "window_length": length, "members": ("linear", "network")}
    model = RNNAttentionForecaster(**parameters).fit(y, fh=FH)
    stream = model.stream().restart(y[:5])

    stream.update(y[5:23]).update(y[23:24]).update(y[24:length])

    scaling = model.panel_.first.scaling
    window = scaling.apply(y.to_numpy()[:length, None])[None]
    output = np.asarray(model.model_(window))[0, :, 0]
    np.testing.assert_allclose(
        stream.predict(), output * scaling.scale[0] + scaling.center[0], rtol=1e-5
    )
    assert stream.n_timepoints == length


def test_a_stream_counts_over_changes_of_the_clocks():
    index = pd.date_range("2024-10-24", periods=90, freq="h", tz="Europe/Berlin")
    y = pd.Series(np.sin(np.arange(90) / 4), index=index)
    forecaster = RNNAttentionForecaster(**STREAMED).fit(y[:60], fh=FH)

    stream = forecaster.stream().update(y[60:80])

    assert stream.cutoff == index[79]
    assert list(stream.predict().index) == list(index[80:83])


def test_a_missing_observation_repeats_the_one_before_it_for_the_network():
    members = ("linear", "network")
    stream = RNNAttentionForecaster(members=members, **STREAMED).fit(FIRST, fh=FH).stream()
    for first in ([410.0], [np.nan]):
        known = 410.0 if first == [410.0] else FIRST.iloc[-1]
        missing = stream.restart(FIRST).update([*first, np.nan, np.nan, 400.0]).predict()
        repeated = stream.restart(FIRST).update([known, known, known, 400.0]).predict()
        np.testing.assert_allclose(missing, repeated, rtol=1e-6)


def test_a_stream_does_not_change_its_forecaster(streaming, stream):
    before = streaming.predict()

    stream.restart(FIRST).update(AIRLINE[120:])

    pd.testing.assert_series_equal(streaming.predict(), before)


@pytest.mark.parametrize("coverage", [0.0, 1.0, -1, np.nan])
def test_a_stream_refuses_a_coverage_outside_of_zero_and_one(stream, coverage):
    with pytest.raises(ValueError, match=f"coverage={coverage} must lie strictly between 0 and 1"):
        stream.predict_interval(coverage)


def test_a_stream_takes_a_series_that_follows_its_cutoff_only(stream):
    stream.restart(FIRST)

    for other in (AIRLINE[121:123], AIRLINE[119:121], AIRLINE[120:122].reset_index(drop=True)):
        with pytest.raises(
            ValueError, match=r"do not follow 1958-12; give those at 1959-01|of another kind"
        ):
            stream.update(other)

    assert stream.cutoff == FIRST.index[-1]
    assert stream.update(AIRLINE[120:122]).cutoff == AIRLINE.index[121]
