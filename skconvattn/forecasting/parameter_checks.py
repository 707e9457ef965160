"""Checks of the hyperparameters of a forecaster that their constraints alone cannot express."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from skconvattn.engine.objectives.losses import (
    LOSSES_OF_DIFFERENCES,
    loss_function,
    named_loss,
    shown_loss,
)
from skconvattn.members.combination import MEMBERS
from skconvattn.networks.outputs import check_quantiles


def check_parameters(parameters: Any) -> None:
    """Refuse values of hyperparameters that contradict each other, or are not usable.

    Parameters
    ----------
    parameters : ForecastingParameters
        A forecaster, of which the parameters alone are read.

    Raises
    ------
    ValueError
        If quantiles, the loss, windows, members, seasons or bounds are not usable.
    """
    check_quantiles(parameters.quantiles, parameters.loss)
    check_loss(parameters.loss)
    check_window_lengths(parameters.window_length)
    check_members(parameters.members)
    check_series_parameters(parameters)
    if parameters.conformal and parameters.quantiles is None:
        raise ValueError(
            "conformal=True corrects trained quantiles, but quantiles=None; give quantiles, "
            "such as (0.05, 0.5, 0.95), or leave conformal out: intervals of point forecasts "
            "come from held-out errors anyway."
        )


def check_loss(loss: Any) -> None:
    """Refuse losses of Keras that depend on where zero is, such as those of ratios.

    Each series, and in part each window, has a scale of its own, so that the zero of the values
    that a network is trained on is a level of the series.

    Parameters
    ----------
    loss : str, callable or keras.losses.Loss
        As the user gave it; functions and classes that are not Keras's own are taken as they are.

    Raises
    ------
    ValueError
        If it is a loss of Keras that is not one of differences.
    """
    if isinstance(loss, str) and loss == "auto":
        return
    found = named_loss(loss)
    name = None if found is None else loss_function(found)
    if name is not None and name not in LOSSES_OF_DIFFERENCES:
        raise ValueError(
            f"loss={shown_loss(loss)} depends on where zero is, and networks of forecasters are "
            "trained on values less the level of each series, whose zero is not that of y; use "
            "'auto', 'mae', 'mse', 'huber' or 'log_cosh', or fit to the logarithm of y for errors "
            "in percent."
        )


def check_series_parameters(parameters: Any) -> None:
    """Refuse what every forecaster may be told of its series, where it is not usable.

    Raises
    ------
    ValueError
        If seasons or bounds are not usable.
    """
    check_seasons(parameters.seasonal_period)
    check_bounds(parameters.lower_bound, parameters.upper_bound)


def check_members(members: Any) -> None:
    """Refuse unknown members of a forecast, or none.

    Raises
    ------
    ValueError
        If a name is unknown or there is no name.
    """
    if isinstance(members, str):
        return
    unknown = [name for name in members if name not in MEMBERS]
    if unknown or len(members) == 0:
        named = f"names {unknown[0]!r}" if unknown else "is empty"
        raise ValueError(f"members={members!r} {named}; choose from {list(MEMBERS)}, or 'all'.")


def check_seasons(seasonal_period: Any) -> None:
    """Refuse a sequence of seasons that is empty or not of positive integers.

    Raises
    ------
    ValueError
        If it is.
    """
    if isinstance(seasonal_period, str) or np.ndim(seasonal_period) == 0:
        return
    seasons = list(seasonal_period)
    if not seasons or any(not isinstance(each, Integral) or each < 1 for each in seasons):
        raise ValueError(
            f"seasonal_period={seasonal_period!r} is not a sequence of time steps; give positive "
            "integers, such as (24, 168), or 'auto'."
        )


def check_bounds(lower: float | None, upper: float | None) -> None:
    """Refuse bounds of forecasts between which there is nothing.

    Raises
    ------
    ValueError
        If a bound is not a number, or the lower one is not below the upper one.
    """
    for name, bound in (("lower_bound", lower), ("upper_bound", upper)):
        if bound is not None and np.isnan(bound):
            raise ValueError(
                f"{name}={bound} is not a number; give a number, or None for no bound."
            )
    if lower is not None and upper is not None and not lower < upper:
        raise ValueError(
            f"lower_bound={lower} is not below upper_bound={upper}; give a smaller lower_bound, or "
            "leave one of them out."
        )


def check_window_lengths(window_length: Any) -> None:
    """Refuse window lengths that are empty or that are not integers of at least 1.

    Raises
    ------
    ValueError
        If there are no lengths, or one is not an integer of at least 1.
    """
    if isinstance(window_length, str):
        return
    lengths = np.atleast_1d(window_length)
    if (
        lengths.ndim != 1
        or len(lengths) == 0
        or lengths.dtype.kind not in "iu"
        or lengths.min() < 1
    ):
        raise ValueError(
            f"window_length={window_length!r} must be a whole number from 1, several of them, or "
            "'auto'; use for example (24, 48, 96) to try three."
        )
