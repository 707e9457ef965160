"""Rows have one order and one weight each, however the samples were given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skconvattn.data import Rows, blocks
from skconvattn.data import rows as rows_module
from skconvattn.data.rows import canonical_rows


def _samples(n_samples: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_samples, 5, 2)), rng.normal(size=(n_samples, 1))


def _fitted_on(X, y, weights=None):
    """What a fit sees: rows, targets and weights in canonical order."""
    rows, merged = canonical_rows(X, y, weights)
    return X[rows], y[rows], merged


def _assert_same_data(one, other):
    for left, right in zip(one, other, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.fixture
def colliding(monkeypatch):
    """Give every sample the same hash."""
    monkeypatch.setattr(rows_module, "_hash", lambda array: np.zeros(len(array), dtype=np.uint64))


def test_distinct_samples_all_stay_with_weight_one():
    X, y = _samples()
    rows, weights = canonical_rows(X, y, None)
    assert sorted(rows) == list(range(40))
    np.testing.assert_array_equal(weights, np.ones(40))


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_samples_does_not_matter(seed):
    X, y = _samples()
    weights = np.random.default_rng(1).uniform(size=40)
    shuffled = np.random.default_rng(seed).permutation(40)
    _assert_same_data(
        _fitted_on(X, y, weights), _fitted_on(X[shuffled], y[shuffled], weights[shuffled])
    )


def test_a_sample_given_three_times_is_one_of_weight_three():
    X, y = _samples()
    times = np.ones(40, dtype=int)
    times[[3, 17]] = 3, 2
    repeated = np.random.default_rng(0).permutation(np.repeat(np.arange(40), times))
    _assert_same_data(_fitted_on(X, y, times), _fitted_on(X[repeated], y[repeated]))


def test_a_sample_of_weight_zero_is_the_same_as_none():
    X, y = _samples()
    weights = np.ones(40)
    weights[[0, 5, 39]] = 0
    kept = weights > 0
    _assert_same_data(_fitted_on(X, y, weights), _fitted_on(X[kept], y[kept]))


def test_equal_series_with_other_targets_are_not_merged():
    X, y = np.ones((4, 3, 1)), np.array([[1.0], [2.0], [1.0], [3.0]])
    rows, weights = canonical_rows(X, y, None)
    np.testing.assert_array_equal(sorted(zip(y[rows, 0], weights, strict=True)),
                                  [(1, 2), (2, 1), (3, 1)])  # fmt: skip


def test_zeros_of_either_sign_are_equal():
    X, y = np.array([[0.0], [-0.0]]), np.array([1.0, 1.0])
    rows, weights = canonical_rows(X, y, None)
    assert len(rows) == 1
    assert weights == [2.0]


def test_nothing_is_left_of_weights_that_are_all_zero():
    rows, weights = canonical_rows(*_samples(3), np.zeros(3))
    assert len(rows) == len(weights) == 0


@pytest.mark.parametrize("seed", range(5))
def test_sums_of_weights_are_equal_to_the_last_bit_in_any_order(seed):
    X, y = np.ones((12, 4)), np.ones(12)
    weights = 10.0 ** np.arange(-6, 6)
    shuffled = np.random.default_rng(seed).permutation(12)
    _, merged = canonical_rows(X, y, weights)
    _, merged_in_other_order = canonical_rows(X, y, weights[shuffled])
    assert merged == merged_in_other_order


@pytest.mark.usefixtures("colliding")
@pytest.mark.parametrize("seed", range(5))
def test_hash_collisions_change_neither_order_nor_merging(seed):
    X, y = _samples(6)
    # 0 1 2 0 1 3 4 5 2 and so on: equal rows are not neighbours.
    given_rows = np.array([0, 1, 2, 0, 1, 3, 4, 5, 2, 0])
    shuffled = np.random.default_rng(seed).permutation(given_rows)
    one = _fitted_on(X[given_rows], y[given_rows])
    _assert_same_data(one, _fitted_on(X[shuffled], y[shuffled]))
    series, _, weights = one
    counts = {float(X[i, 0, 0]): n for i, n in enumerate([3, 2, 2, 1, 1, 1])}
    assert {float(s[0, 0]): w for s, w in zip(series, weights, strict=True)} == counts


def test_hashes_in_blocks_are_those_of_the_whole(monkeypatch):
    X, _ = _samples()
    whole = rows_module._hash(X)
    monkeypatch.setattr(blocks, "BLOCK_VALUES", 3 * 10)
    np.testing.assert_array_equal(rows_module._hash(X), whole)
    assert len(np.unique(whole)) == 40


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.integers(0, 3), min_size=1, max_size=20),
    seed=st.integers(0, 2**32 - 1),
)
def test_weights_count_the_samples(values, seed):
    values = np.random.default_rng(seed).permutation(values)
    X, y = values[:, None].astype(float), (values % 2).astype(float)
    rows, weights = canonical_rows(X, y, None)
    expected = dict(zip(*np.unique(values, return_counts=True), strict=True))
    assert dict(zip(values[rows], weights, strict=True)) == expected


def test_a_batch_holds_inputs_targets_and_weights_of_the_same_samples():
    rows = Rows(
        inputs=np.arange(12, dtype=np.float32).reshape(4, 3, 1),
        targets=np.arange(4, dtype=np.float32)[:, None],
        weights=np.array([1, 2, 3, 4], dtype=np.float32),
    )
    (inputs,), targets, weights = rows.batch(np.array([3, 1]))
    np.testing.assert_array_equal(inputs[..., 0], [[9, 10, 11], [3, 4, 5]])
    np.testing.assert_array_equal(targets, [[3], [1]])
    np.testing.assert_array_equal(weights, [4, 2])
    assert len(rows) == 4
