"""Values as JSON and arrays, by a closed list of types."""

from __future__ import annotations

import dataclasses
import functools
import math
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from skconvattn.persistence.archive import SaveFileError
from skconvattn.persistence.budget import Budget
from skconvattn.persistence.configurations import bytes_of, check_named_class
from skconvattn.persistence.lookups import check_lookups
from skconvattn.persistence.manifest import INTEGERS, current_name

# Booleans, integers, floats, text, dates and durations; objects and structures are no data.
_ARRAY_KINDS = "biufUmM"
_SCALAR_KINDS = "biufU"
_SCALAR_TYPE = re.compile(r"[<|][biufU]\d{1,3}")
_MAX_ITEM_BYTES = 8
MAX_DEPTH = 60
_PLAIN = frozenset([type(None), bool, int, float, str])


@dataclasses.dataclass(frozen=True)
class Kind:
    """One type that files know beside JSON's own.

    Attributes
    ----------
    tag : str
        Its name in files.
    accepts : callable
        ``accepts(value) -> bool``.
    encode : callable
        ``encode(codec, value, name) -> JSON``; the name is for messages.
    decode : callable
        ``decode(codec, payload) -> value``; may raise anything on a payload that it did not write.
    """

    tag: str
    accepts: Callable[[Any], bool]
    encode: Callable[[Codec, Any, str], Any]
    decode: Callable[[Codec, Any], Any]


class Codec:
    """Encoder or decoder of one file.

    Parameters
    ----------
    kinds : sequence of Kind
        Beside those that every file knows; the first that accepts a value encodes it.
    records : sequence of type
        Dataclasses that are written field by field.
    arrays : sequence of ndarray
        Arrays of the file that is read, each of which is the content of one value.
    budget : Budget, optional
        What reading may cost; as much as an empty file is worth by default.

    Attributes
    ----------
    arrays : list of ndarray
        Those of the file.
    budget : Budget
        What is left of it.
    decoded : list of object
        Every record that was read.
    """

    def __init__(
        self,
        kinds: Sequence[Kind] = (),
        records: Sequence[type] = (),
        arrays: Sequence[np.ndarray] = (),
        budget: Budget | None = None,
    ) -> None:
        self._kinds = (*BASIC_KINDS, *kinds)
        self._by_tag = {kind.tag: kind for kind in self._kinds}
        self.records = {record.__name__: record for record in records}
        self.arrays = arrays if isinstance(arrays, list) else list(arrays)
        self.budget = Budget(0) if budget is None else budget
        self._taken: set[int] = set()
        self.decoded: list[Any] = []
        self._depth = 0

    def encode(self, value: Any, name: str) -> Any:
        """Return a value as JSON.

        Parameters
        ----------
        value : object
            Of one of the known types.
        name : str
            What a message calls the value.

        Returns
        -------
        None, bool, int, float, str, list or dict
            The value; arrays are kept in :attr:`arrays`.

        Raises
        ------
        SaveFileError
            If the value is of no known type.
        """
        if type(value) is int and value not in INTEGERS:
            raise SaveFileError(f"{name} is a whole number beyond 64 bits; use a smaller one.")
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float and math.isfinite(value):
            return value
        self._depth += 1
        try:
            if self._depth > MAX_DEPTH:
                raise SaveFileError(
                    f"{name} is nested more than {MAX_DEPTH} levels deep, or holds itself; give it "
                    "as flat data to save the estimator."
                )
            if type(value) is list:
                return [self.encode(item, f"{name}[{i}]") for i, item in enumerate(value)]
            for kind in self._kinds:
                if kind.accepts(value):
                    return {kind.tag: kind.encode(self, value, name)}
            return {"record": self._encode_record(value, name)}
        finally:
            self._depth -= 1

    def decode(self, payload: Any) -> Any:
        """Return the value that JSON describes.

        Raises
        ------
        Exception
            Of any type, where :meth:`encode` cannot have written the payload.
        """
        if type(payload) in _PLAIN:
            return payload
        self._depth += 1
        try:
            if self._depth > MAX_DEPTH:
                raise ValueError(f"a value is nested more than {MAX_DEPTH} levels deep")
            if type(payload) is list:
                if _PLAIN.issuperset(map(type, payload)):
                    return payload
                return [self.decode(item) for item in payload]
            [(tag, content)] = payload.items()
            if tag == "record":
                return self._decode_record(content)
            if tag not in self._by_tag:
                raise ValueError(f"a value is of the unknown kind {tag!r}")
            return self._by_tag[tag].decode(self, content)
        finally:
            self._depth -= 1

    def take_array(self, number: Any) -> np.ndarray:
        """Return an array of the file, writable and of its own memory.

        Parameters
        ----------
        number : int
            Its index in :attr:`arrays`; each array is taken once.

        Raises
        ------
        ValueError
            If there is no such array, or it was taken before.
        """
        if type(number) is not int or number < 0 or number in self._taken:
            raise ValueError(f"{number!r} is not the number of an array, or has been met before")
        self._taken.add(number)
        array = self.arrays[number]
        self.budget.take("bytes when decoded", array.nbytes)
        return array.copy()

    def check_all_read(self) -> None:
        """Refuse a file with arrays that no value needs.

        Raises
        ------
        ValueError
            If there are any.
        """
        n_left = len(self.arrays) - len(self._taken)
        if n_left:
            raise ValueError(f"{n_left} arrays belong to no value")

    def _encode_record(self, value: Any, name: str) -> Any:
        record = self.records.get(type(value).__name__)
        if record is None or record is not type(value):
            raise SaveFileError(
                f"{name}={_short(value)} cannot be written as data: a file holds no code, and "
                f"{type(value).__name__} is not a kind of value that files know; set it to a "
                "plain value before saving, and again after loading."
            )
        fields = {field.name for field in dataclasses.fields(record)}
        return [
            record.__name__,
            {f: self.encode(getattr(value, f), f"{name}.{f}") for f in sorted(fields)},
        ]

    def _decode_record(self, content: Any) -> Any:
        class_name, payloads = content
        record = self.records[current_name(class_name)]
        types_of, required = _declared(record)
        # Fields that a newer version added have their defaults.
        if not required <= payloads.keys() <= types_of.keys():
            raise ValueError(f"a {class_name} has other fields than this version's")
        values = {name: self.decode(payload) for name, payload in payloads.items()}
        for name, value in values.items():
            if not _fits(value, types_of[name]):
                raise ValueError(f"{class_name}.{name} is a {type(value).__name__}")
        value = record(**values)
        self.decoded.append(value)
        return value


