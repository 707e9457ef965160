"""Ridge regression whose penalty is chosen by leaving one sample out at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skconvattn.members.ridge import one_blas_thread

# Penalties for standardised features.
_PENALTIES = np.logspace(-1, 5, 13)
# Fewer of them where each takes a decomposition of its own.
_FEW_PENALTIES = _PENALTIES[2::3]
# Up to so many samples the kernel matrix is decomposed, of more the matrix of the features.
MOST_KERNEL_SAMPLES = 1500
# Rows that are multiplied at once.
_BLOCK = 1024
# The leverages of further samples are taken to be as large as those of the last ones measured.
_MOST_LEVERAGES = 16 * _BLOCK
# Leaving a sample out is not told from rounding where it has less of its own than this.
_LEAST_LEVERAGE = 1e-6

Features = Callable[[slice], np.ndarray]


@dataclass(frozen=True, eq=False)
class LinearMap:
    """A linear map with intercepts.

    Attributes
    ----------
    coefficients : ndarray of shape (n_features, n_outputs)
        Float64.
    intercepts : ndarray of shape (n_outputs,)
        Float64.
    """

    coefficients: np.ndarray
    intercepts: np.ndarray

    def __post_init__(self) -> None:
        """Refuse arrays that do not go together.

        Raises
        ------
        ValueError
            If there is not one intercept for each output, or they are not floats.
        """
        kinds = self.coefficients.dtype.kind + self.intercepts.dtype.kind
        shapes = self.coefficients.shape[1:], self.intercepts.shape
        if self.coefficients.ndim != 2 or shapes[0] != shapes[1] or kinds != "ff":
            raise ValueError(
                f"a linear map has coefficients of shape {self.coefficients.shape} and intercepts "
                f"of shape {self.intercepts.shape}"
            )

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Map (n_samples, n_features) to (n_samples, n_outputs), float64, one sample at a time.

        The matrix products of several samples would depend on how many they are.
        """
        outputs = np.empty((len(features), len(self.intercepts)))
        with one_blas_thread():
            for row, sample in enumerate(features):
                outputs[row] = sample.astype(np.float64) @ self.coefficients
        return outputs + self.intercepts


def left_out_ridge(
    features: np.ndarray, targets: np.ndarray, weights: np.ndarray, *, shared: bool
) -> tuple[LinearMap, np.ndarray]:
    r"""Fit ridge regressions, and predict each sample by those that were fitted without it.

    .. math:: \min_{B, b} \sum_i w_i \lVert y_i - B^\top x_i - b \rVert^2
              + \lambda \lVert B \rVert^2

    A sample that is left out is predicted by :math:`y_i - (y_i - \hat y_i) / (1 - h_i)` with the
    leverage :math:`h_i`. Intercepts are not penalised.

    Parameters
    ----------
    features : ndarray of shape (n_samples, n_features)
        Standardised features, float32.
    targets : ndarray of shape (n_samples, n_outputs)
        Float64.
    weights : ndarray of shape (n_samples,)
        Sample weights, positive.
    shared : bool
        Whether all outputs have one penalty, as the classes of one target do.

    Returns
    -------
    LinearMap
        The regression on all samples.
    ndarray of shape (n_samples, n_outputs)
        Predictions of left-out samples; weighted means where there are too few to leave one out.
    """
    n_samples = len(features)
    shares = weights / weights.sum()
    mean = shares @ targets
    if n_samples < 3:
        # Too few to leave one out: predictions follow the mean.
        nothing = np.zeros((features.shape[1], targets.shape[1]))
        return LinearMap(nothing, mean), np.broadcast_to(mean, targets.shape).copy()
    if n_samples > MOST_KERNEL_SAMPLES:
        return _by_features(features, targets, weights, mean, shared)
    with one_blas_thread():
        return _by_kernel(features, targets, weights, mean, shared)


