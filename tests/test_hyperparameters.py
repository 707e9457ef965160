"""Hyperparameters are declared once, merged over the bases, and mistakes in them are found."""

from __future__ import annotations

import inspect
from numbers import Integral
from typing import ClassVar

import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import Interval, InvalidParameterError

from skconvattn import all_estimators
from skconvattn._hyperparameters import IntegerRange, hyperparameter, parameter_names, search_ranges
from skconvattn.networks import Network

POSITIVE = Interval(Integral, 1, None, closed="left")


class Filters(Network):
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


class Training(Network):
    """Has epochs."""

    epochs: int = hyperparameter(
        default=3, constraints=[POSITIVE], doc="int\nPasses over the data."
    )
    optimizer: str = hyperparameter(
        default="adam", constraints=[str], doc="str\nName of the optimiser."
    )


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
    class Silent(Filters):
        pass

    assert Silent.__doc__.startswith("Parameters\n----------\nfilters : int, default=8")


def test_an_overridden_default_keeps_constraint_and_documentation():
    class Patient(Estimator, epochs=20):
        """Trains for longer."""

    assert Patient().epochs == 20
    assert Patient(epochs=2).epochs == 2
    assert Estimator().epochs == 3
    assert "epochs : int, default=20\n    Passes over the data." in Patient.__doc__
    with pytest.raises(InvalidParameterError, match="'epochs'"):
        Patient(epochs=0).fit()


def test_the_default_nearest_in_the_order_of_bases_is_overridden():
    class Longer(Training, epochs=20):
        """Between."""

    class Leaf(Filters, Longer, BaseEstimator):
        """Inherits the override."""

    assert Leaf().epochs == 20


def test_overriding_a_parameter_that_no_base_declares_is_refused():
    with pytest.raises(TypeError, match=r"epoch=.*Misspelt.*no base declares"):

        class Misspelt(Estimator, epoch=20):
            """Means epochs."""


def test_a_foreign_constructor_before_hyperparameters_is_refused():
    with pytest.raises(TypeError, match="put Filters first"):

        class Wrong(Foreign, Filters):
            """Would have its filters reset to 8."""


def test_a_foreign_constructor_behind_hyperparameters_resets_nothing():
    class Right(Filters, Foreign):
        """Keeps its filters."""

    assert Right(filters=4).filters == 4


@pytest.mark.parametrize("default", [[], {}, set()])
def test_a_mutable_default_is_refused(default):
    with pytest.raises(ValueError, match="mutable default"):

        class Shared(Network):
            """Would share its list with all instances."""

            values: list = hyperparameter(default=default, constraints=[list], doc="list\nValues.")


def test_a_subclass_of_two_bases_that_says_nothing_more_takes_all_their_parameters():
    class Silent(Filters, Training, BaseEstimator):
        pass

    assert Silent(filters=4, epochs=2).get_params() == {
        "filters": 4, "epochs": 2, "optimizer": "adam",
    }  # fmt: skip
    assert set(Silent._parameter_constraints) == {"filters", "epochs", "optimizer"}


@pytest.mark.parametrize("base", all_estimators("classifier")[:1])
def test_a_subclass_of_an_estimator_and_a_network_takes_all_their_parameters(base):
    class Both(Filters, base[1]):
        pass

    assert set(parameter_names(Both)) == {*parameter_names(base[1]), "filters"}


def test_a_subclass_takes_what_it_declares_itself():
    class Units(Estimator):
        """Declares one more."""

        units: int = hyperparameter(default=4, constraints=[POSITIVE], doc="int\nSize.")

    assert Units(units=2, filters=3).get_params()["units"] == 2
    assert "units : int, default=4" in Units.__doc__


def test_an_annotated_attribute_that_is_no_hyperparameter_is_refused():
    with pytest.raises(TypeError, match=r"Typed.size is annotated.*hyperparameter.*ClassVar"):

        class Typed(Estimator):
            size: int = 3

    with pytest.raises(TypeError, match=r"Bare.size is annotated"):

        class Bare(Estimator):
            size: int


def test_class_variables_are_no_parameters():
    class WithConstants(Estimator):
        limit: ClassVar[int] = 3
        names: ClassVar = ("a", "b")
        plain = 4

    assert set(parameter_names(WithConstants)) == {"filters", "epochs", "optimizer"}
    assert WithConstants.limit == 3


def test_a_constructor_of_its_own_is_refused_where_it_would_not_take_declared_parameters():
    with pytest.raises(TypeError, match=r"Own has a constructor of its own.*__post_init__"):

        class Own(Estimator, epochs=3):
            def __init__(self) -> None:
                self.filters = 8


def test_a_subclass_may_have_a_constructor_that_fills_in_parameters():
    class Narrow(Estimator):
        def __init__(self, epochs: int = 5) -> None:
            super().__init__(filters=2, epochs=epochs)

    assert Narrow(7).filters == 2
    assert Narrow(7).epochs == 7
    assert Narrow._parameter_names == Estimator._parameter_names


def test_names_are_looked_up_on_the_class():
    assert Estimator._parameter_names == parameter_names(Estimator)
    assert Network._parameter_names == ()


@pytest.mark.parametrize(("name", "cls"), all_estimators())
def test_the_constructor_of_every_estimator_takes_all_that_its_bases_declare(name, cls):
    declared = {n for base in cls.__mro__ for n in vars(base).get("_parameter_names", ())}
    assert declared == set(parameter_names(cls)) == set(inspect.signature(cls).parameters)


def test_a_subclass_that_declares_nothing_keeps_its_parameters():
    class Plain(Estimator):
        """Adds a method."""

        def double(self) -> int:
            return 2 * self.filters

    assert Plain(filters=3).double() == 6
    assert clone(Plain(filters=3)).filters == 3


def test_search_ranges_are_read_from_the_declarations_also_where_the_default_is_another():
    class Searched(Training):
        units: int = hyperparameter(
            default=4,
            constraints=[POSITIVE],
            doc="int\nSize.",
            search=IntegerRange(2, 64, log=True, needs="optimizer"),
        )

    class Leaf(Searched, units=8):
        pass

    assert search_ranges(Leaf) == {"units": IntegerRange(2, 64, log=True, needs="optimizer")}
    assert search_ranges(Training) == {}


def test_fields_can_be_read_but_their_documentation_not_changed():
    field = Estimator.__dataclass_fields__["filters"]
    with pytest.raises(TypeError):
        field.metadata["doc"] = "Something else."


def test_the_docstring_lists_parameters_by_the_group_of_the_class_that_declares_them():
    class Training(Network):
        """What trains."""

        _parameter_group = "training"
        epochs: int = hyperparameter(default=3, constraints=[POSITIVE], doc="int\nPasses.")

    class Layers(Network):
        """What is trained."""

        units: int = hyperparameter(default=4, constraints=[POSITIVE], doc="int\nSize.")

    class Both(Layers, Training, epochs=5):
        """Both."""

    listed, _, documented = Both.__doc__.partition("Parameters\n----------\n")
    assert listed == (
        "Both.\n\nParameters by group:\n\n- training: ``epochs``\n- network: ``units``\n\n"
    )
    assert documented.startswith("epochs : int, default=5")
    # One group needs no list.
    assert "by group" not in Layers.__doc__
