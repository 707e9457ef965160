"""Patterns are counted as the formula says, whatever is padded after the end of a series."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from skconvattn.members import series_patterns
from skconvattn.members.series_patterns import SeriesPatterns

N_DILATIONS, N_THRESHOLDS = 3, 2


def _fitted(series: np.ndarray, mask: np.ndarray | None = None) -> SeriesPatterns:
    return SeriesPatterns.of(series, mask, np.ones(len(series)), N_DILATIONS, N_THRESHOLDS)[0]


def _pooled_by_hand(x: np.ndarray, patterns: SeriesPatterns) -> np.ndarray:
    """Proportions above each threshold, maxima and averages of positive values of one series."""
    features = []
    for view, values in enumerate((x, np.concatenate([[0.0], np.diff(x)]))):
        for number, dilation in enumerate(patterns.dilations.tolist()):
            products = []
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
            thresholds = patterns.thresholds[view, number]
            features += [(h > row[:, None]).mean(axis=1) for row in thresholds]
            features += [h.max(axis=1), np.maximum(h, 0).mean(axis=1)]
    return np.concatenate(features)


@pytest.fixture
def series() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(5, 33, 1)).astype("float32")


def test_features_are_those_of_the_formula(series):
    patterns = _fitted(series)
    expected = np.stack([_pooled_by_hand(x[:, 0], patterns) for x in series])
    expected = (expected - patterns.center) / patterns.scale
    np.testing.assert_allclose(patterns.features(series, None), expected, atol=2e-4)


def test_dilations_reach_from_one_step_to_an_eighth_of_the_series(series):
    assert _fitted(series).dilations.tolist() == [1, 2, 4]
    assert _fitted(series[:, :9]).dilations.tolist() == [1, 1, 1]


def test_thresholds_are_quantiles_of_the_products(series):
    patterns = _fitted(series)
    # Proportions of all series together scatter evenly over the levels between 0 and 1.
    proportions = patterns.center.reshape(2, N_DILATIONS, N_THRESHOLDS + 2, 84)[0, :, :-2].ravel()
    np.testing.assert_allclose(proportions.mean(), 0.5, atol=0.02)
    np.testing.assert_allclose(np.quantile(proportions, [0.1, 0.9]), [0.1, 0.9], atol=0.03)


def test_features_of_the_series_seen_are_standardised_by_their_weights(series):
    weights = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    _, features = SeriesPatterns.of(series, None, weights, N_DILATIONS, N_THRESHOLDS)
    np.testing.assert_allclose(weights @ features / 15, 0, atol=1e-5)
    std = np.sqrt(weights @ features**2 / 15)
    # Those that hardly vary stay smaller.
    assert (np.abs(std - 1) < 1e-3).mean() > 0.95
    assert std.max() < 1 + 1e-3


def test_a_series_has_the_same_features_whatever_stands_beside_it(series):
    many = np.concatenate([series] * 7)
    patterns = _fitted(many)
    together = patterns.features(many, None)
    for row in range(len(series)):
        np.testing.assert_array_equal(
            patterns.features(series[row : row + 1], None)[0], together[row]
        )


def test_a_masked_tail_is_as_good_as_none(series):
    lengths = np.array([33, 20, 12, 25, 33])
    mask = np.arange(33) < lengths[:, None]
    behind = np.where(mask[..., None], series, 99.0).astype("float32")
    patterns = _fitted(series, mask)
    masked = patterns.features(behind, mask)
    for row, length in enumerate(lengths):
        alone = patterns.features(series[row : row + 1, :length], None)[0]
        np.testing.assert_allclose(masked[row], alone, atol=1e-4)


def test_each_pattern_sees_some_of_several_channels_and_all_are_seen():
    x = np.random.default_rng(1).normal(size=(6, 40, 4)).astype("float32")
    patterns = _fitted(x)
    before = patterns.features(x, None)
    for channel in range(4):
        changed = x.copy()
        changed[..., channel] = 0.0
        touched = (patterns.features(changed, None) != before).any(axis=0)
        assert 0.1 < touched.mean() < 0.95


def test_long_series_are_looked_at_in_fewer_places(series, monkeypatch):
    dilations = np.array([1, 2], "int32")

    def products():
        return [p.copy() for _, _, p, _ in series_patterns._products(series, None, dilations)]

    whole = products()
    monkeypatch.setattr(series_patterns, "_POSITIONS", 8)
    for sparse, dense in zip(products(), whole, strict=True):
        np.testing.assert_allclose(sparse[..., :9], dense[..., :33:4], atol=1e-5, rtol=1e-5)


def test_arrays_that_do_not_go_together_are_refused(series):
    patterns = _fitted(series)
    for change in (
        {"dilations": patterns.dilations[:2]},
        {"dilations": np.zeros(3, "int32")},
        {"center": patterns.center[1:]},
        {"n_channels": 0},
    ):
        with pytest.raises(ValueError, match="do not go together"):
            replace(patterns, **change)
