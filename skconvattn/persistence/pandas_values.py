"""pandas objects in saved files: indices of every kind that sktime takes, series and frames."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from skconvattn.data.frequencies import frequency_name, frequency_offset
from skconvattn.persistence.archive import SaveFileError
from skconvattn.persistence.codec import Codec, Kind, array_is_safe

# Names of the time-zone database and fixed offsets: never a path on the reader's disk.
_TIME_ZONE = re.compile(r"(?!dateutil)[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*|UTC[+-]\d\d:\d\d")
# Extension types that are written item by item.
_ITEM_TYPES = frozenset(
    ["str", "string", "boolean", "Float32", "Float64"]
    + [f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)]
)


def _encode_index(codec: Codec, index: pd.Index, name: str) -> Any:
    payload = _describe_index(codec, index, name)
    # Some indices have a calendar or a time zone that cannot be given by name.
    try:
        same = _same_index(_decode_index(codec, payload), index)
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
    kind = payload["kind"]
    if kind == "multi":
        return pd.MultiIndex.from_arrays([_decode_index(codec, i) for i in payload["levels"]])
    name = codec.decode(payload["name"])
    if kind == "range":
        start, stop, step = codec.decode(payload["bounds"])
        return pd.RangeIndex(start, stop, step, name=name)
    values = codec.decode(payload["values"])
    if kind == "plain":
        column = _Column.decode(values)
        return pd.Index(column, dtype=column.dtype, name=name)
    freq = codec.decode(payload["freq"])
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
    index.freq = frequency_offset(freq)  # type: ignore[misc]
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
    def decode(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return value
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
    return pd.Series(
        _Column.decode(codec.decode(payload["values"])),
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
    columns = [_Column.decode(codec.decode(values)) for values in payload["values"]]
    frame = pd.DataFrame(dict(enumerate(columns)), index=_decode_index(codec, payload["index"]))
    frame.columns = _decode_index(codec, payload["columns"])
    return frame


PANDAS_KINDS = (
    Kind("index", lambda v: isinstance(v, pd.Index), _encode_index, _decode_index),
    Kind("series", lambda v: type(v) is pd.Series, _encode_series, _decode_series),
    Kind("frame", lambda v: type(v) is pd.DataFrame, _encode_frame, _decode_frame),
)
