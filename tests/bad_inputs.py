"""Inputs that no estimator can use, each with the argument that the error has to name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

RNG = np.random.default_rng(0)
SERIES = RNG.normal(size=(24, 6))
TARGETS, LABELS = SERIES[:, 0], np.where(SERIES[:, 0] > 0, "up", "down")
MONTHS = pd.period_range("2000-01", periods=48, freq="M")
Y = pd.Series(np.arange(48.0) + RNG.normal(size=48), index=MONTHS, name="sales")
COVARIATES = pd.DataFrame({"price": RNG.normal(size=48)}, index=MONTHS)
LATER = Y[:3].set_axis(MONTHS[-1] + np.arange(1, 4))
LISTS = np.empty((24, 6), dtype=object)
for _place in np.ndindex(LISTS.shape):
    LISTS[_place] = [1, 2]
SPARSE_MISSING = np.ma.masked_array(SERIES, mask=SERIES > 1)

Call = Callable[[Any], Any]


def ignores(y_true: Any, y_pred: Any) -> Any:
    """Return a loss that depends on nothing."""
    return 1.0


def fit_with(**parameters: Any) -> Call:
    """Return a fit with other parameters, which are put back whatever happens."""

    def call(estimator: Any) -> Any:
        before = {name: getattr(estimator, name) for name in parameters}
        try:
            # Without set_params, by which sktime forgets the fit.
            vars(estimator).update(parameters)
            return fitted(estimator)
        finally:
            vars(estimator).update(before)

    return call


def fitted(estimator: Any, **given: Any) -> Any:
    """Fit an estimator, to other data than the usual ones where they are given."""
    if type(estimator).__name__.endswith("Forecaster"):
        data = {"y": Y, "fh": [1, 2], **given}
        return estimator.fit(**data)
    y = LABELS if type(estimator).__name__.endswith("Classifier") else TARGETS
    return estimator.fit(**{"X": SERIES, "y": y, **given})


def fit_to(**given: Any) -> Call:
    """Return a fit to other data."""
    return lambda estimator: fitted(estimator, **given)


def predict(*arguments: Any, **given: Any) -> Call:
    """Return a prediction from other data."""
    return lambda estimator: estimator.predict(*arguments, **given)


# Parameters that training estimators share.
PARAMETERS: dict[str, tuple[str, Call]] = {
    "epochs=-1": ("epochs", fit_with(epochs=-1)),
    "epochs as text": ("epochs", fit_with(epochs="many")),
    "epochs=0.5": ("epochs", fit_with(epochs=0.5)),
    "batch_size=0": ("batch_size", fit_with(batch_size=0)),
    "learning_rate=-1": ("learning_rate", fit_with(learning_rate=-1.0)),
    "learning_rate as a list": ("learning_rate", fit_with(learning_rate=[0.1])),
    "an empty optimizer": ("optimizer", fit_with(optimizer={})),
    "an unknown optimizer": ("optimizer", fit_with(optimizer="climb")),
    "an optimizer that is a number": ("optimizer", fit_with(optimizer=3)),
    "a layer as optimizer": (
        "optimizer",
        fit_with(optimizer={"class_name": "Dense", "config": {"units": 2}}),
    ),
    "callbacks=[object()]": ("callbacks", fit_with(callbacks=[object()])),
    "callbacks=object()": ("callbacks", fit_with(callbacks=object())),
    "an unknown loss": ("loss", fit_with(loss="regret")),
    "a loss that is a number": ("loss", fit_with(loss=3)),
    "a loss that ignores its arguments": ("loss", fit_with(loss=ignores)),
    "validation_fraction=2": ("validation_fraction", fit_with(validation_fraction=2)),
    "patience=-1": ("patience", fit_with(patience=-1)),
    "random_state as text": ("random_state", fit_with(random_state="seed")),
    "random_state=-1": ("random_state", fit_with(random_state=-1)),
    "engine as text": ("engine", fit_with(engine="steam")),
    "early_stopping as text": ("early_stopping", fit_with(early_stopping="yes")),
    "verbose as text": ("verbose", fit_with(verbose="loud")),
    "warm_start as text": ("warm_start", fit_with(warm_start="yes")),
}
METRICS: dict[str, tuple[str, Call]] = {
    "an unknown metric": ("metrics", fit_with(metrics=["luck"])),
    "a metric that is a number": ("metrics", fit_with(metrics=[3])),
}
FILES: dict[str, tuple[str, Call]] = {
    "save to nowhere": ("path", lambda estimator: estimator.save("")),
    "save to a missing folder": (
        "no_such_folder", lambda estimator: estimator.save("no_such_folder/model.zip"),
    ),
    "save to a number": ("path", lambda estimator: estimator.save(3.5)),
}  # fmt: skip


def _series(name: str, call: Callable[[Any], Call]) -> dict[str, tuple[str, Call]]:
    """Return series that neither a fit nor a prediction can use."""
    return {
        f"{name}: masked": ("X", call(SPARSE_MISSING)),
        f"{name}: dates": ("X", call(SERIES.astype("M8[D]"))),
        f"{name}: durations": ("X", call((SERIES * 100).astype("m8[D]"))),
        f"{name}: None": ("X", call(None)),
        f"{name}: text": ("X", call(np.full((24, 6), "a"))),
        f"{name}: lists in cells": ("X", call(LISTS)),
        f"{name}: complex": ("X|complex", call(SERIES * 1j)),
        f"{name}: infinite": ("X", call(np.where(SERIES > 1, np.inf, SERIES))),
        f"{name}: 4 axes": ("X", call(SERIES.reshape(24, 2, 3, 1))),
        f"{name}: 1 axis": ("X|array", call(SERIES[:, 0])),
        f"{name}: a number": ("X|array", call(3.0)),
        f"{name}: a dict": ("X", call({"a": 1})),
        f"{name}: no samples": ("X|sample", call(SERIES[:0])),
        f"{name}: no time steps": ("X|feature", call(SERIES[:, :0])),
    }


SUPERVISED: dict[str, tuple[str, Call]] = {
    **PARAMETERS,
    **METRICS,
    **FILES,
    "save to a folder": ("directory", lambda estimator: estimator.save(Path(__file__).parent)),
    **_series("fit", lambda X: fit_to(X=X)),
    **_series("predict", predict),
    "fit: all missing": ("X", fit_to(X=np.full((24, 6), np.nan))),
    "predict: in other units": ("X", predict(SERIES * 1e300)),
    "fit: one huge value": ("X", fit_to(X=np.where(SERIES.max() - 0.1 < SERIES, 1e300, SERIES))),
    "predict: another length": ("X", predict(SERIES[:, :3].repeat(2, axis=0)[:, None, :2])),
    "y: None": ("y", fit_to(y=None)),
    "y: all missing": ("y", fit_to(y=np.full(24, np.nan))),
    "y: infinite": ("y", fit_to(y=np.where(TARGETS > 1, np.inf, TARGETS))),
    "y: too short": ("y|length|samples", fit_to(y=LABELS[:10])),
    "y: no columns": ("y", fit_to(y=np.zeros((24, 0)))),
    "y: 3 axes": ("y", fit_to(y=np.zeros((24, 2, 2)))),
    "y: lists in cells": ("y", fit_to(y=LISTS[:, 0])),
    "y: dates": ("y", fit_to(y=TARGETS.astype("M8[D]"))),
    "y: durations": ("y", fit_to(y=(TARGETS * 100).astype("m8[D]"))),
    "y: masked": ("y", fit_to(y=np.ma.masked_array(np.arange(24) % 2, mask=TARGETS > 0))),
    "y: complex": ("y|complex", fit_to(y=TARGETS * 1j)),
    "weights: negative": ("sample_weight", fit_to(sample_weight=-np.ones(24))),
    "weights: too few": ("sample_weight", fit_to(sample_weight=np.ones(10))),
    "weights: missing": ("sample_weight", fit_to(sample_weight=np.full(24, np.nan))),
    "weights: text": ("sample_weight", fit_to(sample_weight=["a"] * 24)),
    "held out: a number": ("validation_data", fit_to(validation_data=3)),
    "held out: X alone": ("validation_data", fit_to(validation_data=(SERIES,))),
    "held out: other series": (
        "validation_data", fit_to(validation_data=(SERIES[:, :2], TARGETS)),
    ),
    "sample: text": ("n_samples", lambda estimator: estimator.sample(SERIES, "x")),
    "sample: none": ("n_samples", lambda estimator: estimator.sample(SERIES, 0)),
}  # fmt: skip
REGRESSORS: dict[str, tuple[str, Call]] = {
    "quantiles as text": ("quantiles", fit_with(quantiles=["a"])),
    "quantiles beyond 1": ("quantiles", fit_with(quantiles=[0.5, 2.0])),
    "no quantiles": ("quantiles", fit_with(quantiles=[])),
    "y: labels": ("y|string|float", fit_to(y=LABELS)),
}
CLASSIFIERS: dict[str, tuple[str, Call]] = {
    "class_weight as text": ("class_weight", fit_with(class_weight="fair")),
    "class_weight of others": ("class_weight|class", fit_with(class_weight={"other": 1.0})),
    "y: numbers": ("y|label|continuous", fit_to(y=TARGETS)),
    "y: several labels": ("y", fit_to(y=np.stack([LABELS, LABELS], axis=1))),
}


def _targets(name: str, call: Callable[..., Call]) -> dict[str, tuple[str, Call]]:
    """Return targets that a forecaster cannot use."""
    lists = pd.Series([[1, 2]] * 48, index=MONTHS)
    values = Y.to_numpy()
    return {
        f"{name}: None": ("y", call(None)),
        f"{name}: a number": ("y", call(3.0)),
        f"{name}: text": ("y", call("sales")),
        f"{name}: a dict": ("y", call({"a": 1})),
        f"{name}: empty": ("y", call(Y[:0])),
        f"{name}: all missing": ("y", call(Y * np.nan)),
        f"{name}: infinite": ("y", call(Y.where(Y < 40, np.inf))),
        f"{name}: labels": ("y", call(Y.astype(str))),
        f"{name}: dates": ("y", call(Y.astype("M8[s]"))),
        f"{name}: durations": ("y", call(Y.astype("m8[s]"))),
        f"{name}: complex": ("y", call(Y * 1j)),
        f"{name}: lists in cells": ("y", call(lists)),
        f"{name}: no columns": ("y", call(Y.to_frame()[[]])),
        f"{name}: masked": ("y", call(np.ma.masked_array(values, mask=values > 40))),
        f"{name}: 4 axes": ("y", call(values.reshape(2, 2, 3, 4))),
        f"{name}: backwards": ("y", call(Y[::-1])),
        f"{name}: a month twice": ("y", call(pd.concat([Y, Y[-1:]]))),
    }


EVERY_FORECASTER: dict[str, tuple[str, Call]] = {
    **FILES,
    **_targets("fit", lambda y: fit_to(y=y)),
    # Nothing, no rows and missing values are updates in which nothing was seen.
    **{
        name: case
        for name, case in _targets("update", lambda y: lambda f: f.update(y)).items()
        if name
        not in ("update: None", "update: empty", "update: all missing", "update: no columns")
    },
    "fit: two months": ("y", fit_to(y=Y[:2])),
    "fit: a gap in time": ("y", fit_to(y=Y.drop(MONTHS[5]))),
    "fit: no steps": ("fh", fit_to(fh=[])),
    "fit: steps as text": ("fh", fit_to(fh=["next"])),
    "fit: half steps": ("fh", fit_to(fh=[0.5])),
    "predict: no steps": ("fh", predict(fh=[])),
    "predict: steps as text": ("fh", predict(fh=["next"])),
    "predict: half steps": ("fh", predict(fh=[0.5])),
    "predict: far ahead": ("fh", predict(fh=[100_000])),
    "predict: long before": ("fh", predict(fh=[-100_000])),
    "predict: further than a calendar": ("fh", predict(fh=[2**62])),
    "predict: a dict of steps": ("fh", predict(fh={"a": 1})),
    "predict: dates of another kind": (
        "fh|time stamp",
        predict(fh=pd.DatetimeIndex(["2004-02-03"])),
    ),
    "fit: an array without axes": ("y", fit_to(y=np.array(3.0))),
    "fit: arrays of arrays": ("y", fit_to(y=pd.Series([{"a": 1}] * 48, index=MONTHS))),
    "fit: a name twice": ("y", fit_to(y=pd.concat([Y, Y], axis=1))),
    "intervals: none": ("coverage", lambda f: f.predict_interval(coverage=[])),
    "intervals: zero": ("coverage", lambda f: f.predict_interval(coverage=0.0)),
    "intervals: text": ("coverage", lambda f: f.predict_interval(coverage="wide")),
    "intervals: beyond 1": ("coverage", lambda f: f.predict_interval(coverage=2.0)),
    "levels: text": ("alpha", lambda f: f.predict_quantiles(alpha=["a"])),
    "levels: beyond 1": ("alpha", lambda f: f.predict_quantiles(alpha=[1.5])),
    "levels: none": ("alpha", lambda f: f.predict_quantiles(alpha=[])),
    "a season of text": ("seasonal_period", fit_with(seasonal_period="moon")),
    "no seasons": ("seasonal_period", fit_with(seasonal_period=())),
    "a season of half a step": ("seasonal_period", fit_with(seasonal_period=0.5)),
    "bounds in no order": ("lower_bound", fit_with(lower_bound=2.0, upper_bound=1.0)),
    "a bound of text": ("lower_bound", fit_with(lower_bound="low")),
    "a bound of NaN": ("upper_bound", fit_with(upper_bound=np.nan)),
}
FORECASTERS: dict[str, tuple[str, Call]] = {
    **PARAMETERS,
    "sample: text": ("n_samples", lambda forecaster: forecaster.sample("x")),
    "sample: none": ("n_samples", lambda forecaster: forecaster.sample(0)),
    "fit: far ahead": ("fh", fit_to(fh=[100_000])),
    "X: text": ("X", fit_to(X="price")),
    "X: other months": ("X", fit_to(X=COVARIATES[:20])),
    "X: infinite": ("X", fit_to(X=COVARIATES * np.inf)),
    "update: X of text": ("X", lambda forecaster: forecaster.update(Y, X="price")),
    "X: huge": ("X", fit_to(X=COVARIATES * 1e300)),
    "X: a huge value": ("X", fit_to(X=COVARIATES.where(COVARIATES < 1, 1e100))),
    "update: in other units": ("y", lambda forecaster: forecaster.update(LATER * 1e300)),
    "X: lists in cells": ("X", fit_to(X=pd.DataFrame({"a": [[1, 2]] * 48}, index=MONTHS))),
    "quantiles as text": ("quantiles", fit_with(quantiles=["a"])),
    "quantiles beyond 1": ("quantiles", fit_with(quantiles=[0.5, 2.0])),
    "no quantiles": ("quantiles", fit_with(quantiles=[])),
    "window_length=0": ("window_length", fit_with(window_length=0)),
    "window_length as text": ("window_length", fit_with(window_length="long")),
    "unknown members": ("members", fit_with(members=("oracle",))),
    "no members": ("members", fit_with(members=())),
    "panel as text": ("panel", fit_with(panel="both")),
    "unknown regressors": ("past_regressors", fit_with(past_regressors=["rain"])),
}


def cases_of(cls: type) -> dict[str, tuple[str, Call]]:
    """Return the argument that is named and the call, by a description, for an estimator."""
    name = cls.__name__
    if name.endswith("Forecaster"):
        return {**EVERY_FORECASTER, **({} if name.startswith("Pretrained") else FORECASTERS)}
    return {**SUPERVISED, **(REGRESSORS if name.endswith("Regressor") else CLASSIFIERS)}
