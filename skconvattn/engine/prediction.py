"""The program of a model: shared by all estimators of a shape, whatever the backend."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from skconvattn.engine.backend import load_backend
from skconvattn.engine.cache import ProgramCache
from skconvattn.engine.choice import in_distribution_scope
from skconvattn.engine.compiled.model_program import ModelProgram
from skconvattn.engine.state import FittedModel
from skconvattn.networks.spec import ModelSpec

_MODELS: ProgramCache[ModelProgram] = ProgramCache(max_size=32)


def model_program(spec: ModelSpec) -> ModelProgram:
    """Return the program of a model, built at its first use."""
    return _MODELS.get(spec, lambda: _outside_scopes(lambda: _program_class()(spec)))


def _program_class() -> type[ModelProgram]:
    import keras

    if keras.backend.backend() == "tensorflow":
        return ModelProgram
    from skconvattn.engine.portable.prediction import PortableModelProgram

    return PortableModelProgram


def _outside_scopes(build: Callable[[], ModelProgram]) -> ModelProgram:
    """Build a program that later fits share outside of the caller's ``tf.distribute`` scope.

    Scopes belong to threads, so that a thread of its own has none.
    """
    if not in_distribution_scope():
        return build()
    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(build).result()


def drawn_model(
    spec: ModelSpec,
    rng: np.random.Generator,
    change: Callable[[dict[str, np.ndarray]], None] | None = None,
) -> FittedModel:
    """Return a model with initial weights, some of which may be set.

    Parameters
    ----------
    spec : ModelSpec
        The model.
    rng : numpy.random.Generator
        Source of the weights.
    change : callable, optional
        Gets the initial value of every variable, trainable or not, by the path that Keras gives
        it, and replaces entries by others of the same shape.

    Returns
    -------
    FittedModel
        Weights to start from.
    """
    load_backend()
    program = model_program(spec)
    trainable, state = program.initialization.draw(rng)
    model = program.model
    paths = [v.path for v in (*model.trainable_variables, *model.non_trainable_variables)]
    values = dict(zip(paths, (*trainable, *state), strict=True))
    if change is not None:
        change(values)
    trainable, state = (
        [np.asarray(values[path], dtype=old.dtype) for path, old in zip(group, before, strict=True)]
        for group, before in (
            (paths[: len(trainable)], trainable),
            (paths[len(trainable) :], state),
        )
    )
    return FittedModel(spec, program.layout.flatten(trainable), tuple(state))
