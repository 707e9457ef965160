"""An LSTM layer that runs a whole sequence in one TensorFlow operation where that is faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

# Rows times units of one operation. Its seven outputs over all time steps then stay within a few
# megabytes, which the allocator reuses instead of asking the system every time: at 512 rows, 32
# units and 96 steps, chunks took 0.75 (training) and 0.5 (prediction) of the time of one operation.
_ROWS_TIMES_UNITS = 4096
_FEWEST_ROWS, _MOST_ROWS = 64, 256
_MOST_CHUNKS = 8

# The most units at which the fused operation is faster, from benchmarks/fused_lstm.py on two cores:
# 24 and 96 time steps, 8 channels, time of Keras's loop over time of the operation.
#            1 row        32 rows      64 rows      512 rows
# training
#   16 units 3.8, 6.8     2.9, 4.1     3.2, 3.3     1.3, 1.1
#   32 units 6.1, 7.0     2.8, 3.9     1.7, 3.2     1.8, 1.8
#   64 units 3.6, 3.3     1.7, 2.4     1.7, 1.6     1.7, 1.1
#  128 units 1.8, 2.2     1.1, 1.3     1.0, 0.6     0.7, 0.6
# prediction
#   32 units 1.6, 2.4     2.4, 1.7     2.8, 1.7     2.1, 1.7
#  128 units 5.8, 6.4     1.4, 1.2     1.3, 1.1     1.1, 1.4
#  256 units              -  , 0.9                  1.0, 1.0
_MOST_UNITS_IN_TRAINING = 64
_MOST_UNITS_IN_PREDICTION = 128

# (last output, outputs, [hidden state, cell state]), as `keras.layers.RNN.inner_loop` returns them.
_LoopOutput = tuple[Any, Any, list[Any]]


@keras.saving.register_keras_serializable(package="skconvattn")
class FusedLSTM(keras.layers.LSTM):
    r"""Long short-term memory, equal to `keras.layers.LSTM` and faster on a CPU at small sizes.

    For inputs ``x`` and states ``h``, ``c`` with ``h[0] = c[0] = 0`` unless given::

        i, f, g, o = split(x[t] @ kernel + h[t-1] @ recurrent_kernel + bias, 4)
        c[t] = sigmoid(f) * c[t-1] + sigmoid(i) * tanh(g)
        h[t] = sigmoid(o) * tanh(c[t])

    Keras runs these lines in a loop of small operations, whose overhead exceeds the arithmetic at
    small sizes. This layer calls TensorFlow's ``BlockLSTMV2`` and ``BlockLSTMGradV2``, one
    operation forwards and one backwards, where `can_fuse` and `fused_lstm_is_faster` allow it, and
    does what its base class does anywhere else: on other Keras backends, with a GPU, with other
    activations or dtypes, with ``unroll=True``, with recurrent dropout in training, and at large
    sizes. Weights, their order, configuration and initial values are those of the base class, so
    either layer loads what the other has saved.

    Parameters
    ----------
    units : int
        Size of the hidden state and of the cell state.
    **kwargs
        Every other parameter of `keras.layers.LSTM`. ``use_cudnn=False`` asks for Keras's loop
        everywhere; like Keras, this layer does not save that choice.

    Notes
    -----
    The operations have no second derivative and cannot be compiled by XLA. Models made of this
    layer say so to Keras (``supports_jit`` is false). In a ``tf.function(jit_compile=True)`` of
    your own, or below two gradient tapes, pass ``use_cudnn=False``.

    References
    ----------
    S. Hochreiter and J. Schmidhuber (1997), "Long short-term memory", Neural Computation 9(8).
    F. Gers, J. Schmidhuber and F. Cummins (2000), "Learning to forget", Neural Computation 12(10).

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn.layers.parts.fused_lstm import FusedLSTM
    >>> layer = FusedLSTM(32)
    >>> outputs = layer(np.zeros((8, 24, 3), dtype="float32"))  # from (batch, time, channels)
    >>> tuple(outputs.shape)
    (8, 32)
    """

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Create the weights of `keras.layers.LSTM` for inputs of (batch, time, channels)."""
        super().build(sequences_shape, initial_state_shape)
        if _configuration_fits(self) and _runs_on_tensorflow_cpu():
            self.supports_jit = False

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool | None = False
    ) -> Any:
        """Run the recurrence over time; `keras.layers.RNN.call` does what comes before and after.

        From sequences, (batch, time, channels), an initial hidden and cell state, (batch, units)
        each, and a mask, (batch, time) or None, to the last output, (batch, units), the outputs,
        (batch, time, units), or (batch, 1, units) unless ``return_sequences``, and a list of the
        final hidden and cell state.
        """
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        training = bool(training)
        if not can_fuse(self, sequences, mask, training=training) or not fused_lstm_is_faster(
            self.units, training=training
        ):
            return super().inner_loop(sequences, initial_state, mask, training=training)
        if training and 0.0 < self.dropout < 1.0:
            # One mask for all time steps, the very one that Keras's loop would apply.
            sequences = sequences * self.cell.get_dropout_mask(sequences[:, 0, :])[:, None, :]
        return _fused_loop(self, sequences, initial_state, mask, training=training)