def _by_kernel(
    features: np.ndarray, targets: np.ndarray, weights: np.ndarray, mean: np.ndarray, shared: bool
) -> tuple[LinearMap, np.ndarray]:
    """Solve by the eigenvalues of the matrix of products of samples."""
    roots = np.sqrt(weights)[:, None]
    center = (weights / weights.sum()) @ features.astype(np.float64)
    scaled = roots * (features - center)
    residuals = roots * (targets - mean)
    values, vectors = np.linalg.eigh(scaled @ scaled.T)
    values = np.maximum(values, 0.0)
    projected = vectors.T @ residuals
    left_out = np.empty((len(_PENALTIES), *targets.shape))
    of_mean = weights / weights.sum()
    for i, penalty in enumerate(_PENALTIES):
        kept = penalty / (values + penalty)
        errors = vectors @ (kept[:, None] * projected)
        own = np.square(vectors) @ kept - of_mean  # 1 - leverage
        left_out[i] = errors / np.maximum(own, _LEAST_LEVERAGE)[:, None]
    chosen = _chosen(np.square(left_out).sum(axis=1), shared=shared)
    outputs = np.arange(targets.shape[1])
    dual = vectors @ (projected / (values[:, None] + _PENALTIES[chosen]))
    coefficients = scaled.T @ dual
    predicted = targets - left_out[chosen, :, outputs].T / roots
    return LinearMap(coefficients, mean - center @ coefficients), predicted


def _by_features(
    features: np.ndarray, targets: np.ndarray, weights: np.ndarray, mean: np.ndarray, shared: bool
) -> tuple[LinearMap, np.ndarray]:
    """Solve by the matrix of products of features, summed over blocks of samples."""
    from scipy.linalg import cho_factor, cho_solve

    center = ((weights / weights.sum()).astype(np.float32) @ features).astype(np.float64)
    gram, cross = _products(features, targets, weights, center, mean)
    diagonal = np.einsum("ii->i", gram)
    plain = diagonal.copy()

    def solved(penalty: float) -> tuple[np.ndarray, np.ndarray]:
        diagonal[:] = plain + penalty
        factor = cho_factor(gram, lower=True, check_finite=False)
        return factor[0], cho_solve(factor, cross, check_finite=False)

    def left_out(factor: np.ndarray, coefficients: np.ndarray, n_compared: int) -> np.ndarray:
        """Return predictions of the first samples, left out."""
        found = np.empty((n_compared, targets.shape[1]))
        known = 0.0
        for start in range(0, n_compared, _BLOCK):
            rows = slice(start, min(start + _BLOCK, n_compared))
            block = features[rows] - center.astype(np.float32)
            if start < _MOST_LEVERAGES:
                own = _leverages(factor, block) + 1 / weights.sum()
                known = float(own.mean())
            errors = targets[rows] - mean - block @ coefficients
            kept = 1 - weights[rows] * (own if start < _MOST_LEVERAGES else known)
            found[rows] = targets[rows] - errors / np.maximum(kept, _LEAST_LEVERAGE)[:, None]
        return found

    # Samples have no order, so that the first ones are as good as any.
    n_compared = min(len(features), _BLOCK)
    losses = np.stack(
        [
            weights[:n_compared]
            @ np.square(targets[:n_compared] - left_out(*solved(penalty), n_compared))
            for penalty in _FEW_PENALTIES
        ]
    )
    chosen = _chosen(losses, shared=shared)
    coefficients, predicted = np.empty(cross.shape), np.empty(targets.shape)
    for index in np.unique(chosen):
        own = chosen == index
        factor, of_all = solved(_FEW_PENALTIES[index])
        coefficients[:, own] = of_all[:, own]
        predicted[:, own] = left_out(factor, of_all, len(features))[:, own]
    return LinearMap(coefficients, mean - center @ coefficients), predicted


def _leverages(factor: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Return leverages of unit weight, without that of the mean, from a Cholesky factor."""
    from scipy.linalg import solve_triangular

    inner = solve_triangular(
        factor.astype(np.float32), block.T, lower=True, check_finite=False, overwrite_b=False
    )
    return np.square(inner).sum(axis=0).astype(np.float64)


def _products(
    features: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    center: np.ndarray,
    mean: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return products of centred features with each other and with targets."""
    n_features = features.shape[1]
    gram = np.zeros((n_features, n_features))
    cross = np.zeros((n_features, targets.shape[1]))
    for start in range(0, len(features), _BLOCK):
        rows = slice(start, start + _BLOCK)
        block = (features[rows] - center) * np.sqrt(weights[rows])[:, None]
        gram += block.T @ block
        cross += block.T @ ((targets[rows] - mean) * np.sqrt(weights[rows])[:, None])
    return gram, cross


def _chosen(losses: np.ndarray, *, shared: bool) -> np.ndarray:
    """Return the index of the penalty of each output, given losses (n_penalties, n_outputs)."""
    if shared:
        return np.full(losses.shape[1], int(losses.sum(axis=1).argmin()))
    return losses.argmin(axis=0)
