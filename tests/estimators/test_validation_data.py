"""Validation data given by the user are validated on, and no training data are."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from skconvattn import ConvAttentionClassifier, ConvAttentionRegressor

RNG = np.random.default_rng(0)
X, X_VAL = RNG.normal(size=(60, 7)), RNG.normal(2.0, 3.0, size=(30, 7))
Y, Y_VAL = 5 * X[:, 0] - 3 * X[:, 4] + 7, 5 * X_VAL[:, 0] - 3 * X_VAL[:, 4] + 7
SMALL = {"members": ["network"], "filters": 3, "units": 3, "epochs": 5, "random_state": 0}

# The compiled engine is of TensorFlow.
ENGINES = ["compiled", "portable"] if keras.backend.backend() == "tensorflow" else ["portable"]
every_engine = pytest.mark.parametrize("engine", ENGINES)


@every_engine
def test_the_validation_loss_is_that_of_the_data_given(engine):
    regressor = ConvAttentionRegressor(**SMALL, engine=engine)
    weights = RNG.uniform(0.5, 2.0, size=30)
    regressor.fit(X, Y, validation_data=(X_VAL, Y_VAL, weights))
    errors = (regressor.predict(X_VAL) - Y_VAL) / Y.std()  # the loss is on the scale of training
    expected = np.average(errors**2, weights=weights)
    assert regressor.best_loss_ == min(regressor.history_["val_loss"])
    assert regressor.best_loss_ == pytest.approx(expected, rel=1e-4)


@every_engine
def test_all_samples_are_trained_on_and_the_data_given_are_not(engine):
    plain = ConvAttentionRegressor(**SMALL, engine=engine, early_stopping=False).fit(X, Y)
    watched = ConvAttentionRegressor(**SMALL, engine=engine, early_stopping=False)
    watched.fit(X, Y, validation_data=(X_VAL, Y_VAL))
    assert watched.history_["loss"] == plain.history_["loss"]
    assert len(watched.history_["val_loss"]) == 5
    np.testing.assert_array_equal(watched.predict(X), plain.predict(X))


def test_training_stops_by_the_data_given():
    regressor = ConvAttentionRegressor(**{**SMALL, "epochs": 80}, patience=2, learning_rate=0.3)
    losses = regressor.fit(X, Y, validation_data=(X_VAL, Y_VAL)).history_["val_loss"]
    assert len(losses) == int(np.argmin(losses)) + 1 + 2 < 80


def test_a_classifier_knows_the_classes_of_its_validation_data():
    labels, labels_val = np.where(Y > 7, "high", "low"), np.where(Y_VAL > 7, "high", "low")
    classifier = ConvAttentionClassifier(**SMALL, metrics="accuracy")
    classifier.fit(X, labels, validation_data=(X_VAL, labels_val))
    best = int(np.argmin(classifier.history_["val_loss"]))
    accuracy = classifier.score(X_VAL, labels_val)
    assert classifier.history_["val_accuracy"][best] == pytest.approx(accuracy, rel=1e-6)


@pytest.mark.parametrize("class_weight", [None, "balanced", {False: 3.0}])
def test_validation_samples_of_weight_zero_are_as_good_as_absent(class_weight):
    settings = {**SMALL, "class_weight": class_weight}
    weights = np.where(Y_VAL > 7, np.arange(30) % 3, 0.0)  # nothing of the class False
    kept = weights > 0
    given = (X_VAL, Y_VAL > 7, weights), (X_VAL[kept], Y_VAL[kept] > 7, weights[kept])
    one, other = (
        ConvAttentionClassifier(**settings).fit(X, Y > 7, validation_data=data) for data in given
    )
    assert one.history_ == other.history_


def test_series_of_unequal_length_are_validated_on_as_they_are_predicted():
    series = [row[: 4 + i % 4] for i, row in enumerate(X)]
    series_val = [row[: 4 + i % 3] for i, row in enumerate(X_VAL)]
    regressor = ConvAttentionRegressor(**SMALL).fit(series, Y, validation_data=(series_val, Y_VAL))
    errors = (regressor.predict(series_val) - Y_VAL) / Y.std()
    assert regressor.best_loss_ == pytest.approx(np.mean(errors**2), rel=1e-4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (X_VAL, r"validation_data is a ndarray that is not \(X, y\) or \(X, y, sample_weight\)"),
        ((X_VAL,), r"validation_data is a tuple that is not \(X, y\)"),
        ((X_VAL[:, :5], Y_VAL > 7), r"validation_data does not match .* 5 "),
        ((X_VAL, (Y_VAL > 7)[:9]), r"validation_data does not match .*inconsistent numbers"),
        (
            (X_VAL, np.where(Y_VAL > 7, 1, 2)),
            r"validation_data does not match .* y has the class .* none of",
        ),
        ((X_VAL, Y_VAL > 7, -np.ones(30)), r"validation_data does not match .*[Nn]egative"),
    ],
)
def test_validation_data_unlike_the_training_data_leave_the_estimator_as_it_was(given, message):
    classifier = ConvAttentionClassifier(**SMALL).fit(X, Y > 7)
    before = dict(vars(classifier))
    with pytest.raises(ValueError, match=message):
        classifier.fit(X, Y > 7, validation_data=given)
    assert vars(classifier) == before