def make_lstm(units: int, **kwargs: Any) -> Any:
    """Return the quickest LSTM layer that the Keras backend has.

    Parameters
    ----------
    units : int
        Size of the hidden state.
    **kwargs
        Every other parameter of `keras.layers.LSTM`.

    Returns
    -------
    keras.layers.LSTM
        A `FusedLSTM` on TensorFlow, Keras's own layer on any other backend. Their weights and
        their configuration are the same.
    """
    layer = FusedLSTM if keras.backend.backend() == "tensorflow" else keras.layers.LSTM
    return layer(units, **kwargs)


def fused_lstm_is_faster(units: int, *, training: bool = True) -> bool:
    """Whether the fused operation beats Keras's loop at this size.

    The number of time steps does not decide it, and batches of many rows are divided.

    Parameters
    ----------
    units : int
        Size of the hidden state.
    training : bool, default=True
        Whether a gradient is likely to be asked for.

    Returns
    -------
    bool
        True up to the sizes at which `benchmarks/fused_lstm.py` finds the two equally fast.
    """
    return units <= (_MOST_UNITS_IN_TRAINING if training else _MOST_UNITS_IN_PREDICTION)


def can_fuse(layer: Any, sequences: Any, mask: Any = None, *, training: bool = False) -> bool:
    """Whether the fused operation computes what Keras's loop would, whatever the speed.

    Parameters
    ----------
    layer : keras.layers.LSTM
        A built layer.
    sequences : tensor of shape (batch, time, channels)
        The input of the layer.
    mask : tensor of shape (batch, time), optional
        True where a time step is valid.
    training : bool, default=False
        Whether dropout applies.

    Returns
    -------
    bool
        False off TensorFlow and with any device other than a CPU, with anything but 32-bit floats,
        with ``unroll``, with ``use_cudnn`` other than "auto", with activations other than tanh and
        sigmoid, and in training with recurrent dropout, or with dropout and ``implementation=1``
        (one mask per gate).
    """
    if not (_configuration_fits(layer) and _runs_on_tensorflow_cpu()):
        return False
    if training and layer.recurrent_dropout > 0.0:
        return False
    if training and layer.dropout > 0.0 and layer.cell.implementation == 1:
        return False

    import tensorflow as tf

    return (
        isinstance(sequences, tf.Tensor)
        and sequences.dtype == tf.float32
        and (mask is None or len(mask.shape) == 2)
    )


def _configuration_fits(layer: Any) -> bool:
    return (
        layer.activation in (keras.activations.tanh, keras.ops.tanh)
        and layer.recurrent_activation in (keras.activations.sigmoid, keras.ops.sigmoid)
        and not layer.unroll
        and layer.use_cudnn == "auto"
        and layer.compute_dtype == layer.cell.compute_dtype == "float32"
        and layer.cell.variable_dtype == "float32"
    )


def _runs_on_tensorflow_cpu() -> bool:
    if keras.backend.backend() != "tensorflow":
        return False

    import tensorflow as tf

    return all(device.device_type == "CPU" for device in tf.config.list_logical_devices())


