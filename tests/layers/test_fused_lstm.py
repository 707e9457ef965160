"""The fused LSTM gives what Keras's layer gives: values, gradients, weights, files, fallbacks."""

from __future__ import annotations

import itertools
from pathlib import Path

import keras
import numpy as np
import pytest

from skconvattn.layers.parts.fused_lstm import FusedLSTM, can_fuse, fused_lstm_is_faster, make_lstm

on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="only TensorFlow has the fused operation"
)

# Sixteen roundings of 32-bit floats; measured are up to 9e-7. The unit is the largest value of an
# array.
RELATIVE = 2e-6

MASK = np.array(
    [
        *([1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]),  # padded on the right
        *([0, 0, 1, 1, 1], [0, 1, 1, 1, 1], [0, 0, 0, 0, 1]),  # padded on the left
        *([1, 0, 1, 0, 1], [0, 1, 0, 1, 0], [1, 1, 0, 1, 1]),  # with gaps
        [0, 0, 0, 0, 0],  # nothing is valid
    ],
    dtype=bool,
)


def _normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def _twins(n_channels: int, units: int = 6, **kwargs) -> tuple[keras.layers.LSTM, FusedLSTM]:
    """Keras's layer and the fused one, with the same weights, none of them zero."""
    layers = keras.layers.LSTM(units, **kwargs), FusedLSTM(units, **kwargs)
    for layer in layers:
        batch_size = 3 if kwargs.get("stateful") else None
        layer.build((batch_size, None, n_channels))
    weights = [0.5 * _normal(*w.shape, seed=i) for i, w in enumerate(layers[0].weights) if w.shape]
    for layer in layers:
        for variable, value in zip(layer.trainable_weights, weights, strict=False):
            variable.assign(value)
    return layers


def _run(layer, sequences, mask=None, state=None, training=False, n_runs=None) -> list:
    """Arrays of all outputs, then of the gradients by inputs, weights and states, traced."""
    import tensorflow as tf

    mask = None if mask is None else tf.constant(mask)
    state = None if state is None else [tf.constant(value) for value in state]
    sequences = tf.constant(sequences)

    @tf.function
    def run():
        with tf.GradientTape() as tape:
            tape.watch([sequences, *(state or [])])
            outputs = keras.tree.flatten(
                layer(sequences, mask=mask, initial_state=state, training=training)
            )
            # Each output weighs differently, so that no gradient hides behind another.
            loss = sum((i + 1) * tf.reduce_sum(tf.sin(3 * out)) for i, out in enumerate(outputs))
        sources = [sequences, *(v.value for v in layer.trainable_weights), *(state or [])]
        return outputs + tape.gradient(loss, sources)

    runs = [[np.asarray(value) for value in run()] for _ in range(n_runs or 1)]
    return runs if n_runs else runs[0]


def _assert_same(actual: list[np.ndarray], expected: list[np.ndarray]) -> None:
    assert len(actual) == len(expected)
    for one, other in zip(actual, expected, strict=True):
        assert one.shape == other.shape
        scale = max(1e-3, float(np.max(np.abs(other), initial=0.0)))
        np.testing.assert_allclose(one, other, rtol=0, atol=RELATIVE * scale)


def _operations(layer, sequences, **kwargs) -> set[str]:
    """Types of all operations in the graph of a call, loops and branches included."""
    import tensorflow as tf

    graph = tf.function(lambda x: layer(x, **kwargs)).get_concrete_function(sequences).graph
    definition = graph.as_graph_def()
    nodes = itertools.chain(
        definition.node, *(function.node_def for function in definition.library.function)
    )
    return {node.op for node in nodes}


