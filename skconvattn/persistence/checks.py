"""Whether a file describes a network within bounds, and the weights are those of that network."""

from __future__ import annotations

import dataclasses
import threading
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, make_constraint

from skconvattn._backend import load_backend
from skconvattn.engine.programs import FittedModel
from skconvattn.networks import HorizonHead
from skconvattn.networks.spec import MOST_NETWORKS, ModelSpec
from skconvattn.persistence.budget import Budget

# No size is beyond these. What repeats a layer has an upper bound in its own constraints.
_MAX_SIZE = 1 << 20
_MAX_TIMEPOINTS = 1 << 26


def check_models(models: list[FittedModel], budget: Budget) -> None:
    """Compare weights with networks, building each network once without allocating its weights.

    No network is built before all of them are within bounds.

    Parameters
    ----------
    models : list of FittedModel
        As read.
    budget : Budget
        What is left of what reading may cost.

    Raises
    ------
    Exception
        Of any type, where a network is out of bounds, cannot be built or has other weights.
    """
    # One network for all series of a panel; not every specification can be hashed.
    specs: list[ModelSpec] = []
    for model in models:
        if model.spec.n_networks not in range(1, MOST_NETWORKS + 1):
            raise ValueError(f"an average of {model.spec.n_networks} networks is out of bounds")
        if model.spec.single not in specs:
            _check_parameters(model.spec)
            _check_sizes(model.spec)
            _check_depth(model)
            specs.append(model.spec.single)
    variables: list[tuple[int, list[Any]]] = []
    for spec in specs:
        trainable, state, n_variables = _variables_of(spec)
        budget.take("weights and states in its networks", n_variables)
        variables.append((trainable, state))
    for model in models:
        n_networks = model.spec.n_networks
        trainable, state = variables[specs.index(model.spec.single)]
        trainable, state = trainable * n_networks, state * n_networks
        if model.weights.dtype != np.float32 or model.weights.shape != (trainable,):
            raise ValueError(
                f"the network has {trainable} weights, and there are {model.weights.shape} "
                f"of {model.weights.dtype}"
            )
        # Random seeds are of another type of integer on each backend.
        found = [(array.shape, array.dtype.kind.replace("u", "i")) for array in model.state]
        if found != state:
            raise ValueError(f"the network's state is {state}, and there is {found}")


def _check_parameters(spec: ModelSpec) -> None:
    """Refuse a network with other parameters than it declares, or values that it does not take."""
    declared, parameters = spec.network._parameter_constraints, dict(spec.parameters)
    if len(parameters) != len(spec.parameters) or parameters.keys() != declared.keys():
        raise ValueError(
            f"a {spec.network.__name__} has the parameters {sorted(declared)}, and there are "
            f"{sorted(name for name, _ in spec.parameters)}"
        )
    for name, value in parameters.items():
        constraints = declared[name]
        if constraints != "no_validation" and not any(
            make_constraint(constraint).is_satisfied_by(value) for constraint in constraints
        ):
            raise ValueError(f"a network with {name}={value!r} is out of bounds")


def _check_depth(model: FittedModel) -> None:
    """Refuse a network of more layers, or a larger map, than there are weights for."""
    repeated = sum(
        value
        for name, value in model.spec.parameters
        if isinstance(value, int) and _repeats(model.spec.network, name)
    )
    if repeated > model.weights.size:
        raise ValueError(
            f"the network has {repeated} layers, and there are {model.weights.size} weights"
        )
    head, n_timepoints = model.spec.head, model.spec.n_timepoints or 1
    # The map that a linear forecast starts from is computed when the network is built.
    horizon = head.horizon if isinstance(head, HorizonHead) and head.linear else 0
    if n_timepoints * horizon > model.weights.size:
        raise ValueError(
            f"the network has a map of {n_timepoints} to {horizon} time steps, and there are "
            f"{model.weights.size} weights"
        )


def _repeats(network: Any, name: str) -> bool:
    """Whether a parameter says how often a layer is repeated: whole numbers with an upper bound."""
    return any(
        isinstance(constraint, Interval)
        and constraint.type is Integral
        and constraint.right is not None
        for constraint in network._parameter_constraints[name]
        if constraint != "no_validation"
    )


def _check_sizes(spec: ModelSpec) -> None:
    """Refuse whole numbers that no network has."""
    if spec.n_timepoints is not None and not 1 <= spec.n_timepoints <= _MAX_TIMEPOINTS:
        raise ValueError(f"a network of {spec.n_timepoints} time steps is out of bounds")
    described = {**_fields(spec.head), **_fields(getattr(spec.head, "output", spec.head))}
    for name, value in [("n_channels", spec.n_channels), *described.items(), *spec.parameters]:
        for size in value if isinstance(value, tuple) else (value,):
            if isinstance(size, int) and not -_MAX_SIZE <= size <= _MAX_SIZE:
                raise ValueError(f"a network with {name}={size} is out of bounds")


def _fields(record: Any) -> dict[str, Any]:
    """Return the fields of a dataclass by name."""
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}


def _variables_of(spec: ModelSpec) -> tuple[int, list[tuple[tuple[int, ...], str]], int]:
    """Return the number of trainable weights, shape and kind of each further variable, and a count.

    The count is that of all variables.

    In a stateless scope Keras notes variables and leaves their values for later. It notes them
    for the thread, so that a thread of its own forgets them.
    """
    load_backend()
    result: list[Any] = []

    def build() -> None:
        import keras

        try:
            with keras.StatelessScope(initialize_variables=False):
                model = spec.build().model
            trainable = sum(int(np.prod(v.shape, dtype=object)) for v in model.trainable_variables)
            kinds = [np.dtype(str(v.dtype)).kind for v in model.non_trainable_variables]
            shapes = [tuple(v.shape) for v in model.non_trainable_variables]
            state = list(zip(shapes, [k.replace("u", "i") for k in kinds], strict=True))
            result.append((trainable, state, len(model.weights)))
        except BaseException as error:  # noqa: BLE001 (raised again in the thread that waits)
            result.append(error)

    thread = threading.Thread(target=build)
    thread.start()
    thread.join()
    if isinstance(result[0], BaseException):
        raise result[0]
    return result[0]
