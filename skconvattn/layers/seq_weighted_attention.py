"""A weighted mean over time whose weights depend on each step alone."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from skconvattn.layers.base import SequenceLayer, WeightedLayer
from skconvattn.layers.ops.masks import masked_softmax, zero_masked
from skconvattn.layers.ops.products import project


@keras.saving.register_keras_serializable(package="skconvattn")
class SeqWeightedAttention(SequenceLayer, WeightedLayer):
    r"""Pool a sequence by a learned weight for each step.

    .. math:: y = \sum_t a_t x_t, \quad a_t = \mathrm{softmax}_t(w^\top x_t + b)

    This is the layer of the package ``keras-self-attention`` (after Felbo et al. 2017, "Using
    millions of emoji occurrences", arXiv 1708.00524), without its small constant in the
    denominator, so that the weights sum to one.

    Parameters
    ----------
    use_bias : bool, default=True
        Whether the score has the bias :math:`b`, to which the softmax is indifferent.
    return_attention : bool, default=False
        Whether to return the weights beside the output.
    kernel_initializer : str or keras initializer, default="uniform"
        How :math:`w` starts.
    **kwargs
        Further arguments of :class:`~skconvattn.layers.base.WeightedLayer`.

    Notes
    -----
    Input (batch, time, channels); output (batch, channels), followed by the weights
    (batch, time) if ``return_attention``. A series without a valid step gives zeros.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn.layers import SeqWeightedAttention
    >>> np.asarray(SeqWeightedAttention()(np.ones((1, 4, 2), "float32"))).round(3).tolist()
    [[1.0, 1.0]]
    """

    def __init__(
        self,
        use_bias: bool = True,
        return_attention: bool = False,
        kernel_initializer: Any = "uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(kernel_initializer=kernel_initializer, **kwargs)
        self.use_bias = use_bias
        self.return_attention = return_attention

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create the weights of the score."""
        self.kernel = self.add_kernel("kernel", (self.channels_of(input_shape), 1))
        if self.use_bias:
            self.bias = self.add_bias("bias", (1,))

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Map (batch, time, channels) to (batch, channels)."""
        x = zero_masked(inputs, mask)
        scores = ops.squeeze(project(x, self.kernel), axis=-1)
        if self.use_bias:
            scores = scores + self.bias
        weights = masked_softmax(scores, mask)  # (batch, time)
        outputs = ops.squeeze(ops.matmul(ops.expand_dims(weights, 1), x), axis=1)
        return (outputs, weights) if self.return_attention else outputs

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return no mask, since time is gone."""
        return (None, None) if self.return_attention else None

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> Any:
        """Return (batch, channels), and (batch, time) for the weights."""
        output_shape = (input_shape[0], input_shape[-1])
        return (output_shape, tuple(input_shape[:2])) if self.return_attention else output_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "use_bias": self.use_bias,
            "return_attention": self.return_attention,
        }
