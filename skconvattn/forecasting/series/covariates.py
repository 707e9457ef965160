"""Covariates as channels: past, future and static columns of X, categories and calendar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from skconvattn.data.scaling import Scaling
from skconvattn.forecasting.series.calendar import (
    calendar_channels,
    calendar_names,
    n_calendar_channels,
)

# Most categories of a column: more channels would outnumber all others.
_MAX_CATEGORIES = 50

# Covariates become float32, which ends at 3e38.
_LARGEST = 1e30


@dataclass(frozen=True, eq=False)
class CovariateEncoder:
    """How the columns of ``X`` become channels; measured on the data of the fit.

    Attributes
    ----------
    past, future, static : tuple
        Columns of past covariates, of future covariates, whose values over the horizon are given
        too, and of those with one value per series.
    categories : dict
        Categories of each column without numbers: one channel per category.
    with_missing : tuple
        Columns with missing values in the fit: a further channel indicates where.
    calendar : tuple of str
        Features of the time stamps, see :func:`calendar_channels`.
    past_scaling, future_scaling : Scaling or None
        Scaling of the channels, over all series of the fit.
    unknown_category : {"error", "ignore"}
        Whether categories that were not in the fit are refused, or treated as none of those known.
    """

    past: tuple[Any, ...] = ()
    future: tuple[Any, ...] = ()
    static: tuple[Any, ...] = ()
    categories: dict[Any, tuple[Any, ...]] | None = None
    with_missing: tuple[Any, ...] = ()
    calendar: tuple[str, ...] = ()
    past_scaling: Scaling | None = None
    future_scaling: Scaling | None = None
    unknown_category: str = "error"

    @classmethod
    def of(
        cls,
        frames: Sequence[pd.DataFrame],
        indices: Sequence[pd.Index],
        *,
        past: Any,
        static: Any,
        calendar: tuple[str, ...],
        unknown_category: str = "error",
    ) -> CovariateEncoder:
        """Measure covariates.

        Parameters
        ----------
        frames : sequence of pandas.DataFrame
            Covariates of each series, rows at its time stamps or more; without columns where there
            are none.
        indices : sequence of pandas.Index
            Time stamps of each series.
        past, static : sequence or "auto"
            Columns of past covariates, and of those with one value per series. "auto" takes as past
            those without a value after the end of every series where there are later rows, and as
            static those that are constant in each of several series and not the same in all.
        calendar : tuple of str
            Features of the time stamps.
        unknown_category : {"error", "ignore"}
            What is done with categories that are not among these rows.

        Returns
        -------
        CovariateEncoder
            The encoder.
        """
        columns = tuple(frames[0].columns)
        _check_columns(columns, past, "past_regressors")
        _check_columns(columns, static, "static_regressors")
        static = _static(frames, columns) if _is_auto(static) else tuple(static)
        if _is_auto(past):
            past = _without_future(frames, indices, columns)
        past = tuple(column for column in past if column not in static)
        rows = [frame.loc[index] for frame, index in zip(frames, indices, strict=True)]
        encoder = cls(
            past=past,
            future=tuple(c for c in columns if c not in past and c not in static),
            static=static,
            categories={c: k for c in columns if (k := _categories(c, rows)) is not None},
            with_missing=tuple(c for c in columns if any(r[c].isna().any() for r in rows)),
            calendar=calendar,
            unknown_category=unknown_category,
        )
        return encoder._scaled_by(rows, indices)

    @property
    def columns(self) -> tuple[Any, ...]:
        """All columns of ``X``."""
        return (*self.past, *self.future, *self.static)

    @property
    def n_past_channels(self) -> int:
        """Number of channels of past covariates."""
        return self._count(self.past)

    @property
    def n_future_channels(self) -> int:
        """Number of channels of future covariates."""
        n_calendar = n_calendar_channels(self.calendar)
        return self._count((*self.future, *self.static)) + n_calendar

    @property
    def future_names(self) -> tuple[str, ...]:
        """Names of the channels of future covariates."""
        names: list[str] = []
        for column in (*self.future, *self.static):
            known = (self.categories or {}).get(column)
            names += [str(column)] if known is None else [f"{column}={one}" for one in known]
            names += [f"{column} is missing"] if column in self.with_missing else []
        return (*names, *calendar_names(self.calendar))

    def _count(self, columns: tuple[Any, ...]) -> int:
        categories = self.categories or {}
        return sum(len(categories.get(c, (0,))) + (c in self.with_missing) for c in columns)

    def past_channels(self, X: pd.DataFrame | None, n_rows: int) -> np.ndarray:
        """Return scaled channels of past covariates: (n_rows, n_past), float32."""
        raw = self._columns_as_channels(X, self.past, n_rows)
        return _apply(self.past_scaling, raw)

    def future_channels(self, X: pd.DataFrame | None, index: pd.Index) -> np.ndarray:
        """Return scaled channels of future covariates: (n_rows, n_future), float32.

        Parameters
        ----------
        X : pandas.DataFrame or None
            Rows at ``index``; static columns have their value in each.
        index : pandas.Index of length n_rows
            Time stamps.
        """
        raw = self._columns_as_channels(X, (*self.future, *self.static), len(index))
        if self.calendar:
            raw = np.concatenate([raw, calendar_channels(index, self.calendar)], axis=1)
        return _apply(self.future_scaling, raw)

    def check(self, X: pd.DataFrame) -> None:
        """Refuse covariates with values of another kind than those of the fit.

        Raises
        ------
        TypeError
            If a column that held numbers in the fit holds other values.
        ValueError
            If a column has categories that were not in the fit.
        """
        self._columns_as_channels(X, self.columns, len(X))

    def _scaled_by(
        self, rows: Sequence[pd.DataFrame], indices: Sequence[pd.Index]
    ) -> CovariateEncoder:
        """Return the same encoder with scales measured on the rows of the fit."""
        past = [self.past_channels(frame, len(frame)) for frame in rows]
        future = [
            self.future_channels(frame, index) for frame, index in zip(rows, indices, strict=True)
        ]
        return CovariateEncoder(
            **{**vars(self), "past_scaling": _scaling(past), "future_scaling": _scaling(future)}
        )

    def _columns_as_channels(
        self, X: pd.DataFrame | None, columns: tuple[Any, ...], n_rows: int
    ) -> np.ndarray:
        """Return numbers, indicators of categories and of missing values: float64."""
        channels: list[np.ndarray] = []
        for column in columns:
            assert X is not None  # checked where it came in
            values = X[column]
            missing = values.isna().to_numpy()
            known = (self.categories or {}).get(column)
            if known is None:
                channels.append(_filled(_numbers(values, column)))
            else:
                if self.unknown_category == "error":
                    _check_categories(values, known, column)
                # Strings may compare with a missing value to a missing value.
                channels += [(values == one).to_numpy(np.float64, na_value=0.0) for one in known]
            if column in self.with_missing:
                channels.append(missing.astype(np.float64))
        return np.stack(channels, axis=1) if channels else np.zeros((n_rows, 0))


def covariate_rows(X: pd.DataFrame, columns: Sequence[Any]) -> pd.DataFrame:
    """Return the columns of a fit from ``X``.

    Raises
    ------
    ValueError
        If columns are missing; the message lists them.
    """
    absent = [column for column in columns if column not in X.columns]
    if absent:
        raise ValueError(
            f"X lacks the columns {absent} that the forecaster was fitted with; give all of "
            f"{list(columns)}."
        )
    return X[list(columns)]


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == "auto"


def _check_columns(columns: tuple[Any, ...], asked: Any, name: str) -> None:
    if _is_auto(asked):
        return
    absent = [column for column in asked if column not in columns]
    if absent:
        raise ValueError(
            f"{name}={list(asked)!r} names {absent}, which X does not have; use columns of X, "
            f"{list(columns)}."
        )


def _static(frames: Sequence[pd.DataFrame], columns: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return columns that are constant in each of several series and not the same in all."""
    if len(frames) < 2:
        return ()
    return tuple(
        column
        for column in columns
        if all(frame[column].nunique(dropna=False) == 1 for frame in frames)
        and len({frame[column].iloc[0] for frame in frames}) > 1
    )


