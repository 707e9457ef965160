"""Slips of the hand get one sentence with what was probably meant."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier

from skconvattn import (
    AttentionRegressor,
    ConvAttentionClassifier,
    ConvAttentionForecaster,
    ConvAttentionRegressor,
    PretrainedForecaster,
    all_estimators,
)
from tests.estimator_params import every

RNG = np.random.default_rng(0)
FLAT = RNG.normal(size=(40, 20))
DEEP = RNG.normal(size=(40, 2, 20))
SMALL = {"members": ["network"], "units": 2, "epochs": 1, "random_state": 0}

every_kind = every("regressor", "classifier", quick="ConvAttention")
every_class = pytest.mark.parametrize(
    "cls", [cls for _, cls in all_estimators() if cls is not PretrainedForecaster]
)


def _fitted(cls, X):
    y = X.reshape(len(X), -1)[:, 0]
    return cls(**SMALL).fit(X, y > 0 if cls.__name__.endswith("Classifier") else y)


@every_kind
@pytest.mark.parametrize(
    ("fitted", "given", "message"),
    [
        (DEEP, FLAT, r"X has 2 axes, \(40, 20\), .* fitted on 2 channels of 20 time steps; .*"),
        (DEEP, FLAT.tolist(), r"X has 2 axes, \(40, 20\), .* give series as \(n_samples, 2, 20\)"),
        (DEEP, DEEP[..., None], r"X has 4 axes, .* give series as \(n_samples, 2, 20\)"),
        (FLAT, DEEP, r"X has 3 axes, .* fitted on series of 20 time steps; .* \(n_samples, 20\)"),
        (FLAT, DEEP[..., None], r"X has 4 axes, .* give series as \(n_samples, 20\)"),
        (
            DEEP,
            DEEP.transpose(0, 2, 1),
            r"X has 20 channels of 2 time steps, .* on 2 channels .*; give X\.transpose\(0, 2, 1",
        ),
        (FLAT[:, None], FLAT, r"X has 2 axes, .* on 1 channel of 20 .* \(n_samples, 1, 20\)"),
    ],
)
def test_other_axes_than_in_the_fit_are_named_in_every_method(cls, fitted, given, message):
    estimator = _fitted(cls, fitted)
    expected = estimator.predict(fitted)
    methods = [estimator.predict]
    if hasattr(estimator, "predict_proba"):
        methods.append(estimator.predict_proba)
    y = fitted.reshape(40, -1)[:, 0] > 0
    methods.append(lambda X: estimator.partial_fit(X, y))
    for method in methods:
        with pytest.raises(ValueError, match=rf"^{message}\.?"):
            method(given)
    np.testing.assert_array_equal(estimator.predict(fitted), expected)


@every_kind
def test_a_fit_takes_other_axes_than_the_last_one(cls):
    estimator = _fitted(cls, DEEP)
    y = FLAT[:, 0] > 0
    assert len(estimator.fit(FLAT, y).predict(FLAT)) == 40


@every_kind
@pytest.mark.parametrize("as_list", [False, True])
def test_channels_that_stand_last_are_hinted_at(cls, as_list):
    X = RNG.normal(size=(40, 60, 3))
    X = [x[: 55 + i % 5] for i, x in enumerate(X)] if as_list else X
    if as_list:
        X = [x[:50] for x in X]
        X[0] = X[0][:, :2]  # two of what are taken for time steps
    message = r"^X has \d+ channels of at most 3 time steps, .*; .* give X\.transpose\(0, 2, 1\)\.$"
    with pytest.warns(UserWarning, match=message):
        cls(**SMALL).fit(X, np.arange(40) % 2)


@every_kind
@pytest.mark.parametrize(
    "shape", [(40, 3, 60), (40, 8, 12), (40, 20, 20), (40, 64, 50), (40, 30, 1)]
)
def test_nothing_is_said_of_plausible_axes(cls, shape):
    cls(**SMALL).fit(RNG.normal(size=shape), np.arange(40) % 2)


@every("classifier")
def test_several_labels_per_sample_are_sent_to_the_classifier_of_several_outputs(cls):
    labels = np.stack([FLAT[:, 0] > 0, FLAT[:, 1] > 0, FLAT[:, 2] > 0], axis=1)
    with pytest.raises(
        ValueError, match=r"^y has the shape \(40, 3\), .*\.MultiOutputClassifier\.$"
    ):
        cls(**SMALL).fit(FLAT, labels)


def test_the_classifier_of_several_outputs_learns_them():
    labels = np.stack([FLAT[:, 0] > 0, FLAT[:, 1] > 0], axis=1)
    several = MultiOutputClassifier(ConvAttentionClassifier(**SMALL)).fit(DEEP, labels)
    assert several.predict(DEEP).shape == (40, 2)


@every_class
@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("epoch", "epochs"),
        ("learning_rte", "learning_rate"),
        ("lr", "learning_rate"),
        ("validation_split", "validation_fraction"),
        ("seed", "random_state"),
        ("batchsize", "batch_size"),
        ("callback", "callbacks"),
    ],
)
def test_a_misspelt_parameter_is_answered_with_the_one_meant(cls, given, meant):
    message = rf"^{cls.__name__} has no parameter '{given}'; did you mean '{meant}'\?$"
    with pytest.raises(TypeError, match=message):
        cls(**{given: 3})
    with pytest.raises(ValueError, match=message):
        cls().set_params(**{given: 3})


@pytest.mark.parametrize(
    "cls", [AttentionRegressor, ConvAttentionClassifier, ConvAttentionForecaster]
)
def test_the_score_of_the_layer_is_the_attention_score_of_an_estimator(cls):
    with pytest.raises(TypeError, match=r"no parameter 'score'; did you mean 'attention_score'\?$"):
        cls(score="luong")


@every_class
def test_a_parameter_like_no_other_is_answered_with_all_of_them(cls):
    with pytest.raises(TypeError, match=r"no parameter 'zzz'; choose from .*epochs, .*\.$"):
        cls(zzz=1)


def test_a_search_over_a_misspelt_parameter_says_what_is_meant():
    search = GridSearchCV(ConvAttentionRegressor(**SMALL), {"unit": [2, 3]}, cv=2)
    with pytest.raises(ValueError, match=r"no parameter 'unit'; did you mean 'units'\?"):
        search.fit(FLAT, FLAT[:, 0])


@every_class
def test_constructors_keep_their_signature(cls):
    estimator = cls(epochs=7)
    assert estimator.get_params()["epochs"] == 7
    assert clone(estimator).get_params() == estimator.get_params()


MONITORS = {
    "EarlyStopping": keras.callbacks.EarlyStopping(),
    "ReduceLROnPlateau": keras.callbacks.ReduceLROnPlateau("val_loss"),
    "ModelCheckpoint": keras.callbacks.ModelCheckpoint("never.keras", save_best_only=True),
}


@every_kind
@pytest.mark.parametrize("name", MONITORS)
def test_a_callback_that_waits_for_what_is_not_held_out_is_named_once(cls, name):
    y = FLAT[:, 0] > 0
    settings = {**SMALL, "epochs": 3}
    estimator = cls(**settings, callbacks=[MONITORS[name]])
    message = (
        rf"^callbacks has {name} of 'val_loss', and this fit holds nothing out, .*validation_f"
    )
    with pytest.warns(UserWarning, match=message) as caught:
        estimator.fit(FLAT, y)
    assert len([w for w in caught if str(w.message).startswith("callbacks")]) == 1
    np.testing.assert_array_equal(
        estimator.predict(FLAT), cls(**settings).fit(FLAT, y).predict(FLAT)
    )


@every_kind
def test_nothing_is_said_where_a_part_is_held_out_or_the_training_loss_is_watched(cls):
    y = FLAT[:, 0] > 0
    watched = [keras.callbacks.EarlyStopping("loss"), keras.callbacks.TerminateOnNaN()]
    cls(**SMALL, callbacks=watched).fit(FLAT, y)
    held_out = cls(**SMALL, callbacks=[keras.callbacks.EarlyStopping()])
    held_out.fit(FLAT, y, validation_data=(FLAT, y))
