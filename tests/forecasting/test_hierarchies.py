"""Hierarchies add up, unseen series are forecast, and many series cost one program and one call."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.reconcile import ReconcilerForecaster
from sktime.transformations.hierarchical.aggregate import Aggregator
from sktime.transformations.hierarchical.reconcile import Reconciler

from skconvattn import ConvAttentionForecaster, RNNAttentionForecaster, SelfAttentionForecaster
from skconvattn.engine import programs
from skconvattn.engine.compiled import training_program
from skconvattn.engine.programs import ProgramCache

SMALL = {"units": 2, "epochs": 1, "window_length": 6, "seasonal_period": 3, "random_state": 0}
LEAVES = [("north", "a"), ("north", "b"), ("south", "c"), ("south", "d")]


def _series(number, length=40):
    rng = np.random.default_rng(number)
    steps = np.arange(length)
    return (
        10.0 * (number + 1)
        + steps / 5
        + 3 * np.sin(steps * 2 * np.pi / 3)
        + rng.normal(size=length)
    )


def _hierarchy():
    index = pd.period_range("2020-01", periods=40, freq="M")
    return pd.concat(
        {leaf: pd.DataFrame({"y": _series(i)}, index=index) for i, leaf in enumerate(LEAVES)},
        names=["region", "shop", "month"],
    )


HIERARCHY = _hierarchy()
# sktime says that it aggregates.
aggregating = pytest.mark.filterwarnings(
    "ignore:Found elements in the index of X named '__total'",
    "ignore:No elements of the index of X named '__total' found",
)


def _assert_adds_up(forecast):
    """Each region is the sum of its shops, and the total that of all; by hand."""
    values = forecast["y"]
    for region in ("north", "south"):
        shops = [values.loc[leaf] for leaf in LEAVES if leaf[0] == region]
        np.testing.assert_allclose(values.loc[region, "__total"], sum(shops), rtol=1e-6)
    regions = values.loc["north", "__total"] + values.loc["south", "__total"]
    np.testing.assert_allclose(values.loc["__total", "__total"], regions, rtol=1e-6)


@aggregating
@pytest.mark.parametrize("method", ["bu", "ols", "wls_var", "mint_shrink"])
def test_reconciled_forecasts_add_up(method):
    forecaster = ReconcilerForecaster(ConvAttentionForecaster(filters=2, **SMALL), method=method)

    forecast = forecaster.fit(HIERARCHY, fh=[1, 2, 3]).predict()

    _assert_adds_up(forecast)
    assert len(forecast) == 7 * 3


@aggregating
def test_ordinary_least_squares_is_the_projection_onto_what_adds_up():
    model = ConvAttentionForecaster(filters=2, **SMALL)
    everything = Aggregator().fit_transform(HIERARCHY)
    base = model.clone().fit(everything, fh=[1, 2]).predict()["y"]
    keys = list(dict.fromkeys(base.index.droplevel(-1)))
    # Rows: all nodes; columns: the leaves that each is the sum of.
    summing = np.array(
        [[float(r in (leaf[0], "__total") and s in (leaf[1], "__total")) for leaf in LEAVES]
         for r, s in keys]
    )  # fmt: skip
    projection = summing @ np.linalg.pinv(summing)

    reconciled = ReconcilerForecaster(model, method="ols").fit(HIERARCHY, fh=[1, 2]).predict()["y"]

    for step in (0, 1):
        expected = projection @ np.array([base.loc[key].iloc[step] for key in keys])
        found = [reconciled.loc[key].iloc[step] for key in keys]
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    incoherent = [base.loc[key].iloc[0] for key in keys]
    assert np.abs(projection @ incoherent - incoherent).max() > 1e-3


@aggregating
def test_a_reconciler_follows_in_a_pipeline_and_after_an_update():
    first, later = HIERARCHY.drop(index="2023-04", level=2), HIERARCHY.loc[:, :, ["2023-04"]]
    model = ConvAttentionForecaster(filters=2, **SMALL)
    pipeline = Aggregator() * model * Reconciler(method="bu")
    pipeline.fit(first, fh=[1, 2])

    _assert_adds_up(pipeline.predict())
    pipeline.update(later, update_params=False)

    forecast = pipeline.predict()
    _assert_adds_up(forecast)
    assert list(forecast.loc["north", "a"].index) == list(
        pd.period_range("2023-05", periods=2, freq="M")
    )


def _panel(numbers, lengths, scale=1.0):
    parts = {
        f"s{number}": pd.DataFrame(
            {"y": scale * _series(number, length)},
            index=pd.period_range(end="2023-04", periods=length, freq="M"),
        )
        for number, length in zip(numbers, lengths, strict=True)
    }
    return pd.concat(parts, names=["series", "month"])


@pytest.mark.parametrize("lengths", [(3, 5), (9, 40)])
def test_pretrained_weights_forecast_a_panel_never_seen_of_any_length(lengths):
    # Shares of exponential smoothing are drawn towards those of the panel.
    forecaster = ConvAttentionForecaster(filters=2, members=("linear", "network"), **SMALL)
    forecaster.pretrain(_panel(range(5), (40, 33, 20, 12, 40)), fh=[1, 2])
    weights = forecaster.pretrained_.model.weights
    unseen = _panel((7, 8), lengths)

    forecast = forecaster.fit(unseen).predict(fh=[1, 2])

    np.testing.assert_array_equal(forecaster.fitted_model_.weights, weights)
    assert list(forecast.loc["s8"].index) == list(pd.period_range("2023-05", periods=2, freq="M"))
    # Each in its own units, as if it were the only one.
    scaled = forecaster.fit(_panel((7, 8), lengths, scale=1000.0)).predict(fh=[1, 2])
    np.testing.assert_allclose(scaled, 1000 * forecast, rtol=1e-4)
    again = forecaster.fit(unseen).predict(fh=[1, 2])
    pd.testing.assert_frame_equal(again, forecast)
    one = forecaster.fit(unseen.loc["s8"]).predict(fh=[1, 2])
    np.testing.assert_allclose(one, forecast.loc["s8"], rtol=1e-5)


@pytest.mark.parametrize("panel", ["global", "local"])
def test_residuals_of_a_panel_are_actual_minus_in_sample_forecast(panel):
    y = _panel(range(3), (40, 40, 40))
    forecaster = ConvAttentionForecaster(filters=2, panel=panel, **SMALL).fit(y, fh=[1, 2])
    before = forecaster.predict()

    residuals = forecaster.predict_residuals(y)

    pd.testing.assert_index_equal(residuals.index, y.index)
    in_sample = copy.deepcopy(forecaster).predict(fh=np.arange(-39, 1))
    np.testing.assert_allclose(residuals + in_sample, y, rtol=1e-9)
    pd.testing.assert_frame_equal(forecaster.predict(), before)


@pytest.fixture
def traces(monkeypatch):
    """Empty caches of programs, and the calls that predictions make."""
    monkeypatch.setattr(training_program, "_PROGRAMS", ProgramCache(max_size=50))
    monkeypatch.setattr(programs, "_MODELS", ProgramCache(max_size=50))
    calls = []
    original = programs.FittedModel.predict
    monkeypatch.setattr(
        programs.FittedModel,
        "predict",
        lambda self, *given: calls.append(len(given[0][0])) or original(self, *given),
    )

    class Counted:
        predicted = calls

        @property
        def training(self):
            return sum(program.traces for program in training_program._PROGRAMS._programs.values())

        @property
        def prediction(self):
            return sum(program.traces for program in programs._MODELS._programs.values())

    return Counted()


def test_three_hundred_series_take_one_trace_and_one_call(traces):
    lengths = np.random.default_rng(0).integers(20, 41, size=300)
    panel = _panel(range(300), lengths)
    forecaster = ConvAttentionForecaster(filters=2, **SMALL).fit(panel, fh=[1, 2, 3])
    traces.predicted.clear()

    forecast = forecaster.predict()

    assert traces.training == 1
    assert traces.prediction == 1
    assert traces.predicted == [300]
    assert len(forecast) == 3 * 300
    assert np.isfinite(forecast).all(axis=None)


@pytest.mark.parametrize(
    "forecaster_class",
    [ConvAttentionForecaster, RNNAttentionForecaster, SelfAttentionForecaster],
)
def test_local_models_of_different_lengths_share_one_trace(traces, forecaster_class):
    forecaster = forecaster_class(panel="local", **SMALL)

    forecaster.fit(_panel(range(4), (40, 34, 28, 40)), fh=[1, 2, 3])

    assert traces.training == 1
    alone = forecaster_class(**SMALL).fit(_panel([1], [34]).loc["s1"]["y"], fh=[1, 2, 3])
    np.testing.assert_array_equal(forecaster.predict().loc["s1", "y"], alone.predict())
    assert traces.training == 1
