"""Batches gathered inside a graph are those that NumPy gathers outside."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from skconvattn.data import Rows, Windows
from skconvattn.data.blocks import aligned_zeros
from skconvattn.engine.compiled.gathering import gatherer, input_signature
from skconvattn.engine.compiled.loop import to_tensor


def _assert_gathers(source, indices):
    gather = tf.function(
        gatherer(source),
        input_signature=[input_signature(source), tf.TensorSpec((None,), tf.int32)],
    )
    tensors = [tf.constant(array) for array in source.arrays]
    gathered = gather(tensors, tf.constant(indices, tf.int32))
    expected = source.batch(np.asarray(indices, dtype=int))
    flat = [*expected[0], *expected[1:]]
    for tensor, array in zip([*gathered[0], *gathered[1:]], flat, strict=True):
        assert tensor.dtype.as_numpy_dtype == array.dtype
        np.testing.assert_array_equal(tensor.numpy(), array)


@settings(max_examples=8, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("separate_targets", [False, True])
@pytest.mark.parametrize("n_past", [0, 1])
@pytest.mark.parametrize("n_known", [0, 2])
def test_windows(n_known, n_past, separate_targets, data):
    window_length, horizon = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 5))
    lengths = data.draw(st.lists(st.integers(window_length + 1, 15), min_size=1, max_size=3))
    rng = np.random.default_rng(0)
    n_channels = 1 + n_past + n_known + separate_targets
    series = [rng.normal(size=(n, n_channels)).astype("float32") for n in lengths]
    series[0][-1, -1 if separate_targets else 0] = np.nan
    windows = Windows.over(
        series, window_length, horizon, n_past=n_past, separate_targets=separate_targets
    )
    assert windows.n_known == n_known
    indices = data.draw(st.lists(st.integers(0, len(windows) - 1), max_size=9))
    # A window that holds the missing value is NaN there, in both.
    _assert_gathers(windows, indices)


@pytest.mark.parametrize("targets", [np.arange(8, dtype="int32"), np.ones((8, 2), "float32")])
def test_rows(targets):
    rng = np.random.default_rng(0)
    rows = Rows(
        inputs=rng.normal(size=(8, 5, 3)).astype("float32"),
        targets=targets,
        weights=rng.uniform(size=8).astype("float32"),
    )
    _assert_gathers(rows, [7, 0, 0, 3])
    _assert_gathers(rows, [])
    masked = replace(rows, mask=rng.random(rows.inputs.shape[:2]) < 0.5)
    _assert_gathers(masked, [7, 0, 0, 3])
    assert rows.signature != masked.signature


@pytest.mark.parametrize("shape", [(3, 4), (1 << 20, 2)])
@pytest.mark.parametrize("aligned", [True, False])
def test_large_arrays_lend_tensors_their_memory_where_it_is_aligned(shape, aligned):
    array = aligned_zeros((shape[0] + 1, shape[1]))[0 if aligned else 1 :][: shape[0]]
    array[-1] = 7
    tensor = to_tensor(array)
    np.testing.assert_array_equal(tensor.numpy(), array)
    array[0] = 1
    is_shared = bool(tf.reduce_all(tensor[0] == 1))
    assert is_shared == (aligned and array.nbytes > 1 << 20)


@pytest.mark.parametrize("n_known", [0, 1])
def test_a_batch_of_a_long_series_takes_memory_for_its_windows_alone(n_known):
    series = np.zeros((300_000, 1 + n_known), dtype="float32")
    windows = Windows.over([series], window_length=256, horizon=8)
    gather = tf.function(
        gatherer(windows),
        input_signature=[input_signature(windows), tf.TensorSpec((None,), tf.int32)],
    ).get_concrete_function()
    largest = max(
        int(np.prod([size or 1 for size in tensor.shape.as_list()]))
        for op in gather.graph.get_operations()
        for tensor in op.outputs
        if tensor.shape.rank is not None
    )
    # One window and its horizon; the number of windows and the length of the series are unknown.
    assert largest <= 264 * (1 + n_known)
