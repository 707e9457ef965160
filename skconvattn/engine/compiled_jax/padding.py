"""Whether a batch may be padded with samples of weight zero and train as without them."""

from __future__ import annotations

from typing import Any

import numpy as np

from skconvattn.engine.compiled_jax.compiling import compiled
from skconvattn.networks.spec import ModelSpec

# Samples of a batch, and of the same one padded, on which a loss is tried.
_TRIALS = ((3, 5), (2, 4))


def rows_are_independent(spec: ModelSpec, model: Any) -> bool:
    """Whether no sample of a batch has an effect on what the network makes of another.

    Parameters
    ----------
    spec : ModelSpec
        The description.
    model : keras.Model
        The model of it.

    Returns
    -------
    bool
        False for networks and layers of the user's own, for moving statistics, and for penalties on
        activations, all of which may look at a batch as a whole.
    """
    is_ours = spec.network.__module__.partition(".")[0] == "skconvattn"
    if not is_ours or not all(_is_plain(value) for _, value in spec.parameters):
        return False
    if any("seed_generator_state" not in v.path for v in model.non_trainable_variables):
        return False
    penalties = ("activity_regularizer", "attention_regularizer_weight")
    return not any(
        getattr(layer, name, None) for layer in model._flatten_layers() for name in penalties
    )


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def share_of_padding(
    loss: Any, targets: np.ndarray, weights: np.ndarray, output_shape: tuple[int, ...]
) -> float | None:
    """Return whether a loss counts samples of weight zero, found by trying it on few numbers.

    Parameters
    ----------
    loss : keras.losses.Loss
        The loss.
    targets : ndarray of shape (1, ...)
        Targets of one sample; shape and type alone are used.
    weights : ndarray of shape (1, ...)
        Their weights, likewise.
    output_shape : tuple of int
        Shape of the prediction for one sample.

    Returns
    -------
    float or None
        1.0 for a mean over all samples, padding included; 0.0 for one that leaves samples of weight
        zero out; None for a loss of which neither is true.
    """
    rng = np.random.default_rng(0)
    drawn = [_drawn(rng, n, targets, weights, output_shape) for n, _ in _TRIALS]
    padded = [
        [_padded(array, size) for array in arrays]
        for arrays, (_, size) in zip(drawn, _TRIALS, strict=True)
    ]
    for (n, _), arrays in zip(_TRIALS, padded, strict=True):
        arrays[2][n:] = 0.0

    def tried(batches: Any) -> Any:
        return [loss(t, o, sample_weight=w) for t, o, w in batches]

    try:
        found = np.asarray(compiled(tried)([*drawn, *padded]), float)
    except (TypeError, ValueError):  # not for such numbers: training says so if for none
        return None
    expected, given = np.split(found, 2)
    if not np.isfinite(found).all() or not expected.all():
        return None
    for share in (1.0, 0.0):
        scale = np.array([size / n if share else 1.0 for n, size in _TRIALS])
        if np.allclose(given * scale, expected, rtol=1e-4):
            return share
    return None


def _drawn(
    rng: np.random.Generator,
    n_samples: int,
    targets: np.ndarray,
    weights: np.ndarray,
    output_shape: tuple[int, ...],
) -> list[np.ndarray]:
    shape = (n_samples, *targets.shape[1:])
    if np.issubdtype(targets.dtype, np.integer):
        drawn = rng.integers(0, output_shape[-1], size=shape).astype(targets.dtype)
    else:
        drawn = rng.uniform(0.1, 0.9, size=shape).astype(targets.dtype)
    outputs = rng.uniform(0.1, 0.9, size=(n_samples, *output_shape)).astype(np.float32)
    positive = rng.uniform(0.5, 1.5, size=(n_samples, *weights.shape[1:])).astype(np.float32)
    return [drawn, outputs, positive]


def _padded(array: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([array, np.repeat(array[:1], size - len(array), axis=0)])