@on_tensorflow
class TestEqualsKeras:
    @pytest.mark.parametrize(
        ("return_sequences", "return_state", "with_state"),
        [(False, False, False), (False, True, True), (True, False, True), (True, True, False)],
    )
    @pytest.mark.parametrize(
        ("batch_size", "n_timepoints", "n_channels"),
        [(1, 1, 7), (1, 24, 1), (5, 24, 7), (5, 97, 1)],
    )
    def test_values_and_gradients(
        self, return_sequences, return_state, with_state, batch_size, n_timepoints, n_channels
    ):
        reference, fused = _twins(
            n_channels, return_sequences=return_sequences, return_state=return_state
        )
        sequences = _normal(batch_size, n_timepoints, n_channels)
        state = [_normal(batch_size, 6, seed=s) for s in (1, 2)] if with_state else None
        _assert_same(_run(fused, sequences, state=state), _run(reference, sequences, state=state))

    def test_one_step_equals_the_formula_in_numpy(self):
        _, fused = _twins(2, units=3)
        x, h, c = _normal(4, 1, 2), _normal(4, 3, seed=1), _normal(4, 3, seed=2)
        kernel, recurrent_kernel, bias = (w.astype("float64") for w in fused.get_weights())
        i, f, g, o = np.split(x[:, 0] @ kernel + h @ recurrent_kernel + bias, 4, axis=1)
        new_cell = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        expected = np.tanh(new_cell) / (1 + np.exp(-o))
        outputs = fused(x, initial_state=[h, c])
        np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-6)

    @pytest.mark.parametrize(
        ("return_sequences", "zero_output_for_mask"), [(False, False), (True, False), (True, True)]
    )
    def test_masks_of_any_kind(self, return_sequences, zero_output_for_mask):
        reference, fused = _twins(
            4,
            return_sequences=return_sequences,
            return_state=True,
            zero_output_for_mask=zero_output_for_mask,
        )
        sequences, state = _normal(10, 5, 4), [_normal(10, 6, seed=s) for s in (1, 2)]
        assert can_fuse(fused, keras.ops.convert_to_tensor(sequences), MASK)
        _assert_same(_run(fused, sequences, MASK, state), _run(reference, sequences, MASK, state))

    def test_what_stands_at_masked_steps_has_no_effect_even_nan(self):
        _, fused = _twins(4)
        sequences = _normal(10, 5, 4)
        spoilt = np.where(MASK[:, :, None], sequences, np.float32("nan"))
        for one, other in zip(_run(fused, sequences, MASK), _run(fused, spoilt, MASK), strict=True):
            np.testing.assert_array_equal(one, other)

    @pytest.mark.parametrize(
        "kwargs",
        [{"go_backwards": True}, {"use_bias": False}, {"unit_forget_bias": False}],
        ids=str,
    )
    @pytest.mark.parametrize("mask", [None, MASK], ids=["no mask", "mask"])
    def test_other_options_that_the_operation_covers(self, kwargs, mask):
        reference, fused = _twins(4, return_sequences=True, return_state=True, **kwargs)
        sequences = _normal(10, 5, 4)
        assert can_fuse(fused, keras.ops.convert_to_tensor(sequences))
        _assert_same(_run(fused, sequences, mask), _run(reference, sequences, mask))

    def test_dropout_of_inputs_draws_the_same_mask(self):
        reference, fused = _twins(4, dropout=0.5, seed=3)
        sequences = _normal(3, 5, 4)
        assert can_fuse(fused, keras.ops.convert_to_tensor(sequences), training=True)
        with_dropout = _run(fused, sequences, training=True)
        _assert_same(with_dropout, _run(reference, sequences, training=True))
        assert np.max(np.abs(with_dropout[0] - _run(fused, sequences)[0])) > 1e-3

    def test_state_is_carried_over_when_stateful(self):
        reference, fused = _twins(4, stateful=True)
        for seed in range(3):
            sequences = _normal(3, 5, 4, seed=seed)
            _assert_same([np.asarray(fused(sequences))], [np.asarray(reference(sequences))])

    @pytest.mark.parametrize("training", [False, True])
    @pytest.mark.parametrize(("units", "with_mask"), [(6, False), (64, True)])
    def test_large_batches_in_chunks(self, training, with_mask, units):
        reference, fused = _twins(2, units=units, return_sequences=True, return_state=True)
        sequences = _normal(1401, 5, 2)
        mask = np.random.default_rng(1).random((1401, 5)) < 0.7 if with_mask else None
        _assert_same(
            _run(fused, sequences, mask, training=training),
            _run(reference, sequences, mask, training=training),
        )

    def test_bidirectional_use(self):
        reference, fused = (
            keras.layers.Bidirectional(layer) for layer in _twins(4, return_sequences=True)
        )
        for layer in (reference, fused):
            layer.build((None, 5, 4))
        assert type(fused.backward_layer) is FusedLSTM
        for one, other in zip(reference.weights, fused.weights, strict=True):
            if one.shape:
                other.assign(one)
        _assert_same(_run(fused, _normal(3, 5, 4)), _run(reference, _normal(3, 5, 4)))


