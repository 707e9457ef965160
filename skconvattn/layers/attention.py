"""Many-to-one attention of the last hidden state over all hidden states."""

from __future__ import annotations

from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from skconvattn.layers.base import SequenceLayer, WeightedLayer, check_sizes
from skconvattn.layers.ops.masks import last_valid, masked_softmax, zero_masked
from skconvattn.layers.ops.products import project


@keras.saving.register_keras_serializable(package="skconvattn")
class Attention(SequenceLayer, WeightedLayer):
    r"""Summarise a sequence by what its last valid step attends to.

    .. math::

        a_s &= \mathrm{softmax}_s(e_s), \quad
        e_s = h_t^\top (W h_s) \ \text{(Luong) or} \
        e_s = v^\top \tanh(W_1 h_t + W_2 h_s) \ \text{(Bahdanau)} \\
        y &= \tanh\bigl(W_c\,[\textstyle\sum_s a_s h_s;\, h_t]\bigr)

    where :math:`h_t` is the last valid hidden state. The scores are those of Luong et al. (2015),
    "Effective Approaches to Attention-based Neural Machine Translation" (arXiv 1508.04025,
    "general"), and Bahdanau et al. (2015), "Neural Machine Translation by Jointly Learning to
    Align and Translate" (arXiv 1409.0473). The whole is that of the packages ``attention`` 5.0
    and ``keras-convattention``; unlike theirs, it respects masks.

    Parameters
    ----------
    units : int, default=128
        Channels of the output.
    score : {"luong", "bahdanau"}, default="luong"
        How a hidden state is compared with the last one.
    return_attention : bool, default=False
        Whether to return the weights beside the output.
    **kwargs
        Arguments of :class:`~skconvattn.layers.base.WeightedLayer`.

    Raises
    ------
    ValueError
        If ``score`` is none of the above, or ``units`` below 1.

    Notes
    -----
    Input (batch, time, channels); output (batch, units), followed by the weights (batch, time)
    if ``return_attention``. A series without a valid step gives zeros.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn.layers import Attention
    >>> outputs = Attention(units=5, score="bahdanau")(np.ones((2, 7, 3), "float32"))
    >>> tuple(outputs.shape)
    (2, 5)
    """

    # Names of the package ``attention``.
    SCORE_LUONG: ClassVar[str] = "luong"
    SCORE_BAHDANAU: ClassVar[str] = "bahdanau"

    def __init__(
        self,
        units: int = 128,
        score: str = "luong",
        return_attention: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if score not in ("luong", "bahdanau"):
            raise ValueError(f"score={score!r} is not known; use 'luong' or 'bahdanau'.")
        check_sizes(units=units)
        self.units = units
        self.score = score
        self.return_attention = return_attention

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create the matrices of the score and of the output."""
        channels = self.channels_of(input_shape)
        if self.score == "luong":
            self.score_kernel = self.add_kernel("score_kernel", (channels, channels))
        else:
            self.query_kernel = self.add_kernel("query_kernel", (channels, channels))
            self.key_kernel = self.add_kernel("key_kernel", (channels, channels))
            self.score_vector = self.add_kernel("score_vector", (channels, 1))
        self.output_kernel = self.add_kernel("output_kernel", (2 * channels, self.units))

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Map (batch, time, channels) to (batch, units)."""
        hidden = zero_masked(inputs, mask)
        last = last_valid(hidden, mask)  # (batch, channels)
        weights = masked_softmax(self._scores(last, hidden), mask)  # (batch, time)
        context = ops.squeeze(ops.matmul(ops.expand_dims(weights, 1), hidden), axis=1)
        outputs = ops.tanh(
            ops.matmul(ops.concatenate([context, last], axis=-1), self.output_kernel)
        )
        # Keras's tanh returns single precision on JAX, whatever it is given.
        outputs = ops.cast(outputs, self.compute_dtype)
        return (outputs, weights) if self.return_attention else outputs

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return no mask, since time is gone."""
        return (None, None) if self.return_attention else None

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> Any:
        """Return (batch, units), and (batch, time) for the weights."""
        output_shape = (input_shape[0], self.units)
        return (output_shape, tuple(input_shape[:2])) if self.return_attention else output_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "units": self.units,
            "score": self.score,
            "return_attention": self.return_attention,
        }

    def _in_own_order(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        if self.score == "luong":
            return arrays
        vector, query, key, output = arrays
        return [query, key, vector, output]

    def _scores(self, last: Any, hidden: Any) -> Any:
        if self.score == "luong":
            # h_t . (W h_s) = (h_t W^T) . h_s costs one vector-matrix product, not one per step.
            query = ops.matmul(last, ops.transpose(self.score_kernel))
            # Not by a product with a column, of which the gradient is one of a column and a row.
            # Beside that of the context, laid out the other way round, oneDNN in TensorFlow 2.21
            # takes either for the other, and writes beyond its memory.
            return ops.sum(hidden * ops.expand_dims(query, 1), axis=-1)
        query = ops.expand_dims(ops.matmul(last, self.query_kernel), 1)
        keys = project(hidden, self.key_kernel)
        return ops.squeeze(project(ops.tanh(query + keys), self.score_vector), axis=-1)