def _without_future(
    frames: Sequence[pd.DataFrame], indices: Sequence[pd.Index], columns: tuple[Any, ...]
) -> tuple[Any, ...]:
    """Return columns without a value after the series, where ``X`` has rows there."""
    later = [f.loc[f.index > i[-1]] for f, i in zip(frames, indices, strict=True)]
    if not later or all(len(rows) == 0 for rows in later):
        return ()
    return tuple(c for c in columns if all(rows[c].isna().all() for rows in later))


def _categories(column: Any, rows: Sequence[pd.DataFrame]) -> tuple[Any, ...] | None:
    """Return the categories of a column; None if it holds numbers."""
    dtype = rows[0][column].dtype
    if pd.api.types.is_numeric_dtype(dtype):
        if pd.api.types.is_complex_dtype(dtype):
            raise TypeError(
                f"X[{column!r}] has values of type {dtype}; give real numbers or categories."
            )
        return None
    if not (
        isinstance(dtype, pd.CategoricalDtype)
        or pd.api.types.is_object_dtype(dtype)
        or pd.api.types.is_string_dtype(dtype)
    ):
        raise TypeError(
            f"X[{column!r}] has values of type {dtype}; give real numbers or categories."
        )
    values = [value for frame in rows for value in frame[column].dropna()]
    # Decimals, or what a database returns: an object column may hold numbers.
    if values and all(isinstance(value, Real | Decimal) for value in values):
        return None
    found = sorted(set(values), key=str)
    if len(found) > _MAX_CATEGORIES:
        raise ValueError(
            f"X[{column!r}] has {len(found)} categories; give at most {_MAX_CATEGORIES}, or "
            "replace them by numbers, such as the mean of y in each."
        )
    return tuple(value.item() if isinstance(value, np.generic) else value for value in found)


