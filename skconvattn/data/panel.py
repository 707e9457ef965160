"""Series of equal or unequal length as one array, and their preparation for a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from skconvattn.data.blocks import aligned_zeros, row_blocks
from skconvattn.data.scaling import Scaling, compressed


@dataclass(frozen=True, eq=False)
class Panel:
    """Series as they were given.

    Attributes
    ----------
    values : ndarray of shape (n_samples, n_timepoints, n_channels)
        Any real type. NaN where a value is missing, and after the end of a shorter series.
    lengths : ndarray of shape (n_samples,) or None
        Time steps of each series; None where all have ``n_timepoints``.
    """

    values: np.ndarray
    lengths: np.ndarray | None = None

    @classmethod
    def padded(cls, series: Sequence[np.ndarray]) -> Panel:
        """Pad series of unequal length to one array.

        Parameters
        ----------
        series : sequence of ndarray of shape (n_channels, n_timepoints)
            With one number of channels, and at least one time step each.

        Returns
        -------
        Panel
            Float32 if all series are, else float64.
        """
        lengths = np.array([values.shape[1] for values in series])
        single = all(values.dtype == np.float32 for values in series)
        shape = (len(series), lengths.max(), series[0].shape[0])
        together = np.full(shape, np.nan, dtype=np.float32 if single else np.float64)
        for row, values in zip(together, series, strict=True):
            row[: values.shape[1]] = values.T
        return cls(together, lengths)

    def __len__(self) -> int:
        """Return the number of series."""
        return len(self.values)

    def cut_to(self, rows: np.ndarray) -> Panel:
        """Return a panel without the time steps, or lengths, that the given series do not need."""
        if self.lengths is None:
            return self
        lengths = self.lengths[rows]
        longest = int(lengths.max())
        return Panel(self.values[:, :longest], self.lengths if lengths.min() < longest else None)


@dataclass(frozen=True, eq=False)
class Preparation:
    """Statistics of the series of a fit, by which other series are brought into the same form.

    Attributes
    ----------
    scaling : Scaling
        Location and scale of the channels, without missing values, padding and gross outliers.
    n_timepoints : int
        Time steps of the longest series.
    masked : bool
        Whether the network is told where a series ends, since lengths differ.
    missing_channels : ndarray of shape (n_missing_channels,)
        Indices of the channels with missing values: each gets another channel that is 1 where a
        value is missing.
    """

    scaling: Scaling
    n_timepoints: int
    masked: bool
    missing_channels: np.ndarray

    @classmethod
    def of(cls, panel: Panel, rows: np.ndarray, weights: np.ndarray) -> Preparation:
        """Measure the series of a fit.

        Parameters
        ----------
        panel : Panel
            Series.
        rows : ndarray of shape (n_samples,)
            Indices of the series of the fit.
        weights : ndarray of shape (n_samples,)
            Their weights, positive.

        Returns
        -------
        Preparation
            The preparation.
        """
        missing = np.zeros(panel.values.shape[2], dtype=bool)
        if panel.values.dtype.kind == "f":
            for block in row_blocks(panel.values, len(rows)):
                missing |= _missing(panel, rows[block]).any(axis=(0, 1))
        return cls(
            scaling=Scaling.without_outliers(panel.values, weights, rows),
            n_timepoints=panel.values.shape[1],
            masked=panel.lengths is not None,
            missing_channels=np.flatnonzero(missing),
        )

    @property
    def n_channels(self) -> int:
        """Channels of the network's input."""
        return len(self.scaling.center) + len(self.missing_channels)

    def inputs(
        self, panel: Panel, rows: np.ndarray, n_timepoints: int | None = None
    ) -> list[np.ndarray]:
        """Return the inputs of the network.

        Parameters
        ----------
        panel : Panel
            Series.
        rows : ndarray of shape (n_samples,)
            Indices of the series.
        n_timepoints : int, optional
            Time steps to which series are padded, at least those of the longest of them; those of
            the fit by default.

        Returns
        -------
        list of ndarray
            Scaled series of shape (n_samples, n_timepoints, n_channels), float32, without NaN and
            zero after their end; values beyond 10 standard deviations grow as logarithms. If
            masked, also the mask: (n_samples, n_timepoints).

        Raises
        ------
        ValueError
            If scaled values are too large for float32.
        """
        n_timepoints = self.n_timepoints if n_timepoints is None else n_timepoints
        n_known = min(n_timepoints, panel.values.shape[1])
        series = aligned_zeros((len(rows), n_timepoints, self.n_channels))
        n_given = len(self.scaling.center)
        try:
            with np.errstate(over="raise"):
                for block in row_blocks(panel.values, len(rows)):
                    scaled = self.scaling.of_block(panel.values[rows[block], :n_known])
                    scaled.astype(np.float32)  # raises where values are too large for it
                    scaled = compressed(scaled)
                    missing = np.isnan(scaled)
                    if missing.any():
                        scaled = _filled(scaled, missing)
                        is_missing = _missing(panel, rows[block])[:, :n_known]
                        series[block, :n_known, n_given:] = is_missing[..., self.missing_channels]
                        padding = missing & ~is_missing
                        scaled[padding] = 0.0
                    series[block, :n_known, :n_given] = scaled
        except FloatingPointError as error:
            largest = np.nanmax(np.abs(panel.values[rows]))
            raise ValueError(
                f"X has a value of size {largest:.3g}, too far from those of the fit for float32; "
                "give series in the units of the fit."
            ) from error
        return [series, self._mask(panel, rows, n_timepoints)] if self.masked else [series]

    def by_length(self, panel: Panel) -> Iterator[tuple[int, np.ndarray]]:
        """Group series by the time steps to which they are padded.

        The padded length of a series depends on the series alone and not on the others: it is the
        length of the fit, plus half of it as many times as a longer series needs.

        Yields
        ------
        n_timepoints : int
            Time steps.
        rows : ndarray of shape (n_group,)
            Indices of the series.
        """
        step = -(-self.n_timepoints // 2)
        if panel.lengths is None:
            more = max(0, -(-(panel.values.shape[1] - self.n_timepoints) // step))
            yield self.n_timepoints + more * step, np.arange(len(panel))
            return
        lengths = panel.lengths
        steps_more = np.maximum(0, -(-(lengths - self.n_timepoints) // step))
        for more in np.unique(steps_more):
            yield self.n_timepoints + int(more) * step, np.flatnonzero(steps_more == more)

    def _mask(self, panel: Panel, rows: np.ndarray, n_timepoints: int) -> np.ndarray:
        lengths = panel.values.shape[1] if panel.lengths is None else panel.lengths[rows, None]
        mask = np.arange(n_timepoints) < lengths
        return np.ascontiguousarray(np.broadcast_to(mask, (len(rows), n_timepoints)))


def _missing(panel: Panel, rows: np.ndarray) -> np.ndarray:
    """Return where values are NaN before the end of their series."""
    missing = np.isnan(panel.values[rows])
    if panel.lengths is not None:
        valid = np.arange(panel.values.shape[1]) < panel.lengths[rows, None]
        missing &= valid[..., None]
    return missing


def _filled(values: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Fill gaps along time: linearly between neighbours, with the nearest value at the ends.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_timepoints, n_channels)
        Scaled series, float64.
    missing : boolean ndarray of the same shape
        Where they are NaN.

    Returns
    -------
    ndarray of the same shape
        Without NaN; zero, the mean of the fit, where a whole channel of a series is missing.
    """
    n_timepoints = values.shape[1]
    steps = np.arange(n_timepoints)[:, None]
    before = np.maximum.accumulate(np.where(missing, -1, steps), axis=1)
    after = np.where(missing, n_timepoints, steps)
    after = np.minimum.accumulate(after[:, ::-1], axis=1)[:, ::-1]
    none_before, none_after = before < 0, after == n_timepoints
    left = np.where(none_before, after, before)
    right = np.where(none_after, before, after)
    empty = none_before & none_after
    left, right = np.where(empty, 0, left), np.where(empty, 0, right)
    first = np.take_along_axis(values, left, axis=1)
    last = np.take_along_axis(values, right, axis=1)
    share = (steps - left) / np.maximum(right - left, 1)
    # Equal neighbours are one step, whose value is kept to the last bit.
    filled = np.where(left == right, first, first * (1 - share) + last * share)
    return np.where(missing, np.where(empty, 0.0, filled), values)
