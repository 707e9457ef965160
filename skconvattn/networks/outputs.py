"""The meaning of the last axis of a network's output: one value, quantiles, or class logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from skconvattn._backend import load_backend


@dataclass(frozen=True)
class Output:
    """Base of all outputs: the last axis of a network with its layer, its loss and its forecast.

    No other class depends on the number or the order of these values, as in GluonTS's ``Output``
    classes.
    """

    @property
    def n_values(self) -> int:
        """Length of the last axis."""
        raise NotImplementedError(f"{type(self).__name__} does not say how many values it has.")

    def constrained(self, values: Any) -> Any:
        """Turn unconstrained values into valid ones, such as increasing quantiles.

        Parameters
        ----------
        values : KerasTensor of shape (..., n_values)
            Output of a dense layer.

        Returns
        -------
        KerasTensor of shape (..., n_values)
            The network's output.
        """
        return values

    def loss(self) -> Any:
        """Return the loss that such values are trained with: a name of Keras, or a loss object."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it is trained.")

    def point(self, values: np.ndarray) -> np.ndarray:
        """Return the point forecast.

        Parameters
        ----------
        values : ndarray of shape (..., n_values)
            Output of the network, or differences from a target: the result is linear in them.

        Returns
        -------
        ndarray of shape (...)
            One value per forecast.
        """
        raise NotImplementedError(f"{type(self).__name__} has no point forecast.")


@dataclass(frozen=True)
class PointOutput(Output):
    """One value, which is the forecast itself.

    Attributes
    ----------
    loss_name : str
        Keras's name of the loss; the absolute error makes the value a median, the squared error a
        mean.
    """

    loss_name: str = "mean_squared_error"

    @property
    def n_values(self) -> int:
        """Length of the last axis: one."""
        return 1

    def loss(self) -> str:
        """Return the name of the loss."""
        return self.loss_name

    def point(self, values: np.ndarray) -> np.ndarray:
        """Return the value itself; see :meth:`Output.point`."""
        return values[..., 0]

    def losses(self, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return the squared or absolute error; see :meth:`QuantileOutput.losses`."""
        errors = np.abs(values[..., 0] - targets[..., 0])
        return errors**2 if self.loss_name == "mean_squared_error" else errors


# The default output of heads.
POINT = PointOutput()


@dataclass(frozen=True)
class QuantileOutput(Output):
    """Quantiles at increasing levels, which never cross.

    Attributes
    ----------
    levels : tuple of float
        Increasing, strictly between 0 and 1; the median need not be among them.
    """

    levels: tuple[float, ...]

    @property
    def n_values(self) -> int:
        """Length of the last axis: one value per level."""
        return len(self.levels)

    def constrained(self, values: Any) -> Any:
        """Put the values in increasing order by construction; see :meth:`Output.constrained`."""
        from skconvattn.layers.parts.non_crossing import NonCrossing

        return NonCrossing(self.levels)(values)

    def loss(self) -> Any:
        """Return the pinball loss at these levels."""
        from skconvattn.networks.losses import PinballLoss

        return PinballLoss(self.levels)

    def losses(self, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return the loss of each forecast.

        Parameters
        ----------
        values : ndarray of shape (..., n_values)
            Output of the network.
        targets : ndarray of shape (..., 1)
            Actual values.

        Returns
        -------
        ndarray of shape (...)
            Pinball loss, averaged over the levels.
        """
        errors, levels = targets - values, np.array(self.levels)
        return np.maximum(levels * errors, (levels - 1.0) * errors).mean(axis=-1)

    def point(self, values: np.ndarray) -> np.ndarray:
        """Return the median, interpolated where it is not among the levels."""
        return self.quantiles(values, np.array([0.5]))[..., 0]

    def quantiles(self, values: np.ndarray, levels: np.ndarray) -> np.ndarray:
        """Return quantiles at any levels.

        They are interpolated linearly in the standard normal quantile of the level; beyond the
        outermost trained levels the nearest slope is continued.

        Parameters
        ----------
        values : ndarray of shape (..., n_values)
            Output of the network.
        levels : ndarray of shape (n_levels,)
            Levels asked for, strictly between 0 and 1.

        Returns
        -------
        ndarray of shape (..., n_levels)
            Quantiles, increasing with the level; the values themselves at the trained levels.
        """
        if len(self.levels) == 1:
            return np.repeat(values, len(levels), axis=-1)
        if set(levels).issubset(self.levels):
            return values[..., [self.levels.index(level) for level in levels]]
        trained, asked = norm.ppf(self.levels), norm.ppf(levels)
        above = np.clip(np.searchsorted(trained, asked), 1, len(trained) - 1)
        share = (asked - trained[above - 1]) / (trained[above] - trained[above - 1])
        lower = values[..., above - 1]
        return lower + share * (values[..., above] - lower)


@dataclass(frozen=True)
class ClassOutput(Output):
    """One logit per class.

    Attributes
    ----------
    n_classes : int
        Number of classes.
    """

    n_classes: int

    @property
    def n_values(self) -> int:
        """Length of the last axis: one value per class."""
        return self.n_classes

    def loss(self) -> Any:
        """Return the cross-entropy of class indices and logits."""
        load_backend()
        import keras

        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, dtype="float32")

    def point(self, values: np.ndarray) -> np.ndarray:
        """Return the index of the most probable class."""
        return values.argmax(axis=-1)

    def probabilities(self, values: np.ndarray) -> np.ndarray:
        """Return the probability of each class.

        Parameters
        ----------
        values : ndarray of shape (n_samples, n_classes)
            Logits.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Float64; each row sums to one.
        """
        logits = values.astype(np.float64)
        # Shifting by the maximum keeps the exponential finite.
        odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return odds / odds.sum(axis=-1, keepdims=True)


def output_of(quantiles: Any, point: PointOutput) -> PointOutput | QuantileOutput:
    """Return the output for quantile levels, or for a point forecast.

    Parameters
    ----------
    quantiles : sequence of float or None
        Quantile levels; None for a point forecast.
    point : PointOutput
        Output where no quantiles are asked for.

    Returns
    -------
    PointOutput or QuantileOutput
        The output.
    """
    return point if quantiles is None else QuantileOutput(tuple(map(float, quantiles)))


def check_quantiles(quantiles: Any, loss: Any) -> None:
    """Refuse quantile levels that are not increasing within (0, 1), and a loss beside them.

    Parameters
    ----------
    quantiles : array-like of shape (n_levels,) or None
        Quantile levels.
    loss : object
        The parameter ``loss``.

    Raises
    ------
    ValueError
        If levels are not increasing, if any is not strictly between 0 and 1, or if ``loss`` is not
        "auto" where there are levels.
    """
    if quantiles is None:
        return
    levels = np.asarray(quantiles)
    if levels.dtype.kind not in "biuf":
        raise ValueError(
            f"quantiles={quantiles!r} are no numbers; use for example (0.05, 0.5, 0.95)."
        )
    valid = levels.ndim == 1 and len(levels) > 0 and np.all((levels > 0) & (levels < 1))
    if not valid or np.any(np.diff(levels) <= 0):
        raise ValueError(
            f"quantiles={quantiles!r} must be increasing levels strictly between 0 and 1; use for "
            "example (0.05, 0.5, 0.95)."
        )
    if not (isinstance(loss, str) and loss == "auto"):
        raise ValueError(
            f"loss={loss!r} cannot train quantiles={quantiles!r}, which take the pinball loss; use "
            "loss='auto'."
        )