def _check_categories(values: pd.Series, known: tuple[Any, ...], column: Any) -> None:
    new = sorted(set(values.dropna()) - set(known), key=str)
    if new:
        raise ValueError(
            f"X[{column!r}] has the categories {new}, which were not in fit; use one of "
            f"{list(known)} or a missing value, or fit with unknown_category='ignore'."
        )


def _numbers(values: pd.Series, column: Any) -> np.ndarray:
    """Return a column that held numbers in fit: float64, NaN where missing."""
    try:
        numbers = values.to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"X[{column!r}] has values of type {values.dtype}, but held numbers in fit; give "
            "numbers there."
        ) from error
    if np.isinf(numbers).any():
        raise ValueError(
            f"X[{column!r}] has infinite values; replace them by numbers, or by NaN, which stands "
            "for missing."
        )
    largest = np.nanmax(np.abs(numbers), initial=0.0)
    if largest > _LARGEST:
        raise ValueError(
            f"X[{column!r}] has a value of size {largest:.3g}, too large for float32; give it in "
            "larger units."
        )
    return numbers


def _filled(values: np.ndarray) -> np.ndarray:
    """Return values with gaps filled by the last one before, else by the first one after."""
    missing = np.isnan(values)
    if not missing.any():
        return values
    if missing.all():
        return np.zeros_like(values)
    return pd.Series(values).ffill().bfill().to_numpy()


def _scaling(parts: list[np.ndarray]) -> Scaling | None:
    values = np.concatenate(parts) if parts else np.zeros((0, 0))
    if values.shape[1] == 0:
        return None
    return Scaling.of(values.astype(np.float64), np.ones(len(values)))


def _apply(scaling: Scaling | None, values: np.ndarray) -> np.ndarray:
    if scaling is None:
        return values.astype(np.float32)
    with np.errstate(over="ignore"):
        scaled = scaling.apply(values)
    if np.isinf(scaled).any():
        raise ValueError(
            "X has a value too far from those of the fit for float32; give covariates in the units "
            "of the fit."
        )
    return scaled
