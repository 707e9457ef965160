"""How sure a vote of classes is to be, and what share each side has, by left-out predictions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from skconvattn.members.shares import network_share

# Factors of ridge scores, the usual one, and powers of voted probabilities.
_FACTORS, _USUAL_FACTOR = np.logspace(-1, 1.5, 26), 4.0
_POWERS = np.logspace(-0.7, 0.7, 29)
# How many samples speak for the usual factor, and for probabilities as they are voted.
_PRIOR_SAMPLES = 3.0
# An even vote is safe, and has to be argued away from: the power of the errors by which sides are
# weighed, and the number of samples after which half of it is taken.
_SHARPNESS, _EVEN_SAMPLES = 2.0, 500.0
# Shares among which left-out predictions choose.
_SHARES = np.linspace(0.05, 1.0, 20)
# No probability counts as less.
_LEAST_PROBABILITY = 1e-4


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities that sum to one along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def sharpened(probabilities: np.ndarray, power: float) -> np.ndarray:
    """Return probabilities to a power, which sum to one again along the last axis."""
    if power == 1.0:
        return probabilities
    with np.errstate(divide="ignore"):
        logs = np.log(probabilities)
    return softmax(power * np.maximum(logs, np.log(np.finfo(np.float64).tiny)))


def cross_entropies(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the cross-entropy of each sample: (n_samples,)."""
    of_targets = probabilities[np.arange(len(targets)), targets]
    return -np.log(np.maximum(of_targets, _LEAST_PROBABILITY))


def score_factor(scores: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    """Return the factor by which scores become logits, by left-out predictions.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_classes)
        Left-out predictions of classes coded as 1 and -1.
    targets : ndarray of shape (n_samples,)
        Indices of classes.
    weights : ndarray of shape (n_samples,)
        Sample weights.

    Returns
    -------
    float
        The factor with the least cross-entropy, drawn towards four.
    """
    return _best(_FACTORS, _USUAL_FACTOR, lambda factor: softmax(factor * scores), targets, weights)


def vote_power(probabilities: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    """Return the power to which left-out probabilities fit best, drawn towards one."""
    return _best(_POWERS, 1.0, lambda power: sharpened(probabilities, power), targets, weights)


def vote_share(
    one: np.ndarray, other: np.ndarray, targets: np.ndarray, weights: np.ndarray
) -> float:
    r"""Return the share of one side in a vote of two.

    .. math:: \frac{a}{1 - a}
              = \Bigl(\frac{e_\mathrm{other}}{e_\mathrm{one}}\Bigr)^{2 n / (n + 500)}

    with the Brier scores :math:`e` of :math:`n` left-out samples.

    Parameters
    ----------
    one, other : ndarray of shape (n_samples, n_classes)
        Left-out probabilities of both sides.
    targets : ndarray of shape (n_samples,)
        Indices of classes.
    weights : ndarray of shape (n_samples,)
        Sample weights.

    Returns
    -------
    float
        :math:`a`, between 0 and 1.
    """
    coded = np.eye(one.shape[1])[targets]
    errors = [weights @ np.square(side - coded).sum(axis=1) for side in (one, other)]
    least = 1e-3 * weights.sum()
    power = _SHARPNESS * len(targets) / (len(targets) + _EVEN_SAMPLES)
    odds = (max(errors[1], least) / max(errors[0], least)) ** power
    return float(odds / (1 + odds))


def supported_share(loss: Callable[[float], np.ndarray]) -> float:
    """Return the share of a network that losses of left-out samples support beyond chance.

    Parameters
    ----------
    loss : callable
        From a share to the losses of samples that nothing was fitted on, (n_samples,), weighted.

    Returns
    -------
    float
        The share with the least loss, times that part of its gain that chance does not explain,
        see :func:`~skconvattn.members.shares.network_share`.
    """
    without = loss(0.0)
    best = min(_SHARES, key=lambda share: float(loss(share).sum()))
    return float(best * network_share(without, loss(best), np.arange(len(without))))


def _best(
    values: np.ndarray,
    usual: float,
    probabilities: Callable[[float], np.ndarray],
    targets: np.ndarray,
    weights: np.ndarray,
) -> float:
    """Return the value with the least cross-entropy, drawn towards the usual one."""

    def penalised(value: float) -> float:
        own = float(weights @ cross_entropies(probabilities(value), targets))
        return own + _PRIOR_SAMPLES * float(np.log(value / usual) ** 2)

    return float(min(values, key=penalised))
