"""Whether the weights of a file are those of the network that it describes."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

import numpy as np

from skconvattn.engine.isolation import load_backend
from skconvattn.engine.programs import FittedModel
from skconvattn.networks.spec import ModelSpec

# No architecture has sizes, or repeats a layer, beyond these.
_MAX_SIZE = 1 << 20
_MAX_REPEATS = 1 << 12
_MAX_TIMEPOINTS = 1 << 26


def check_models(models: list[FittedModel]) -> None:
    """Compare weights with networks, building each network once without allocating its weights.

    Parameters
    ----------
    models : list of FittedModel
        As read.

    Raises
    ------
    Exception
        Of any type, where a network cannot be built or has other weights.
    """
    seen: list[Any] = []
    for model in models:
        # One network for all series of a panel; not every specification can be hashed.
        known = [variables for spec, variables in seen if spec == model.spec]
        if not known:
            _check_sizes(model.spec)
            known = [_variables_of(model.spec)]
            seen.append((model.spec, known[0]))
        trainable, state = known[0]
        if model.weights.dtype != np.float32 or model.weights.shape != (trainable,):
            raise ValueError(
                f"the network has {trainable} weights, and there are {model.weights.shape} "
                f"of {model.weights.dtype}"
            )
        # Random seeds are of another type of integer on each backend.
        found = [(array.shape, array.dtype.kind.replace("u", "i")) for array in model.state]
        if found != state:
            raise ValueError(f"the network's state is {state}, and there is {found}")


def _check_sizes(spec: ModelSpec) -> None:
    if not 1 <= (spec.n_timepoints or 1) <= _MAX_TIMEPOINTS:
        raise ValueError(f"a network of {spec.n_timepoints} time steps is out of bounds")
    head = {f.name: getattr(spec.head, f.name) for f in dataclasses.fields(spec.head)}
    for name, value in [("n_channels", spec.n_channels), *head.items(), *spec.parameters]:
        limit = _MAX_REPEATS if name in {"n_layers", "n_blocks", "n_heads"} else _MAX_SIZE
        for size in value if isinstance(value, tuple) else (value,):
            if isinstance(size, int) and size > limit:
                raise ValueError(f"a network with {name}={size} is out of bounds")


def _variables_of(spec: ModelSpec) -> tuple[int, list[tuple[tuple[int, ...], str]]]:
    """Return the number of trainable weights, and shape and kind of each further variable.

    Inside a stateless scope Keras notes variables and leaves their values for later. It notes them
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
