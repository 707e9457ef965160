"""The base class of all architectures, which encode series by layers with hyperparameters."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, dataclass_transform

from skconvattn._hyperparameters import hyperparameter, take_hyperparameters


class Encoding(NamedTuple):
    """The encoding of a batch of series by an architecture.

    Attributes
    ----------
    features : tensor of shape (batch, n_features)
        One vector per series, from which the head predicts.
    attention : tensor of shape (batch, n_positions) or (batch, n_heads, n_positions, n_positions)
        Attention over the positions of the encoded sequence. ``n_positions`` is the number of
        time steps divided by the pooling and striding of the architecture. None if it has none.
    sequence : tensor of shape (batch, n_positions, n_step_features)
        One vector per position of the encoded sequence, from which heads predict step by step. None
        if the architecture has none.
    """

    features: Any
    attention: Any = None
    sequence: Any = None


@dataclass_transform(eq_default=False, kw_only_default=True, field_specifiers=(hyperparameter,))
class Network:
    """Base of all architectures, and of everything else that has hyperparameters.

    An architecture declares its hyperparameters as fields and implements :meth:`encode`. It depends
    on neither task nor engine, and is built anew from its hyperparameters wherever a Keras model is
    needed.

    A subclass takes the hyperparameters that it and all of its bases declare. Other defaults are
    given with the bases:
    ``class WideClassifier(WideNetwork, BaseNeuralClassifier, kernel_size=9)``.
    """

    # The architecture's own class, without task or training parameters.
    network_class: ClassVar[type[Network]]
    _parameter_names: ClassVar[tuple[str, ...]] = ()
    _parameter_constraints: ClassVar[dict[str, Any]] = {}
    # Under which the docstring lists the parameters that a class declares.
    _parameter_group: ClassVar[str] = "network"

    def __init_subclass__(cls, **defaults: Any) -> None:
        """Give a new class its constructor; see ``take_hyperparameters`` for what is refused."""
        super().__init_subclass__()
        take_hyperparameters(cls, defaults)
        # Only estimators have get_params; the first class below them is the architecture.
        cls.network_class = next(
            base
            for base in cls.__mro__
            if issubclass(base, Network) and not hasattr(base, "get_params")
        )

    def encode(self, inputs: Any, mask: Any = None) -> Encoding:
        """Encode a batch of series with Keras layers.

        Parameters
        ----------
        inputs : KerasTensor of shape (batch, n_timepoints, n_channels)
            Scaled series.
        mask : KerasTensor of shape (batch, n_timepoints), optional
            True where a time step is valid.

        Returns
        -------
        Encoding
            Features and attention.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not implement encode(inputs, mask); an architecture "
            "returns skconvattn.networks.Encoding from it."
        )

    def settled(self, n_timepoints: int | None) -> dict[str, Any]:
        """Return the hyperparameters that a length decides, as it decides them.

        A model keeps them when it predicts longer series than it was trained on.

        Parameters
        ----------
        n_timepoints : int or None
            Time steps of the series in training; None if the model takes any number.

        Returns
        -------
        dict of str to object
            Values by name, for :meth:`encode`.
        """
        return {}


Network.network_class = Network
