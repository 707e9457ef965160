"""Saved estimators come back as they were: parameters, fitted state, and predictions to the bit."""

from __future__ import annotations

import functools
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sktime.base import load as sktime_load

import skconvattn
from skconvattn import (
    AttentionClassifier,
    ConvAttentionClassifier,
    ConvAttentionForecaster,
    ConvAttentionRegressor,
    load,
)
from skconvattn.persistence import SaveFileError
from skconvattn.persistence.codec import Codec
from tests.estimator_params import ARCHITECTURES, every, thinned

SERIES = np.random.default_rng(0).normal(size=(60, 16))
LABELS = np.where(SERIES[:, -1] > 0, "up", "down")
Y = pd.Series(
    np.sin(np.arange(60.0)) + np.arange(60.0) / 10,
    index=pd.period_range("2000-01", periods=60, freq="M", name="month"),
    name="sales",
)


@pytest.fixture(scope="module")
def fitted() -> Callable[[type], Any]:
    """Each estimator, fitted once for all tests."""
    return functools.cache(_fit)


@pytest.fixture
def no_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every way into pickle's interpreter an error."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("something was unpickled")

    for name in ("load", "loads", "Unpickler", "_load", "_loads", "_Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)


def _fit(cls: type) -> Any:
    estimator = cls(epochs=1, random_state=0)
    if cls.__name__.endswith("Forecaster"):
        return estimator.fit(Y, fh=[1, 2, 5])
    estimator.set_params(members=cls._all_members)
    if cls.__name__.endswith("Classifier"):
        return estimator.fit(SERIES, LABELS)
    return estimator.fit(SERIES, SERIES[:, :2])


def _predictions(estimator: Any) -> list[np.ndarray]:
    if type(estimator).__name__.endswith("Forecaster"):
        return [np.asarray(estimator.predict()), np.asarray(estimator.predict_quantiles())]
    predict = getattr(estimator, "predict_proba", estimator.predict)
    return [predict(SERIES)]


def _assert_same_bits(one: list[np.ndarray], other: list[np.ndarray]) -> None:
    assert [a.tobytes() for a in one] == [a.tobytes() for a in other]


@every()
@pytest.mark.usefixtures("no_pickle", "unchanged_process")
def test_an_unfitted_estimator_comes_back_with_its_parameters(cls: type, tmp_path: Path):
    estimator = cls(epochs=7, learning_rate=0.01, random_state=3, batch_size=16)
    estimator.save(tmp_path / "model.zip")
    loaded = load(tmp_path / "model.zip")
    assert type(loaded) is cls
    assert loaded.get_params() == estimator.get_params()
    assert vars(loaded).keys() == vars(estimator).keys()


@every(quick="ConvAttention")
@pytest.mark.usefixtures("no_pickle")
def test_a_fitted_estimator_predicts_the_same_bits(
    cls: type, fitted: Callable[[type], Any], tmp_path: Path
):
    estimator = fitted(cls)
    estimator.save(tmp_path / "model.zip")
    loaded = load(str(tmp_path / "model.zip"))
    _assert_same_bits(_predictions(loaded), _predictions(estimator))
    assert vars(loaded).keys() == vars(estimator).keys()
    assert loaded.history_ == estimator.history_
    # What was loaded is complete enough to be saved again, as the same file.
    loaded.save(tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "model.zip").read_bytes()


@pytest.mark.parametrize("architecture", thinned(ARCHITECTURES, "ConvAttention"))
def test_another_process_predicts_the_same_bits(
    architecture: str, fitted: Callable[[type], Any], tmp_path: Path
):
    names = [architecture + kind for kind in ("Forecaster", "Regressor", "Classifier")]
    estimators = {name: fitted(getattr(skconvattn, name)) for name in names}
    for name, estimator in estimators.items():
        estimator.save(tmp_path / f"{name}.zip")
    np.save(tmp_path / "series.npy", SERIES)
    script = """
import sys
from pathlib import Path
import numpy as np
import skconvattn
folder = Path(sys.argv[1])
series = np.load(folder / "series.npy")
for path in sorted(folder.glob("*.zip")):
    estimator = skconvattn.load(path)
    if path.stem.endswith("Forecaster"):
        found = [estimator.predict(), estimator.predict_quantiles()]
    else:
        found = [getattr(estimator, "predict_proba", estimator.predict)(series)]
    print(path.stem, *(np.asarray(values).tobytes().hex() for values in found))
"""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    there = dict(line.split(" ", 1) for line in run.stdout.splitlines())
    here = {
        name: " ".join(values.tobytes().hex() for values in _predictions(estimator))
        for name, estimator in estimators.items()
    }
    assert there == here


INDICES = {
    "months": pd.period_range("1990-01", periods=60, freq="M", name="month"),
    "quarters to March": pd.period_range("1990Q1", periods=60, freq="Q-MAR"),
    "quarter hours": pd.period_range("2024-01-01", periods=60, freq="15min"),
    "days": pd.date_range("2024-02-01", periods=60, freq="D", name="day"),
    "month ends": pd.date_range("2000-01-31", periods=60, freq="ME"),
    "hours in Berlin": pd.date_range("2024-03-30", periods=60, freq="h", tz="Europe/Berlin"),
    "days without frequency": pd.DatetimeIndex(
        pd.date_range("2024-02-01", periods=60, freq="D").to_numpy()
    ),
    "range": pd.RangeIndex(60, name="step"),
    "range with offset": pd.RangeIndex(5, 65),
    "integers": pd.Index(np.arange(100, 160)),
}


@pytest.mark.parametrize("with_regressors", [False, True], ids=["alone", "with regressors"])
@pytest.mark.parametrize("kind", INDICES)
@pytest.mark.usefixtures("no_pickle")
def test_a_forecaster_comes_back_on_every_kind_of_index(
    kind: str, with_regressors: bool, tmp_path: Path
):
    index = INDICES[kind]
    y = pd.Series(Y.to_numpy(), index=index, name="sales")
    X = pd.DataFrame({"price": np.cos(np.arange(60.0)), "sale": np.arange(60) % 2}, index=index)
    past, ahead = (X[:50], X[50:55]) if with_regressors else (None, None)
    forecaster = ConvAttentionForecaster(
        epochs=1, random_state=0, filters=2, units=2, window_length=8, seasonal_period=4
    )
    forecaster.fit(y[:50], X=past, fh=[1, 2, 5])
    forecaster.save(tmp_path / "model.zip")
    loaded = load(tmp_path / "model.zip")
    pd.testing.assert_frame_equal(
        loaded.predict_interval(X=ahead), forecaster.predict_interval(X=ahead), check_exact=True
    )
    pd.testing.assert_series_equal(
        loaded.predict(X=ahead), forecaster.predict(X=ahead), check_exact=True
    )
    assert loaded.cutoff.equals(forecaster.cutoff)
    assert loaded.cutoff.dtype == forecaster.cutoff.dtype
    # Updating extends the history, so it has to be there with its index.
    later = X[50:60] if with_regressors else None
    for one in (loaded, forecaster):
        one.update(y[50:52], X=None if past is None else X[50:52], update_params=False)
    pd.testing.assert_series_equal(
        loaded.predict(X=later), forecaster.predict(X=later), check_exact=True
    )


def _panel() -> pd.DataFrame:
    index = pd.MultiIndex.from_product(
        [["a", "b"], pd.period_range("2000-01", periods=30, freq="M")], names=["shop", "month"]
    )
    return pd.DataFrame({"sales": np.sin(np.arange(60.0))}, index=index)


@pytest.mark.parametrize(
    "y",
    [pd.DataFrame({"a": Y, "b": -Y}), _panel(), pd.concat({"x": _panel(), "y": 2 * _panel()})],
    ids=["two variables", "a panel", "a hierarchy"],
)
@pytest.mark.usefixtures("no_pickle")
def test_forecasters_of_many_series_come_back(y: pd.DataFrame, tmp_path: Path):
    if y.index.nlevels == 3:
        y.index.names = ["region", "shop", "month"]
    forecaster = ConvAttentionForecaster(epochs=1, random_state=0, filters=2, units=2)
    forecaster.fit(y, fh=[1, 2])
    forecaster.save(tmp_path / "model.zip")
    loaded = load(tmp_path / "model.zip")
    pd.testing.assert_frame_equal(loaded.predict(), forecaster.predict(), check_exact=True)
    pd.testing.assert_frame_equal(
        loaded.predict_interval(), forecaster.predict_interval(), check_exact=True
    )


@pytest.mark.usefixtures("no_pickle")
def test_trained_quantiles_come_back(tmp_path: Path):
    forecaster = ConvAttentionForecaster(epochs=1, random_state=0, quantiles=(0.1, 0.5, 0.9))
    forecaster.fit(Y, fh=[1, 2]).save(tmp_path / "model.zip")
    loaded = load(tmp_path / "model.zip")
    levels = [0.05, 0.3, 0.9]
    pd.testing.assert_frame_equal(
        loaded.predict_quantiles(alpha=levels),
        forecaster.predict_quantiles(alpha=levels),
        check_exact=True,
    )
    assert loaded.quantiles == (0.1, 0.5, 0.9)


@pytest.mark.parametrize(
    "labels",
    [
        np.where(SERIES[:, 0] > 0, "ja", "nein").astype(object),
        SERIES[:, 0] > 0,
        (SERIES[:, 0] > 0).astype(np.int8) * 3,
    ],
    ids=["objects", "booleans", "small integers"],
)
def test_class_labels_come_back_with_their_type(labels: np.ndarray, tmp_path: Path):
    frame = pd.DataFrame(SERIES, columns=[f"t{i}" for i in range(SERIES.shape[1])])
    classifier = ConvAttentionClassifier(epochs=1, random_state=0).fit(frame, labels)
    classifier.save(tmp_path / "model.zip")
    loaded = load(tmp_path / "model.zip")
    assert loaded.classes_.dtype == classifier.classes_.dtype
    assert loaded.classes_.tolist() == classifier.classes_.tolist()
    assert loaded.feature_names_in_.tolist() == list(frame.columns)
    assert loaded.predict(frame).tolist() == classifier.predict(frame).tolist()


def test_a_loaded_estimator_goes_on_training_as_the_saved_one_would(tmp_path: Path):
    classifier = AttentionClassifier(
        epochs=2, warm_start=True, random_state=np.random.RandomState(7)
    ).fit(SERIES, LABELS)
    classifier.save(tmp_path / "model.zip")
    loaded = load(tmp_path / "model.zip")
    _assert_same_bits(
        _predictions(loaded.fit(SERIES, LABELS)), _predictions(classifier.fit(SERIES, LABELS))
    )


SCHEDULE = {"initial_learning_rate": 0.01, "decay_steps": 50}
OBJECTS = {
    "optimizer": keras.optimizers.AdamW(0.002, weight_decay=0.1, clipnorm=1.0),
    "optimizer with a schedule": keras.optimizers.SGD(
        keras.optimizers.schedules.CosineDecay(**SCHEDULE), momentum=0.9
    ),
    "learning_rate": keras.optimizers.schedules.CosineDecay(**SCHEDULE),
    "loss": keras.losses.Huber(delta=0.3),
}


@pytest.mark.parametrize("what", OBJECTS)
def test_objects_of_keras_come_back_by_their_configuration(what: str, tmp_path: Path):
    parameter = what.split()[0]
    estimator = ConvAttentionRegressor(**{parameter: OBJECTS[what]})
    estimator.save(tmp_path / "model.zip")
    loaded = getattr(load(tmp_path / "model.zip"), parameter)
    assert type(loaded) is type(OBJECTS[what])
    assert json.dumps(keras.saving.serialize_keras_object(loaded)) == json.dumps(
        keras.saving.serialize_keras_object(OBJECTS[what])
    )


def test_functions_and_configurations_of_keras_come_back(tmp_path: Path):
    config = keras.optimizers.serialize(keras.optimizers.RMSprop(0.01, rho=0.5))
    ConvAttentionRegressor(
        activation=keras.activations.gelu, loss=keras.losses.log_cosh, optimizer=config
    ).save(tmp_path / "model.zip")
    loaded = load(tmp_path / "model.zip")
    assert loaded.activation is keras.activations.gelu
    assert loaded.loss is keras.losses.log_cosh
    assert loaded.optimizer == config


def test_a_random_state_goes_on_where_it_was(tmp_path: Path):
    state = np.random.RandomState(5)
    state.normal(size=3)  # leaves one number in store
    ConvAttentionRegressor(random_state=state).save(tmp_path / "model.zip")
    loaded = load(tmp_path / "model.zip").random_state
    assert loaded.normal(size=9).tolist() == state.normal(size=9).tolist()


class OwnLoss(keras.losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return (y_true - y_pred) ** 2


class OwnRegressor(ConvAttentionRegressor):
    pass


# A file could not say which of two classes of one name it holds.
Namesake = type("ConvAttentionRegressor", (ConvAttentionRegressor,), {"__module__": __name__})


def test_a_subclass_of_the_user_s_own_is_loaded_where_it_is_given(tmp_path):
    OwnRegressor(filters=3).save(tmp_path / "model.zip")
    loaded = load(tmp_path / "model.zip", networks={"OwnRegressor": OwnRegressor})
    assert type(loaded) is OwnRegressor
    assert loaded.filters == 3
    with pytest.raises(SaveFileError, match="'OwnRegressor', which is not an estimator of this"):
        load(tmp_path / "model.zip")


@pytest.mark.parametrize(
    ("estimator", "named"),
    [
        (ConvAttentionRegressor(activation=lambda x: x), "activation=<function"),
        (ConvAttentionRegressor(loss=OwnLoss()), "OwnLoss"),
        (ConvAttentionRegressor(loss=lambda y, p: (y - p) ** 2), "loss=<function"),
        (ConvAttentionRegressor(optimizer={"class_name": "X", "module": "os"}), "'os'"),
        (ConvAttentionRegressor(loss='{"class_name": "X"}'), "loss="),
        (ConvAttentionRegressor(epochs=-1), "epochs"),
        (Namesake(), "a name that no estimator of skconvattn has"),
    ],
)
def test_what_is_no_data_is_refused_by_name_before_anything_is_written(
    estimator: Any, named: str, tmp_path: Path
):
    path = tmp_path / "model.zip"
    path.write_bytes(b"what was there before")
    with pytest.raises(SaveFileError, match=named):
        estimator.save(path)
    assert path.read_bytes() == b"what was there before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_parameter_that_holds_itself_is_refused(tmp_path: Path):
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(SaveFileError, match="optimizer"):
        ConvAttentionRegressor(optimizer={"name": loop}).save(tmp_path / "model.zip")
    assert list(tmp_path.iterdir()) == []


def test_sktime_finds_and_loads_the_file_of_a_forecaster(
    fitted: Callable[[type], Any], tmp_path: Path
):
    forecaster = fitted(ConvAttentionForecaster)
    forecaster.save(tmp_path / "forecaster")  # sktime's load adds the suffix, so save does
    loaded = sktime_load(str(tmp_path / "forecaster"))
    _assert_same_bits(_predictions(loaded), _predictions(forecaster))
    in_memory = sktime_load(forecaster.save())
    _assert_same_bits(_predictions(in_memory), _predictions(forecaster))


def test_a_file_is_a_zip_that_numpy_reads(fitted: Callable[[type], Any], tmp_path: Path):
    fitted(ConvAttentionRegressor).save(tmp_path / "model.zip")
    with np.load(tmp_path / "model.zip", allow_pickle=False) as archive:
        manifest = json.loads(archive["manifest.json"])
        arrays = {name: archive[name[:-4]] for name in manifest["members"]}
    weights = fitted(ConvAttentionRegressor).fitted_model_.weights
    assert any(np.array_equal(array, weights) for array in arrays.values())
    assert manifest["estimator"] == "ConvAttentionRegressor"
    assert manifest["versions"]["skconvattn"] == skconvattn.__version__
    assert manifest["versions"]["keras"] == keras.__version__
    assert manifest["versions"]["numpy"] == np.__version__


# Wider ones are refused, see test_lookups.
INTEGERS = st.integers(-(2**63), 2**63 - 1)
SCALARS = (
    st.none()
    | st.booleans()
    | INTEGERS
    | st.floats()
    | st.text()
    | st.floats(width=32).map(np.float32)
    | st.integers(-128, 127).map(np.int8)
    | st.booleans().map(np.bool_)
    | st.text(alphabet="abc", min_size=1).map(np.str_)
)
DATA = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | INTEGERS | st.tuples(st.text()), inner)
    ),
    max_leaves=20,
)


@given(DATA)
def test_plain_data_keeps_its_values_and_types(value: Any):
    codec = Codec()
    text = json.dumps(codec.encode(value, "value"), allow_nan=False)
    decoded = Codec(arrays=codec.arrays).decode(json.loads(text))
    assert repr(decoded) == repr(value)  # types and signs of zero show, and NaN equals NaN


def test_a_file_holds_what_kind_says_or_is_refused(tmp_path: Path):
    path = tmp_path / "model.zip"
    skconvattn.ConvAttentionRegressor(filters=8).save(path)
    for kind in (skconvattn.ConvAttentionRegressor, object):
        assert skconvattn.load(path, kind=kind).filters == 8
    with pytest.raises(TypeError, match=r"kind=RNN.* holds, a ConvAttentionRegressor; give kind=C"):
        skconvattn.load(path, kind=skconvattn.RNNAttentionRegressor)
