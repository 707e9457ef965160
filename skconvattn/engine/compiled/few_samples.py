"""Prediction of a few samples in a smaller block where it gives the same bits as whole blocks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np

# Sizes to try: whole vector registers of any processor, so that no sample is in an incomplete one.
_SIZES = (16, 24)
LARGEST = _SIZES[-1]
# Predictions before both are compared; the comparison costs as much as dozens of predictions.
_WORTH_COMPARING = 4
# Predicted values to compare, at least: where sums differ, one value in fifty or more does.
_VALUES = 480

Predict = Callable[[np.ndarray, Sequence[np.ndarray], Sequence[np.ndarray]], np.ndarray]


class FewSamples:
    """Finds the smallest block whose predictions are those of whole blocks to the last bit.

    The order in which kernels add numbers up depends on shapes and on the processor, and not on the
    numbers. So both ways are compared on random weights and samples, once, and small blocks are
    left alone where a single bit differs.

    Parameters
    ----------
    in_whole_blocks : callable
        ``(vector, state, inputs) -> predictions`` of any number of samples.
    in_one_block : callable
        The same, for all samples at once.
    """

    def __init__(self, in_whole_blocks: Predict, in_one_block: Predict) -> None:
        self._in_whole_blocks = in_whole_blocks
        self._in_one_block = in_one_block
        self._lock = threading.Lock()
        self._n_asked = 0
        self.size: int | None = None

    def block(
        self, n_samples: int, vector: np.ndarray, state: Sequence[np.ndarray], inputs: Sequence
    ) -> int:
        """Return the size of the block to predict samples in, or 0 for whole blocks.

        Parameters
        ----------
        n_samples : int
            Samples to predict.
        vector, state, inputs
            Of the prediction; their shapes and types alone are used.

        Returns
        -------
        int
            Samples, not fewer than ``n_samples``, or 0.
        """
        if n_samples > LARGEST:
            return 0
        # A thread that finds another one comparing predicts in whole blocks, which are right too.
        if self.size is None and self._lock.acquire(blocking=False):
            try:
                self._n_asked += 1
                if self.size is None and self._n_asked >= _WORTH_COMPARING:
                    self.size = self._smallest(vector, state, inputs)
            finally:
                self._lock.release()
        return self.size if self.size and n_samples <= self.size else 0

    def _smallest(
        self, vector: np.ndarray, state: Sequence[np.ndarray], inputs: Sequence[np.ndarray]
    ) -> int:
        rng = np.random.default_rng(0)
        vector = rng.normal(scale=0.3, size=vector.shape).astype(vector.dtype)
        n_values = self._in_whole_blocks(vector, state, [i[:1] for i in inputs]).size
        unit = int(np.lcm.reduce(_SIZES))
        n_samples = unit * -(-_VALUES // (unit * max(1, n_values)))
        inputs = [_random(rng, (n_samples, *i.shape[1:]), i.dtype) for i in inputs]
        wanted = self._in_whole_blocks(vector, state, inputs).tobytes()
        for size in _SIZES:
            found = [
                self._in_one_block(vector, state, [i[start : start + size] for i in inputs])
                for start in range(0, n_samples, size)
            ]
            if np.concatenate(found).tobytes() == wanted:
                return size
        return 0


def _random(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return samples, with all time steps valid where they are a mask."""
    return np.ones(shape, dtype) if dtype.kind == "b" else rng.normal(size=shape).astype(dtype)
