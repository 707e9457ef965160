"""Patterns are counted as the formula says, whatever is padded after the end of a series."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from skconvattn.layers.parts.pattern_proportions import PatternProportions

N_DILATIONS, N_THRESHOLDS = 3, 2


def _layer(n_channels: int = 1, **settings) -> PatternProportions:
    layer = PatternProportions(N_DILATIONS, N_THRESHOLDS, **{"gain": 1.0, **settings})
    layer.build((None, None, n_channels))
    return layer


def _fitted(series: np.ndarray, mask: np.ndarray | None = None, **settings) -> PatternProportions:
    layer = _layer(series.shape[2], **settings)
    statistics = layer.statistics_of(series, mask)
    for name in ("dilations", "thresholds", "center", "scale"):
        getattr(layer, name).assign(statistics[name])
    return layer


def _pooled_by_hand(x: np.ndarray, dilations: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Proportions above each threshold, maxima and averages of positive values of one series."""
    features = []
    for view, values in enumerate((x, np.concatenate([[0.0], np.diff(x)]))):
        products = []
        for dilation in dilations:
            for raised in itertools.combinations(range(9), 3):
                weights = [2.0 if tap in raised else -1.0 for tap in range(9)]
                products.append(
                    [
                        sum(
                            weight * values[t + (tap - 4) * dilation]
                            for tap, weight in enumerate(weights)
                            if 0 <= t + (tap - 4) * dilation < len(values)
                        )
                        for t in range(len(values))
                    ]
                )
        h = np.array(products)  # (patterns, time)
        features += [(h > row[:, None]).mean(axis=1) for row in thresholds[view]]
        features += [h.max(axis=1), np.maximum(h, 0).mean(axis=1)]
    return np.concatenate(features)


@pytest.fixture
def series() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(5, 33, 1)).astype("float32")


def test_features_are_those_of_the_formula(series):
    layer = _fitted(series)
    dilations, thresholds = np.asarray(layer.dilations), np.asarray(layer.thresholds)
    expected = np.stack([_pooled_by_hand(x[:, 0], dilations, thresholds) for x in series])
    expected = (expected - np.asarray(layer.center)) / np.asarray(layer.scale)
    np.testing.assert_allclose(np.asarray(layer(series)), expected, atol=2e-4)


def test_dilations_reach_from_one_step_to_an_eighth_of_the_series(series):
    assert np.asarray(_fitted(series).dilations).tolist() == [1, 2, 4]
    assert np.asarray(_fitted(series[:, :9]).dilations).tolist() == [1, 1, 1]


def test_thresholds_are_quantiles_of_the_products(series):
    layer = _fitted(series)
    # Proportions of all series together scatter evenly over the levels between 0 and 1.
    proportions = np.asarray(layer.center)[: layer.width * N_THRESHOLDS]
    np.testing.assert_allclose(proportions.mean(), 0.5, atol=0.02)
    np.testing.assert_allclose(np.quantile(proportions, [0.1, 0.9]), [0.1, 0.9], atol=0.03)


def test_features_of_the_series_seen_are_standardised(series):
    layer = _layer()
    features = layer.statistics_of(series, None)["features"]
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-5)
    varying = features.std(axis=0) > 0.5
    assert varying.mean() > 0.9
    np.testing.assert_allclose(features.std(axis=0)[varying], 1, atol=1e-3)


def test_a_masked_tail_is_as_good_as_none(series):
    lengths = np.array([33, 20, 12, 25, 33])
    mask = np.arange(33) < lengths[:, None]
    behind = np.where(mask[..., None], series, 99.0).astype("float32")
    layer = _fitted(series, mask)
    masked = np.asarray(layer(behind, mask=mask))
    for row, length in enumerate(lengths):
        alone = np.asarray(layer(series[row : row + 1, :length]))[0]
        np.testing.assert_allclose(masked[row], alone, atol=1e-4)


def test_each_pattern_sees_some_of_several_channels_and_all_are_seen():
    x = np.random.default_rng(1).normal(size=(6, 40, 4)).astype("float32")
    layer = _fitted(x)
    before = np.asarray(layer(x))
    for channel in range(4):
        changed = x.copy()
        changed[..., channel] = 0.0
        touched = (np.asarray(layer(changed)) != before).any(axis=0)
        assert 0.1 < touched.mean() < 0.95


def test_long_series_are_looked_at_in_fewer_places(series):
    sparse, dense = _fitted(series, n_positions=8), _fitted(series)
    products, _ = sparse._products(series, None, np.asarray(sparse.dilations))
    whole, _ = dense._products(series, None, np.asarray(dense.dilations))
    np.testing.assert_allclose(
        np.asarray(products[0]), np.asarray(whole[0])[:, ::4], atol=1e-5, rtol=1e-5
    )
