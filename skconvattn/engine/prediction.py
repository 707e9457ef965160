"""The program of a model: shared by all estimators of a shape, whatever the backend."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from skconvattn.engine.cache import ProgramCache
from skconvattn.engine.choice import in_distribution_scope
from skconvattn.engine.compiled.model_program import ModelProgram
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
