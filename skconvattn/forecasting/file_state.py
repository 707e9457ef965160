"""What files of forecasters hold beside parameters, and how the parts of a fit fit together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sktime.datatypes import VectorizedDF
from sktime.datatypes._dtypekind import DtypeKind
from sktime.forecasting.base import ForecastingHorizon

from skconvattn.forecasting import file_records
from skconvattn.forecasting.fitted import FittedForecast
from skconvattn.forecasting.horizons import check_horizon
from skconvattn.forecasting.series.history import Panel
from skconvattn.forecasting.zero_shot import ZeroShotFit, ZeroShotForecast
from skconvattn.persistence.attributes import (
    Check,
    at_least,
    each,
    entries,
    is_a,
    one_of,
    optional,
    require,
)
from skconvattn.persistence.budget import Budget

# The names of a pandas.MultiIndex; pandas has a public name for their class since 3.0.
FROZEN_LIST: Any = type(pd.MultiIndex.from_arrays([[0]]).names)
_PLAIN = (bool, int, float, str, tuple, type(None), np.generic)
_DATA = optional(is_a(pd.DataFrame, pd.Series, VectorizedDF))
_METADATA = entries(
    {
        "n_features": at_least(0),
        "feature_names": each(list, is_a(*_PLAIN)),
        "feature_kind": each(list, is_a(DtypeKind)),
        "mtype": is_a(str),
        "scitype": is_a(str),
    }
)
_TAGS = entries(
    {
        "sktime_version": is_a(str),
        "y_inner_mtype": one_of("pd.DataFrame"),
        "X_inner_mtype": one_of("pd.DataFrame"),
    }
)
_CONFIG = entries(
    {
        "display": one_of("diagram", "text"),
        "print_changed_only": is_a(bool),
        "check_clone": is_a(bool),
        "clone_config": is_a(bool),
        "warnings": one_of("on", "off"),
        "backend:parallel": optional(
            one_of("None", "loky", "multiprocessing", "threading", "joblib")
        ),
        "backend:parallel:params": one_of(None),
        "remember_data": is_a(bool),
    }
)
# Attributes by name; one that is added gets an entry here.
FORECASTER: Mapping[str, Check] = {
    "_X": _DATA,
    "_X_metadata": _METADATA,
    "_X_mtype_last_seen": is_a(str),
    "_Xvec": optional(is_a(VectorizedDF)),
    "_config_dynamic": _CONFIG,
    "_converter_store_y": entries(
        {
            name: is_a(*_PLAIN, FROZEN_LIST, pd.Index)
            for name in (
                "columns",
                "freq",
                "index",
                "index_names",
                "instance_names",
                "name",
                "numpy_second_dim",
            )
        }
    ),
    "_cutoff": optional(lambda value: isinstance(value, pd.Index) and len(value) == 1),
    "_fh": optional(is_a(ForecastingHorizon)),
    "_is_vectorized": is_a(bool),
    "_pretrained_attrs": each(list, one_of("pretrained_")),
    "_state": one_of("new", "pretrained", "fitted"),
    "_tags_dynamic": _TAGS,
    "_y": _DATA,
    "_y_metadata": _METADATA,
    "_y_mtype_last_seen": is_a(str),
    "_yvec": optional(is_a(VectorizedDF)),
    "fitted_forecast_": is_a(FittedForecast, ZeroShotFit),
    "forecasters_": is_a(pd.DataFrame),
    "panel_": is_a(Panel),
    "pretrained_": is_a(FittedForecast),
}
_ALWAYS = frozenset(["_X", "_converter_store_y", "_cutoff", "_fh", "_state", "_y"])
_SEEN = frozenset(["_is_vectorized", "_y_metadata", "_y_mtype_last_seen"])


def check_forecaster(forecaster: Any, budget: Budget) -> None:
    """Refuse a loaded forecaster whose parts do not fit together.

    Parameters
    ----------
    forecaster : PanelForecaster
        With attributes that have each passed a check of their own.
    budget : Budget
        What is left of what reading may cost.

    Raises
    ------
    ValueError
        If one is missing, or has another shape than the others.
    """
    state = vars(forecaster)
    require(state.keys() >= _ALWAYS, f"a forecaster has {sorted(_ALWAYS)}")
    if "pretrained_" in state:
        file_records.check_forecast(state["pretrained_"])
    if state["_state"] != "fitted":
        return
    require(state.keys() >= _SEEN, f"a fit leaves {sorted(_SEEN)}")
    require(state["_cutoff"] is not None, "a fit leaves a cutoff")
    check_horizon(state["_fh"])
    if state["_is_vectorized"]:
        _check_local(type(forecaster), state)
        return
    require(state.keys() >= {"fitted_forecast_", "panel_"}, "a fit leaves fitted_forecast_, panel_")
    fitted, panel = state["fitted_forecast_"], state["panel_"]
    record = ZeroShotFit if forecaster._forecast_type is ZeroShotForecast else FittedForecast
    require(isinstance(fitted, record), "fitted_forecast_ is of another class of forecasters")
    check = file_records.check_zero_shot if record is ZeroShotFit else file_records.check_forecast
    check(fitted)
    file_records.check_panel(panel, fitted, budget)
    file_records.check_stamps(state["_cutoff"], fitted.channels.timeline, budget)


def _check_local(cls: type, state: Mapping[str, Any]) -> None:
    """Refuse a panel of forecasters, one per series, that is none."""
    needed = {"_yvec", "forecasters_"}
    require(state.keys() >= needed, f"a fit per series leaves {sorted(needed)}")
    inner = state["forecasters_"].to_numpy().ravel().tolist()
    require(inner and all(type(each) is cls for each in inner), "forecasters_ has no forecasters")
    require(all(each._state == "fitted" for each in inner), "forecasters_ are not fitted")
    rows = state["_yvec"]
    require(isinstance(rows, VectorizedDF), "_yvec is no panel")
    view = vars(rows)
    require(
        view.keys() >= {"X", "X_multiindex", "iter_indices", "shape"}
        and len(view["iter_indices"]) == 2
        and view["shape"] == state["forecasters_"].shape,
        "_yvec has another shape than forecasters_",
    )
    names, columns = view["iter_indices"]
    require(names is None or len(names) == view["shape"][0], "_yvec has other series")
    require(columns is None or len(columns) == view["shape"][1], "_yvec has other columns")
