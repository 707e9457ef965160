"""What a user's own network is: how it is applied, what it may return, and its parameters."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Self

from skconvattn.networks import Encoding, pooled

# Filters and steps of the convolution that stands for no network.
_FILTERS, _KERNEL_SIZE = 32, 3
_PREFIX = "network__"


def encoded(network: Any, parameters: Mapping[str, Any], inputs: Any, mask: Any) -> Encoding:
    """Apply a user's network to series.

    Parameters
    ----------
    network : callable, keras.layers.Layer, keras.Model or None
        See ``network`` of :class:`~skconvattn.NeuralForecaster`.
    parameters : mapping of str to object
        Its keyword arguments.
    inputs : KerasTensor of shape (batch, time, channels)
        Series.
    mask : KerasTensor of shape (batch, time) or None
        True where a step is valid.

    Returns
    -------
    Encoding
        Features, and attention where there is any.

    Raises
    ------
    ValueError
        If the network does not take these parameters.
    TypeError
        If it returns anything but tensors of features.
    """
    result = _applied(network, parameters, inputs, mask)
    if isinstance(result, Encoding):
        return result
    features, attention = (
        result if isinstance(result, tuple) and len(result) == 2 else (result, None)
    )
    rank = len(getattr(features, "shape", ()))
    if rank == 3:
        return _pooled_over_time(features, attention, mask)
    if rank != 2:
        shown = f"shape {tuple(features.shape)}" if rank else f"type {type(features).__name__}"
        raise TypeError(
            f"network={_name_of(network)} returns features of {shown}; return a Keras tensor of "
            "shape (batch, n_features) or (batch, time, n_features), or that and its attention."
        )
    return Encoding(features, attention)


def named_parameters(given: Any) -> dict[str, Any]:
    """Return keyword arguments from a dict, or from the pairs that a model's description has.

    Raises
    ------
    ValueError
        If a tuple has anything but names and values.
    """
    try:
        return dict(given or ())
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"network_params={given!r} are no names and values; give a dict, as in {{'units': 8}}."
        ) from error


def _applied(network: Any, parameters: Mapping[str, Any], inputs: Any, mask: Any) -> Any:
    """Call the network on the inputs, with what it takes of the mask."""
    import keras

    if network is None:
        network = keras.layers.Conv1D(_FILTERS, _KERNEL_SIZE, padding="same", activation="relu")
    elif isinstance(network, keras.layers.Layer):
        network = _copied(network)
    else:
        _check_arguments(network, parameters)
        given = {"mask": mask} if "mask" in _accepted(network) else {}
        result = network(inputs, **given, **parameters)
        # A function may build a layer or a model instead of applying it.
        if not isinstance(result, keras.layers.Layer):
            return result
        network, parameters = result, {}
    if parameters:
        raise ValueError(
            f"network_params={dict(parameters)!r} are arguments of a function, and network is a "
            f"{type(network).__name__}; give a function of Keras layers, or leave them out."
        )
    return network(inputs)


def _pooled_over_time(sequence: Any, attention: Any, mask: Any) -> Encoding:
    """Average features per step with learned weights, which are the attention if there is none."""
    same_length = mask is not None and sequence.shape[1] == mask.shape[1]
    features, weights = pooled(sequence, mask if same_length else None, "attention")
    return Encoding(features, weights if attention is None else attention, sequence)


def _copied(layer: Any) -> Any:
    """Return a layer or a model with the same configuration, and weights of its own."""
    import keras

    if isinstance(layer, keras.Model) and layer.built:
        return keras.models.clone_model(layer)
    return type(layer).from_config(layer.get_config())


def refuse_unknown(network: Any, parameters: Mapping[str, Any]) -> None:
    """Refuse keyword arguments that a function does not take.

    Raises
    ------
    ValueError
        If there are any.
    """
    accepted = _accepted(network)
    unknown = [name for name in parameters if name not in accepted]
    if unknown and not _takes_any(network):
        raise ValueError(
            f"network={_name_of(network)} has no parameter {unknown[0]!r}; it has "
            f"{sorted(accepted - {'mask'}) or 'none'}."
        )


def _check_arguments(network: Any, parameters: Mapping[str, Any]) -> None:
    """Refuse a class, and arguments that are missing or not taken.

    Raises
    ------
    TypeError
        If the network is a class.
    ValueError
        If it needs or does not take an argument.
    """
    name = _name_of(network)
    if isinstance(network, type):
        raise TypeError(
            f"network={name} is a class; give an object, as {name}(...), or a function of Keras "
            "layers."
        )
    refuse_unknown(network, parameters)
    needed = [
        each.name
        for each in _signature(network)
        if each.default is each.empty
        and each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
        and each.name not in {"mask", *parameters}
    ]
    if needed:
        raise ValueError(
            f"network={name} needs {needed[0]!r}, which has no default; give it as "
            f"network_params={{{needed[0]!r}: ...}}."
        )


class RoutedParameters:
    """Parameters of the network as parameters of the estimator: ``network__units``."""

    network: Any
    network_params: Any

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return all parameters; with ``deep``, those of the network as ``network__<name>``.

        Parameters
        ----------
        deep : bool
            Whether parameters of the network are among them.
        """
        # Whatever estimator this is mixed into has the method.
        parameters: dict[str, Any] = super().get_params(deep=deep)  # type: ignore[misc]
        if deep:
            given = self.network_params if isinstance(self.network_params, Mapping) else {}
            own = {**_defaults(self.network), **given}
            parameters |= {f"{_PREFIX}{name}": value for name, value in own.items()}
        return parameters

    def set_params(self, **parameters: Any) -> Self:
        """Set parameters, those of the network as ``network__<name>``.

        Parameters
        ----------
        **parameters
            Values by name.

        Raises
        ------
        ValueError
            If a name is not known.
        """
        routed = {k: parameters.pop(k) for k in list(parameters) if k.startswith(_PREFIX)}
        if routed:
            own = {name.removeprefix(_PREFIX): value for name, value in routed.items()}
            network = parameters.get("network", self.network)
            if _is_function(network):
                refuse_unknown(network, own)
            before = parameters.get("network_params", self.network_params)
            parameters["network_params"] = {**dict(before or ()), **own}
        # As for get_params.
        return super().set_params(**parameters)  # type: ignore[misc]


def _is_function(network: Any) -> bool:
    return callable(network) and not hasattr(network, "get_config")


def _signature(network: Any) -> list[inspect.Parameter]:
    """Return the parameters of a function after the first, which takes the series."""
    try:
        return list(inspect.signature(network).parameters.values())[1:]
    except (TypeError, ValueError):
        return []


def _accepted(network: Any) -> set[str]:
    return {each.name for each in _signature(network) if each.kind is not each.VAR_KEYWORD}


def _takes_any(network: Any) -> bool:
    return any(each.kind is each.VAR_KEYWORD for each in _signature(network))


def _defaults(network: Any) -> dict[str, Any]:
    if not _is_function(network):
        return {}
    return {
        each.name: each.default
        for each in _signature(network)
        if each.default is not each.empty and each.name != "mask"
    }


def _name_of(network: Any) -> str:
    return getattr(network, "__name__", type(network).__name__)
