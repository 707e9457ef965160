"""Shares of two forecasts in their average, by their errors out of sample."""

from __future__ import annotations

import numpy as np

# Of a forecast that was fitted and one that was not: power of the errors by which they are
# weighted, independent errors of the panel that a series' own are averaged with, and what speaks
# for the one that was not fitted before any error is known.
_SHARPNESS, _PRIOR_ERRORS, _FAVOUR = 8.0, 3.0, 2.2
# Shares among which the one with the smallest error of the average is looked for in a panel, and
# independent errors that it needs to count half.
_TRIED, _HALF_TRUSTED = np.linspace(0.02, 0.98, 49), 30.0
# Of two forecasts that were not fitted: the power, and equal errors that each series' own errors
# are averaged with. An average of both is safe, and has to be argued away from.
_SHARPNESS_OF_EQUALS, _EQUAL_ERRORS = 4.0, 10.0
# Errors count at most as this multiple of the median error.
_MOST_ERROR = 5.0
# Windows after which an error counts half, if there are as many.
_HALF_LIFE = 70
# Smaller shares are none.
_LEAST_SHARE = 0.02


def shares_of_unfitted(
    of_model: np.ndarray,
    of_unfitted: np.ndarray,
    series: np.ndarray,
    blocks: np.ndarray,
    n_series: int,
    *,
    squared: bool = False,
) -> np.ndarray:
    r"""Weigh a forecast for which nothing was fitted against a model.

    .. math:: \frac{a}{1 - a}
              = \Bigl(e^{2.2 / n}\, \frac{e_\mathrm{model}}{e_\mathrm{unfitted}}\Bigr)^8

    with mean absolute errors :math:`e` on windows that neither was fitted on, of which :math:`n` do
    not overlap in all series. In a panel the logarithm of the ratio of both errors is drawn towards
    its mean over all series, the more so the fewer independent errors a series has. What all series
    have in common is then not judged by both errors but by those of the average: with the share
    :math:`a^*` of the smallest error on all windows, in units of each series, the logarithm of
    :math:`a / (1 - a)` at the mean ratio is

    .. math:: \frac{n}{n + 30} \log \frac{a^*}{1 - a^*}
              + \frac{30}{n + 30}\, 8 \Bigl(\log \frac{e_\mathrm{model}}{e_\mathrm{unfitted}}
              + \frac{2.2}{n}\Bigr).

    Parameters
    ----------
    of_model, of_unfitted : ndarray of shape (n_windows, horizon)
        Residuals on the same windows, those of a series in order of time; NaN where unknown.
    series : ndarray of shape (n_windows,)
        Index of the series of each window.
    blocks : ndarray of shape (n_windows,)
        Index of a block of time as long as the horizon, by which errors are independent.
    n_series : int
        Number of series.
    squared : bool
        Whether errors are squared instead of absolute, for forecasts of the mean.

    Returns
    -------
    ndarray of shape (n_series,)
        Shares of the forecast that was not fitted, between 0 and 1; 1 where nothing could be
        compared.
    """
    residuals = np.stack([of_model, of_unfitted])
    logs, n_errors = _log_ratios(residuals, series, blocks, n_series, squared=squared)
    total = n_errors.sum()
    if not total:
        return np.ones(n_series)
    if n_series == 1:
        return _shares(_SHARPNESS * (logs + _FAVOUR / total))
    typical = np.average(logs, weights=n_errors)
    best = _best_share(residuals, series, squared=squared)
    trust = total / (total + _HALF_TRUSTED)
    common = trust * np.log(best / (1 - best))
    common += (1 - trust) * _SHARPNESS * (typical + _FAVOUR / total)
    drawn = n_errors * (logs - typical) / (n_errors + _PRIOR_ERRORS)
    return _shares(common + _SHARPNESS * drawn)


def shares_of_equals(
    of_other: np.ndarray,
    of_one: np.ndarray,
    series: np.ndarray,
    blocks: np.ndarray,
    n_series: int,
    *,
    squared: bool = False,
    favour: float = 0.0,
) -> np.ndarray:
    r"""Weigh two forecasts for which nothing was fitted against each other.

    .. math:: \frac{a}{1 - a} = \Bigl(\frac{e_\mathrm{other}}{e_\mathrm{one}}\Bigr)^{4 n / (n + 10)}
              \, e^{40 f / (n + 10)}

    for one series with :math:`n` independent errors, and what speaks for the one before any error
    is known, :math:`f`. In a panel the errors of a series are averaged with ten of the typical
    ratio instead.

    Parameters
    ----------
    of_other, of_one, series, blocks, n_series, squared
        As for :func:`shares_of_unfitted`.
    favour : float
        Logarithm of the ratio of both errors that is expected.

    Returns
    -------
    ndarray of shape (n_series,)
        Shares of the one between 0 and 1; a half where nothing could be compared.
    """
    residuals = np.stack([of_other, of_one])
    logs, n_errors = _log_ratios(residuals, series, blocks, n_series, squared=squared)
    typical = favour
    if n_series > 1 and n_errors.any():
        mean, total = np.average(logs, weights=n_errors), n_errors.sum()
        typical = float((mean * total + favour * _EQUAL_ERRORS) / (total + _EQUAL_ERRORS))
    logs = (n_errors * logs + _EQUAL_ERRORS * typical) / (n_errors + _EQUAL_ERRORS)
    return _shares(_SHARPNESS_OF_EQUALS * logs)