@functools.cache
def _declared(record: type) -> tuple[dict[str, Any], set[str]]:
    """Return the types of a record's fields by name, and the names of those without a default."""
    hints = typing.get_type_hints(record)
    fields = dataclasses.fields(record)
    required = {
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    return {field.name: hints[field.name] for field in fields}, required


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of the type that a dataclass declares, as far as that is a plain type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin is None:
        # True and False are whole numbers to Python; whole numbers are floats to type hints.
        if hint is float:
            return type(value) in (int, float) or isinstance(value, np.floating)
        return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
    if origin is types.UnionType or origin is typing.Union:
        return any(_fits(value, argument) for argument in arguments)
    if isinstance(origin, type):
        if origin is tuple and arguments[1:] == (Ellipsis,):
            return isinstance(value, tuple) and all(_fits(v, arguments[0]) for v in value)
        if origin is tuple:
            return (
                isinstance(value, tuple)
                and len(value) == len(arguments)
                and all(_fits(v, a) for v, a in zip(value, arguments, strict=True))
            )
        return isinstance(value, origin)
    return True


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _encode_dict(codec: Codec, value: Mapping[Any, Any], name: str) -> Any:
    check_named_class(value)
    check_lookups(value)
    return [
        [codec.encode(key, f"a key of {name}"), codec.encode(item, f"{name}[{key!r}]")]
        for key, item in value.items()
    ]


def _decode_dict(codec: Codec, payload: Any) -> dict[Any, Any]:
    pairs = [(codec.decode(key), codec.decode(item)) for key, item in payload]
    check_lookups(key for key, _ in pairs)
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a dict has one key twice")
    check_named_class(value)
    if "class_name" in value:
        codec.budget.take("objects of Keras")
        codec.budget.take("bytes when decoded", bytes_of(value))
    return value


def encode_array(codec: Codec, value: np.ndarray, name: str) -> Any:
    """Keep a numeric, text or date array among the file's; others are written item by item."""
    if value.dtype.kind == "O":
        items = [codec.encode(item, f"{name}[{i}]") for i, item in enumerate(value.ravel())]
        return {"shape": list(value.shape), "items": items}
    if value.dtype.kind not in _ARRAY_KINDS or (
        value.dtype.kind != "U" and value.dtype.itemsize > _MAX_ITEM_BYTES
    ):
        raise SaveFileError(
            f"{name} is an array of {value.dtype}, which files do not hold; convert it to numbers "
            "of at most 64 bits or to text before saving."
        )
    codec.arrays.append(np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<")))
    return len(codec.arrays) - 1


def decode_array(codec: Codec, payload: Any) -> np.ndarray:
    """Return an array that :func:`encode_array` encoded, writable and of its own memory."""
    if isinstance(payload, dict):
        items = payload["items"]
        array = np.empty(len(items), dtype=object)
        for i, item in enumerate(items):
            array[i] = codec.decode(item)
        return array.reshape(payload["shape"])
    return codec.take_array(payload)


def array_is_safe(dtype: np.dtype[Any]) -> bool:
    """Whether files hold arrays of this type."""
    return (
        dtype.kind in _ARRAY_KINDS
        and dtype.names is None
        and dtype.subdtype is None
        and (dtype.kind == "U" or dtype.itemsize <= _MAX_ITEM_BYTES)
    )


def _encode_scalar(codec: Codec, value: np.generic, name: str) -> Any:
    return [value.dtype.str, codec.encode(value.item(), name)]


def _decode_scalar(codec: Codec, payload: Any) -> np.generic:
    if not _SCALAR_TYPE.fullmatch(payload[0]):
        raise ValueError(f"a scalar is of type {payload[0]!r}")
    dtype = np.dtype(payload[0])
    if dtype.kind not in _SCALAR_KINDS or not array_is_safe(dtype):
        raise ValueError(f"a scalar is of type {dtype}")
    if dtype.kind == "U":
        return np.str_(codec.decode(payload[1]))
    return dtype.type(codec.decode(payload[1]))


def _encode_random_state(codec: Codec, value: np.random.RandomState, name: str) -> Any:
    state = value.get_state(legacy=False)
    if state["bit_generator"] != "MT19937":
        raise SaveFileError(
            f"{name} draws from {state['bit_generator']}, which files do not hold; use an integer "
            "or numpy.random.RandomState(seed)."
        )
    inner = state["state"]
    return [codec.encode(v, name) for v in (inner["key"], inner["pos"])] + [
        codec.encode(state[field], name) for field in ("has_gauss", "gauss")
    ]


def _decode_random_state(codec: Codec, payload: Any) -> np.random.RandomState:
    key, position, has_gauss, gauss = (codec.decode(item) for item in payload)
    if key.shape != (624,) or key.dtype != np.uint32 or not 0 <= position <= 624:
        raise ValueError("the state of a RandomState has another form")
    value = np.random.RandomState(0)
    value.set_state(("MT19937", key, position, int(has_gauss), float(gauss)))
    return value


BASIC_KINDS = (
    Kind(
        "float",
        lambda value: type(value) is float,
        lambda codec, value, name: repr(value),
        lambda codec, payload: {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}[payload],
    ),
    Kind(
        "tuple",
        lambda value: type(value) is tuple,
        lambda codec, value, name: codec.encode(list(value), name),
        lambda codec, payload: tuple(codec.decode(item) for item in payload),
    ),
    Kind("dict", lambda value: type(value) is dict, _encode_dict, _decode_dict),
    Kind("array", lambda value: type(value) is np.ndarray, encode_array, decode_array),
    Kind(
        "scalar",
        lambda value: (
            isinstance(value, np.generic)
            and value.dtype.kind in _SCALAR_KINDS
            and array_is_safe(value.dtype)
        ),
        _encode_scalar,
        _decode_scalar,
    ),
    Kind(
        "random_state",
        lambda value: type(value) is np.random.RandomState,
        _encode_random_state,
        _decode_random_state,
    ),
)
