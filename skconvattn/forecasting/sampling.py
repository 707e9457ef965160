"""Samples of forecasts by Monte-Carlo dropout; variances and distributions from quantiles."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from skconvattn.engine.isolation import generator_from
from skconvattn.engine.sampling import sampled_outputs
from skconvattn.forecasting.fitted import FittedForecast
from skconvattn.forecasting.predicting import PanelForecast

# Levels that stand for a whole distribution: 0.01, 0.02, ..., 0.99.
_LEVELS = np.arange(1, 100) / 100


def sample(
    forecaster: Any,
    n_samples: int = 100,
    fh: Any = None,
    X: pd.DataFrame | None = None,
    random_state: Any = None,
) -> pd.DataFrame:
    """Draw forecasts by Monte-Carlo dropout, with dropout as in training.

    Each sample drops other features of the network, and forecasts steps beyond the horizon from
    its own forecasts. The spread shows the uncertainty of the network alone; intervals that
    include the noise of the series are those of ``predict_interval``. In
    ``examples/plot_intervals.py``, what holds 95 % of the samples holds 12 % of the actual values.
    After Gal and Ghahramani (2016), "Dropout as a Bayesian Approximation".

    Parameters
    ----------
    n_samples : int, default=100
        Number of forecasts to draw.
    fh : int, sequence of int or ForecastingHorizon, optional
        Steps ahead, from 1; those of the fit by default.
    X : pandas.DataFrame, optional
        Future covariates over the horizon, if the forecaster was fitted with any.
    random_state : int, numpy.random.RandomState or None
        Seed of the samples; ``random_state`` of the forecaster by default.

    Returns
    -------
    pandas.DataFrame of shape (n_steps, n_targets * n_samples)
        Rows as those of ``predict``; columns by target and index of the sample.

    Raises
    ------
    ValueError
        If the forecaster has no dropout, ``n_samples`` is below 1, or steps are in-sample.

    Warns
    -----
    UserWarning
        If all samples are equal, since the network has no weight in the forecast.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from skconvattn import ConvAttentionForecaster
    >>> forecaster = ConvAttentionForecaster(
    ...     branch_dropout=0.3, epochs=5, early_stopping=False, random_state=0
    ... )
    >>> samples = forecaster.fit(load_airline(), fh=range(1, 13)).sample(50)
    >>> samples.shape
    (12, 50)
    """
    forecaster.check_is_fitted()
    if not hasattr(forecaster, "fitted_forecast_"):
        raise ValueError(
            f"{type(forecaster).__name__} holds one forecaster per series; draw from the entries "
            "of forecaster.forecasters_."
        )
    _check_sampling(forecaster.fitted_forecast_, n_samples)
    forecast = forecaster._forecast(forecaster._check_fh(fh), X)
    steps = forecast.steps_ahead()
    if steps.min() < 1:
        raise ValueError(
            f"fh={[str(stamp) for stamp in forecast.stamps[0]]} has in-sample steps; draw "
            "samples of steps ahead, from 1."
        )
    own = forecaster.random_state if random_state is None else random_state
    values = _draw(forecast, steps, n_samples, generator_from(own))
    drawn = values.reshape(*values.shape[:2], -1, n_samples)
    if n_samples > 1 and (drawn == drawn[..., :1]).all():
        warnings.warn(
            f"All {n_samples} samples are equal, since the network, which alone has dropout, has "
            "no weight in the forecast; use predict_interval, or fit with early_stopping=False and "
            "members=('linear', 'network').",
            UserWarning,
            stacklevel=2,
        )
    columns = pd.MultiIndex.from_product(
        [forecast.panel.first.y.columns, range(n_samples)], names=[None, "sample"]
    )
    return forecast.framed(values, columns)


def variance(forecast: PanelForecast) -> pd.DataFrame:
    """Return the variance over the central 99 %, in proportion to that of a normal variable.

    With weights of the normal density, it is exact for normal quantiles, and one far quantile
    does not decide it.
    """
    deviates = np.linspace(-1, 1, 201) * norm.ppf(0.995)
    weights = norm.pdf(deviates) / norm.pdf(deviates).sum()
    values = forecast.quantiles(norm.cdf(deviates))
    distances = values - (values @ weights)[..., None]
    found = (distances**2 @ weights) / (deviates**2 @ weights)
    return forecast.framed(found, forecast.panel.first.y.columns)


def distribution(forecast: PanelForecast) -> Any:
    """Return the skpro distribution of the quantiles at the levels 0.01 to 0.99.

    Raises
    ------
    ImportError
        If skpro is not installed.
    """
    try:
        from skconvattn.forecasting.density import distribution_of
    except ImportError as error:
        raise ImportError(
            "predict_proba gives a distribution of skpro, which is not installed; install it "
            "with pip install 'skconvattn[probabilistic]'."
        ) from error
    values, columns = forecast.quantiles(_LEVELS), forecast.panel.first.y.columns
    frames = [forecast.framed(values[..., i], columns) for i in range(len(_LEVELS))]
    return distribution_of(frames, _LEVELS)


def _draw(
    forecast: PanelForecast, steps: np.ndarray, n_samples: int, rng: np.random.Generator
) -> np.ndarray:
    """Return samples in units of ``y``: (n_series, n_steps, n_targets * n_samples)."""
    fitted, panel = forecast.fitted, forecast.panel
    last, map_index = forecast.last_inputs(steps), fitted.map_index(panel)
    beside = fitted.beside(panel, last.future.shape[1])
    # Samples outermost, so that the targets of a series stay together.
    outputs = fitted.ahead(
        np.tile(last.windows, (n_samples, 1, 1)),
        np.tile(last.future, (n_samples, 1, 1)),
        None if map_index is None else np.tile(map_index, n_samples),
        None if beside is None else beside.repeated(n_samples),
        lambda inputs: sampled_outputs(fitted.model, inputs, rng),
    )
    gaps = replace(last, gaps=np.tile(last.gaps, n_samples))
    point = fitted.head.output.point(gaps.asked(outputs))
    by_series = point.reshape(n_samples, len(steps), panel.n_targets, -1)
    drawn = []
    for i, history in enumerate(panel.histories):
        one = by_series[:, i][..., steps[i] - 1].transpose(2, 0, 1)  # (step, sample, target)
        values = fitted.bounded(history.scaling.reverse(one)).transpose(0, 2, 1)
        drawn.append(values.reshape(len(values), -1))
    return np.stack(drawn)


def _check_sampling(fitted: FittedForecast, n_samples: int) -> None:
    """Refuse to draw nothing, or from a network without dropout.

    Raises
    ------
    ValueError
        If ``n_samples`` is below 1, or the network has no dropout.
    """
    if isinstance(n_samples, bool) or not isinstance(n_samples, int | np.integer):
        raise TypeError(f"n_samples={n_samples!r} is not a whole number; use for example 100.")
    if n_samples < 1:
        raise ValueError(f"n_samples={n_samples} draws nothing; use n_samples >= 1.")
    shares = [fitted.head.dropout, dict(fitted.model.spec.parameters).get("dropout", 0.0)]
    if not any(shares):
        raise ValueError(
            "Without dropout all samples are the same; fit with branch_dropout=0.2 or dropout=0.2."
        )
