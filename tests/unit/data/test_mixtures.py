import math

import numpy as np
import pytest
from scipy import stats

from tfgan_survey.data import GaussianMixture, grid, ring
from tfgan_survey.errors import SettingError


def test_ring_is_eight_modes_of_radius_one():
    mixture = ring()
    np.testing.assert_allclose(np.linalg.norm(mixture.modes, axis=1), np.ones(8), atol=1e-12)
    angles = np.sort(np.arctan2(mixture.modes[:, 1], mixture.modes[:, 0]))
    np.testing.assert_allclose(np.diff(angles), np.full(7, math.pi / 4), atol=1e-12)
    assert set(mixture.sigma) == {0.01}


def test_grid_is_the_twenty_five_even_points():
    expected = {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    assert {tuple(mode) for mode in grid().modes.tolist()} == expected
    assert set(grid().sigma) == {0.05}


def test_density_integrates_to_one_in_one_dimension():
    mixture = GaussianMixture([-2.0, 0.5], [0.3, 1.0], [0.2, 0.8])
    x = np.linspace(-12, 12, 20_001)
    assert np.trapezoid(np.exp(mixture.log_density(x)), x) == pytest.approx(1, abs=1e-6)


def test_log_density_is_that_of_scipy():
    mixture = GaussianMixture([[0.0, 1.0], [2.0, -1.0]], [0.5, 2.0], [0.25, 0.75])
    points = np.random.default_rng(0).normal(size=(20, 2))
    expected = sum(
        weight * stats.multivariate_normal(mode, sigma**2).pdf(points)
        for mode, sigma, weight in zip(mixture.modes, (0.5, 2.0), (0.25, 0.75), strict=True)
    )
    np.testing.assert_allclose(mixture.log_density(points), np.log(expected), rtol=1e-10)


def test_log_density_does_not_underflow():
    far = ring().log_density([[100.0, 0.0]])[0]
    expected = -math.log(8) - math.log(2 * math.pi * 1e-4) - 99.0**2 / 2e-4
    assert far == pytest.approx(expected, rel=1e-9)


def test_zero_weight_is_a_mode_without_share():
    with_zero = GaussianMixture([0.0, 5.0], 1.0, [1.0, 0.0])
    np.testing.assert_allclose(
        with_zero.log_density([0.0, 5.0]), GaussianMixture([0.0], 1.0).log_density([0.0, 5.0])
    )


def test_samples_have_the_mixture_s_moments_and_follow_the_seed():
    mixture = GaussianMixture([-1.0, 3.0], [0.5, 1.5], [0.25, 0.75])
    points = mixture.sample(40_000, seed=3)
    mean = 0.25 * -1 + 0.75 * 3
    variance = 0.25 * (0.25 + 1) + 0.75 * (2.25 + 9) - mean**2
    assert points.dtype == np.float32 and points.shape == (40_000, 1)
    assert points.mean() == pytest.approx(mean, abs=4 * math.sqrt(variance / 40_000))
    assert points.var() == pytest.approx(variance, rel=0.05)
    assert np.array_equal(points, mixture.sample(40_000, seed=3))
    assert not np.array_equal(points, mixture.sample(40_000, seed=4))


def test_ring_samples_lie_within_their_modes_as_a_rayleigh_law_says():
    points = ring().sample(20_000, seed=0)
    nearest = np.linalg.norm(points[:, None] - ring().modes[None], axis=2).min(axis=1)
    # P(|x - m| <= 3 sigma) = 1 - exp(-9/2) = 0.98889 in two dimensions.
    assert np.mean(nearest <= 0.03) == pytest.approx(1 - math.exp(-4.5), abs=0.004)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[[0.0]]], 1.0), "means have shape"),
        (([], 1.0), "means have shape"),
        (([0.0, 1.0], 0.0), "expected a positive number"),
        (([0.0, 1.0], [1.0, 1.0, 1.0]), "expected a positive number"),
        (([0.0, 1.0], 1.0, [0.5, 0.6]), "sum to 1"),
        (([0.0, 1.0], 1.0, [1.5, -0.5]), "sum to 1"),
    ],
)
def test_unusable_mixtures_are_refused(arguments, message):
    with pytest.raises(SettingError, match=message):
        GaussianMixture(*arguments)


def test_points_of_another_dimension_are_refused():
    with pytest.raises(ValueError, match=r"expected \(n, 2\)"):
        ring().log_density([[0.0, 0.0, 0.0]])
