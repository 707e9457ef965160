"""Hyperparameters are declared once, merged over the bases, and mistakes in them are found."""

from __future__ import annotations

import inspect
from dataclasses import Field
from numbers import Integral

import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import Interval, InvalidParameterError

from skconvattn import all_estimators
from skconvattn._hyperparameters import (
    Parametrised,
    hyperparameter,
    hyperparameters,
    parameter_names,
)

POSITIVE = Interval(Integral, 1, None, closed="left")


@hyperparameters
class Filters(Parametrised):
    """Has filters."""

    filters: int = hyperparameter(
        default=8,
        constraints=[POSITIVE],
        doc="""
        int
        Channels of the convolution,
        counted from one.
        """,
    )


@hyperparameters
class Training(Parametrised):
    """Has epochs."""

    epochs: int = hyperparameter(
        default=3, constraints=[POSITIVE], doc="int\nPasses over the data."
    )
    optimizer: str = hyperparameter(
        default="adam", constraints=[str], doc="str\nName of the optimiser."
    )


@hyperparameters
class Estimator(Filters, Training, BaseEstimator):
    """Combines both.

    It has a second paragraph.

    Examples
    --------
    >>> 1 + 1
    2
    """

    def fit(self) -> Estimator:
        self._validate_params()
        return self


class Foreign:
    """Has a constructor of its own, as sktime's base has."""

    def __init__(self) -> None:
        self.filters = 8


def test_the_constructor_takes_what_all_bases_declare_by_keyword():
    estimator = Estimator(filters=4, epochs=2)
    assert (estimator.filters, estimator.epochs, estimator.optimizer) == (4, 2, "adam")
    kinds = {p.kind for p in inspect.signature(Estimator).parameters.values()}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}


def test_arguments_by_position_are_refused():
    with pytest.raises(TypeError, match="positional"):
        Estimator(4)


def test_a_misspelt_parameter_is_refused_by_name():
    with pytest.raises(TypeError, match="'filter'"):
        Estimator(filter=4)


def test_scikit_learn_sees_every_parameter():
    assert Estimator(filters=4).get_params() == {"filters": 4, "epochs": 3, "optimizer": "adam"}
    assert set(parameter_names(Estimator)) == {"filters", "epochs", "optimizer"}


def test_a_clone_keeps_values_and_is_not_equal_by_value():
    estimator = Estimator(filters=4, epochs=2)
    copy = clone(estimator)
    assert copy.get_params() == estimator.get_params()
    assert copy != estimator
    assert hash(copy) != hash(estimator)


def test_the_constructor_stores_the_argument_itself():
    given = [1, 2]
    assert Estimator(optimizer=given).optimizer is given


def test_constraints_of_all_bases_are_merged_and_checked():
    assert set(Estimator._parameter_constraints) == {"filters", "epochs", "optimizer"}
    with pytest.raises(InvalidParameterError, match=r"'filters'.*Got 0"):
        Estimator(filters=0).fit()
    with pytest.raises(InvalidParameterError, match="'epochs'"):
        Estimator(epochs=1.5).fit()


def test_the_docstring_documents_every_parameter_before_the_first_section():
    expected = inspect.cleandoc(
        """
        Combines both.

        It has a second paragraph.

        Parameters
        ----------
        epochs : int, default=3
            Passes over the data.
        optimizer : str, default='adam'
            Name of the optimiser.
        filters : int, default=8
            Channels of the convolution,
            counted from one.

        Examples
        --------
        >>> 1 + 1
        2
        """
    )
    assert Estimator.__doc__.strip() == expected


def test_a_class_without_docstring_gets_the_section_alone():
    @hyperparameters
    class Silent(Filters):
        pass

    assert Silent.__doc__.startswith("Parameters\n----------\nfilters : int, default=8")


def test_an_overridden_default_keeps_constraint_and_documentation():
    @hyperparameters(epochs=20)
    class Patient(Estimator):
        """Trains for longer."""

    assert Patient().epochs == 20
    assert Patient(epochs=2).epochs == 2
    assert Estimator().epochs == 3
    assert "epochs : int, default=20\n    Passes over the data." in Patient.__doc__
    with pytest.raises(InvalidParameterError, match="'epochs'"):
        Patient(epochs=0).fit()


def test_the_default_nearest_in_the_order_of_bases_is_overridden():
    @hyperparameters(epochs=20)
    class Longer(Training):
        """Between."""

    @hyperparameters
    class Leaf(Filters, Longer, BaseEstimator):
        """Inherits the override."""

    assert Leaf().epochs == 20


def test_overriding_a_parameter_that_no_base_declares_is_refused():
    with pytest.raises(TypeError, match=r"epoch=.*Misspelt.*no base declares"):

        @hyperparameters(epoch=20)
        class Misspelt(Estimator):
            """Means epochs."""


def test_a_foreign_constructor_before_hyperparameters_is_refused():
    with pytest.raises(TypeError, match="put Filters first"):

        @hyperparameters
        class Wrong(Foreign, Filters):
            """Would have its filters reset to 8."""


def test_a_foreign_constructor_behind_hyperparameters_resets_nothing():
    @hyperparameters
    class Right(Filters, Foreign):
        """Keeps its filters."""

    assert Right(filters=4).filters == 4


@pytest.mark.parametrize("default", [[], {}, set()])
def test_a_mutable_default_is_refused(default):
    with pytest.raises(ValueError, match="mutable default"):

        @hyperparameters
        class Shared(Parametrised):
            """Would share its list with all instances."""

            values: list = hyperparameter(default=default, constraints=[list], doc="list\nValues.")


def _declared_without_decorator(cls: type) -> list[str]:
    """Hyperparameters that stand in a class whose decorator was forgotten."""
    return [
        f"{base.__name__}.{name}"
        for base in cls.__mro__
        for name, value in vars(base).items()
        if isinstance(value, Field)
    ]


def test_a_forgotten_decorator_is_found():
    class Forgotten(Estimator):
        """Declares a parameter that no constructor takes."""

        units: int = hyperparameter(default=4, constraints=[POSITIVE], doc="int\nSize.")

    assert "units" not in Forgotten().get_params()
    assert _declared_without_decorator(Forgotten) == ["Forgotten.units"]


@pytest.mark.parametrize(("name", "cls"), all_estimators())
def test_no_estimator_has_a_forgotten_decorator(name, cls):
    assert _declared_without_decorator(cls) == []
    assert "__dataclass_fields__" in vars(cls), f"{name} lacks @hyperparameters"


def test_a_subclass_that_declares_nothing_needs_no_decorator():
    class Plain(Estimator):
        """Adds a method."""

        def double(self) -> int:
            return 2 * self.filters

    assert Plain(filters=3).double() == 6
    assert clone(Plain(filters=3)).filters == 3


def test_fields_can_be_read_but_their_documentation_not_changed():
    field = Estimator.__dataclass_fields__["filters"]
    with pytest.raises(TypeError):
        field.metadata["doc"] = "Something else."
