"""Functions compiled with JAX, on processors with fewer passes of its compiler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Of XLA's levels 0 to 3. On a processor, level 1 takes three quarters of the time that the default,
# 3, takes to compile an epoch, which then runs as fast: its products are library calls. Level 0
# leaves loops without vector instructions.
_ON_PROCESSORS = {"xla_backend_optimization_level": 1}


def compiled(function: Callable[..., Any], **kwargs: Any) -> Any:
    """Return a function compiled at its first call for arguments of a shape.

    Parameters
    ----------
    function : callable
        Of arrays.
    **kwargs
        Further arguments of :func:`jax.jit`.

    Returns
    -------
    callable
        The function.
    """
    import jax

    options = _ON_PROCESSORS if jax.default_backend() == "cpu" else None
    return jax.jit(function, compiler_options=options, **kwargs)
