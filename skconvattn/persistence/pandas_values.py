"""pandas objects in saved files: indices of every kind that sktime takes, series and frames."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from skconvattn.data.frequencies import check_length, frequency_name, frequency_offset
from skconvattn.persistence.archive import SaveFileError
from skconvattn.persistence.budget import Budget
from skconvattn.persistence.codec import Codec, Kind, array_is_safe
from skconvattn.persistence.lookups import check_lookups, of_levels

# Names of the time-zone database and fixed offsets: never a path on the reader's disk.
_TIME_ZONE = re.compile(r"(?!dateutil)[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*|UTC[+-]\d\d:\d\d")
_OBJECTS, _BYTES = "indices, series and frames", "bytes when decoded"
# Of a text as an object, and of a value in an index of several levels.
_BYTES_PER_TEXT, _BYTES_PER_CODE = 64, 40
# Time stamps at both ends of an index that are compared with its frequency.
_N_COMPARED = 4
# Extension types that are written item by item.
_ITEM_TYPES = frozenset(
    ["str", "string", "boolean", "Float32", "Float64"]
    + [f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)]
)


def _encode_index(codec: Codec, index: pd.Index, name: str) -> Any:
    payload = _describe_index(codec, index, name)
    # Some indices have a calendar or a time zone that cannot be given by name.
    try:
        reader = Codec(arrays=codec.arrays, budget=Budget(1 << 40))
        same = _same_index(_decode_index(reader, payload), index)
    except (ValueError, TypeError, KeyError):
        same = False
    if not same:
        raise SaveFileError(
            f"{name} has an index of type {type(index).__name__} ({index.dtype}) that files do not "
            "hold; use a PeriodIndex, a DatetimeIndex with a named frequency and time zone, or "
            "integers."
        )
    return payload


def _describe_index(codec: Codec, index: pd.Index, name: str) -> Any:
    def named(kind: str, **content: Any) -> dict[str, Any]:
        values = {key: codec.encode(item, name) for key, item in content.items()}
        return {"kind": kind, "name": codec.encode(index.name, f"the name of {name}"), **values}

    match index:
        case pd.MultiIndex():
            levels = [index.get_level_values(i) for i in range(index.nlevels)]
            return {"kind": "multi", "levels": [_encode_index(codec, i, name) for i in levels]}
        case pd.RangeIndex():
            return named("range", bounds=[index.start, index.stop, index.step])
        case pd.PeriodIndex():
            return named("period", values=index.asi8, freq=index.freqstr)
        case pd.DatetimeIndex() | pd.TimedeltaIndex():
            zone = getattr(index, "tz", None)
            zone = None if zone is None else str(zone)
            kind = "datetime" if isinstance(index, pd.DatetimeIndex) else "timedelta"
            freq = frequency_name(index.freq)
            return named(kind, values=index.asi8, unit=index.unit, freq=freq, zone=zone)
    return named("plain", values=_Column.encode(codec, index.array, name))


def _decode_index(codec: Codec, payload: Any) -> pd.Index:
    codec.budget.take(_OBJECTS)
    kind = payload["kind"]
    if kind == "multi":
        return _decode_levels(codec, payload["levels"])
    name = codec.decode(payload["name"])
    if kind == "range":
        start, stop, step = codec.decode(payload["bounds"])
        # Stays a range here, but whatever is computed with it has all its values.
        codec.budget.take(_BYTES, 8 * len(range(start, stop, step)))
        return pd.RangeIndex(start, stop, step, name=name)
    values = codec.decode(payload["values"])
    if kind == "plain":
        column = _Column.decode(codec, values)
        if column.dtype == object:
            check_lookups(column)
        return pd.Index(column, dtype=column.dtype, name=name)
    if values.dtype != np.int64 or values.ndim != 1:
        raise ValueError(f"the time stamps of an index are {values.dtype} of shape {values.shape}")
    freq = codec.decode(payload["freq"])
    check_length(freq)
    if kind == "period":
        from_ordinals = pd.PeriodIndex.from_ordinals  # type: ignore[attr-defined]
        return from_ordinals(values, freq=freq, name=name)
    unit, zone = codec.decode(payload["unit"]), codec.decode(payload["zone"])
    if kind == "timedelta":
        return pd.TimedeltaIndex(values.view(f"m8[{unit}]"), freq=freq, name=name)
    if kind != "datetime":
        raise ValueError(f"an index is of the unknown kind {kind!r}")
    index = pd.DatetimeIndex(values.view(f"M8[{unit}]"), name=name)
    if zone is not None:
        if not _TIME_ZONE.fullmatch(zone):
            raise ValueError(f"{zone!r} is not a time zone")
        index = index.tz_localize("UTC").tz_convert(zone)
    return _with_frequency(codec, index, frequency_offset(freq))


def _decode_levels(codec: Codec, payloads: list[Any]) -> pd.MultiIndex:
    """Return an index of several levels, each of which is as long as the others."""
    if any(payload["kind"] == "multi" for payload in payloads):
        raise ValueError("a level of an index has levels of its own")
    levels = [_decode_index(codec, payload) for payload in payloads]
    codec.budget.take(_BYTES, sum(level.size * _BYTES_PER_CODE for level in levels))
    return of_levels(levels)


def _with_frequency(codec: Codec, index: Any, offset: Any) -> pd.DatetimeIndex:
    """Set a frequency that its first and last time stamps have.

    pandas would walk along a calendar from the first to the last.
    """
    if offset is None or isinstance(offset, pd.offsets.Tick) or len(index) <= 2 * _N_COMPARED:
        codec.budget.take("time stamps on a calendar", min(len(index), 2 * _N_COMPARED))
        index.freq = offset
        return index
    codec.budget.take("time stamps on a calendar", 2 * _N_COMPARED)
    for part in (index[:_N_COMPARED], index[-_N_COMPARED:]):
        part.freq = offset
    index._data._freq = offset
    return index


def _same_index(one: pd.Index, other: pd.Index) -> bool:
    return (
        type(one) is type(other)
        and one.equals(other)
        and one.dtype == other.dtype
        and list(one.names) == list(other.names)
        and frequency_name(getattr(one, "freq", None))
        == frequency_name(getattr(other, "freq", None))
    )


class _Column:
    """The values of a series: a NumPy array, or items with the name of their type."""

    @staticmethod
    def encode(codec: Codec, values: Any, name: str) -> Any:
        if type(values) is pd.arrays.NumpyExtensionArray:
            return values.to_numpy()
        if isinstance(values.dtype, np.dtype) and array_is_safe(values.dtype):
            return np.asarray(values)  # dates without a zone
        if str(values.dtype) not in _ITEM_TYPES:
            raise SaveFileError(
                f"{name} is of type {values.dtype}, which files do not hold; convert it to numbers "
                "or text before fitting."
            )
        items = [None if pd.isna(item) else item for item in values.tolist()]
        return (str(values.dtype), items)

    @staticmethod
    def decode(codec: Codec, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            if value.ndim != 1:
                raise ValueError(f"a column has the shape {value.shape}")
            if value.dtype.kind == "U":
                codec.budget.take(_BYTES, value.size * _BYTES_PER_TEXT)
            return value
        codec.budget.take(_OBJECTS)
        dtype, items = value
        if dtype not in _ITEM_TYPES:
            raise ValueError(f"a column is of the unknown type {dtype!r}")
        return pd.array(items, dtype=dtype)


def _encode_series(codec: Codec, series: pd.Series, name: str) -> Any:
    return {
        "values": codec.encode(_Column.encode(codec, series.array, name), name),
        "index": _encode_index(codec, series.index, name),
        "name": codec.encode(series.name, f"the name of {name}"),
    }


def _decode_series(codec: Codec, payload: Any) -> pd.Series:
    codec.budget.take(_OBJECTS)
    return pd.Series(
        _Column.decode(codec, codec.decode(payload["values"])),
        index=_decode_index(codec, payload["index"]),
        name=codec.decode(payload["name"]),
    )


def _encode_frame(codec: Codec, frame: pd.DataFrame, name: str) -> Any:
    columns = [
        codec.encode(_Column.encode(codec, frame.iloc[:, i].array, name), name)
        for i in range(frame.shape[1])
    ]
    return {
        "values": columns,
        "index": _encode_index(codec, frame.index, name),
        "columns": _encode_index(codec, frame.columns, f"the columns of {name}"),
    }


def _decode_frame(codec: Codec, payload: Any) -> pd.DataFrame:
    codec.budget.take(_OBJECTS)
    columns = [_Column.decode(codec, codec.decode(values)) for values in payload["values"]]
    index = _decode_index(codec, payload["index"])
    if any(len(column) != len(index) for column in columns):
        raise ValueError("the columns of a frame are not as long as its index")
    frame = pd.DataFrame(dict(enumerate(columns)), index=index)
    frame.columns = _decode_index(codec, payload["columns"])
    return frame


PANDAS_KINDS = (
    Kind("index", lambda v: isinstance(v, pd.Index), _encode_index, _decode_index),
    Kind("series", lambda v: type(v) is pd.Series, _encode_series, _decode_series),
    Kind("frame", lambda v: type(v) is pd.DataFrame, _encode_frame, _decode_frame),
)
