"""How far the attention of several networks agrees, and whether it says more than an even one."""

from __future__ import annotations

from typing import Any

import numpy as np

from skconvattn.forecasting.contract import PanelForecaster
from skconvattn.inspection.weights import (
    by_time_step,
    network_and_inputs,
    pretrained_of,
    received_attention,
)

# Standard errors of the mean attention that it has to be away from an even one.
_ERRORS = 2.0


def attention_of_networks(
    estimator: Any, X: Any = None, *, member: str = "auto"
) -> np.ndarray | None:
    """Return the attention of each of several networks (``n_networks``) to each time step.

    Parameters
    ----------
    estimator, X, member
        As for :func:`~skconvattn.inspection.attention_weights`.

    Returns
    -------
    ndarray of shape (n_networks, n_samples, n_timepoints) or None
        Weights with a sum of one per series; None where attention is not that of several networks.
    """
    if isinstance(estimator, PanelForecaster) and pretrained_of(estimator, member) is not None:
        return None
    model, inputs = network_and_inputs(estimator, X)
    if model.spec.n_networks == 1:
        return None
    found = [by_time_step(network, inputs) for network in model.networks]
    if found[0].ndim == 4:
        n_timepoints = inputs[0].shape[1]
        found = [received_attention(estimator, each, n_timepoints) for each in found]
    return np.stack(found)


def is_told_from_even(networks: np.ndarray) -> bool:
    r"""Return whether the mean attention of networks is further from even than chance explains.

    .. math:: \sum_t (\bar a_t - 1/T)^2 > 2^2 \sum_t \frac{s_t^2}{n}

    with the mean and the variance of the attention to each of :math:`T` time steps over :math:`n`
    networks. Both sums are taken over all series.

    Parameters
    ----------
    networks : ndarray of shape (n_networks, n_samples, n_timepoints)
        Attention of each network, at least two.

    Returns
    -------
    bool
        Whether it is.
    """
    even = 1.0 / networks.shape[2]
    distance = ((networks.mean(axis=0) - even) ** 2).sum()
    error = (networks.var(axis=0, ddof=1) / len(networks)).sum()
    rounding = networks[0].size * np.finfo(np.float32).eps ** 2
    return bool(distance > _ERRORS**2 * error + rounding)


def doubt_of(estimator: Any, member: str, networks: np.ndarray | None) -> str | None:
    """Return why attention is no better than an even average; None where nothing says so.

    Parameters
    ----------
    estimator : estimator of skconvattn
        The fitted estimator that the attention is of.
    member : {"auto", "pretrained", "network"}
        Whose attention, as for :func:`~skconvattn.inspection.attention_weights`.
    networks : ndarray of shape (n_networks, n_samples, n_timepoints) or None
        Attention of each of several networks.

    Returns
    -------
    str or None
        A part of a sentence. A network has no weight where held-out errors do not speak for it.
    """
    is_forecaster = isinstance(estimator, PanelForecaster)
    if is_forecaster and pretrained_of(estimator, member) is not None:
        return None
    if not estimator.weights_["network"].any():
        what = "forecast" if is_forecaster else "prediction"
        return f"no better than an even average: the network has no weight in the {what}"
    if networks is not None and not is_told_from_even(networks):
        return f"not told from an even average by {len(networks)} networks"
    return None
