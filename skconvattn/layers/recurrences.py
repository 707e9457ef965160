"""The base of attention layers that have a parallel and a recurrent form."""

from __future__ import annotations

from typing import Any

import keras

from skconvattn.layers.base import SequenceLayer, WeightedLayer, check_sizes
from skconvattn.layers.ops.masks import accumulator_dtype


class Recurrence(WeightedLayer):
    """Heads whose keys and values enter sums that are carried from step to step.

    A subclass names the sizes of its sums in :attr:`state_size`. They are held in float32 at least.

    Parameters
    ----------
    num_heads : int
        Heads.
    key_dim : int
        Channels of a key.
    value_dim : int, optional
        Channels of a value; ``key_dim`` if None.
    use_bias : bool, default=True
        Whether the projections have biases.
    **kwargs
        Arguments of :class:`~skconvattn.layers.base.WeightedLayer`.

    Raises
    ------
    ValueError
        If a size is below 1.
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        use_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        # Sums must not be cast on their way in.
        super().__init__(**{"autocast": False, **kwargs})
        check_sizes(num_heads=num_heads, key_dim=key_dim, value_dim=value_dim)
        self.num_heads = num_heads
        self.key_dim = key_dim
        self.value_dim = value_dim
        self.use_bias = use_bias
        self.output_size = num_heads * (key_dim if value_dim is None else value_dim)

    @property
    def state_size(self) -> list[int]:
        """Size per series of each tensor of the state."""
        raise NotImplementedError

    def channels_of(self, input_shape: tuple[Any, ...]) -> int:
        """Return the channels of an input shape, their last entry."""
        return int(input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "use_bias": self.use_bias,
        }


class ParallelForm(SequenceLayer, Recurrence):
    """All steps at once: outputs, followed by weights and by the state, each if it is asked for.

    Parameters
    ----------
    num_heads, key_dim, value_dim, use_bias
        As in :class:`Recurrence`.
    return_attention : bool, default=False
        Whether to return the weights.
    return_state : bool, default=False
        Whether to return the state after the last step.
    **kwargs
        Arguments of :class:`~skconvattn.layers.base.WeightedLayer`.
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        use_bias: bool = True,
        return_attention: bool = False,
        return_state: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_heads, key_dim, value_dim, use_bias, **kwargs)
        self.return_attention = return_attention
        self.return_state = return_state

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return the mask of the input, and none for what follows the output."""
        extras = [None] * (self.return_attention + self.return_state * len(self.state_size))
        return (previous_mask, *extras) if extras else previous_mask

    def compute_output_spec(
        self,
        inputs: Any,
        mask: Any = None,
        initial_state: Any = None,
        return_state: bool | None = None,
        training: bool | None = None,
    ) -> Any:
        """Return shapes and dtypes of what ``call`` returns."""
        dtype = self.dtype_policy.compute_dtype
        batch, n_timepoints = inputs.shape[:2]
        specs = [keras.KerasTensor((batch, n_timepoints, self.output_size), dtype)]
        if self.return_attention:
            shape = (batch, self.num_heads, n_timepoints, n_timepoints)
            specs.append(keras.KerasTensor(shape, dtype))
        if self._returns_state(return_state):
            accumulator = accumulator_dtype(dtype)
            specs += [keras.KerasTensor((batch, size), accumulator) for size in self.state_size]
        return specs[0] if len(specs) == 1 else tuple(specs)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> Any:
        """Return (batch, time, num_heads * value_dim), and the shapes of weights and state."""
        specs = self.compute_output_spec(keras.KerasTensor(input_shape))
        return tuple(x.shape for x in specs) if isinstance(specs, tuple) else specs.shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "return_attention": self.return_attention,
            "return_state": self.return_state,
        }

    def _returns_state(self, return_state: bool | None) -> bool:
        return self.return_state if return_state is None else return_state


class CellForm(Recurrence):
    """One step, for :class:`keras.layers.RNN`."""

    @property
    def compute_dtype(self) -> str:
        """Dtype of the state, to which :class:`keras.layers.RNN` casts it."""
        return accumulator_dtype(self.dtype_policy.compute_dtype)