@on_tensorflow
class TestFallsBack:
    @pytest.mark.parametrize(
        "kwargs",
        [
            {"activation": "relu"},
            {"recurrent_activation": "hard_sigmoid"},
            {"recurrent_dropout": 0.5, "seed": 1},
            {"dropout": 0.5, "recurrent_dropout": 0.5, "seed": 1},
            {"unroll": True},
            {"use_cudnn": False},
        ],
        ids=str,
    )
    def test_to_the_numbers_of_keras(self, kwargs):
        reference, fused = _twins(4, return_sequences=True, **kwargs)
        sequences = _normal(3, 5, 4)
        assert not can_fuse(fused, keras.ops.convert_to_tensor(sequences), training=True)
        _assert_same(
            _run(fused, sequences, training=True), _run(reference, sequences, training=True)
        )
        assert "BlockLSTMV2" not in _operations(fused, sequences, training=True)

    @pytest.mark.parametrize("dtype", ["float64", "float16", "mixed_float16"])
    def test_with_floats_of_another_size(self, dtype):
        reference, fused = _twins(4, dtype=dtype)
        sequences = _normal(3, 5, 4).astype(fused.compute_dtype)
        outputs = fused(sequences)
        assert keras.backend.standardize_dtype(outputs.dtype) == fused.compute_dtype
        np.testing.assert_array_equal(outputs, reference(sequences))

    def test_with_a_gpu(self, monkeypatch):
        import tensorflow as tf

        _, fused = _twins(4)
        sequences = keras.ops.convert_to_tensor(_normal(3, 5, 4))
        assert can_fuse(fused, sequences)
        gpu = tf.config.LogicalDevice("/device:GPU:0", "GPU")
        devices = [*tf.config.list_logical_devices(), gpu]
        monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: devices)
        assert not can_fuse(fused, sequences)

    def test_at_sizes_where_keras_is_faster(self):
        assert fused_lstm_is_faster(32, training=True)
        assert not fused_lstm_is_faster(512, training=True)
        sequences = _normal(3, 5, 4)
        assert "BlockLSTMV2" in _operations(FusedLSTM(32), sequences, training=True)
        assert "BlockLSTMV2" not in _operations(FusedLSTM(512), sequences, training=True)

    def test_on_another_backend(self, monkeypatch):
        monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
        assert type(make_lstm(3)) is keras.layers.LSTM


