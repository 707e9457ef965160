"""The pretrained network in plain NumPy: forecasts of windows in a fraction of a millisecond."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from skconvattn.data.patches import N_ALIGNED, N_RECENT, PATCH, Patches
from skconvattn.persistence.archive import MANIFEST, read_archive

# The weights within the package, in the container of saved estimators.
_FILE = ("pretrained", "attention.zip")

# Windows that pass through the network together: their tokens stay in a processor's cache.
_AT_ONCE = 128
# Added to variances before roots are taken.
_EPSILON = 1e-5
# Threshold of the distances between quantiles.
_SHARPENED = 2.0


@dataclass(frozen=True, eq=False)
class PretrainedNetwork:
    """Weights of :func:`~skconvattn.networks.pretrained.pretrained_network`.

    Attributes
    ----------
    weights : dict of str to ndarray
        Weights by name, float32.
    levels : tuple of float
        Levels of the quantiles that it forecasts.
    n_heads : int
        Heads of each layer.
    """

    weights: dict[str, np.ndarray]
    levels: tuple[float, ...]
    n_heads: int

    def __call__(self, patches: Patches) -> tuple[np.ndarray, np.ndarray]:
        """Forecast the patch after each window.

        Parameters
        ----------
        patches : Patches
            What is read of n windows.

        Returns
        -------
        quantiles : ndarray of shape (n, PATCH, n_levels)
            In units of the series, float64.
        attention : ndarray of shape (n, N_ALIGNED + N_RECENT)
            What the forecast attended to: weights of the last layer, mean over its heads, with a
            sum of one over the patches.
        """
        n = len(patches.base)
        added = np.empty((n, PATCH, len(self.levels)))
        attention = np.empty((n, N_ALIGNED + N_RECENT))
        inputs = patches.inputs()
        # Windows of one length pass together, without the patches before them, so that a forecast
        # does not depend on what else is asked for.
        lengths = patches.valid.argmax(axis=1)
        for length in np.unique(lengths):
            own = np.flatnonzero(lengths == length)
            for start in range(0, len(own), _AT_ONCE):
                rows = own[start : start + _AT_ONCE]
                added[rows], attention[rows] = self._part(*(one[rows] for one in inputs))
        return patches.base[..., None] + patches.scale[..., None] * added, attention

    def _part(
        self, aligned: np.ndarray, recent: np.ndarray, features: np.ndarray, valid: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Forecast windows of one length; all products are taken window by window."""
        w = self.weights
        n_skipped = min(int(valid.argmax(axis=1).min()), N_ALIGNED - 1)
        aligned, valid = aligned[:, n_skipped:], valid[:, n_skipped:]
        aligned, recent, features = (x.astype(np.float32) for x in (aligned, recent, features))
        features = features[:, None]
        described = features @ w["features_embedding/kernel"] + w["features_embedding/bias"]
        query = features @ w["query_embedding/kernel"] + w["query_embedding/bias"]
        x = np.concatenate(
            [
                aligned @ w["aligned_embedding/kernel"] + described,
                recent @ w["recent_embedding/kernel"] + described,
                _gelu(query),
            ],
            axis=1,
        )  # (n, tokens, width)
        mask = np.concatenate([valid, np.ones_like(valid[:, :1])], axis=1)
        n_layers = 1 + max(int(name[6]) for name in w if name.startswith("layer_"))
        weights = np.zeros(0)
        for number in range(n_layers):
            n_asked = 1 if number == n_layers - 1 else x.shape[1]
            x, weights = self._layer(f"layer_{number}", x, mask, n_asked)
        x = self._normed("final_norm", x)
        steps = x @ w["steps/kernel"] + w["steps/bias"]
        of_patches = weights[:, :, 0, :-1].mean(axis=1)
        total = np.maximum(of_patches.sum(axis=1, keepdims=True), 1e-12)
        attention = np.pad(of_patches / total, ((0, 0), (n_skipped, 0)))
        return _ordered(steps.reshape(len(x), PATCH, -1)), attention

    def _layer(
        self, name: str, x: np.ndarray, mask: np.ndarray, n_asked: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Apply a layer, and return its last tokens and the weights of its attention."""
        w = self.weights
        normed = self._normed(f"{name}_attention_norm", x) * mask[..., None]
        normed = normed + w[f"{name}_attention/position_embedding"][-x.shape[1] :]
        queries = self._heads(normed[:, -n_asked:] @ w[f"{name}_attention/query_kernel"])
        keys = self._heads(normed @ w[f"{name}_attention/key_kernel"])
        values = self._heads(normed @ w[f"{name}_attention/value_kernel"])
        scores = queries @ keys.swapaxes(2, 3) / np.float32(np.sqrt(queries.shape[-1]))
        scores = np.where(mask[:, None, None], scores, np.float32(-1e9))
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        joined = (weights @ values).swapaxes(1, 2).reshape(len(x), n_asked, -1)
        x = x[:, -n_asked:] + joined @ w[f"{name}_attention/output_kernel"]
        normed = self._normed(f"{name}_dense_norm", x)
        inner = _silu(normed @ w[f"{name}_inner/kernel"] + w[f"{name}_inner/bias"])
        return x + inner @ w[f"{name}_outer/kernel"] + w[f"{name}_outer/bias"], weights

    def _heads(self, x: np.ndarray) -> np.ndarray:
        """Turn (n, tokens, width) into (n, heads, tokens, width / heads)."""
        return x.reshape(*x.shape[:2], self.n_heads, -1).swapaxes(1, 2)

    def _normed(self, name: str, x: np.ndarray) -> np.ndarray:
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = (centred * centred).mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt(variance + np.float32(_EPSILON))
        return scaled * self.weights[f"{name}/gamma"] + self.weights[f"{name}/beta"]


@cache
def pretrained_network() -> PretrainedNetwork:
    """Return the network of the package, read once."""
    with resources.as_file(resources.files("skconvattn").joinpath(*_FILE)) as path:
        members = read_archive(path)
    described = json.loads(bytes(members[MANIFEST]))
    weights = {
        name: np.load(io.BytesIO(members[f"arrays/{i}.npy"]), allow_pickle=False)
        for i, name in enumerate(described["weights"])
    }
    return PretrainedNetwork(weights, tuple(described["levels"]), described["n_heads"])


def _ordered(steps: np.ndarray) -> np.ndarray:
    """Turn medians and distances between quantiles into quantiles: (n, PATCH, n_levels)."""
    middle = steps.shape[2] // 2
    median = steps[..., middle : middle + 1]
    distances = np.logaddexp(0.0, steps - np.float32(_SHARPENED))
    below = np.cumsum(distances[..., middle - 1 :: -1], axis=2)[..., ::-1]
    above = np.cumsum(distances[..., middle + 1 :], axis=2)
    return np.concatenate([median - below, median, median + above], axis=2)


def _silu(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return x / (1.0 + np.exp(-x))


def _gelu(x: np.ndarray) -> np.ndarray:
    from scipy.special import erf

    return 0.5 * x * (1.0 + erf(x * np.float32(np.sqrt(0.5))))
