"""A search with pruning against the same trials in an Optuna objective around Keras's fit.

    python benchmarks/tuning.py               # 40 trials
    python benchmarks/tuning.py --trials 10

Both search the space of ``ConvAttentionForecaster`` on the months of AirPassengers before the last
year, and score the mean absolute scaled error of two years, each forecast from what came before it.
The best of both then forecast the last year, which the searches have not seen. By hand, the
parameters of each of our trials are tried again: a network of the same layers is built, compiled,
fitted on a matrix of windows with early stopping, and forecasts. Seconds are given by the clock and
of the processor, of which the latter say more on a busy machine.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import optuna
from sktime.datasets import load_airline

from skconvattn import ConvAttentionForecaster
from skconvattn.engine.compiled import training_program
from skconvattn.engine.programs import ProgramCache
from skconvattn.tuning import OptunaForecastingSearch, search_space

HORIZON, N_PARTS, SEASON = 12, 2, 12
# What changes no computation: networks that differ in nothing else share one trace.
NOT_OF_THE_NETWORK = ("learning_rate", "batch_size")


def main() -> None:
    """Search in both ways and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=100)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    _warm_up()
    training_program._PROGRAMS = ProgramCache(max_size=10_000)
    whole = load_airline()
    y, values = whole[:-HORIZON], whole.to_numpy(np.float64)
    print(f"{'':24}{'seconds':>10}{'CPU s':>10}{'best MASE':>12}{'unseen year':>13}")
    ours, search = _timed(lambda: _search(y, arguments))
    winner = _forecaster(arguments.epochs).set_params(**search.best_params_)
    forecast = winner.fit(y, fh=range(1, HORIZON + 1)).predict().to_numpy().ravel()
    _print_row("OptunaForecastingSearch", ours, search.best_score_, _error(values, forecast))
    theirs, study = _timed(lambda: _by_hand(y, search.study_, arguments.epochs))
    params = search_space(_forecaster(arguments.epochs), y).suggest(study.best_trial)
    forecast = _forecast_by_hand(values[:-HORIZON], params, arguments.epochs)
    _print_row("by hand, keras fit", theirs, study.best_value, _error(values, forecast))
    print(f"{'ratio, at least 5':24}{theirs[0] / ours[0]:10.2f}{theirs[1] / ours[1]:10.2f}")
    states = search.results_["state"].value_counts().to_dict()
    traces = sum(program.traces for program in training_program._PROGRAMS._programs.values())
    print(f"trials: {states}; {traces} traces of {_n_networks(search.study_)} distinct networks")


def _print_row(name: str, seconds: tuple[float, float], score: float, unseen: float) -> None:
    print(f"{name:24}{seconds[0]:10.1f}{seconds[1]:10.1f}{score:12.4f}{unseen:13.4f}", flush=True)


def _error(series: np.ndarray, forecast: np.ndarray) -> float:
    """Return the mean absolute scaled error of a forecast of the end of a series."""
    before, actual = series[:-HORIZON], series[-HORIZON:]
    return float(np.abs(actual - forecast).mean() / np.abs(np.diff(before)).mean())


def _timed(run: Callable[[], Any]) -> tuple[tuple[float, float], Any]:
    """Return the seconds by the clock and of the processor, and the result."""
    wall, own = time.perf_counter(), time.process_time()
    result = run()
    return (time.perf_counter() - wall, time.process_time() - own), result


def _warm_up() -> None:
    """Load the backend, which both need."""
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("adam", "mae")
    model.fit(np.ones((4, 3)), np.ones(4), verbose=0)
    ConvAttentionForecaster(epochs=1, random_state=0).fit(load_airline()[:60], fh=[1])


def _search(y: Any, arguments: argparse.Namespace) -> OptunaForecastingSearch:
    forecaster = _forecaster(arguments.epochs)
    search = OptunaForecastingSearch(
        forecaster,
        search_space(forecaster, y),
        n_trials=arguments.trials,
        cv=N_PARTS,
        refit=False,
        random_state=0,
        progress_bar=False,
    )
    return search.fit(y, fh=range(1, HORIZON + 1))


