"""Windows equal a plain loop over each series, and none reaches into the next."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skconvattn.data import Windows


def _by_loop(series, window_length, horizon):
    """Windows, future covariates, targets and weights, one window at a time."""
    windows, known, targets, weights = [], [], [], []
    for values in series:
        for start in range(len(values) - window_length):
            end = start + window_length
            ahead = np.full((horizon, values.shape[1]), 0.0)
            ahead[:, 0] = np.nan
            future = values[end : end + horizon]
            ahead[: len(future)] = future
            windows.append(values[start:end])
            known.append(ahead[:, 1:])
            present = ~np.isnan(ahead[:, 0])
            weights.append(present)
            targets.append(np.where(present, ahead[:, 0], 0.0)[:, None])
    return tuple(np.array(a, dtype=np.float32) for a in (windows, known, targets, weights))


def _assert_equals_loop(series, window_length, horizon):
    windows = Windows.over(series, window_length, horizon)
    inputs, targets, weights = windows.batch(np.arange(len(windows)))
    expected = _by_loop(series, window_length, horizon)
    np.testing.assert_array_equal(inputs[0], expected[0])
    if windows.n_known:
        np.testing.assert_array_equal(inputs[1], expected[1])
    else:
        assert len(inputs) == 1
    np.testing.assert_array_equal(targets, expected[2])
    np.testing.assert_array_equal(weights, expected[3])


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 15), min_size=1, max_size=4),
    window_length=st.integers(1, 6),
    horizon=st.integers(1, 6),
    n_known=st.integers(0, 2),
)
def test_batches_equal_a_loop_over_each_series(lengths, window_length, horizon, n_known):
    lengths = [*lengths, window_length + 1]  # one window at least
    rng = np.random.default_rng(0)
    series = [rng.normal(size=(n, 1 + n_known)).astype(np.float32) for n in lengths]
    _assert_equals_loop(series, window_length, horizon)


def test_no_window_crosses_from_one_series_into_the_next():
    series = [np.full((7, 1), value, dtype=np.float32) for value in (1, 2, 3)]
    windows = Windows.over(series, window_length=3, horizon=5)
    (inputs,), targets, weights = windows.batch(np.arange(len(windows)))
    for window, target, weight in zip(inputs, targets, weights, strict=True):
        seen = {*window.ravel(), *target[weight > 0].ravel()}
        assert len(seen) == 1


def test_every_window_has_a_step_to_learn_from():
    windows = Windows.over([np.zeros((9, 1)), np.zeros((5, 1))], window_length=3, horizon=4)
    *_, weights = windows.batch(np.arange(len(windows)))
    np.testing.assert_array_equal(weights.sum(axis=1), [4, 4, 4, 3, 2, 1, 2, 1])


def test_a_series_no_longer_than_a_window_gives_none():
    windows = Windows.over([np.zeros((3, 1)), np.ones((4, 1))], window_length=3, horizon=2)
    (inputs,), targets, weights = windows.batch(np.arange(len(windows)))
    np.testing.assert_array_equal(inputs[..., 0], [[1, 1, 1]])
    np.testing.assert_array_equal(targets[..., 0], [[1, 0]])
    np.testing.assert_array_equal(weights, [[1, 0]])


def test_missing_targets_have_weight_zero_and_a_finite_value():
    values = np.arange(6, dtype=np.float32)[:, None]
    values[4] = np.nan
    windows = Windows.over([values], window_length=2, horizon=3)
    (_,), targets, weights = windows.batch(np.array([0, 1]))
    np.testing.assert_array_equal(weights, [[1, 1, 0], [1, 0, 1]])
    np.testing.assert_array_equal(targets[..., 0], [[2, 3, 0], [3, 0, 5]])


def test_separate_targets_are_missing_where_the_window_has_them_filled_in():
    filled, actual = np.arange(6.0), np.array([0, 1, 2, 3, np.nan, 5])
    values = np.stack([filled, filled + 10, filled + 20, actual], axis=1)  # target, past, known
    windows = Windows.over([values], window_length=2, horizon=3, n_past=1, separate_targets=True)
    (window, known), targets, weights = windows.batch(np.array([3]))
    np.testing.assert_array_equal(window[0], [[3, 13, 23], [4, 14, 24]])
    np.testing.assert_array_equal(known[0], [[25], [0], [0]])
    np.testing.assert_array_equal(targets[0, :, 0], [5, 0, 0])
    np.testing.assert_array_equal(weights[0], [1, 0, 0])
    _, targets, weights = windows.batch(np.array([1]))
    np.testing.assert_array_equal(targets[0, :, 0], [3, 0, 5])
    np.testing.assert_array_equal(weights[0], [1, 0, 1])


def test_windows_are_kept_as_starts_and_not_as_a_matrix():
    series = np.zeros((100_000, 1), dtype=np.float32)
    windows = Windows.over([series], window_length=512, horizon=96)
    n_bytes = sum(array.nbytes for array in windows.arrays)
    assert len(windows) == 100_000 - 512
    # Four bytes per step and four per start.
    assert n_bytes <= 8 * (100_000 + 96)


@pytest.mark.parametrize("change", [{"window_length": 4}, {"horizon": 2}])
def test_the_signature_tells_shapes_apart_and_nothing_else(change):
    sizes = {"window_length": 3, "horizon": 1}
    one = Windows.over([np.zeros((9, 1))], **sizes)
    longer = Windows.over([np.ones((20, 1)), np.ones((8, 1))], **sizes)
    assert one.signature == longer.signature
    assert one.signature != Windows.over([np.zeros((9, 1))], **{**sizes, **change}).signature
    assert one.signature != Windows.over([np.zeros((9, 2))], **sizes).signature
    for other in ({"n_past": 1}, {"separate_targets": True}):
        wide = [np.zeros((9, 2))]
        assert (
            Windows.over(wide, **sizes).signature != Windows.over(wide, **sizes, **other).signature
        )
