"""Products of a column and a row, which oneDNN mistakes for one another in two layouts."""

from __future__ import annotations

import keras
import pytest

from tests.layers.cases import CASES, N_CHANNELS

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="oneDNN within TensorFlow"
)
N_TIMEPOINTS = 12


def _outer_products(layer):
    """Return how batches of columns and rows are laid out in the gradients of a layer."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((None, N_TIMEPOINTS, N_CHANNELS))], autograph=False)
    def slopes(x):
        watched = [x, *(v.value for v in layer.trainable_variables)]
        with tf.GradientTape() as tape:
            tape.watch(watched)
            loss = tf.reduce_sum(layer(x) ** 2)
        return tape.gradient(loss, watched)

    graph = slopes.get_concrete_function().graph
    layouts = set()
    for product in graph.get_operations():
        if product.type != "BatchMatMulV2":
            continue
        transposed, shape = product.get_attr("adj_x"), product.inputs[0].shape[-2:]
        n_rows, n_inner = reversed(shape) if transposed else shape
        if n_inner == 1 and n_rows != 1:
            layouts.add((transposed, product.get_attr("adj_y")))
    return layouts


def test_gradients_have_outer_products_in_one_layout_alone():
    # Two products of the same sizes whose columns and rows lie differently in memory are one to
    # the cache of oneDNN in TensorFlow 2.21, which then writes beyond its memory if operations
    # have a thread each: processes ended by SIGSEGV with TF_NUM_INTRAOP_THREADS=1.
    found = {case.name: _outer_products(case.built()) for case in CASES}
    assert {layout for layouts in found.values() for layout in layouts} == {(True, False)}, found


def test_products_in_two_layouts_are_found():
    class Both(keras.layers.Layer):
        def call(self, x):
            scores = keras.ops.matmul(x, keras.ops.swapaxes(x[:, -1:], 1, 2))
            return keras.ops.matmul(keras.ops.swapaxes(scores, 1, 2), x)

    assert _outer_products(Both()) == {(True, False), (False, True)}