def _forecaster(epochs: int) -> ConvAttentionForecaster:
    return ConvAttentionForecaster(epochs=epochs, members=("linear", "network"), random_state=0)


def _n_networks(study: Any) -> int:
    return len(
        {
            tuple(sorted((k, v) for k, v in t.params.items() if k not in NOT_OF_THE_NETWORK))
            for t in study.trials
            if t.state.is_finished()
        }
    )


def _by_hand(y: Any, study: Any, epochs: int) -> Any:
    """Try the parameters of the trials of a study with Keras's own loop."""
    space = search_space(_forecaster(epochs), y)
    values = y.to_numpy(np.float64)

    def objective(trial: Any) -> float:
        params, scores = space.suggest(trial), []
        for part in range(N_PARTS, 0, -1):
            end = len(values) - part * HORIZON
            forecast = _forecast_by_hand(values[:end], params, epochs)
            scores.append(_error(values[: end + HORIZON], forecast))
        return float(np.mean(scores))

    own = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for trial in study.trials:
        own.enqueue_trial(trial.params)
    own.optimize(objective, n_trials=len(study.trials))
    return own


def _forecast_by_hand(series: np.ndarray, params: dict[str, Any], epochs: int) -> np.ndarray:
    """Fit a network of these parameters to all windows of a series, and forecast what follows."""
    import keras

    length = params["window_length"]
    mean, deviation = series.mean(), series.std()
    scaled = ((series - mean) / deviation).astype("float32")
    rows = np.lib.stride_tricks.sliding_window_view(scaled, length + HORIZON)
    windows, targets = rows[:, :length, None], rows[:, length:]
    held_out = max(1, len(windows) // 5)
    keras.utils.set_random_seed(0)
    model = _network(keras, params)
    model.compile(keras.optimizers.Adam(params["learning_rate"]), "mae")
    model.fit(
        windows[:-held_out],
        targets[:-held_out],
        validation_data=(windows[-held_out:], targets[-held_out:]),
        batch_size=params["batch_size"],
        epochs=epochs,
        callbacks=[keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)],
        verbose=0,
    )
    forecast = model.predict(scaled[None, -length:, None], verbose=0)[0]
    keras.backend.clear_session()
    return forecast * deviation + mean


def _network(keras: Any, params: dict[str, Any]) -> Any:
    """Build the layers of these parameters, with a linear map beside them."""
    from skconvattn.layers import ConvAttention

    inputs = keras.Input((params["window_length"], 1))
    level = {
        "standard": lambda: keras.ops.mean(inputs, axis=1, keepdims=True),
        "last": lambda: inputs[:, -1:],
        # The median has no static shape in graphs.
        "robust": lambda: keras.ops.reshape(keras.ops.median(inputs, axis=1), (-1, 1, 1)),
    }[params["normalization"]]()
    hidden = centred = inputs - level
    if params["recurrent"] is not None:
        layer = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[params["recurrent"]]
        hidden = layer(params["recurrent_units"], return_sequences=True)(hidden)
    hidden = ConvAttention(
        filters=params["filters"],
        kernel_size=params["kernel_size"],
        pool_size=params["pool_size"],
        units=params["units"],
        score=params["attention_score"],
        activation=params["activation"],
        dropout=params["dropout"],
    )(hidden)
    hidden = keras.layers.Dropout(params["branch_dropout"])(hidden)
    linear = keras.layers.Dense(HORIZON)(keras.layers.Flatten()(centred))
    outputs = keras.layers.Add()([keras.layers.Dense(HORIZON)(hidden), linear])
    outputs = keras.layers.Add()([outputs, keras.layers.Reshape((1,))(level)])
    return keras.Model(inputs, outputs)


if __name__ == "__main__":
    main()
