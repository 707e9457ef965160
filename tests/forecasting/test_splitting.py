"""A panel is split into its series, whatever the order of its rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skconvattn.forecasting.series.history import split_panel

MONTHS = pd.period_range("2020-01", periods=4, freq="M")
DAYS = pd.date_range("2020-01-01", periods=4, freq="D", tz="Europe/Berlin")


def _panel(times):
    index = pd.MultiIndex.from_product([["b", "a"], times], names=["store", "time"])
    return pd.DataFrame({"y": np.arange(8.0), "n": np.arange(8)}, index=index)


@pytest.mark.parametrize("times", [MONTHS, DAYS, pd.RangeIndex(4)], ids=["M", "D", "numbers"])
@pytest.mark.parametrize("order", [range(8), [0, 4, 1, 5, 2, 6, 3, 7]], ids=["sorted", "mixed"])
def test_each_series_has_its_rows_in_order_of_the_panel(times, order):
    parts = split_panel(_panel(times).iloc[list(order)])

    assert list(parts) == [("b",), ("a",)]
    for part, first in zip(parts.values(), (0, 4), strict=True):
        expected = {"y": np.arange(first, first + 4.0), "n": np.arange(first, first + 4)}
        pd.testing.assert_frame_equal(part, pd.DataFrame(expected, index=times.rename("time")))


def test_series_stay_as_they_are_when_the_panel_is_changed():
    panel = _panel(MONTHS)
    parts = split_panel(panel)

    panel.iloc[:, 0] = -1.0

    assert list(parts["a",]["y"]) == [4.0, 5.0, 6.0, 7.0]


def test_keys_of_a_hierarchy_are_tuples():
    index = pd.MultiIndex.from_product([["p"], [1, 2], MONTHS])

    parts = split_panel(pd.DataFrame({"y": np.arange(8.0)}, index=index))

    assert list(parts) == [("p", 1), ("p", 2)]
    assert all(type(key[1]) is int for key in parts)


def test_one_series_has_an_empty_key():
    y = pd.DataFrame({"y": np.arange(4.0)}, index=MONTHS)

    assert split_panel(y) == {(): y}
