"""The adapters pass sktime's whole suite and add nothing to what their estimator does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sktime.classification.ensemble import BaggingClassifier
from sktime.datasets import load_japanese_vowels
from sktime.registry import scitype
from sktime.transformations.panel.padder import PaddingTransformer
from sktime.transformations.series.exponent import ExponentTransformer
from sktime.utils.estimator_checks import check_estimator

from skconvattn import AttentionForecaster, ConvAttentionClassifier, ConvAttentionRegressor
from skconvattn.adapters import SktimeClassifier, SktimeRegressor, as_sktime
from tests.estimator_params import every, expected_checks, thinned

# Checks that the suite of sktime 1.2.0 had for the adapters: fewer were left out.
N_CHECKS = {SktimeClassifier: 258, SktimeRegressor: 146}

SMALL = {"members": ["network"], "units": 4, "epochs": 2, "random_state": 0}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 2, 8))
Y = np.repeat(["a", "b", "c"], 10)


@pytest.mark.parametrize("adapter", thinned(N_CHECKS, SktimeClassifier))
def test_sktime_s_suite(adapter):
    results = check_estimator(adapter, verbose=False)
    not_passed = [f"{name}: {result!r}" for name, result in results.items() if result != "PASSED"]
    assert not_passed == [], "\n" + "\n".join(not_passed)
    assert len(results) >= expected_checks(N_CHECKS[adapter], "sktime")


@pytest.mark.slow
@every("regressor", "classifier")
def test_sktime_s_suite_over_every_architecture(cls):
    results = check_estimator(as_sktime(cls(**SMALL)), verbose=False)
    not_passed = [f"{name}: {result!r}" for name, result in results.items() if result != "PASSED"]
    assert not_passed == [], "\n" + "\n".join(not_passed)


@pytest.mark.parametrize("adapter", N_CHECKS)
def test_no_tag_keeps_sktime_from_checking(adapter):
    for tag in ("multivariate", "unequal_length", "missing_values", "random_state"):
        assert adapter.get_class_tag(f"capability:{tag}")
    assert adapter.get_class_tag("property:randomness") == "derandomized"
    assert not adapter.get_class_tag("tests:skip_all")
    assert not adapter.get_class_tag("tests:skip_by_name")
    kind = "predict_proba" if adapter is SktimeClassifier else "multioutput"
    assert adapter.get_class_tag(f"capability:{kind}")
    assert scitype(adapter) == adapter.__name__.removeprefix("Sktime").lower()


def test_an_adapter_predicts_what_its_estimator_predicts():
    plain = ConvAttentionClassifier(**SMALL).fit(X, Y)
    adapter = as_sktime(ConvAttentionClassifier(**SMALL)).fit(X, Y)
    np.testing.assert_array_equal(adapter.predict_proba(X), plain.predict_proba(X))
    np.testing.assert_array_equal(adapter.predict(X), plain.predict(X))
    values = X[:, :, 0]
    plain = ConvAttentionRegressor(**SMALL).fit(X, values)
    adapter = as_sktime(ConvAttentionRegressor(**SMALL)).fit(X, values)
    np.testing.assert_array_equal(adapter.predict(X), plain.predict(X))
    assert as_sktime(ConvAttentionRegressor(**SMALL)).fit(X, values[:, 0]).predict(X).shape == (30,)


def test_the_estimator_itself_is_not_fitted_and_its_parameters_are_nested():
    estimator = ConvAttentionClassifier(**SMALL)
    adapter = SktimeClassifier(estimator, random_state=7)
    adapter.set_params(estimator__epochs=1).fit(X, Y)
    assert not hasattr(estimator, "fitted_model_")
    assert adapter.estimator_.get_params()["random_state"] == 7
    assert adapter.estimator_.n_iter_ == 1
    assert adapter.get_params()["estimator__units"] == 4


def test_series_of_unequal_length_come_as_they_are():
    X_train, y_train = load_japanese_vowels(split="train")
    X_test, y_test = load_japanese_vowels(split="test")
    adapter = SktimeClassifier(ConvAttentionClassifier(random_state=0, epochs=30))
    adapter.fit(X_train, y_train)
    assert adapter.estimator_._preparation_.masked
    assert adapter.score(X_test, y_test) > 0.8
    # The longest of them is longer than any in training.
    longest = [max(len(cell) for cell in panel.iloc[:, 0]) for panel in (X_train, X_test)]
    assert longest == [26, 29]


def test_adapters_stand_in_pipelines_and_ensembles():
    frame = pd.DataFrame({"a": [pd.Series(RNG.uniform(size=4 + i % 3)) for i in range(30)]})
    classifier = SktimeClassifier(ConvAttentionClassifier(**SMALL))
    for composite in (
        ExponentTransformer() * classifier,
        PaddingTransformer() * classifier,
    ):
        assert composite.fit(frame, Y).predict_proba(frame).shape == (30, 3)
    bagging = BaggingClassifier(classifier, n_estimators=2, random_state=0).fit(X, Y)
    assert bagging.predict(X).shape == (30,)


def test_a_forecaster_needs_no_adapter():
    with pytest.raises(TypeError, match="AttentionForecaster, which sktime has no such adapter"):
        as_sktime(AttentionForecaster())
