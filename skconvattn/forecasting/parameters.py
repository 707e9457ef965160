"""Hyperparameters of all forecasters: windows, normalisation, covariates and panels."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Literal

from sklearn.utils._param_validation import Interval, StrOptions

from skconvattn._hyperparameters import Choices, RealRange, hyperparameter
from skconvattn._normalization import NORMALIZATIONS
from skconvattn.engine import TrainingParameters
from skconvattn.networks import Network

_FROM_ONE = Interval(Integral, 1, None, closed="left")
_SHARE = Interval(Real, 0, 1, closed="left")


class SeriesParameters(Network):
    """What every forecaster may be told of its series."""

    _parameter_group = "forecasting"

    seasonal_period: Any = hyperparameter(
        default="auto",
        constraints=[_FROM_ONE, StrOptions({"auto"}), "array-like"],
        doc="""
        int, "auto" or sequence of int
        Time steps of a season, 1 for none. "auto" reads it from the frequency of the index, or
        from the autocorrelation where the index has none. Of several, such as (24, 168), the
        network has the shortest, and exponential smoothing tries each; a week is tried beside a
        day of 24 hours or 48 half hours where the series has four. Series of less than two seasons
        have none for members that learn from them, and the calendar's for pretrained attention.
        """,
    )
    lower_bound: float | None = hyperparameter(
        default=None,
        constraints=[Real, None],
        doc="""
        float or None
        Value that no forecast falls below, in the units of ``y``: 0 for counts and sales.
        """,
    )
    upper_bound: float | None = hyperparameter(
        default=None,
        constraints=[Real, None],
        doc="""
        float or None
        Value that no forecast rises above, in the units of ``y``: a capacity, or 100 percent.
        """,
    )


class ForecastingParameters(
    SeriesParameters, TrainingParameters, patience="auto", steps_per_epoch="auto"
):
    """Hyperparameters of windows, normalisation, covariates and many series."""

    _parameter_group = "forecasting"

    epochs: int = hyperparameter(
        default=200,
        constraints=[Interval(Integral, 0, None, closed="left")],
        doc="""
        int
        Most passes over the training data; 0 for the other members of the forecast alone.
        """,
    )
    members: Any = hyperparameter(
        default="all",
        constraints=[StrOptions({"all"}), "array-like"],
        doc="""
        "all" or sequence of str
        What the forecast is averaged from, by the errors of each at past origins: exponential
        smoothing of the values, "smoothing", and of their logarithms, "log smoothing", attention
        that was trained on simulated series, "pretrained", the linear model that training begins
        with, "linear", and the "network" that is trained in ``fit``. The weights stand in
        ``weights_``.
        """,
    )
    pretrained: bool = hyperparameter(
        default=True,
        constraints=["boolean"],
        doc="""
        bool
        Whether "pretrained" is among "all" members: attention over the last seasons, learned from
        millions of simulated series and shipped with the package.
        """,
    )
    point_forecast: Literal["auto", "median", "mean"] = hyperparameter(
        default="auto",
        constraints=[StrOptions({"auto", "median", "mean"})],
        doc="""
        {"auto", "median", "mean"}
        What ``predict`` forecasts. The median has the smallest absolute error, the mean the right
        sum, and the median of rare demand is zero: "auto" takes the mean of series that are mostly
        zero, with values above zero now and then, and the median of all others.
        """,
    )
    window_length: Any = hyperparameter(
        default="auto",
        constraints=[_FROM_ONE, StrOptions({"auto"}), "array-like"],
        doc="""
        int, "auto" or sequence of int
        Time steps that a forecast looks back. "auto" takes two seasons, or half as much again as
        the horizon if that is longer, as far as the series allows, and a week of hours or half
        hours where the season is a day and the series has four weeks. Of a sequence, the one with
        the lowest loss on the held-out part is taken.
        """,
    )
    quantiles: Any = hyperparameter(
        default=None,
        constraints=["array-like", None],
        doc="""
        sequence of float or None
        Quantile levels to train jointly, strictly between 0 and 1. None trains a point forecast
        and takes intervals from its errors on held-out data.
        """,
    )
    conformal: bool = hyperparameter(
        default=False,
        constraints=["boolean"],
        doc="""
        bool
        Whether trained quantiles are corrected so that the share of held-out values below each
        equals its level. Point forecasts always take their intervals from held-out errors.
        """,
    )
    normalization: Literal["standard", "last", "robust", "series"] | None = hyperparameter(
        default="standard",
        constraints=[StrOptions({*NORMALIZATIONS, "series"}), None],
        doc="""
        {"standard", "last", "robust", "series"} or None
        How each window is normalised, and its forecast brought back: by mean and standard
        deviation, by its last value and standard deviation, or by median and interquartile range.
        "series" normalises whole series only, by mean and standard deviation, and None nothing.
        """,
        search=Choices(tuple(NORMALIZATIONS)),
    )
    linear_skip: bool = hyperparameter(
        default=True,
        constraints=["boolean"],
        doc="""
        bool
        Whether a linear map from window to horizon is added to the network. It starts at an
        average of ridge regressions towards simple forecasts, such as the last value and the last
        season, weighted by their errors on blocks of the training part left out in turn.
        """,
    )
    learned_cycle: bool = hyperparameter(
        default=False,
        constraints=["boolean"],
        doc="""
        bool
        Whether to learn one value per position of the season, which is subtracted from the window
        and added to the forecast. Helps on long series with a fixed season, harms where the season
        is wrong.
        """,
    )
    branch_dropout: float = hyperparameter(
        default=0.0,
        constraints=[_SHARE],
        doc="""
        float
        Share of the network's features dropped in training before they reach the forecast.
        """,
        search=RealRange(0.0, 0.5),
    )
    past_regressors: Any = hyperparameter(
        default="auto",
        constraints=[StrOptions({"auto"}), "array-like"],
        doc="""
        "auto" or sequence of column names
        Past covariates: columns of ``X`` that are known up to the end of ``y`` only; a forecast
        needs none of their later values. "auto" takes the columns without any value after the end
        of ``y``, where ``X`` has later rows. Columns that are neither past nor static covariates
        are future covariates, whose values over the horizon a forecast needs.
        """,
    )
    static_regressors: Any = hyperparameter(
        default="auto",
        constraints=[StrOptions({"auto"}), "array-like"],
        doc="""
        "auto" or sequence of column names
        Static covariates: columns of ``X`` with one value per series. "auto" takes, of several
        series, the columns that are constant in each and not the same in all.
        """,
    )
    calendar_features: Any = hyperparameter(
        default=None,
        constraints=[str, "array-like", None],
        doc="""
        sequence of str, "auto" or None
        Calendar features of the time stamps: "hour_of_day", "day_of_week", "weekend",
        "day_of_month", "week_of_year", "month_of_year", "quarter_of_year", "day_of_year". "auto"
        chooses by the frequency of the index.
        """,
    )
    holidays: Any = hyperparameter(
        default=None,
        constraints=[str, "array-like", None],
        doc="""
        str, sequence of dates, or None
        Holidays of a country by its code, such as "DE" or "US-CA", from the package ``holidays``,
        or dates: a calendar feature that is one on these days. Steps are days or shorter.
        """,
    )
    unknown_category: Literal["error", "ignore"] = hyperparameter(
        default="error",
        constraints=[StrOptions({"error", "ignore"})],
        doc="""
        {"error", "ignore"}
        What is done with a category in ``X`` that was not in the fit: it is refused, or treated as
        none of the known ones.
        """,
    )
    covariate_effects: bool = hyperparameter(
        default=True,
        constraints=["boolean"],
        doc="""
        bool
        Whether the effects of future covariates are measured by regression, as far as left-out time
        steps support them, and taken out of the series before any member reads it. Otherwise the
        linear map and the network alone know covariates. See ``effects_``.
        """,
        before=False,
    )
    channels: Literal["shared", "mixed"] = hyperparameter(
        default="shared",
        constraints=[StrOptions({"shared", "mixed"})],
        doc="""
        {"shared", "mixed"}
        Whether the columns of ``y`` share only the weights, each being forecast from its own past,
        or each is forecast from the past of all.
        """,
    )
    panel: Literal["global", "local"] = hyperparameter(
        default="global",
        constraints=[StrOptions({"global", "local"})],
        doc="""
        {"global", "local"}
        Whether all series of a panel share one model, or each series has a model of its own; local
        models share one compiled program.
        """,
    )
    series_correction: bool = hyperparameter(
        default=True,
        constraints=["boolean"],
        doc="""
        bool
        Whether a model of several series is corrected for each that it was fitted on, by a linear
        map of its own: an average of ridge regressions towards the forecast of the model and
        towards simple forecasts, weighted by their errors on blocks of the series left out in turn.
        The maps take ``4 * window_length * horizon`` bytes per series.
        """,
    )
    refit: bool = hyperparameter(
        default=True,
        constraints=["boolean"],
        doc="""
        bool
        Whether to train again on all data, the held-out end included, for as many epochs as were
        best. The errors on the held-out end calibrate the intervals either way.
        """,
    )
    update_strategy: Literal["finetune", "refit", "none"] = hyperparameter(
        default="finetune",
        constraints=[StrOptions({"finetune", "refit", "none"})],
        doc="""
        {"finetune", "refit", "none"}
        What ``update`` does with the weights if it is called with ``update_params=True``: resume
        training for some epochs, train anew on all data, or keep the weights.
        """,
    )
    finetune_epochs: int | None = hyperparameter(
        default=None,
        constraints=[Interval(Integral, 0, None, closed="left"), None],
        doc="""
        int or None
        Epochs of resumed training in ``update``, and in ``fit`` after ``pretrain``. None stands for
        a tenth of the epochs of the fit in ``update``, and for none after ``pretrain``.
        """,
    )
