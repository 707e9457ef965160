"""Time stamps become whole numbers and back, and gaps are named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skconvattn.forecasting.series.timeline import Timeline

DATES = ["D", "2D", "B", "W-WED", "MS", "ME", "2MS", "QS-FEB", "YE", "h", "15min"]
PERIODS = ["D", "W", "M", "2M", "Q", "Y", "h"]


def _datetimes(freq, n=12, tz=None):
    return pd.date_range("2020-01-01", periods=n, freq=freq, tz=tz)


INDICES = {
    **{f"datetime {freq}": _datetimes(freq) for freq in DATES},
    **{f"period {freq}": pd.period_range("2020-01-01", periods=12, freq=freq) for freq in PERIODS},
    "range": pd.RangeIndex(5, 17),
    "numbers": pd.Index(np.arange(-3, 9)),
    "hours in Berlin": _datetimes("h", 40, "Europe/Berlin"),
    "days in Berlin": pd.date_range("2020-03-25", periods=12, freq="D", tz="Europe/Berlin"),
    "hours over the change of the clocks": pd.date_range(
        "2020-10-24 20:00", periods=12, freq="h", tz="Europe/Berlin"
    ),
}
every_index = pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)


@every_index
def test_neighbours_are_one_step_apart(index):
    steps = Timeline.of(index).steps(index)

    np.testing.assert_array_equal(np.diff(steps), 1)


@every_index
def test_a_datetime_index_without_frequency_has_the_same_steps(index):
    if isinstance(index, pd.DatetimeIndex):
        plain = pd.DatetimeIndex(list(index))
        assert plain.freq is None
        np.testing.assert_array_equal(
            Timeline.of(plain).steps(index), Timeline.of(index).steps(index)
        )
    else:
        np.testing.assert_array_equal(
            Timeline.of(index[:6]).steps(index), Timeline.of(index).steps(index)
        )


@every_index
def test_stamps_before_the_origin_count_backwards(index):
    later = Timeline.of(index[4:])

    np.testing.assert_array_equal(
        later.steps(index) - later.steps(index[4:5])[0], np.arange(len(index)) - 4
    )


@every_index
def test_stamps_after_and_around_one_are_those_of_the_index(index):
    timeline = Timeline.of(index)

    assert list(timeline.after(index[2], 3)) == list(index[3:6])
    assert list(timeline.relative(index[4], np.array([-3, 0, 2]))) == list(index[[1, 4, 6]])


@every_index
def test_the_stamps_that_an_index_leaves_out_are_filled_in(index):
    timeline = Timeline.of(index)

    assert list(timeline.whole(index[[0, 1, 5, 6]])) == list(index[:7])
    assert timeline.whole(index) is index


@every_index
def test_gaps_are_named_with_the_way_out(index):
    with pytest.raises(
        ValueError, match=r"y has gaps after .*; give a row .* y\.(asfreq|reindex)"
    ) as gap:
        Timeline.of(index.delete([5, 8]))

    assert str(index[4]) in str(gap.value)
    assert str(index[7]) in str(gap.value)


def test_many_gaps_are_counted():
    index = _datetimes("D", 60).delete(np.arange(8, 60, 6))

    with pytest.raises(ValueError, match=r"2020-01-08 00:00:00, .* and 4 more; give"):
        Timeline.of(index)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (pd.period_range("2020-01", periods=2, freq="Q"), "do not follow the frequency 'M'"),
        (_datetimes("MS", 2), "are of another kind than those of y in fit; give periods"),
        (pd.RangeIndex(3), "are of another kind"),
    ],
)
def test_stamps_of_another_grid_are_refused(index, message):
    timeline = Timeline.of(pd.period_range("2020-01", periods=12, freq="M"))

    with pytest.raises(ValueError, match=message):
        timeline.steps(index)


@pytest.mark.parametrize("freq", ["h", "D"])
def test_stamps_between_those_of_the_grid_are_refused(freq):
    timeline = Timeline.of(_datetimes(freq))

    with pytest.raises(ValueError, match=f"do not follow the frequency '{freq}'"):
        timeline.steps(_datetimes(freq)[:2] + pd.Timedelta("1min"))
    with pytest.raises(ValueError, match="in a time zone, unlike those of y"):
        timeline.steps(_datetimes(freq, tz="UTC"))
