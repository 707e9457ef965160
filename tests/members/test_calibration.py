"""Votes are as sure as they are right, and shares deviate from even ones by evidence alone."""

from __future__ import annotations

import numpy as np
import pytest

from skconvattn.members.calibration import (
    cross_entropies,
    score_factor,
    sharpened,
    softmax,
    supported_share,
    vote_power,
    vote_share,
)

RNG = np.random.default_rng(0)


def _scores(n_samples: int, n_right: int) -> tuple[np.ndarray, np.ndarray]:
    targets = np.arange(n_samples) % 2
    right = np.where(np.arange(n_samples) < n_right, 1.0, -1.0)
    return right[:, None] * (2.0 * np.eye(2)[targets] - 1.0), targets


def test_the_factor_makes_scores_as_sure_as_they_are_right():
    scores, targets = _scores(1000, 950)
    # Scores of f and -f make a probability of 1 / (1 + exp(-2 f)): 0.95 at f = 1.47.
    assert 1.3 < score_factor(scores, targets, np.ones(1000)) < 1.7


def test_the_factor_of_few_samples_stays_near_four():
    scores, targets = _scores(4, 4)
    assert 3.5 < score_factor(scores, targets, np.ones(4)) < 8


def test_a_power_corrects_probabilities_that_are_too_sure():
    scores, targets = _scores(1000, 900)
    p = 0.5 + 0.49 * scores  # 0.99 where 0.9 are right
    power = vote_power(p, targets, np.ones(1000))
    assert sharpened(p, power).max() == pytest.approx(0.9, abs=0.02)


def test_powers_keep_certainty_and_sums():
    p = np.array([[1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])
    np.testing.assert_allclose(sharpened(p, 2.0)[0], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(sharpened(p, 2.0)[1], np.array([4, 9, 25]) / 38)
    np.testing.assert_array_equal(sharpened(p, 1.0), p)


def test_cross_entropies_of_classes_held_impossible_are_bounded():
    p = np.array([[0.25, 0.75], [1.0, 0.0]])
    np.testing.assert_allclose(
        cross_entropies(p, np.array([0, 1])), [np.log(4), 4 * np.log(10)], rtol=1e-6
    )


def _sides(n_samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    targets = RNG.integers(2, size=n_samples)
    good = np.where(np.eye(2)[targets] == 1, 0.8, 0.2)
    poor = np.full((n_samples, 2), 0.5)
    return good, poor, targets


def test_a_vote_of_equals_is_even_and_few_samples_hardly_change_it():
    good, poor, targets = _sides(20)
    weights = np.ones(20)
    assert vote_share(good, good, targets, weights) == 0.5
    assert 0.5 < vote_share(good, poor, targets, weights) < 0.55


def test_many_samples_give_the_better_side_the_larger_share():
    good, poor, targets = _sides(4000)
    # Brier scores of 0.08 and 0.5 at a power of 2 * 4000 / 4500.
    odds = (0.5 / 0.08) ** (2 * 4000 / 4500)
    share = vote_share(good, poor, targets, np.ones(4000))
    assert share == pytest.approx(odds / (1 + odds))
    assert vote_share(poor, good, targets, np.ones(4000)) == pytest.approx(1 - share)


def test_a_network_that_adds_nothing_has_no_share():
    targets = RNG.integers(2, size=200)
    members = np.where(np.eye(2)[targets] == 1, 0.9, 0.1)
    noise = softmax(RNG.normal(size=(200, 2)))
    assert supported_share(lambda s: cross_entropies((1 - s) * members + s * noise, targets)) == 0.0


def test_a_network_that_is_much_better_has_nearly_all_of_it():
    targets = RNG.integers(2, size=200)
    network = np.where(np.eye(2)[targets] == 1, 0.95, 0.05)
    noise = softmax(RNG.normal(size=(200, 2)))
    assert supported_share(lambda s: cross_entropies((1 - s) * noise + s * network, targets)) > 0.9


def test_a_gain_within_chance_is_no_gain():
    of_sample = RNG.normal(size=50)  # of no effect on average
    of_sample -= of_sample.mean() - 0.01
    assert supported_share(lambda share: -share * of_sample) == 0.0