def _fused_loop(
    layer: Any, sequences: Any, initial_state: Any, mask: Any, *, training: bool
) -> _LoopOutput:
    """Run the recurrence as one operation, or as one for every chunk of rows in a large batch."""
    import tensorflow as tf

    if mask is not None:
        mask = tf.cast(mask, tf.bool)  # (batch, time)
    if layer.go_backwards:
        sequences = tf.reverse(sequences, [1])
        mask = None if mask is None else tf.reverse(mask, [1])
    operands = (sequences, *initial_state, mask)
    weights = _weights(layer)
    batch_size, rows = sequences.shape[0], _rows_of_a_chunk(layer.units)

    def run(chunk: slice) -> _LoopOutput:
        of_chunk = (None if operand is None else operand[chunk] for operand in operands)
        return _run_rows(layer, weights, *of_chunk)

    if training or (batch_size is not None and batch_size <= rows):
        return run(slice(None))
    return _loop_over_chunks(run, tf.shape(sequences)[0], rows, sequences.shape, layer)


def _weights(layer: Any) -> tuple[Any, Any, Any]:
    """Return kernel, recurrent kernel and bias as tensors: a stateless scope's, if there is one."""
    import tensorflow as tf

    cell = layer.cell
    bias = cell.bias if cell.use_bias else keras.ops.zeros((4 * cell.units,), dtype="float32")
    # Keras looks the value up, and TensorFlow reads it, should it be a variable still.
    kernel, recurrent_kernel, bias = (
        tf.convert_to_tensor(keras.ops.convert_to_tensor(weight))
        for weight in (cell.kernel, cell.recurrent_kernel, bias)
    )
    return kernel, recurrent_kernel, bias


def _run_rows(
    layer: Any, weights: tuple[Any, Any, Any], sequences: Any, hidden: Any, cell: Any, mask: Any
) -> _LoopOutput:
    """Run one operation over all rows; with a mask, over their valid steps moved to the front."""
    import tensorflow as tf

    if mask is not None:
        running, order = _valid_first(mask)
        valid = tf.where(mask[:, :, None], sequences, 0.0)  # keeps NaN at masked steps out
        sequences = tf.gather(valid, order, batch_dims=1)
    kernel, *recurrent = weights
    if sequences.shape[-1] % 2:  # the operation warns at every call of odd channels and odd rows
        sequences = tf.pad(sequences, [[0, 0], [0, 0], [0, 1]])
        kernel = tf.pad(kernel, [[0, 1], [0, 0]])
    time_major = tf.transpose(sequences, [1, 0, 2])
    hiddens, cells = _block_lstm(time_major, hidden, cell, kernel, *recurrent)  # time-major
    last = hiddens[-1]
    if mask is None:
        outputs = tf.transpose(hiddens, [1, 0, 2]) if layer.return_sequences else last[:, None]
        return last, outputs, [last, cells[-1]]

    hiddens, cells = tf.transpose(hiddens, [1, 0, 2]), tf.transpose(cells, [1, 0, 2])
    n_valid = running[:, -1:]  # (batch, 1)
    hidden = tf.gather(tf.concat([hidden[:, None], hiddens], 1), n_valid, batch_dims=1)[:, 0]
    cell = tf.gather(tf.concat([cell[:, None], cells], 1), n_valid, batch_dims=1)[:, 0]
    # Keras repeats the output of the last valid step, and gives zeros before the first one.
    steps = running if layer.return_sequences else n_valid
    padded = tf.pad(hiddens, [[0, 0], [1, 0], [0, 0]])  # (batch, 1 + time, units)
    outputs = tf.gather(padded, steps, batch_dims=1)
    if layer.zero_output_for_mask:
        valid = mask if layer.return_sequences else mask[:, -1:]
        outputs = tf.where(valid[:, :, None], outputs, 0.0)
    return outputs[:, -1], outputs, [hidden, cell]


def _valid_first(mask: Any) -> tuple[Any, Any]:
    """Return how many steps are valid up to each, and an order with the valid first, as `mask`."""
    import tensorflow as tf

    running = tf.cumsum(tf.cast(mask, tf.int32), axis=1)
    steps = tf.range(tf.shape(mask)[1])
    position = tf.where(mask, running - 1, running[:, -1:] + steps - running)
    return running, tf.argsort(position, axis=1)


