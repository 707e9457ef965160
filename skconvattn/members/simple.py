"""Simple forecasts as matrices: last value, last season, mean season, and season with drift."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

# Simple forecasts from which the corrections of single series of a panel depart, where the window
# has two seasons, and where it has fewer.
SEASONAL = ("mean season", "last season, shifted")
NOT_SEASONAL = ("zero", "last value")


@lru_cache(maxsize=64)
def simple_forecasts(length: int, horizon: int, period: int) -> dict[str, np.ndarray]:
    """Return the linear maps of simple forecasts.

    Parameters
    ----------
    length : int
        Time steps of a window.
    horizon : int
        Steps ahead.
    period : int
        Time steps of a season, 1 for none.

    Returns
    -------
    dict of str to ndarray of shape (length, horizon)
        Read-only maps; a forecast is ``window @ map``. Forecasts from several seasons are left out
        where the window has fewer than two.
    """
    from skconvattn.layers.parts.horizon_linear import seasonal_naive_map

    last = np.zeros((length, horizon))
    last[-1] = 1.0
    season = seasonal_naive_map(length, horizon, period).astype(float)
    maps = {"zero": np.zeros_like(last), "last value": last, "last season": season}
    n_seasons = length // period
    if period > 1 and n_seasons > 1:
        seasons = [np.roll(season, -period * i, axis=0) for i in range(n_seasons)]
        maps["mean season"] = np.mean(seasons, axis=0)
        # The last season, shifted by the change of the last step since a season before.
        shifted = season + last
        shifted[-1 - period] -= 1.0
        maps["last season, shifted"] = shifted
        change = np.zeros((length, 1))
        change[-period:], change[-2 * period : -period] = 1 / period, -1 / period
        ahead = 1 + np.arange(horizon) // period
        maps["last season, with drift"] = season + change * ahead
    for matrix in maps.values():
        matrix.flags.writeable = False
    return maps
