"""Hyperparameters declared once: default, constraint, search range and documentation together."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

_NEVER_WITHOUT = object()
_CLASS_VARIABLE = re.compile(r"(\w+\.)*ClassVar\b")


@dataclasses.dataclass(frozen=True)
class SearchRange:
    """The values of a hyperparameter that are worth trying in a search.

    Attributes
    ----------
    needs : str or None
        Another hyperparameter; where that one is None, this one has no effect.
    """

    needs: str | None = dataclasses.field(default=None, kw_only=True)


@dataclasses.dataclass(frozen=True)
class IntegerRange(SearchRange):
    """A range of integers.

    Attributes
    ----------
    low, high : int
        Smallest and largest value.
    log : bool
        Whether to search on a logarithmic scale.
    """

    low: int
    high: int
    log: bool = False


@dataclasses.dataclass(frozen=True)
class RealRange(SearchRange):
    """A range of real numbers; attributes are those of :class:`IntegerRange`."""

    low: float
    high: float
    log: bool = False


@dataclasses.dataclass(frozen=True)
class Choices(SearchRange):
    """A finite set of values.

    Attributes
    ----------
    values : tuple
        Values, all of them valid.
    """

    values: tuple[Any, ...]


def hyperparameter(
    *,
    default: Any,
    constraints: list[Any] | str,
    doc: str,
    search: SearchRange | None = None,
    elsewhere: tuple[str, ...] = (),
    before: Any = _NEVER_WITHOUT,
) -> Any:
    """Declare one constructor parameter of an estimator or a network.

    Parameters
    ----------
    default : immutable
        Value that the constructor uses when the argument is left out. A keyword, by which type
        checkers see that the argument may be left out (PEP 681).
    constraints : list or "no_validation"
        Values that scikit-learn's parameter validation accepts, in its own notation
        (:mod:`sklearn.utils._param_validation`).
    doc : str
        The type line of a numpydoc entry, a line break, and its description. It is merged into
        the docstring of every class that takes the parameter.
    search : SearchRange, optional
        Values to search; by default the parameter is not searched.
    elsewhere : tuple of str
        What other packages call it: whoever writes that is told the name here.
    before : immutable, optional
        Value with which a network is what it was before it had the parameter. Files from that time
        are read as if they had it.

    Returns
    -------
    dataclasses.Field
        To be assigned to an annotated class attribute of a :class:`~skconvattn.networks.Network`.
    """
    kind, _, description = textwrap.dedent(doc).strip().partition("\n")
    return dataclasses.field(
        default=default,
        metadata={
            "constraints": constraints,
            "type": kind.strip(),
            "doc": textwrap.dedent(description).strip(),
            "search": search,
            "elsewhere": elsewhere,
            "before": before,
        },
    )


def take_hyperparameters(cls: type, defaults: Mapping[str, Any]) -> None:
    """Make a class take the hyperparameters that it and its bases declare.

    Generates a keyword-only constructor that stores each argument unchanged, merges the
    constraints into scikit-learn's ``_parameter_constraints``, and writes the ``Parameters``
    section of the docstring, and the ``Attributes`` section where a base describes the attributes
    that a fit sets in ``_fitted_attributes``. Names are stored in ``_parameter_names``.

    Parameters
    ----------
    cls : type
        A class that was just created.
    defaults : mapping of str to object
        Other default values for inherited hyperparameters, by name.

    Raises
    ------
    TypeError
        If a class attribute is annotated that is neither a hyperparameter nor a ``ClassVar``, if a
        default is given for a parameter that no base declares, if the class declares parameters
        and has a constructor of its own, which would not take them, or if a base with one stands
        before a base with hyperparameters: calling up the chain would then silently reset
        parameters to their defaults.
    """
    _check_annotations(cls)
    if "__init__" in vars(cls):
        _check_declares_nothing(cls, defaults)
        return
    _override_defaults(cls, defaults)
    # dataclass would put the signature into a class without a docstring.
    doc = cls.__doc__ or ""
    dataclasses.dataclass(eq=False, repr=False, kw_only=True)(cls)
    _check_order_of_bases(cls)
    fields = dataclasses.fields(cls)
    # The constructor that dataclass has just made.
    cls.__init__ = _suggesting(cls.__init__)  # type: ignore[misc]
    cls._parameter_names = tuple(field.name for field in fields)  # type: ignore[attr-defined]
    cls._parameter_constraints = {  # type: ignore[attr-defined]
        field.name: field.metadata["constraints"] for field in fields
    }
    attributes = textwrap.dedent(getattr(cls, "_fitted_attributes", "")).strip()
    groups = _grouped(cls, [field.name for field in fields])
    cls.__doc__ = _with_sections(doc, groups, fields, attributes)


def unknown_parameter(cls: Any, name: str) -> str:
    """Return one sentence on a parameter that a class does not have, with what may be meant.

    Parameters
    ----------
    cls : type
        A class with hyperparameters.
    name : str
        What was given.

    Returns
    -------
    str
        The sentence.
    """
    fields = {field.name: field.metadata for field in dataclasses.fields(cls)}
    elsewhere = [known for known, metadata in fields.items() if name in metadata["elsewhere"]]
    close = elsewhere or difflib.get_close_matches(name, fields, n=1, cutoff=0.6)
    remedy = f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(fields)}."
    return f"{cls.__name__} has no parameter {name!r}; {remedy}"


def _suggesting(init: Callable[..., None]) -> Callable[..., None]:
    """Return a constructor of the same signature that says what an unknown parameter may mean."""

    @functools.wraps(init)
    def suggesting(self: Any, *args: Any, **parameters: Any) -> None:
        for name in parameters:
            if name not in self._parameter_names:
                raise TypeError(unknown_parameter(type(self), name))
        init(self, *args, **parameters)

    # What looks at the arguments of the function itself, as sktime's tests do, sees the same.
    suggesting.__signature__ = inspect.signature(init)  # type: ignore[attr-defined]
    return suggesting


def parameter_names(cls: Any) -> tuple[str, ...]:
    """Return the names of all hyperparameters of a class, in the order of the constructor."""
    names: tuple[str, ...] = cls._parameter_names
    return names


def search_ranges(cls: Any) -> dict[str, SearchRange]:
    """Return the search ranges of a class by the names of its hyperparameters."""
    found = {field.name: field.metadata["search"] for field in dataclasses.fields(cls)}
    return {name: search for name, search in found.items() if search is not None}


def values_before(cls: Any) -> dict[str, Any]:
    """Return the values, by name, that hyperparameters have in files from before they existed."""
    fields = dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
    found = {field.name: field.metadata["before"] for field in fields}
    return {name: value for name, value in found.items() if value is not _NEVER_WITHOUT}


def _check_declares_nothing(cls: type, defaults: Mapping[str, Any]) -> None:
    """Refuse parameters declared by a class with a constructor of its own."""
    declared = [*defaults, *(n for n, v in vars(cls).items() if isinstance(v, dataclasses.Field))]
    if declared:
        raise TypeError(
            f"{cls.__name__} has a constructor of its own, which would not take {declared}; leave "
            "the constructor out and use __post_init__, which runs at the end of the one that is "
            "made."
        )


def _check_annotations(cls: type) -> None:
    for name, annotation in inspect.get_annotations(cls).items():
        value = cls.__dict__.get(name)
        declared = isinstance(value, dataclasses.Field) and "constraints" in value.metadata
        text = annotation if isinstance(annotation, str) else repr(annotation)
        if not declared and not _CLASS_VARIABLE.match(text):
            raise TypeError(
                f"{cls.__name__}.{name} is annotated, but it is no hyperparameter; declare it with "
                "hyperparameter(...), or annotate it as ClassVar."
            )


def _override_defaults(cls: type, defaults: Mapping[str, Any]) -> None:
    """Redeclare inherited fields with another default, keeping documentation and constraints."""
    annotations = dict(inspect.get_annotations(cls))
    for name, default in defaults.items():
        for base in cls.__mro__[1:]:
            field = base.__dict__.get("__dataclass_fields__", {}).get(name)
            if field is not None:
                break
        else:
            raise TypeError(
                f"{name}={default!r} in the bases of {cls.__name__} is the default of a parameter "
                "that no base declares; declare it with hyperparameter(...) first."
            )
        annotations[name] = field.type
        setattr(cls, name, dataclasses.field(default=default, metadata=dict(field.metadata)))
    cls.__annotations__ = annotations


def _check_order_of_bases(cls: type) -> None:
    foreign = None
    for base in cls.__mro__[:-1]:
        declares = "__dataclass_fields__" in base.__dict__
        if declares and foreign is not None:
            raise TypeError(
                f"{cls.__name__} lists {foreign.__name__}, which has a constructor of its own, "
                f"before {base.__name__}, which declares hyperparameters; put {base.__name__} "
                "first among the bases."
            )
        if not declares and "__init__" in base.__dict__:
            foreign = base


def _grouped(cls: type, names: list[str]) -> str:
    """Return a list of parameters by the group of the classes that declare them.

    Empty if there are fewer than two groups.
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        owner = next(
            base for base in reversed(cls.__mro__) if name in inspect.get_annotations(base)
        )
        groups.setdefault(getattr(owner, "_parameter_group", "other"), []).append(f"``{name}``")
    if len(groups) < 2:
        return ""
    lines = [f"- {group}: {', '.join(members)}" for group, members in groups.items()]
    return "Parameters by group:\n\n" + "\n".join(
        textwrap.fill(line, 88, subsequent_indent="  ") for line in lines
    )


def _with_sections(
    doc: str, groups: str, fields: tuple[dataclasses.Field[Any], ...], attributes: str
) -> str:
    """Insert ``Parameters`` and ``Attributes`` after the summary and extended description."""
    text = inspect.cleandoc(doc)
    entries = [
        f"{field.name} : {field.metadata['type']}, default={field.default!r}\n"
        + textwrap.indent(field.metadata["doc"], "    ")
        for field in fields
    ]
    section = f"{groups}\n\nParameters\n----------\n".lstrip() + "\n".join(entries)
    if attributes:
        section += "\n\nAttributes\n----------\n" + attributes
    first = re.search(r"^(?:[A-Z][A-Za-z ]+)\n-{3,}$", text, flags=re.MULTILINE)
    if first is None:
        return f"{text}\n\n{section}\n".lstrip()
    return f"{text[: first.start()].rstrip()}\n\n{section}\n\n{text[first.start() :]}\n"