def _loop_over_chunks(
    run: Callable[[slice], _LoopOutput], batch_size: Any, rows: int, shape: Any, layer: Any
) -> _LoopOutput:
    """Run chunk after chunk, for batches too large or not known: memory stays that of a few chunks.

    Without ``return_sequences`` Keras's own loop keeps no time step either.
    """
    import tensorflow as tf

    n_chunks = tf.maximum(1, (batch_size + rows - 1) // rows)  # one of no rows in an empty batch
    n_outputs = shape[1] if layer.return_sequences else 1
    element_shapes = [(None, n_outputs, layer.units), (None, layer.units), (None, layer.units)]
    arrays = [
        tf.TensorArray(tf.float32, n_chunks, infer_shape=False, element_shape=element_shape)
        for element_shape in element_shapes
    ]

    def step(index: Any, *arrays: Any) -> tuple[Any, ...]:
        _, outputs, states = run(slice(index * rows, (index + 1) * rows))
        results = (outputs, *states)
        return index + 1, *(a.write(index, r) for a, r in zip(arrays, results, strict=True))

    _, *arrays = tf.while_loop(
        lambda index, *_: index < n_chunks, step, (0, *arrays), parallel_iterations=2
    )
    outputs, hidden, cell = (array.concat() for array in arrays)
    for tensor in (outputs, hidden, cell):
        tensor.set_shape([shape[0], *tensor.shape[1:]])
    return outputs[:, -1], outputs, [hidden, cell]


def _block_lstm(
    sequences: Any, hidden: Any, cell: Any, kernel: Any, recurrent_kernel: Any, bias: Any
) -> tuple[Any, Any]:
    """Return hidden and cell states, (time, batch, units) each, from TensorFlow's operation.

    Sequences are (time, batch, channels), the initial states (batch, units), and the weights those
    of Keras, in Keras's order of gates. The gradient that TensorFlow registers for ``BlockLSTMV2``
    belongs to ``BlockLSTM``, whose gates come in another order; ``BlockLSTMGradV2`` is the right
    one.
    """
    import tensorflow as tf

    @tf.custom_gradient
    def run(sequences: Any, hidden: Any, cell: Any, *weights: Any) -> Any:
        chunks = _chunks(sequences.shape[1], weights[1].shape[0])
        shared = _shared_operands(sequences, *weights)
        given = [
            {"x": sequences[:, rows], "h_prev": hidden[rows], "cs_prev": cell[rows], **shared}
            for rows in chunks
        ]
        results = [tf.raw_ops.BlockLSTMV2(cell_clip=0.0, **operands) for operands in given]

        def gradient(hidden_gradient: Any, cell_gradient: Any) -> tuple[Any, ...]:
            parts = [
                tf.raw_ops.BlockLSTMGradV2(
                    h_grad=hidden_gradient[:, rows],
                    cs_grad=cell_gradient[:, rows],
                    **operands,
                    **result._asdict(),
                )
                for rows, operands, result in zip(chunks, given, results, strict=True)
            ]
            return (
                tf.concat([part.x_grad for part in parts], 1),
                tf.concat([part.h_prev_grad for part in parts], 0),
                tf.concat([part.cs_prev_grad for part in parts], 0),
                *tf.split(
                    tf.add_n([part.w_grad for part in parts]), [w.shape[0] for w in weights[:2]]
                ),
                tf.add_n([part.b_grad for part in parts]),
            )

        hiddens = tf.concat([result.h for result in results], 1)
        return (hiddens, tf.concat([result.cs for result in results], 1)), gradient

    return run(sequences, hidden, cell, kernel, recurrent_kernel, bias)


def _shared_operands(
    sequences: Any, kernel: Any, recurrent_kernel: Any, bias: Any
) -> dict[str, Any]:
    """Return what the operation takes alike for every row, forwards and backwards."""
    import tensorflow as tf

    no_peephole = tf.zeros([recurrent_kernel.shape[0]])
    return {
        "seq_len_max": tf.shape(sequences, out_type=tf.int64)[0],
        "w": tf.concat([kernel, recurrent_kernel], 0),
        "wci": no_peephole,
        "wcf": no_peephole,
        "wco": no_peephole,
        "b": bias,
        "use_peephole": False,
    }


def _chunks(batch_size: int | None, units: int) -> list[slice]:
    """Divide the rows of a batch; all rows are one chunk where their number is not known."""
    rows = _rows_of_a_chunk(units)
    if batch_size is None or batch_size <= rows:
        return [slice(None)]
    rows = max(rows, -(-batch_size // _MOST_CHUNKS))  # few, for each takes its time to trace
    return [slice(start, start + rows) for start in range(0, batch_size, rows)]


def _rows_of_a_chunk(units: int) -> int:
    return min(max(_FEWEST_ROWS, _ROWS_TIMES_UNITS // units), _MOST_ROWS)
