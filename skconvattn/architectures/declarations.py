"""Hyperparameters that several architectures declare, and constraints that they have in common.

Each function returns a field of its own, to be assigned to an annotated attribute of an
architecture; what differs between architectures is an argument.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval, StrOptions

from skconvattn._hyperparameters import Choices, IntegerRange, RealRange, hyperparameter

POSITIVE = Interval(Integral, 1, None, closed="left")

# A network of 64 layers is described in less than 2 s: no file can ask for one that takes hours.
DEPTH = Interval(Integral, 1, 64, closed="both")

_CELLS = StrOptions({"lstm", "gru"})


def recurrent_encoder(*, default: str) -> Any:
    """Declare the cell of a recurrent encoder that is always there."""
    return hyperparameter(
        default=default,
        constraints=[_CELLS],
        doc="""
        {"lstm", "gru"}
        Recurrent encoder.
        """,
    )


def optional_recurrent_encoder() -> Any:
    """Declare the cell of a recurrent encoder that may be left out, and is by default."""
    return hyperparameter(
        default=None,
        constraints=[_CELLS, None],
        doc="""
        {"lstm", "gru"} or None
        Recurrent encoder in front of the convolution.
        """,
    )


def recurrent_units(*, needs: str | None = None) -> Any:
    """Declare the size of a recurrent encoder.

    Parameters
    ----------
    needs : str, optional
        Parameter whose value None leaves the encoder out.

    Returns
    -------
    dataclasses.Field
        The field.
    """
    return hyperparameter(
        default=32,
        constraints=[POSITIVE],
        doc="""
        int
        Size of the recurrent encoder's hidden state.
        """,
        search=IntegerRange(8, 64, log=True, needs=needs),
    )


def patch_size() -> Any:
    """Declare how many time steps a recurrent encoder reads at once."""
    return hyperparameter(
        default="auto",
        constraints=[POSITIVE, StrOptions({"auto"})],
        doc="""
        int or "auto"
        Time steps per step of the recurrent encoder. If above 1, a residual convolution with this
        stride stands in front of it. "auto" is 1 for up to 100 time steps; of longer series it
        makes at most 50 steps, since recurrent encoders learn little over hundreds of them.
        """,
        before=1,
    )


def attention_units() -> Any:
    """Declare the number of features of many-to-one attention."""
    return hyperparameter(
        default=32,
        constraints=[POSITIVE],
        doc="""
        int
        Features that attention gives.
        """,
        search=IntegerRange(8, 64, log=True),
    )


def attention_score(*, default: str, compared: str) -> Any:
    """Declare the score of many-to-one attention.

    Parameters
    ----------
    default : {"luong", "bahdanau"}
        Its default.
    compared : str
        What attention compares with the last of its kind.

    Returns
    -------
    dataclasses.Field
        The field.
    """
    return hyperparameter(
        default=default,
        constraints=[StrOptions({"luong", "bahdanau"})],
        doc=f"""
        {{"luong", "bahdanau"}}
        How attention compares {compared} with the last one: multiplicative or additive.
        """,
        search=Choices(("luong", "bahdanau")),
        elsewhere=("score",),
    )


def depth(*, default: int, of: str, most_searched: int = 2) -> Any:
    """Declare how many layers of a kind follow one another.

    Parameters
    ----------
    default : int
        The default.
    of : str
        The kind of layer, in the plural and with a capital letter.
    most_searched : int
        Largest depth worth searching.

    Returns
    -------
    dataclasses.Field
        The field, bounded by :data:`DEPTH`.
    """
    return hyperparameter(
        default=default,
        constraints=[DEPTH],
        doc=f"""
        int
        {of}, each on the output of the one before; {DEPTH.right} at most.
        """,
        search=IntegerRange(1, most_searched),
    )


def dropout(*, of: str) -> Any:
    """Declare the share of values that is dropped in training.

    Parameters
    ----------
    of : str
        Which values, to be read after "Share of".

    Returns
    -------
    dataclasses.Field
        The field.
    """
    return hyperparameter(
        default=0.0,
        constraints=[Interval(Real, 0, 1, closed="left")],
        doc=f"""
        float
        Share of {of}.
        """,
        search=RealRange(0.0, 0.5),
    )
