"""Whether the records of a forecaster's fit that a file holds have shapes that fit together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from skconvattn.forecasting.file_calendars import calendar_of, check_reach
from skconvattn.forecasting.fitted import FittedForecast
from skconvattn.forecasting.series.channels import Channels
from skconvattn.forecasting.series.covariates import CovariateEncoder
from skconvattn.forecasting.series.effects import Effects
from skconvattn.forecasting.series.history import History, Panel
from skconvattn.forecasting.series.timeline import Timeline
from skconvattn.forecasting.zero_shot import ZeroShotFit
from skconvattn.intervals import IntervalModel
from skconvattn.intervals.residuals import ConformalQuantiles, ResidualQuantiles
from skconvattn.members.combination import Combination
from skconvattn.members.pretrained import Pretrained
from skconvattn.members.pretrained_network import pretrained_network
from skconvattn.members.recursion import settings
from skconvattn.members.series_maps import SeriesMaps
from skconvattn.networks import HorizonHead, PointOutput
from skconvattn.persistence.attributes import (
    at_least,
    by_name,
    each,
    is_number,
    require,
    require_array,
    require_scale,
    require_unique,
)
from skconvattn.persistence.budget import Budget
from skconvattn.persistence.lookups import check_lookups, increases

# In time steps: two years of minutes, about.
_LONGEST_SEASON = 1 << 20


def check_forecast(fitted: FittedForecast) -> None:
    """Refuse the record of a fit whose parts do not fit together.

    Raises
    ------
    ValueError
        If they do not.
    """
    head, spec, window, channels = (
        fitted.model.spec.head,
        fitted.model.spec,
        fitted.window,
        fitted.channels,
    )
    if not isinstance(head, HorizonHead):
        raise ValueError("the network has another head than a forecaster")
    _check_channels(channels)
    require(window.length >= 1 and window.horizon >= 1, "a window is empty")
    found = (spec.n_timepoints, head.horizon, head.n_known, spec.n_channels, spec.masked)
    expected = (
        window.length,
        window.horizon,
        channels.n_future,
        1 + channels.n_past + channels.n_future,
        False,
    )
    require(found == expected, f"a network of {found} is not one for {expected}")
    require(head.n_past == channels.n_past, "the network has other past covariates")
    require(head.cycle == bool(channels.cycle), "the network and the channels differ in the cycle")
    require(_is_season(fitted.period), "a season is shorter than one time step")
    require(by_name(each(list, is_number))(fitted.history), "the history of a fit is none")
    require(at_least(0)(fitted.n_epochs) and 0 <= fitted.network <= 1, "a share is not one")
    require(fitted.lower < fitted.upper, "the bounds of forecasts are in no order")
    require(fitted.noise_factor >= 0, "a factor is negative")
    # Points of a network and of intervals may differ in their loss, where means are forecast.
    outputs = fitted.intervals.output, head.output
    are_points = all(isinstance(output, PointOutput) for output in outputs)
    require(are_points or outputs[0] == outputs[1], "intervals are of another network")
    _check_intervals(fitted.intervals, channels.n_targets, window.horizon)
    n_rows = len(fitted.intervals.keys) * channels.n_targets
    if fitted.maps is not None:
        _check_maps(fitted.maps, channels.n_targets, (window.length, window.horizon))
    if fitted.combination is not None:
        require(
            fitted.combination.keys == fitted.intervals.keys,
            "members are of other series than intervals",
        )
        _check_combination(fitted.combination, n_rows)


def check_zero_shot(fitted: ZeroShotFit) -> None:
    """Refuse the record of zero-shot forecasts whose parts do not fit together.

    Raises
    ------
    ValueError
        If they do not.
    """
    _check_channels(fitted.channels)
    _check_pretrained(fitted.pretrained)
    require(not fitted.channels.encoder.columns, "zero-shot forecasts have covariates")
    require(fitted.lower < fitted.upper, "the bounds of forecasts are in no order")


def check_panel(panel: Panel, fitted: FittedForecast | ZeroShotFit, budget: Budget) -> None:
    """Refuse series that are not those of a fit.

    Raises
    ------
    ValueError
        If they are not.
    """
    require(panel.histories and len(panel.keys) == len(panel.histories), "a panel has other names")
    _check_keys(panel.keys)
    depth = len(panel.keys[0])
    require(not panel.names or len(panel.names) == depth + 1, "a panel has names of other levels")
    if isinstance(fitted, FittedForecast):
        require(panel.keys == fitted.intervals.keys, "a panel has other series than the fit")
    columns = panel.first.y.columns
    for history in panel.histories:
        _check_history(history, fitted.channels, columns, budget)


def _check_history(history: History, channels: Channels, columns: pd.Index, budget: Budget) -> None:
    y, X, n_targets = history.y, history.X, channels.n_targets
    require(len(y) >= 1 and y.shape[1] == n_targets, "a series has no values or other targets")
    require(y.columns.equals(columns), "series have targets of other names")
    require(all(_is_numeric(kind) for kind in y.dtypes), "a series is not of numbers")
    check_stamps(y.index, channels.timeline, budget)
    encoded = set(channels.encoder.columns)
    require(X is not None or not encoded, "a series has no covariates")
    if X is not None:
        require(X.index.equals(y.index), "covariates have other time stamps than their series")
        kinds = dict(zip(X.columns.tolist(), X.dtypes.tolist(), strict=True))
        require(len(kinds) == X.shape[1] and encoded <= kinds.keys(), "covariates are missing")
        known = channels.encoder.categories or {}
        numeric = [kinds[name] for name in encoded if name not in known]
        require(all(map(_is_numeric, numeric)), "covariates are not numbers")
    scaling = history.scaling
    require_array(scaling.center, (n_targets,), "the location of a series")
    require_scale(scaling.scale, (n_targets,), "the scale of a series")
    require_array(scaling.least, (n_targets,), "the least value of a series", least=0.0)
    require(_is_season(history.period), "a season is shorter than one time step")
    if history.effects is not None:
        _check_effects(history.effects, len(y), channels)


def _check_effects(effects: Effects, n_timepoints: int, channels: Channels) -> None:
    n_targets, n_channels = channels.n_targets, channels.encoder.n_future_channels
    shapes = {
        "coefficients": (n_channels, n_targets),
        "limits": (2, n_targets),
        "past": (n_timepoints, n_targets),
    }
    for name, shape in shapes.items():
        require_array(getattr(effects, name), shape, f"{name} of effects")
    is_mask = isinstance(effects.proportional, np.ndarray) and effects.proportional.dtype == bool
    require(is_mask and effects.proportional.shape == (n_targets,), "effects are of no known kind")
    require((effects.limits[0] <= effects.limits[1]).all(), "limits of effects are in no order")


def _is_numeric(dtype: Any) -> bool:
    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype)


def check_stamps(index: pd.Index, timeline: Timeline, budget: Budget) -> None:
    """Refuse time stamps that increase in other steps than one after the other on a grid.

    Raises
    ------
    ValueError
        If they do.
    """
    kinds = {
        "number": pd.api.types.is_integer_dtype(index.dtype),
        "period": isinstance(index, pd.PeriodIndex),
        "datetime": isinstance(index, pd.DatetimeIndex),
    }
    require(index.nlevels == 1 and kinds.get(timeline.kind), "time stamps are of another kind")
    require(increases(index), "time stamps do not increase")
    offset = calendar_of(timeline)
    if offset is not None and isinstance(index, pd.DatetimeIndex):
        cost = check_reach(timeline, index)
        if index.freq == offset:
            return
        budget.take("time stamps on a calendar", cost)
    steps = timeline.steps(index[[0, -1]])
    require(steps[1] - steps[0] == len(index) - 1, "time stamps have gaps")


def _check_channels(channels: Channels) -> None:
    require(at_least(1)(channels.n_targets) and at_least(0)(channels.cycle), "there is no target")
    require(channels.cycle <= 1 << 20, "a cycle is out of bounds")
    timeline = channels.timeline
    require(timeline.kind in ("number", "period", "datetime"), "a grid of time is of no known kind")
    encoder = channels.encoder
    require(encoder.unknown_category in ("error", "ignore"), "unknown_category is no option")
    check_lookups(encoder.columns)
    check_lookups(encoder.with_missing)
    require_unique(encoder.columns, "covariates")
    require(set(encoder.with_missing) <= set(encoder.columns), "covariates with gaps are unknown")
    require(set(encoder.categories or {}) <= set(encoder.columns), "categories are of no covariate")
    require(
        all(isinstance(names, tuple) for names in (encoder.categories or {}).values()),
        "categories are no tuples",
    )
    _check_encoder_scaling(encoder)


def _check_encoder_scaling(encoder: CovariateEncoder) -> None:
    for name, scaling, n in (
        ("past", encoder.past_scaling, encoder.n_past_channels),
        ("future", encoder.future_scaling, encoder.n_future_channels),
    ):
        if scaling is None:
            continue
        require_array(scaling.center, (n,), f"the location of {name} covariates")
        require_scale(scaling.scale, (n,), f"the scale of {name} covariates")


def _check_intervals(model: IntervalModel, n_targets: int, horizon: int) -> None:
    _check_keys(model.keys)
    n = len(model.keys) * n_targets
    require(_is_season(model.period) and 0 <= model.locality <= 1, "a locality is no share")
    require_array(model.changes, (n,), "changes", least=0.0)
    require_array(model.factors, (n,), "factors", least=0.0)
    require_array(model.lengths, (n,), "lengths", kinds="iuf", least=0)
    for name in ("shares", "offsets", "ratios"):
        require_array(getattr(model.by_level, name), (n,), f"{name} by level")
    calibration = model.calibration
    if isinstance(calibration, ConformalQuantiles):
        levels = getattr(model.output, "levels", ())
        require_array(calibration.shifts, (len(levels),), "shifts of quantiles")
        return
    require(isinstance(calibration, ResidualQuantiles), "intervals have no calibration")
    require_array(calibration.sigma, (horizon,), "sigma", least=0.0)
    require_array(calibration.n_effective, (horizon,), "n_effective", kinds="iuf", least=0.0)
    require_array(calibration.errors, (calibration.errors.size,), "errors", least=0.0)
    require(
        calibration.errors.size and (np.diff(calibration.errors) >= 0).all(), "errors in no order"
    )


def _check_maps(maps: SeriesMaps, n_targets: int, shape: tuple[int, int]) -> None:
    _check_keys(maps.keys)
    n_maps = len(maps.kernels)
    require_array(maps.kernels, (n_maps, *shape), "maps of series")
    n = len(maps.keys) * n_targets
    require_array(maps.positions, (n,), "positions of maps", kinds="iu", least=-1)
    require((maps.positions < n_maps).all(), "positions of maps are beyond them")
    n_shares = maps.shares.shape[1] if maps.shares.ndim == 2 else 0
    require(n_shares >= 1, "shares of maps are of others")
    require_array(maps.shares, (n_maps, n_shares), "shares of maps")


def _check_combination(combination: Combination, n: int) -> None:
    univariate = combination.univariate
    require_array(combination.shares, (n,), "shares of members", least=0.0)
    require_array(univariate.shares, (n,), "shares of pretrained attention", least=0.0)
    smoothing, pretrained = univariate.smoothing, univariate.pretrained
    require(smoothing is not None or pretrained is not None, "there is no member")
    if pretrained is not None:
        _check_pretrained(pretrained)
    if smoothing is not None:
        require(
            smoothing.periods and all(map(_is_season, smoothing.periods)), "a season is too short"
        )
        n_settings = len(settings(max(smoothing.periods), smoothing.rare).level)
        require_array(
            smoothing.weights, (n, 2 * len(smoothing.periods), n_settings), "weights of smoothing"
        )


def _check_pretrained(pretrained: Pretrained) -> None:
    periods = pretrained.periods
    require(periods and all(map(_is_season, periods)), "a season is shorter than one time step")
    require(list(periods) == sorted(set(periods)), "seasons are in no order")
    network = pretrained.network
    if network is None:
        return
    shipped = pretrained_network()
    require(
        network.levels == shipped.levels and network.n_heads == shipped.n_heads,
        "a pretrained network is not of this version",
    )
    require(
        list(network.weights) == list(shipped.weights), "a pretrained network has other weights"
    )
    for name, weights in shipped.weights.items():
        require_array(network.weights[name], weights.shape, f"weights {name}")


def _is_season(period: Any) -> bool:
    return bool(at_least(1)(period)) and period <= _LONGEST_SEASON


def _check_keys(keys: tuple[Any, ...]) -> None:
    require(keys and all(isinstance(key, tuple) for key in keys), "the names of series are none")
    require(len({len(key) for key in keys}) == 1, "the names of series differ in length")
    # As text, since anyone can find many tuples with one hash.
    require_unique(map(_as_text, keys), "the names of series")


def _as_text(key: tuple[Any, ...]) -> str:
    """Return what equal names have in common: 1, True and 1.0 are equal."""
    parts = [part.item() if isinstance(part, np.generic) else part for part in key]
    return repr([int(part) if part in (0, 1) or _is_whole(part) else part for part in parts])


def _is_whole(part: Any) -> bool:
    return isinstance(part, float) and part.is_integer()
