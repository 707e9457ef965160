"""The saving of forecasters: the kinds of values that files of forecasters alone hold."""

from __future__ import annotations

import os
from typing import Any

import pandas as pd
from sktime.base import BaseObject
from sktime.datatypes import VectorizedDF
from sktime.datatypes._dtypekind import DtypeKind
from sktime.forecasting.base import ForecastingHorizon

from skconvattn.data.frequencies import check_length
from skconvattn.forecasting.file_state import FROZEN_LIST
from skconvattn.forecasting.fitted import FittedForecast
from skconvattn.forecasting.series.channels import Channels
from skconvattn.forecasting.series.covariates import CovariateEncoder
from skconvattn.forecasting.series.effects import Effects
from skconvattn.forecasting.series.history import History, Panel
from skconvattn.forecasting.series.target_scaling import TargetScaling
from skconvattn.forecasting.series.timeline import Timeline
from skconvattn.forecasting.series.windowing import WindowSpec
from skconvattn.forecasting.zero_shot import ZeroShotFit
from skconvattn.intervals import IntervalModel
from skconvattn.intervals.noise import LevelShare
from skconvattn.intervals.residuals import ConformalQuantiles, ResidualQuantiles
from skconvattn.members.combination import Combination
from skconvattn.members.pretrained import Pretrained
from skconvattn.members.pretrained_network import PretrainedNetwork
from skconvattn.members.series_maps import SeriesMaps
from skconvattn.members.smoothing import Smoothing
from skconvattn.members.univariate import Univariate
from skconvattn.persistence.attributes import at_least, entries, is_a, one_of, optional
from skconvattn.persistence.codec import Codec, Kind
from skconvattn.persistence.lookups import increases
from skconvattn.persistence.reading import read
from skconvattn.persistence.saving import check_path, save_estimator

# What sktime keeps of each step of a horizon, ranges included.
_BYTES_PER_STEP = 64
_INDEX = optional(is_a(pd.Index))
# sktime's view of many series, by attributes.
_VECTORIZED = entries(
    {
        "X": is_a(pd.DataFrame),
        "X_mi_columns": _INDEX,
        "X_mi_index": _INDEX,
        "X_multiindex": is_a(pd.DataFrame),
        "X_orig_mtype": optional(is_a(str)),
        "converter_store": one_of({}),
        "is_scitype": one_of(None, "Series", "Panel", "Hierarchical"),
        "iter_indices": lambda value: isinstance(value, tuple) and all(map(_INDEX, value)),
        "iterate_as": one_of("Series", "Panel"),
        "iterate_cols": is_a(bool),
        "remember_data": is_a(bool),
        "shape": lambda value: isinstance(value, tuple) and all(map(at_least(0), value)),
    }
)


def _encode_horizon(codec: Codec, fh: ForecastingHorizon, name: str) -> Any:
    freq = None if fh.freq is None else str(getattr(fh.freq, "freqstr", fh.freq))
    values = codec.encode(fh.to_pandas(), name)
    return {"values": values, "is_relative": bool(fh.is_relative), "freq": freq}


def _decode_horizon(codec: Codec, payload: Any) -> ForecastingHorizon:
    values = codec.decode(payload["values"])
    if not isinstance(values, pd.Index) or values.nlevels != 1:
        raise ValueError("a horizon is no index")
    codec.budget.take("bytes when decoded", len(values) * _BYTES_PER_STEP)
    freq = codec.decode(payload["freq"])
    check_length(freq)
    if not increases(values):
        raise ValueError("the steps of a horizon do not increase")
    # sktime looks for equal steps by hashes that anyone can make equal.
    fh = ForecastingHorizon(values[:1], is_relative=bool(payload["is_relative"]), freq=freq)
    fh._values = values
    return fh


def _encode_vectorized(codec: Codec, data: VectorizedDF, name: str) -> Any:
    return codec.encode(dict(vars(data)), name)


def _decode_vectorized(codec: Codec, payload: Any) -> VectorizedDF:
    attributes = codec.decode(payload)
    if not _VECTORIZED(attributes):
        raise ValueError(f"a panel has the attributes {sorted(attributes)}")
    data = VectorizedDF.__new__(VectorizedDF)
    vars(data).update(attributes)
    return data


# Classes of values in files of forecasters beside those in files of all estimators.
RECORDS: tuple[type, ...] = (
    Channels,
    Combination,
    ConformalQuantiles,
    CovariateEncoder,
    Effects,
    FittedForecast,
    History,
    IntervalModel,
    LevelShare,
    Panel,
    Pretrained,
    PretrainedNetwork,
    ResidualQuantiles,
    SeriesMaps,
    Smoothing,
    TargetScaling,
    Timeline,
    Univariate,
    WindowSpec,
    ZeroShotFit,
)
KINDS: tuple[Kind, ...] = (
    Kind(
        "horizon",
        lambda value: type(value) is ForecastingHorizon,
        _encode_horizon,
        _decode_horizon,
    ),
    Kind(
        "frozen_list",
        lambda value: type(value) is FROZEN_LIST,
        lambda codec, value, name: codec.encode(list(value), name),
        lambda codec, payload: FROZEN_LIST(codec.decode(payload)),
    ),
    Kind(
        "dtype_kind",
        lambda value: type(value) is DtypeKind,
        lambda codec, value, name: value.name,
        lambda codec, payload: DtypeKind[payload],
    ),
    Kind(
        "vectorized",
        lambda value: type(value) is VectorizedDF,
        _encode_vectorized,
        _decode_vectorized,
    ),
)


def save(forecaster: Any, path: Any = None, serialization_format: str = "pickle") -> Any:
    """Save the forecaster, fitted or not, to a file that holds data only.

    The file is a zip of JSON and NumPy arrays; :func:`skconvattn.load` reads it, and gives the
    same forecasts to the last bit. It is written whole or not at all.

    Parameters
    ----------
    path : str, PathLike or None
        File to write; an existing one is replaced. As everywhere in sktime, ``.zip`` is
        added to a name without a suffix. None returns a pickle in memory, as in sktime.
    serialization_format : {"pickle", "cloudpickle"}
        Format of a copy in memory; files have one format.

    Returns
    -------
    tuple or None
        A copy in memory, as read by sktime's ``load``, or None for a file.

    Raises
    ------
    SaveFileError
        If a parameter or attribute cannot be written as data, such as a lambda.
        Nothing is written then.
    OSError
        If the file cannot be written.
    """
    if path is None:
        return BaseObject.save(forecaster, serialization_format=serialization_format)
    check_path(path)
    name = os.fspath(path)
    save_estimator(forecaster, name if os.path.splitext(name)[1] else f"{name}.zip")
    return None


def load_from_path(cls: type, serial: Any) -> Any:
    """Load from a file for sktime's ``load``; see :func:`skconvattn.load`."""
    return read(serial, {cls.__name__: cls})