def _log_ratios(
    residuals: np.ndarray,
    series: np.ndarray,
    blocks: np.ndarray,
    n_series: int,
    *,
    squared: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Return logarithms of the ratio of two errors per series, and how many are independent."""
    known = np.isfinite(residuals).all(axis=0)
    compared = known.any(axis=1)
    counts, power = np.maximum(known.sum(axis=1), 1), 2 if squared else 1
    # (2, n_windows)
    sizes = np.where(known, np.abs(residuals) ** power, 0.0).sum(axis=2) / counts
    logs, n_errors = np.zeros(n_series), np.zeros(n_series)
    for number in np.unique(series[compared]):
        rows = np.flatnonzero((series == number) & compared)
        own = sizes[:, rows]
        cap = _MOST_ERROR * np.median(own.min(axis=0))
        own = np.minimum(own, cap) if cap > 0 and not squared else own
        weights = 0.5 ** (np.arange(len(rows))[::-1] / _HALF_LIFE)
        means = np.maximum(own @ weights, 1e-9 * own.max() + np.finfo(np.float64).tiny)
        n_errors[number] = len(np.unique(blocks[rows]))
        logs[number] = np.log(means[0] / means[1]) / power
    return logs, n_errors


def _best_share(residuals: np.ndarray, series: np.ndarray, *, squared: bool) -> float:
    """Return the share of the second forecast whose average errs least, in units of each series."""
    known = np.isfinite(residuals).all(axis=0)
    power = 2 if squared else 1
    sizes = np.where(known, np.abs(residuals), 0.0).sum(axis=(0, 2)) / 2
    counts = np.bincount(series, weights=known.sum(axis=1))
    scales = np.bincount(series, weights=sizes) / np.maximum(counts, 1)
    usable = known & (scales > 0)[series][:, None]
    if not usable.any():
        return 0.5
    scaled = residuals[:, usable] / np.broadcast_to(scales[series][:, None], usable.shape)[usable]
    # One shock does not decide.
    most = np.inf if squared else _MOST_ERROR * np.median(np.abs(scaled))
    of_model, of_other = scaled
    errors = [
        (np.minimum(np.abs(a * of_other + (1 - a) * of_model), most) ** power).sum() for a in _TRIED
    ]
    return float(_TRIED[int(np.argmin(errors))])


def _shares(log_odds: np.ndarray) -> np.ndarray:
    """Return shares of given odds, without very small ones."""
    shares = 1.0 / (1.0 + np.exp(np.clip(-log_odds, -500, 500)))
    shares[shares < _LEAST_SHARE], shares[shares > 1 - _LEAST_SHARE] = 0.0, 1.0
    return shares


def network_share(of_start: np.ndarray, of_network: np.ndarray, blocks: np.ndarray) -> float:
    r"""Return the share of a trained network that its errors support beyond chance.

    With the mean gain :math:`\bar d` over :math:`B` blocks of time left out and its standard error
    :math:`s`, the share is that of the positive-part James-Stein estimator,

    .. math:: \max\Bigl(0, 1 - \frac{B + 1}{B - 1} \frac{s^2}{\bar d^2}\Bigr)
              \quad \text{if } \bar d > 0.

    Parameters
    ----------
    of_start, of_network : ndarray of shape (n_windows,)
        Loss of each window before and after training.
    blocks : ndarray of shape (n_windows,)
        Index of the block of each window.

    Returns
    -------
    float
        Share between 0 and 1; 0 where fewer than two blocks were left out.
    """
    _, number, counts = np.unique(blocks, return_inverse=True, return_counts=True)
    n_blocks = len(counts)
    if n_blocks < 2:
        return 0.0
    gains = np.bincount(number, weights=of_start - of_network)
    mean, variance = gains.mean(), gains.var(ddof=1) / n_blocks
    if not mean > 0:
        return 0.0
    return float(max(0.0, 1.0 - (n_blocks + 1) / (n_blocks - 1) * variance / mean**2))
