"""Frechet and kernel distance against closed forms and brute force."""

import numpy as np
import pytest
import scipy.linalg

from tfgan_survey.metrics.common import MetricWarning
from tfgan_survey.metrics.frechet import (
    frechet_distance,
    frechet_standard_error,
    gaussian_frechet_distance,
    real_frechet_distance,
)
from tfgan_survey.metrics.kernel_distance import kernel_distance, squared_mmd


@pytest.fixture(scope="module")
def cloud():
    return np.random.default_rng(0).normal(size=(2000, 5)) @ np.diag([1, 2, 3, 0.5, 0.1])


def test_equal_sets_have_distance_zero(cloud):
    assert frechet_distance(cloud, cloud[::-1]) == pytest.approx(0, abs=1e-9)


def test_shift_costs_its_square(cloud):
    shift = np.array([1.0, -2.0, 0.0, 0.5, 3.0])
    assert frechet_distance(cloud, cloud + shift) == pytest.approx(shift @ shift, rel=1e-9)


def test_scaling_costs_the_square_of_the_difference_of_deviations(cloud):
    # N(m, C) and N(2m, 4C): |m|^2 + tr C + 4 tr C - 2 * 2 tr C = |m|^2 + tr C.
    mean, trace = cloud.mean(axis=0), np.trace(np.cov(cloud, rowvar=False))
    assert frechet_distance(cloud, 2 * cloud) == pytest.approx(mean @ mean + trace, rel=1e-9)


def test_commuting_gaussians_have_a_closed_form():
    a, b = np.array([1.0, 4.0, 9.0]), np.array([4.0, 1.0, 0.0])
    expected = 5.0 + ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()
    got = gaussian_frechet_distance(np.array([1.0, 2, 0]), np.diag(a), np.zeros(3), np.diag(b))
    assert got == pytest.approx(expected, rel=1e-12)


def test_general_gaussians_agree_with_the_matrix_square_root():
    rng = np.random.default_rng(1)
    a, b = (m @ m.T + 0.1 * np.eye(6) for m in rng.normal(size=(2, 6, 6)))
    mean_a, mean_b = rng.normal(size=(2, 6))
    root = scipy.linalg.sqrtm(a @ b).real
    expected = ((mean_a - mean_b) ** 2).sum() + np.trace(a + b - 2 * root)
    assert gaussian_frechet_distance(mean_a, a, mean_b, b) == pytest.approx(expected, rel=1e-9)


def test_rounding_never_makes_it_negative():
    points = np.random.default_rng(2).normal(size=(300, 40)) * 1e4
    assert 0 <= frechet_distance(points, points) < 1
    # Singular covariances: eigenvalues that are 0 come out a little below, their root as NaN.
    flat = points[:10]
    with pytest.warns(MetricWarning, match="singular"):
        assert 0 <= frechet_distance(flat, flat) < 1


def test_standard_error_is_the_spread_over_fresh_samples():
    rng = np.random.default_rng(3)

    def draw():
        return rng.normal(size=(500, 2)), rng.normal([1.0, 0.0], size=(500, 2))

    spread = np.std([frechet_distance(*draw()) for _ in range(200)], ddof=1)
    errors = [frechet_standard_error(*draw(), resamples=100, seed=i) for i in range(5)]
    assert np.mean(errors) == pytest.approx(spread, rel=0.2)


def test_real_reference_falls_with_the_number_of_images(cloud):
    rng = np.random.default_rng(4)
    train, test = rng.normal(size=(4000, 5)), rng.normal(size=(4000, 5))
    few, many = (real_frechet_distance(train, test, num) for num in (100, 2000))
    assert 0 < many.value < few.value / 5
    assert 0 < many.standard_error < few.standard_error


def test_kernel_distance_equals_the_double_sum():
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(5, 3)), rng.normal(size=(4, 3)) + 1

    def k(x, y):
        return (sum(x * y) / 3 + 1) ** 3

    within_a = np.mean([k(a[i], a[j]) for i in range(5) for j in range(5) if i != j])
    within_b = np.mean([k(b[i], b[j]) for i in range(4) for j in range(4) if i != j])
    between = np.mean([k(x, y) for x in a for y in b])
    assert squared_mmd(a, b) == pytest.approx(within_a + within_b - 2 * between, rel=1e-10)


def test_kernel_distance_is_unbiased_at_zero():
    rng = np.random.default_rng(6)
    values = [
        kernel_distance(*rng.normal(size=(2, 40, 3)), block_size=20, seed=i).value
        for i in range(400)
    ]
    error = np.std(values, ddof=1) / 20
    assert abs(np.mean(values)) < 4 * error
    assert min(values) < 0 < max(values)


def test_kernel_distance_of_a_shift_in_one_dimension():
    # X ~ N(0, 1), Y ~ N(s, 1): sum over monomials of (xy + 1)^3 of squared differences of moments:
    # 3 (E x - E y)^2 + 3 (E x^2 - E y^2)^2 + (E x^3 - E y^3)^2.
    shift = 0.5
    expected = 3 * shift**2 + 3 * shift**4 + (3 * shift + shift**3) ** 2
    rng = np.random.default_rng(7)
    got = kernel_distance(rng.normal(size=(20000, 1)), rng.normal(size=(20000, 1)) + shift)
    assert abs(got.value - expected) < 4 * got.standard_error
    assert got.standard_error < 0.1 * expected


@pytest.mark.parametrize("function", [frechet_distance, kernel_distance, frechet_standard_error])
def test_bad_features_are_refused(function, cloud):
    broken = cloud.copy()
    broken[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"NaN or infinite values in 1 of 2000"):
        function(broken, cloud)
    with pytest.raises(ValueError, match="same feature extractor"):
        function(cloud, cloud[:, :3])
    with pytest.raises(ValueError, match=r"expected \(n, d\)"):
        function(cloud, cloud[0])
    with pytest.raises(ValueError, match="at least"):
        function(cloud[:1], cloud)
    with pytest.raises(ValueError, match="real numbers"):
        function(cloud.astype(complex), cloud)


def test_fewer_samples_than_features_is_said():
    rng = np.random.default_rng(8)
    with pytest.warns(MetricWarning, match="10 rows for 20 features"):
        frechet_distance(rng.normal(size=(10, 20)), rng.normal(size=(100, 20)))


def test_useless_numbers_of_draws_are_refused(cloud):
    with pytest.raises(ValueError, match="resamples=1"):
        frechet_standard_error(cloud, cloud, resamples=1)
    with pytest.raises(ValueError, match="draws=1"):
        real_frechet_distance(cloud, cloud, draws=1)
    with pytest.raises(ValueError, match="num=3000"):
        real_frechet_distance(cloud, cloud, num=3000)
    with pytest.raises(ValueError, match="block_size=1"):
        kernel_distance(cloud, cloud, block_size=1)
