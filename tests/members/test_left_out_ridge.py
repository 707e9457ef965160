"""Ridge regressions are those of scikit-learn, and left-out predictions those of fits without."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge, RidgeCV

from skconvattn.members import left_out_ridge as module
from skconvattn.members.left_out_ridge import LinearMap, left_out_ridge

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 60)).astype("float32")
Y = X[:, :2] @ np.array([[1.0, 0.3], [-1.0, 0.5]]) + 0.5 * RNG.normal(size=(40, 2)) + 3.0
WEIGHTS = RNG.uniform(0.5, 3.0, size=40)


@pytest.fixture(params=["kernel", "features"])
def way(request, monkeypatch):
    """Both ways to the same regression, with the same penalties."""
    if request.param == "features":
        monkeypatch.setattr(module, "MOST_KERNEL_SAMPLES", 0)
        monkeypatch.setattr(module, "_FEW_PENALTIES", module._PENALTIES)
    return request.param


def test_the_regression_is_that_of_scikit_learn(way):
    linear, _ = left_out_ridge(X, Y, WEIGHTS, shared=True)
    expected = RidgeCV(module._PENALTIES, scoring="neg_mean_squared_error")
    expected.fit(X.astype(float), Y, sample_weight=WEIGHTS)
    np.testing.assert_allclose(linear(X), expected.predict(X), atol=1e-4)


def test_left_out_predictions_are_those_of_fits_without_the_sample(way):
    _, left_out = left_out_ridge(X, Y[:, :1], WEIGHTS, shared=True)
    expected = RidgeCV(module._PENALTIES, scoring="neg_mean_squared_error")
    penalty = expected.fit(X.astype(float), Y[:, 0], sample_weight=WEIGHTS).alpha_
    for out in (0, 17, 39):
        kept = np.arange(40) != out
        ridge = Ridge(penalty).fit(X[kept], Y[kept, 0], sample_weight=WEIGHTS[kept])
        np.testing.assert_allclose(left_out[out, 0], ridge.predict(X[out : out + 1])[0], atol=1e-3)


def test_outputs_that_share_no_penalty_are_as_good_as_alone(way):
    together, left_out = left_out_ridge(X, Y, WEIGHTS, shared=False)
    for output in range(2):
        alone, own = left_out_ridge(X, Y[:, [output]], WEIGHTS, shared=False)
        np.testing.assert_allclose(together(X)[:, [output]], alone(X), atol=1e-6)
        np.testing.assert_allclose(left_out[:, [output]], own, atol=1e-5)


@pytest.mark.parametrize("n_samples", [1, 2])
def test_too_few_samples_are_predicted_by_their_mean(n_samples):
    linear, left_out = left_out_ridge(X[:n_samples], Y[:n_samples], np.ones(n_samples), shared=True)
    mean = Y[:n_samples].mean(axis=0)
    np.testing.assert_allclose(linear(X), np.broadcast_to(mean, (40, 2)))
    np.testing.assert_allclose(left_out, np.broadcast_to(mean, (n_samples, 2)))


def test_a_weight_of_two_counts_as_the_sample_twice_in_the_regression(monkeypatch):
    monkeypatch.setattr(module, "_PENALTIES", np.array([10.0]))
    weights = np.where(np.arange(40) < 10, 2.0, 1.0)
    weighted, _ = left_out_ridge(X, Y, weights, shared=True)
    repeated, _ = left_out_ridge(
        np.concatenate([X, X[:10]]), np.concatenate([Y, Y[:10]]), np.ones(50), shared=True
    )
    np.testing.assert_allclose(weighted(X), repeated(X), atol=1e-8)


def test_a_map_with_an_intercept_too_few_is_refused():
    with pytest.raises(ValueError, match=r"a linear map has coefficients of shape \(3, 2\)"):
        LinearMap(np.zeros((3, 2)), np.zeros(1))