@on_tensorflow
class TestInGraphs:
    @pytest.mark.parametrize("training", [False, True])
    def test_batches_and_series_of_any_length_share_one_trace(self, training):
        import tensorflow as tf

        reference, fused = _twins(2, return_sequences=True)
        n_traces = 0

        @tf.function(input_signature=[tf.TensorSpec([None, None, 2])])
        def run(sequences):
            nonlocal n_traces
            n_traces += 1
            outputs = fused(sequences, training=training)
            assert outputs.shape.as_list() == [None, None, 6]
            return outputs

        assert run(_normal(0, 5, 2)).shape == (0, 5, 6)  # where Keras's loop raises
        for batch_size, n_timepoints in [(1, 5), (3, 1), (700, 7), (1500, 3)]:
            sequences = _normal(batch_size, n_timepoints, 2)
            _assert_same([run(sequences).numpy()], [np.asarray(reference(sequences))])
        assert n_traces == 1

    def test_steps_of_descent_inside_a_loop(self):
        import tensorflow as tf

        sequences = tf.constant(_normal(4, 3, 5, 2))  # four batches

        def descend(layer):
            @tf.function
            def run(*weights):
                def step(index, *weights):
                    with tf.GradientTape() as tape:
                        tape.watch(weights)
                        outputs, _ = layer.stateless_call(weights, seed, sequences[index])
                        loss = tf.reduce_sum(outputs**2)
                    gradients = tape.gradient(loss, weights)
                    return index + 1, *(
                        w - 0.1 * g for w, g in zip(weights, gradients, strict=True)
                    )

                return tf.while_loop(lambda index, *_: index < 4, step, (0, *weights))[1:]

            seed = [tf.constant(np.asarray(v)) for v in layer.non_trainable_variables]
            return run(*(tf.constant(np.asarray(w)) for w in layer.trainable_weights))

        reference, fused = _twins(2)
        final = [w.numpy() for w in descend(fused)]
        assert all(
            np.max(np.abs(w - v)) > 1e-3 for w, v in zip(final, fused.get_weights(), strict=True)
        )
        _assert_same(final, [w.numpy() for w in descend(reference)])

    def test_stateless_call_takes_the_weights_given(self):
        reference, fused = _twins(2)
        weights = [_normal(*w.shape, seed=9) for w in fused.trainable_weights]
        state = [np.asarray(v) for v in fused.non_trainable_variables]
        outputs, _ = fused.stateless_call(weights, state, _normal(3, 5, 2))
        for variable, value in zip(reference.trainable_weights, weights, strict=True):
            variable.assign(value)
        _assert_same([np.asarray(outputs)], [np.asarray(reference(_normal(3, 5, 2)))])

    @pytest.mark.parametrize("return_sequences", [False, True])
    @pytest.mark.parametrize("return_state", [False, True])
    def test_symbolic_shapes_are_those_of_keras(self, return_sequences, return_state):
        shapes = []
        for layer in _twins(2, return_sequences=return_sequences, return_state=return_state):
            inputs = keras.Input((None, 2))
            outputs = keras.tree.flatten(layer(inputs))
            assert (
                keras.tree.flatten(layer.compute_output_spec(inputs))[0].shape == outputs[0].shape
            )
            shapes.append([tuple(out.shape) for out in outputs])
        assert shapes[0] == shapes[1]

    @pytest.mark.parametrize("batch_size", [3, 1500])
    def test_repeats_are_equal_bit_by_bit(self, batch_size):
        _, fused = _twins(7, units=32, return_sequences=True, return_state=True)
        sequences = _normal(batch_size, 24, 7)
        mask = np.random.default_rng(0).random((batch_size, 24)) < 0.7
        first, *repeats = _run(fused, sequences, mask, training=True, n_runs=6)
        for repeat in repeats:
            for one, other in zip(repeat, first, strict=True):
                np.testing.assert_array_equal(one, other)


class TestIsADropIn:
    def test_weights_have_the_names_shapes_and_order_of_keras(self):
        reference, fused = keras.layers.LSTM(6, seed=1), FusedLSTM(6, seed=1)
        for layer in (reference, fused):
            layer.build((None, None, 4))
        assert [(w.name, tuple(w.shape)) for w in fused.weights] == [
            (w.name, tuple(w.shape)) for w in reference.weights
        ]

    def test_weights_start_alike_from_the_same_seed(self):
        weights = []
        for layer_class in (keras.layers.LSTM, FusedLSTM):
            layer = layer_class(
                6,
                kernel_initializer=keras.initializers.GlorotUniform(seed=1),
                recurrent_initializer=keras.initializers.Orthogonal(seed=2),
            )
            layer.build((None, None, 4))
            weights.append([np.asarray(w) for w in layer.trainable_weights])
        for one, other in zip(*weights, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_configuration_and_weights_go_both_ways(self):
        reference, fused = _twins(4, dropout=0.2, return_sequences=True, go_backwards=True)
        sequences = _normal(3, 5, 4)
        expected = np.asarray(reference(sequences))
        for source, target_class in [(reference, FusedLSTM), (fused, keras.layers.LSTM)]:
            target = target_class.from_config(source.get_config())
            target.build((None, None, 4))
            target.set_weights(source.get_weights())
            _assert_same([np.asarray(target(sequences))], [expected])

    def test_a_saved_model_predicts_the_same_bit_by_bit(self, tmp_path: Path):
        inputs = keras.Input((None, 4))
        hidden = FusedLSTM(6, return_sequences=True, name="first")(keras.layers.Masking()(inputs))
        model = keras.Model(inputs, keras.layers.Bidirectional(FusedLSTM(5))(hidden))
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert type(loaded.get_layer("first")) is FusedLSTM
        sequences = _normal(3, 5, 4)
        sequences[1, 3:] = 0.0  # masked
        np.testing.assert_array_equal(loaded(sequences), model(sequences))

    def test_make_lstm_passes_every_parameter_on(self):
        layer = make_lstm(6, return_sequences=True, dropout=0.25, name="encoder")
        assert isinstance(layer, keras.layers.LSTM)
        assert (layer.units, layer.return_sequences) == (6, True)
        assert (layer.dropout, layer.name) == (0.25, "encoder")
