"""Checks that further data agrees with what a forecaster was fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from skconvattn.forecasting import validation
from skconvattn.forecasting.series.channels import Channels
from skconvattn.forecasting.series.covariates import CovariateEncoder, covariate_rows
from skconvattn.forecasting.series.history import Panel, split_panel
from skconvattn.forecasting.series.timeline import listed


def check_columns(X: pd.DataFrame | None, encoder: CovariateEncoder) -> None:
    """Refuse data without the covariates that a model was trained with.

    Raises
    ------
    ValueError
        If ``X`` or any of its columns is missing.
    """
    if not encoder.columns:
        return
    if X is None:
        raise ValueError(
            f"X is missing, but the forecaster was trained with the covariates "
            f"{list(encoder.columns)}; give them at all time stamps of y."
        )
    encoder.check(covariate_rows(X, encoder.columns))


def checked_update(
    y: pd.DataFrame, X: pd.DataFrame | None, panel: Panel, channels: Channels
) -> pd.DataFrame:
    """Refuse an update that does not continue the series seen, or that lacks covariates.

    Parameters
    ----------
    y, X : pandas.DataFrame
        Further targets and covariates.
    panel : Panel
        Series seen so far.
    channels : Channels
        Channels of the network's input.

    Returns
    -------
    pandas.DataFrame
        Targets under the names of the fit, in the same order.

    Raises
    ------
    TypeError
        If covariates are not of the kind that they were in fit.
    ValueError
        If columns or time stamps do not match those seen, if covariates are missing, if values are
        infinite, or if a new series is too short or has gaps.
    """
    y = as_seen(y, panel)
    encoder = channels.encoder
    parts = split_panel(y)
    covariates = {} if X is None else split_panel(X)
    for key, part in parts.items():
        label = f"y{list(key)!r}" if key else "y"
        channels.timeline.steps(part.index)
        _check_zone(part.index, panel.first.y.index, label)
        validation.check_values(part, label)
        if not encoder.columns:
            continue
        if X is None:
            raise ValueError(
                f"X is missing, but the forecaster was fitted with the covariates "
                f"{list(encoder.columns)}; give their values at {listed(part.index)}."
            )
        covariate_rows(X, encoder.columns)
        validation.check_covered(part.index, covariates.get(key), label)
        rows = covariates[key].loc[part.index, list(encoder.columns)]
        validation.check_values(rows, "X")
        encoder.check(rows)
    known = set(panel.keys)
    validation.check_panel({key: part for key, part in parts.items() if key not in known}, X)
    return y


def check_in_sample(positions: np.ndarray, index: pd.Index) -> None:
    """Refuse in-sample forecasts of steps before the series.

    Raises
    ------
    ValueError
        If any position is negative, before the first time stamp.
    """
    if (positions < 0).any():
        raise ValueError(
            f"fh reaches {-int(positions.min())} time steps back before {index[0]}, where y begins;"
            " use steps within the series."
        )


def future_rows(X: pd.DataFrame | None, columns: Sequence[Any], needed: pd.Index) -> pd.DataFrame:
    """Return the rows of future covariates that a forecast depends on.

    Parameters
    ----------
    X : pandas.DataFrame or None
        Covariates given to predict.
    columns : sequence
        Future covariates of the fit.
    needed : pandas.Index
        Time stamps that the forecast depends on.

    Returns
    -------
    pandas.DataFrame of shape (n_needed, n_columns)
        Their rows; values may be missing.

    Raises
    ------
    ValueError
        If columns or time stamps are missing; the message lists them.
    """
    if not columns:
        return pd.DataFrame(index=needed)
    if X is None:
        raise ValueError(
            f"X is missing, but the forecaster was fitted with the covariates {list(columns)}; "
            f"give their values at {listed(needed)}, or name past covariates in "
            "past_regressors."
        )
    X = covariate_rows(X, columns)
    missing = needed.difference(X.index)
    if len(missing):
        raise ValueError(
            f"X has no row at {listed(missing)}; give the covariates over the whole horizon."
        )
    rows = X.loc[needed]
    validation.check_values(rows, "X")
    return rows


def _check_zone(index: pd.Index, seen: pd.Index, label: str) -> None:
    """Refuse time stamps of another time zone, in which days begin at other times."""
    zones = [str(getattr(each, "tz", None)) for each in (index, seen)]
    if zones[0] != zones[1]:
        raise ValueError(
            f"{label} is in the time zone {zones[0]}, but was in {zones[1]} in fit; use "
            f"tz_convert({zones[1]!r})."
        )


def as_seen(y: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """Return targets under the names of those seen; a single target may have another name.

    Raises
    ------
    ValueError
        If columns, or the number of levels of the index, differ from those seen.
    """
    n_levels = 1 + len(panel.keys[0])
    if y.index.nlevels != n_levels:
        raise ValueError(
            f"y has an index of {y.index.nlevels} levels, but the forecaster was fitted to one of "
            f"{n_levels}; give the series as in fit."
        )
    columns = list(panel.first.y.columns)
    if len(columns) == 1 and y.shape[1] == 1:
        return y.set_axis(columns, axis=1)
    if set(y.columns) != set(columns):
        raise ValueError(
            f"y has the columns {list(y.columns)}, but the forecaster was fitted to {columns}; "
            "give the same columns."
        )
    return y[columns]
