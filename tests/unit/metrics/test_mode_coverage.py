"""Mode counts on planted modes."""

import numpy as np
import pytest

from tfgan_survey.metrics.mode_coverage import gaussian_modes, mixture_coverage, mode_coverage

ANGLES = 2 * np.pi * np.arange(8) / 8
RING = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)


def planted(modes, each=100, deviation=0.01, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(RING[m], deviation, size=(each, 2)) for m in modes])


def test_every_point_on_its_centre():
    result = mixture_coverage(np.repeat(RING, 10, axis=0), RING, 0.01)
    assert result[:4] == (8, 8, (1.0, 0.0), 0.0)
    assert result.counts.tolist() == [10] * 8


@pytest.mark.parametrize("modes", [[3], [0, 4], [1, 2, 5, 7]])
def test_missing_modes_cost_their_logarithm(modes):
    result = mixture_coverage(np.repeat(RING[modes], 50, axis=0), RING, 0.01)
    assert result.modes == len(modes)
    assert result.reverse_kl == pytest.approx(np.log(8 / len(modes)), rel=1e-12)


def test_true_samples_meet_the_stated_ceiling():
    result = mixture_coverage(planted(range(8), each=5000), RING, 0.01)
    ceiling = 1 - np.exp(-4.5)
    assert result.modes == 8
    assert abs(result.high_quality.value - ceiling) < 4 * result.high_quality.standard_error
    assert result.reverse_kl < 1e-4


def test_points_beyond_three_deviations_do_not_count():
    points = RING + np.array([0.0299, 0.0])
    assert mixture_coverage(points, RING, 0.01).modes == 8
    outside = mixture_coverage(RING + np.array([0.0301, 0.0]), RING, 0.01)
    assert (outside.modes, outside.high_quality.value) == (0, 0.0)
    assert outside.reverse_kl == np.inf


def test_bad_points_leave_the_divergence_alone():
    good = planted([0, 1, 2], seed=1)
    alone = mixture_coverage(good, RING, 0.05)
    mixed = mixture_coverage(np.concatenate([good, np.full((300, 2), 5.0)]), RING, 0.05)
    assert mixed.high_quality.value == pytest.approx(alone.high_quality.value / 2, rel=1e-12)
    assert mixed.reverse_kl == pytest.approx(alone.reverse_kl, rel=1e-12)


def test_uneven_use_by_hand():
    ids = np.array([0] * 30 + [1] * 10 + [2] * 99)
    good = np.array([True] * 40 + [False] * 99)
    expected = 0.75 * np.log(0.75 * 4) + 0.25 * np.log(0.25 * 4)
    result = mode_coverage(ids, good, 4)
    assert (result.modes, result.reverse_kl) == (2, pytest.approx(expected, rel=1e-12))


def test_a_thousand_modes_given_as_numbers():
    # What stacked digits need: ids from a classifier, no geometry.
    ids = np.random.default_rng(2).integers(1000, size=26_000)
    result = mode_coverage(ids, np.ones(26_000, bool), 1000)
    assert result.modes == 1000
    assert result.reverse_kl == pytest.approx(999 / 52_000, rel=0.15)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        gaussian_modes(RING * np.nan, RING, 0.1)
    with pytest.raises(ValueError, match="deviation=0"):
        gaussian_modes(RING, RING, 0)
    with pytest.raises(ValueError, match="columns"):
        gaussian_modes(np.zeros((4, 3)), RING, 0.1)
    with pytest.raises(ValueError, match=r"expected integers \(n,\)"):
        mode_coverage(np.zeros(3), np.ones(3, bool), 2)
    with pytest.raises(ValueError, match="expected booleans"):
        mode_coverage(np.zeros(3, int), np.ones(3), 2)
    with pytest.raises(ValueError, match="expected 0 to 1"):
        mode_coverage(np.array([0, 2]), np.ones(2, bool), 2)
    with pytest.raises(ValueError, match="num_modes=0"):
        mode_coverage(np.zeros(3, int), np.ones(3, bool), 0)
