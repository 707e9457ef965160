"""What files are looked up by costs no more than its number says, whatever its hashes are."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from skconvattn import ConvAttentionRegressor, load
from skconvattn.forecasting.file_calendars import calendar_of, check_reach
from skconvattn.forecasting.file_records import _as_text
from skconvattn.forecasting.series.timeline import Timeline
from skconvattn.persistence import SaveFileError
from skconvattn.persistence.lookups import check_lookups, increases, of_levels
from tests.persistence.changing import File

# CPU time in s; with quadratic lookups each of these files takes minutes.
SECONDS = 4.0
# Python's hash of a whole number is the rest of its division by this one.
MODULUS = 2**61 - 1


def of_one_hash(n: int) -> np.ndarray:
    """Return whole numbers that pandas gives one hash of 32 bits: k >> 33 ^ k ^ k << 11."""
    high = np.arange(n, dtype=np.uint64)
    wanted = low = high >> np.uint64(1)
    for _ in range(4):
        low = wanted ^ ((low << np.uint64(11)) & np.uint64(0xFFFFFFFF))
    return ((high << np.uint64(32)) | low).view(np.int64)


def texts_of_one_hash(n: int) -> list[str]:
    """Return texts with one hash of the kind h = 31 h + letter."""
    return [
        "".join(parts) for parts in itertools.islice(itertools.product(("Aa", "BB"), repeat=18), n)
    ]


def level(values: Any) -> dict[str, Any]:
    plain = {"kind": "plain", "name": None, "values": values}
    return {"index": {"kind": "multi", "levels": [plain]}}


def items(values: list[Any]) -> dict[str, Any]:
    return {"array": {"shape": [len(values)], "items": values}}


LOADED: dict[str, Callable[[File], Any]] = {
    "numbers in a level": lambda file: level(file.array(of_one_hash(200_000))),
    "objects in a level": lambda file: level(items(of_one_hash(100_000).tolist())),
    "texts in a level": lambda file: level(items(texts_of_one_hash(100_000))),
}
PAIRS = [[{"tuple": [i, i]}, 0] for i in range(101)]
REFUSED: dict[str, tuple[Callable[[File], Any], str]] = {
    "numbers with one hash": (
        lambda file: {"dict": [[k * MODULUS, 0] for k in range(20, 50)]}, "more than 64 bits",
    ),
    "tuples as keys": (lambda file: {"dict": PAIRS}, "neither text nor numbers"),
    "tuples as labels": (
        lambda file: level(items([key for key, _ in PAIRS])), "neither text nor numbers",
    ),
    "a long frequency of periods": (
        lambda file: {"index": {"kind": "period", "name": None, "freq": "1" * 10**6,
                                "values": file.array(np.arange(3))}}, "name of a frequency",
    ),
    "a long frequency of dates": (
        lambda file: {"index": {"kind": "datetime", "name": None, "freq": "1" * 10**6,
                                "values": file.array(np.arange(3)), "unit": "s", "zone": None}},
        "name of a frequency",
    ),
}  # fmt: skip


def test_the_values_of_one_hash_have_one():
    keys = of_one_hash(1000).view(np.uint64)
    hashes = (keys >> np.uint64(33)) ^ keys ^ (keys << np.uint64(11))
    assert len(set((hashes & np.uint64(0xFFFFFFFF)).tolist())) == 1
    assert len(set(keys.tolist())) == 1000


@pytest.mark.parametrize("name", LOADED)
def test_labels_of_one_hash_are_read_in_time(name: str, tmp_path: Path):
    file = File("ConvAttentionRegressor")
    path = file.parameter([LOADED[name](file), "x" * 8_000_000]).write(tmp_path / "model.zip")
    started = time.process_time()
    load(path)
    assert time.process_time() - started < SECONDS


@pytest.mark.parametrize("name", REFUSED)
def test_keys_that_could_take_long_are_refused(name: str, tmp_path: Path):
    make, reason = REFUSED[name]
    file = File("ConvAttentionRegressor")
    path = file.parameter(make(file)).write(tmp_path / "model.zip")
    started = time.process_time()
    with pytest.raises(SaveFileError, match=reason):
        load(path)
    assert time.process_time() - started < SECONDS


MONTHS = pd.period_range("2000-01", periods=3, freq="M")
LEVELS = [
    [pd.Index(["b", "a", "b", None]), pd.Index([3, 1, 3, 2])],
    [pd.Index(["b", 1, "b", 2.5], dtype=object, name="mixed"), pd.RangeIndex(4)],
    [pd.Index([0.5, np.nan, 0.5, -1.0]), pd.Index([True, False, True, True])],
    [MONTHS.append(MONTHS[:1]), pd.Index([2, pd.NA, 1, 2], dtype="Int64")],
    [pd.date_range("2024-03-30", periods=4, tz="Europe/Berlin", name="day")[::-1]],
    [pd.to_timedelta([3, 1, None, 1], unit="h"), pd.Index(["x", "y", "z", "x"], dtype="string")],
]


@pytest.mark.parametrize("levels", LEVELS)
def test_levels_are_those_of_pandas(levels: list[pd.Index]):
    expected = pd.MultiIndex.from_arrays(levels)
    found = of_levels(levels)
    pd.testing.assert_index_equal(found, expected, exact="equiv")
    assert [codes.tolist() for codes in found.codes] == [c.tolist() for c in expected.codes]
    for ours, theirs in zip(found.levels, expected.levels, strict=True):
        pd.testing.assert_index_equal(ours, theirs, exact="equiv")


def test_levels_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="different lengths"):
        of_levels([pd.RangeIndex(2), pd.RangeIndex(3)])


def test_an_index_increases_where_each_label_is_greater():
    for index in (pd.RangeIndex(3), MONTHS, pd.Index([1, 2, 9]), pd.RangeIndex(5, 5, -1)):
        assert increases(index)
    for index in (pd.RangeIndex(3, 0, -1), MONTHS[::-1], pd.Index([1, 1])):
        assert not increases(index)


def test_equal_names_of_series_are_found_whatever_their_types_are():
    equal = [("a", 1), ("a", True), ("a", 1.0), ("a", np.int64(1)), (np.str_("a"), 1)]
    assert len({_as_text(key) for key in equal}) == 1
    others = [("a", 2), ("a", "1"), ("b", 1), ("a", 1.5), ("a", None), ("a",)]
    assert len({_as_text(key) for key in [*equal, *others]}) == 1 + len(others)


def test_a_number_beyond_64_bits_is_not_written(tmp_path: Path):
    for value in (2**64, -(2**63) - 1):
        with pytest.raises(SaveFileError, match="beyond 64 bits"):
            ConvAttentionRegressor(optimizer={"a": value}).save(tmp_path / "model.zip")
    ConvAttentionRegressor(optimizer={"a": 2**64 - 1}).save(tmp_path / "model.zip")
    assert load(tmp_path / "model.zip").optimizer == {"a": 2**64 - 1}


@pytest.mark.parametrize("room", ["parameters", "state"])
@pytest.mark.parametrize("name", ["epochs", "a\nb " * 100_000])
def test_a_message_repeats_little_of_a_file(room: str, name: str, tmp_path: Path):
    file = File("ConvAttentionRegressor")
    file.manifest[room][name] = "a\nb " * 100_000
    with pytest.raises(SaveFileError) as caught:
        load(file.write(tmp_path / "model.zip"))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1200 + len(str(tmp_path))


def test_a_hundred_tuples_are_keys_and_no_more():
    check_lookups([(i,) for i in range(100)] + ["a", 1, None, np.float32(2)])
    with pytest.raises(SaveFileError, match="101 keys of a dict"):
        check_lookups([(i,) for i in range(101)])


@pytest.mark.parametrize(
    ("freq", "cost"), [("B", 4018), ("C", 2 * 4018), ("ME", 132), ("YE", 11), ("bh", 4018 * 24)]
)
def test_the_steps_of_a_calendar_are_counted_from_above(freq: str, cost: int):
    timeline = Timeline("datetime", "2010-01-01T00:00:00", freq)
    index = pd.DatetimeIndex(["2020-12-31", "2021-01-01"]).as_unit("s")
    found = check_reach(timeline, index)
    walked = len(pd.date_range("2010-01-01", "2021-01-01", freq=calendar_of(timeline)))
    assert walked <= found + 1
    assert 0.95 * cost <= found <= 1.1 * cost


@pytest.mark.parametrize("origin", ["1500-01-01", "2900-01-01"])
def test_time_stamps_far_from_their_origin_are_refused(origin: str, tmp_path: Path):
    file = File("business_days")
    text = json.dumps(file.manifest)
    assert "2024-01-01T00:00:00+01:00" in text
    path = file.write(
        tmp_path / "model.zip", lambda text: text.replace("2024-01-01T00", f"{origin}T00")
    )
    with pytest.raises(SaveFileError, match="far from their origin"):
        load(path)
