"""What files of estimators may hold: parameters and state, and the kinds of values in them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from typing import Any

from sklearn.utils._param_validation import validate_parameter_constraints

from skconvattn import networks
from skconvattn._hyperparameters import parameter_names, values_before
from skconvattn.data.panel import Preparation
from skconvattn.data.scaling import Scaling
from skconvattn.engine.programs import FittedModel
from skconvattn.persistence.archive import SaveFileError
from skconvattn.persistence.codec import Codec, Kind
from skconvattn.persistence.keras_values import KERAS_KINDS
from skconvattn.persistence.manifest import current_name
from skconvattn.persistence.pandas_values import PANDAS_KINDS

# Only classes of these modules can be built again by whoever reads a file.
_ARCHITECTURES = "skconvattn.architectures."


def vocabulary(
    cls: Any, own: Any = None, given: Mapping[str, Any] | None = None
) -> tuple[tuple[Kind, ...], tuple[type, ...]]:
    """Return the kinds and records that files of a class may hold.

    Parameters
    ----------
    cls : type
        Class of the estimator.
    own : callable, optional
        Network of the user's own that the estimator which is written has: files hold its name.
    given : mapping of str to callable, optional
        Networks of the user's own by their names in files.
    """
    network = cls.network_class
    function = Kind(
        "own_network",
        lambda value: own is not None and value is own and not hasattr(value, "get_config"),
        lambda codec, value, name: _function_name(value),
        lambda codec, payload: _named_function(payload, given or {}),
    )
    architecture = Kind(
        "network",
        lambda value: value is network,
        lambda codec, value, name: value.__name__,
        lambda codec, payload: {network.__name__: network}[current_name(payload)],
    )
    nested = Kind(
        "estimator",
        lambda value: type(value) is cls,
        lambda codec, value, name: encode_estimator(codec, value),
        lambda codec, payload: decode_estimator(codec, payload, cls),
    )
    public = [getattr(networks, name) for name in networks.__all__]
    described = networks.Head | networks.Output
    parts = [item for item in public if inspect.isclass(item) and issubclass(item, described)]
    records = (FittedModel, networks.ModelSpec, *parts, Scaling, Preparation)
    return (
        (*PANDAS_KINDS, architecture, function, nested, *cls._file_kinds, *KERAS_KINDS),
        (*records, *cls._file_records),
    )


def _function_name(function: Any) -> str:
    name = getattr(function, "__name__", None)
    if not isinstance(name, str) or not name.isidentifier():
        raise SaveFileError(
            f"network={function!r} has no name by which it could be found again; give a function "
            "that was defined with def."
        )
    return name


def _named_function(name: Any, given: Mapping[str, Any]) -> Any:
    if name not in given:
        raise SaveFileError(
            f"its network is your own function {name!r}, of which a file holds the name alone; "
            f"give it to load, as in load(path, networks={{{name!r}: {name}}})."
        )
    return given[name]


def encode_estimator(codec: Codec, estimator: Any) -> dict[str, Any]:
    """Return class, parameters and state of an estimator as JSON; arrays go to the codec.

    Callbacks become None.
    """
    names = parameter_names(type(estimator))
    attributes = {name: v for name, v in vars(estimator).items() if name not in names}
    parameters = {name: getattr(estimator, name) for name in names}
    if has_callbacks(estimator):
        # What watches a fit is neither data nor needed to predict.
        parameters["callbacks"] = None
    _validate(type(estimator), parameters)
    for name, value in attributes.items():
        _check_attribute(type(estimator), name, value)
    return {
        "estimator": saved_name(type(estimator)),
        "parameters": {name: codec.encode(v, name) for name, v in parameters.items()},
        "state": {name: codec.encode(v, name) for name, v in attributes.items()},
    }


def has_callbacks(estimator: Any) -> bool:
    """Whether an estimator has callbacks, which files leave out."""
    given = getattr(estimator, "callbacks", None)
    return given is not None and not (isinstance(given, list | tuple) and not given)


def decode_estimator(codec: Codec, payload: Any, cls: type) -> Any:
    """Return the estimator of a class that :func:`encode_estimator` encoded.

    Raises
    ------
    Exception
        Of any type, where the payload is not of such an estimator.
    """
    known = parameter_names(cls)
    if current_name(payload["estimator"]) != cls.__name__:
        raise SaveFileError(f"it holds a {payload['estimator']} within a {cls.__name__}.")
    unknown = sorted(payload["parameters"].keys() - set(known))
    if unknown:
        raise SaveFileError(
            f"{cls.__name__} has no parameter {', '.join(unknown)} in this version."
        )
    # Parameters that a newer version added have their defaults, or leave a network as it was.
    parameters = {name: codec.decode(item) for name, item in payload["parameters"].items()}
    parameters = {**values_before(cls), **parameters}
    _validate(cls, parameters)
    state: dict[str, Any] = {}
    for name, item in payload["state"].items():
        if name not in cls._file_attributes:  # type: ignore[attr-defined]
            raise SaveFileError(f"{name!r} is not an attribute of a {cls.__name__} in files.")
        state[name] = codec.decode(item)
        _check_attribute(cls, name, state[name])
    estimator = cls(**parameters)
    for name in vars(estimator).keys() - set(known):
        delattr(estimator, name)
    vars(estimator).update(state)
    cls._check_file_state(estimator)  # type: ignore[attr-defined]
    return estimator


def _check_attribute(cls: Any, name: str, value: Any) -> None:
    """Refuse an attribute that files do not know, or with a value that it cannot have."""
    check = cls._file_attributes.get(name)
    if check is None:
        raise SaveFileError(
            f"{name} is not an attribute that files of a {cls.__name__} hold; delete it before "
            "saving, and set it again after loading."
        )
    if not check(value):
        raise SaveFileError(f"{name} of a {cls.__name__} has a value that it never has.")


def saved_name(cls: type) -> str:
    """Return the name by which files know a class: of this package, or of the user's own.

    Raises
    ------
    SaveFileError
        If ``load`` could not find the class by the name.
    """
    name, module = cls.__name__, cls.__module__
    if module.startswith(_ARCHITECTURES) and getattr(sys.modules.get(module), name, None) is cls:
        known = not name.startswith("_")
    else:
        # One of the user's own, which is given to load by its name.
        known = name.isidentifier() and name not in sys.modules["skconvattn"].__all__
    if not known:
        raise SaveFileError(
            f"{name} from {module} has a name by which load could not find it; give your own class "
            "a name that no estimator of skconvattn has."
        )
    return name


def _validate(cls: Any, parameters: dict[str, Any]) -> None:
    try:
        validate_parameter_constraints(
            {n: rule for n, rule in cls._parameter_constraints.items() if n in parameters},
            parameters,
            caller_name=cls.__name__,
        )
    except ValueError as error:
        raise SaveFileError(str(error)) from error
    for name, value in parameters.items():
        if isinstance(value, str) and value.lstrip().startswith("{"):
            raise SaveFileError(f"{name}={value!r} is a configuration as text; give it as a dict.")
