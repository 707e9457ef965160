"""The start of a classifier's training: ridge regression on features of fixed patterns."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from skconvattn.data import Rows
from skconvattn.engine.programs import FittedModel, drawn_model, model_program
from skconvattn.networks import ClassHead, ModelSpec

# Penalties among which leaving one sample out at a time chooses, for standardised features.
_PENALTIES = np.logspace(-1, 5, 13)
_TEMPERATURES = np.logspace(0, 1.5, 16)
# Memory grows with the square of the number of samples; more of them change little.
_MOST_SAMPLES = 4000


def pattern_start(
    spec: ModelSpec, layer: str, source: Rows, training: np.ndarray, rng: np.random.Generator
) -> FittedModel:
    """Return a model that predicts by the ridge regression on its measured features.

    Other weights of the network are drawn at random, but weights of its other features in the
    logits are zero. Logits are the predictions of a regression of classes coded as 1 and -1, times
    the factor with the least cross-entropy on left-out samples; the factor is one where a class
    has no samples yet.

    Parameters
    ----------
    spec : ModelSpec
        A classifier.
    layer : str
        Name of the layer of features that are measured and not trained, see
        :meth:`~skconvattn.networks.Network.measured_layer`.
    source : Rows
        Samples, scaled.
    training : ndarray of shape (n_training,)
        Indices of the samples to learn from.
    rng : numpy.random.Generator
        Source of the weights that are drawn.

    Returns
    -------
    FittedModel
        The model.
    """
    measured = model_program(spec).model.get_layer(layer)
    if len(training) > _MOST_SAMPLES:
        training = np.sort(rng.permutation(training)[:_MOST_SAMPLES])
    mask = None if source.mask is None else source.mask[training]
    statistics = measured.statistics_of(source.inputs[training], mask)
    head = cast(ClassHead, spec.head)
    coefficients, intercepts = _logistic_ridge(
        statistics.pop("features") / measured.gain,
        source.targets[training],
        source.weights[training],
        head.output.n_classes,
    )

    def start(values: dict[str, np.ndarray]) -> None:
        head.set_start(values, coefficients / measured.gain, intercepts)
        values.update({f"{layer}/{name}": value for name, value in statistics.items()})

    return drawn_model(spec, rng, start)


def _logistic_ridge(
    features: np.ndarray, targets: np.ndarray, weights: np.ndarray, n_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients (n_features, n_classes) and intercepts (n_classes,), float32."""
    from sklearn.linear_model import RidgeCV

    codes = 2.0 * np.eye(n_classes)[targets] - 1.0
    weights = weights.astype(np.float64)
    used = np.flatnonzero(weights)
    features, codes, weights = features[used].astype(np.float64), codes[used], weights[used]
    if len(used) < 3:
        # Too few to leave one out: logits follow how often classes occur.
        return np.zeros((features.shape[1], n_classes), "float32"), codes.mean(axis=0)
    ridge = RidgeCV(_PENALTIES, scoring="neg_mean_squared_error", store_cv_results=True)
    ridge.fit(features, codes, sample_weight=weights)
    chosen = int(np.argmin(np.abs(_PENALTIES - ridge.alpha_)))
    left_out = ridge.cv_results_[..., chosen].reshape(codes.shape)
    # Without samples of a class, certainty that it never occurs would cost nothing.
    complete = len(np.unique(targets[used])) == n_classes
    factor = _temperature(left_out, targets[used], weights) if complete else 1.0
    coefficients = np.reshape(ridge.coef_, (n_classes, -1)).T
    return (factor * coefficients).astype("float32"), factor * np.ravel(ridge.intercept_)


def _temperature(scores: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> Any:
    """Return the factor of the scores with the least cross-entropy."""

    def cross_entropy(factor: float) -> float:
        logits = factor * scores
        highest = logits.max(axis=1, keepdims=True)
        total = highest[:, 0] + np.log(np.exp(logits - highest).sum(axis=1))
        return float(weights @ (total - logits[np.arange(len(targets)), targets]))

    return min(_TEMPERATURES, key=cross_entropy)
