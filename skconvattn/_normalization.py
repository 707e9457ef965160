"""Normalisations of a series by its own location and scale, for arrays and for tensors."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

# Added to the squared dispersion, so that constant series stay finite.
EPSILON = 1e-5

# Interquartile range of the standard normal distribution.
_NORMAL_INTERQUARTILE_RANGE = 1.349


class Summaries(Protocol):
    """What a normalisation may ask of a series, whether it is an array or a tensor.

    Every summary has the shape of the series with a time axis of length one.
    """

    def constant(self, value: float) -> Any:
        """Return a value that does not depend on the series."""

    def mean(self) -> Any:
        """Return the mean over time."""

    def variance(self) -> Any:
        """Return the mean squared difference from the mean."""

    def last(self) -> Any:
        """Return the last value."""

    def median(self) -> Any:
        """Return the median over time."""

    def quantile(self, level: float) -> Any:
        """Return a quantile over time, interpolated linearly."""

    def square_root(self, value: Any) -> Any:
        """Return the square root of another summary."""


class Normalization:
    r"""Base of all normalisations, each of which is one subclass in :data:`NORMALIZATIONS`.

    .. math:: z_t = (x_t - c) / s, \qquad s = \sqrt{d^2 + \epsilon}

    A subclass says what the centre :math:`c` and the dispersion :math:`d` are, in terms of
    :class:`Summaries`; arrays and tensors follow from the same words.

    Attributes
    ----------
    name : str
        Value of the parameter that chooses it.
    """

    name: str

    def center(self, series: Summaries) -> Any:
        """Return what is subtracted from the series and added to its forecast."""
        raise NotImplementedError(f"{type(self).__name__} does not implement center(series).")

    def squared_dispersion(self, series: Summaries) -> Any:
        """Return the square of the dispersion, by which the series is divided."""
        raise NotImplementedError(
            f"{type(self).__name__} does not implement squared_dispersion(series)."
        )

    def statistics(self, series: Summaries, epsilon: float = EPSILON) -> tuple[Any, Any]:
        """Return centre and scale of a series.

        Parameters
        ----------
        series : Summaries
            A series.
        epsilon : float, default=1e-5
            Added to the squared dispersion.

        Returns
        -------
        center, scale : array or tensor
            Of the shape of the series with a time axis of length one; the scale is positive.
        """
        return self.center(series), series.square_root(self.squared_dispersion(series) + epsilon)

    def numpy_center(self, windows: np.ndarray) -> np.ndarray:
        """Return the centre of each window.

        Parameters
        ----------
        windows : array of shape (n, window_length)
            Windows of one channel.

        Returns
        -------
        array of shape (n, 1)
            Centres, in double precision.
        """
        return np.asarray(self.center(_WindowSummaries(windows)))

    def numpy_scale(self, windows: np.ndarray, epsilon: float = EPSILON) -> np.ndarray:
        """Return the scale of each window.

        Parameters
        ----------
        windows : array of shape (n, window_length)
            Windows of one channel.
        epsilon : float, default=1e-5
            Added to the squared dispersion.

        Returns
        -------
        array of shape (n, 1)
            Positive scales, in double precision.
        """
        return np.asarray(self.statistics(_WindowSummaries(windows), epsilon)[1])

    @staticmethod
    def normalize(x: Any, statistics: tuple[Any, Any]) -> Any:
        """Subtract the centre and divide by the scale.

        Parameters
        ----------
        x : array or tensor
            A series, of a shape that goes with the statistics.
        statistics : pair of arrays or tensors
            Centre and scale.

        Returns
        -------
        array or tensor of the shape of ``x``
            The normalised series.
        """
        center, scale = statistics
        return (x - center) / scale

    @staticmethod
    def denormalize(x: Any, statistics: tuple[Any, Any]) -> Any:
        """Multiply by the scale and add the centre.

        Parameters
        ----------
        x : array or tensor
            Normalised values, of a shape that goes with the statistics.
        statistics : pair of arrays or tensors
            Centre and scale.

        Returns
        -------
        array or tensor of the shape of ``x``
            Values on the original scale.
        """
        center, scale = statistics
        return x * scale + center


class StandardNormalization(Normalization):
    """By mean and standard deviation."""

    name = "standard"

    def center(self, series: Summaries) -> Any:
        """Return the mean."""
        return series.mean()

    def squared_dispersion(self, series: Summaries) -> Any:
        """Return the variance."""
        return series.variance()


class LastValueNormalization(StandardNormalization):
    """By last value and standard deviation."""

    name = "last"

    def center(self, series: Summaries) -> Any:
        """Return the last value."""
        return series.last()


class RobustNormalization(Normalization):
    """By median and interquartile range, in units of the standard deviation of normal data."""

    name = "robust"

    def center(self, series: Summaries) -> Any:
        """Return the median."""
        return series.median()

    def squared_dispersion(self, series: Summaries) -> Any:
        """Return the square of the interquartile range over that of the normal distribution."""
        interquartile_range = series.quantile(0.75) - series.quantile(0.25)
        dispersion = interquartile_range / _NORMAL_INTERQUARTILE_RANGE
        return dispersion * dispersion


class IdentityNormalization(Normalization):
    """Leaves a series as it is: its centre is zero and its scale is one."""

    def center(self, series: Summaries) -> Any:
        """Return zero."""
        return series.constant(0.0)

    def statistics(self, series: Summaries, epsilon: float = EPSILON) -> tuple[Any, Any]:
        """Return zero and one, whatever ``epsilon`` is; see :meth:`Normalization.statistics`."""
        return self.center(series), series.constant(1.0)


# All that a parameter may name: a new one is a class above and a word here.
NORMALIZATIONS: dict[str, Normalization] = {
    normalization.name: normalization
    for normalization in (StandardNormalization(), LastValueNormalization(), RobustNormalization())
}

_IDENTITY = IdentityNormalization()


def normalization_of(name: str | None, parameter: str = "normalization") -> Normalization:
    """Return the normalisation of a name.

    Parameters
    ----------
    name : str or None
        A key of :data:`NORMALIZATIONS`, or None for the one that changes nothing.
    parameter : str, default="normalization"
        Name of the parameter, for the error.

    Returns
    -------
    Normalization
        The normalisation.

    Raises
    ------
    ValueError
        If there is no normalisation of that name.
    """
    if name is None:
        return _IDENTITY
    if name not in tuple(NORMALIZATIONS):
        options = ", ".join(repr(option) for option in NORMALIZATIONS)
        raise ValueError(f"{parameter}={name!r} is not known; use one of {options}, or None.")
    return NORMALIZATIONS[name]


class _WindowSummaries:
    """Summaries of each row of an array of shape (n, window_length), of shape (n, 1)."""

    def __init__(self, windows: np.ndarray) -> None:
        self._windows = np.asarray(windows, dtype=np.float64)

    def constant(self, value: float) -> np.ndarray:
        return np.full((len(self._windows), 1), value)

    def mean(self) -> np.ndarray:
        return np.asarray(self._windows.mean(axis=1, keepdims=True))

    def variance(self) -> np.ndarray:
        return np.asarray(self._windows.var(axis=1, keepdims=True))

    def last(self) -> np.ndarray:
        return self._windows[:, -1:]

    def median(self) -> np.ndarray:
        return np.asarray(np.median(self._windows, axis=1, keepdims=True))

    def quantile(self, level: float) -> np.ndarray:
        return np.asarray(np.quantile(self._windows, level, axis=1, keepdims=True))

    def square_root(self, value: np.ndarray) -> np.ndarray:
        return np.sqrt(value)
