"""Whether a file describes a network within bounds, and the weights are those of that network."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

import numpy as np
from sklearn.utils._param_validation import make_constraint

from skconvattn._backend import load_backend
from skconvattn.engine.programs import FittedModel
from skconvattn.networks.spec import ModelSpec

# No size is beyond these. What repeats a layer has an upper bound in its own constraints.
_MAX_SIZE = 1 << 20
_MAX_TIMEPOINTS = 1 << 26


def check_models(models: list[FittedModel]) -> None:
    """Compare weights with networks, building each network once without allocating its weights.

    No network is built before all of them are within bounds.

    Parameters
    ----------
    models : list of FittedModel
        As read.

    Raises
    ------
    Exception
        Of any type, where a network is out of bounds, cannot be built or has other weights.
    """
    # One network for all series of a panel; not every specification can be hashed.
    specs: list[ModelSpec] = []
    for model in models:
        if model.spec not in specs:
            _check_parameters(model.spec)
            _check_sizes(model.spec)
            specs.append(model.spec)
    variables = [_variables_of(spec) for spec in specs]
    for model in models:
        trainable, state = variables[specs.index(model.spec)]
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


def _check_sizes(spec: ModelSpec) -> None:
    """Refuse whole numbers that no network has."""
    if spec.n_timepoints is not None and not 1 <= spec.n_timepoints <= _MAX_TIMEPOINTS:
        raise ValueError(f"a network of {spec.n_timepoints} time steps is out of bounds")
    described = {**_fields(spec.head), **_fields(getattr(spec.head, "output", spec.head))}
    for name, value in [("n_channels", spec.n_channels), *described.items(), *spec.parameters]:
        for size in value if isinstance(value, tuple) else (value,):
            if isinstance(size, int) and size > _MAX_SIZE:
                raise ValueError(f"a network with {name}={size} is out of bounds")


def _fields(record: Any) -> dict[str, Any]:
    """Return the fields of a dataclass by name."""
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}


def _variables_of(spec: ModelSpec) -> tuple[int, list[tuple[tuple[int, ...], str]]]:
    """Return the number of trainable weights, and shape and kind of each further variable.

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
            result.append((trainable, state))
        except BaseException as error:  # noqa: BLE001 (raised again in the thread that waits)
            result.append(error)

    thread = threading.Thread(target=build)
    thread.start()
    thread.join()
    if isinstance(result[0], BaseException):
        raise result[0]
    return result[0]
