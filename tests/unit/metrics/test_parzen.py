"""Parzen windows against one kernel by hand and SciPy's kernel density. The slow reference values
on real MNIST are in tests/training."""

import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.stats import gaussian_kde, multivariate_normal

from tfgan_survey.metrics import parzen
from tfgan_survey.metrics.common import MetricWarning
from tfgan_survey.metrics.parzen import (
    parzen_log_density,
    parzen_log_likelihood,
    real_parzen_log_likelihood,
)


def test_one_kernel_by_hand():
    sample, point = np.zeros((1, 2, 2, 1)), np.full((1, 2, 2, 1), 0.5)
    expected = -(4 * 0.25) / (2 * 0.2**2) - 4 * np.log(0.2 * np.sqrt(2 * np.pi))
    assert parzen_log_density(sample, point, 0.2) == pytest.approx([expected], rel=1e-12)


def test_many_kernels_are_a_mixture():
    rng = np.random.default_rng(0)
    samples, points = rng.random((7, 3)), rng.random((5, 3))
    parts = [multivariate_normal(one, 0.3**2).pdf(points) for one in samples]
    got = parzen_log_density(samples, points, 0.3)
    assert got == pytest.approx(np.log(np.mean(parts, axis=0)), rel=1e-10)


def test_density_integrates_to_one():
    samples, line = np.array([[0.2], [0.7]]), np.linspace(0, 1, 2001)[:, None]
    density = np.exp(parzen_log_density(samples, line, 0.02))
    assert trapezoid(density, line[:, 0]) == pytest.approx(1.0, abs=1e-6)
    same = gaussian_kde(samples[:, 0], bw_method=0.02 / samples[:, 0].std(ddof=1))
    assert density == pytest.approx(same(line[:, 0]), rel=1e-6, abs=1e-12)


def test_far_points_do_not_underflow():
    far = parzen_log_density(np.zeros((3, 784)), np.ones((1, 784)), 0.1)
    assert far == pytest.approx([-784 / 0.02 - 784 * np.log(0.1 * np.sqrt(2 * np.pi))], rel=1e-12)


def test_sigma_comes_from_the_first_thousand_validation_images_only():
    rng = np.random.default_rng(1)
    samples, test = rng.random((200, 2)), rng.random((300, 2))
    near = samples[rng.integers(200, size=1000)] + 0.0
    far = np.ones((500, 2))
    validation = np.concatenate([near, far])
    sigmas = (0.001, 1.0)
    with pytest.warns(MetricWarning, match="200 samples"):
        result = parzen_log_likelihood(samples, validation, test, sigmas)
    assert result.sigma == 0.001
    log_density = parzen_log_density(samples, test, 0.001)
    assert result.value == pytest.approx(log_density.mean(), rel=1e-12)
    assert result.standard_error == pytest.approx(log_density.std() / np.sqrt(300), rel=1e-12)
    with pytest.warns(MetricWarning):
        assert parzen_log_likelihood(samples, validation[::-1], test, sigmas).sigma == 1.0


def test_the_ten_published_widths():
    assert len(parzen.SIGMAS) == 10
    assert (parzen.SIGMAS[0], parzen.SIGMAS[-1]) == pytest.approx((0.1, 1.0))
    assert np.ptp(np.diff(np.log(parzen.SIGMAS))) == pytest.approx(0, abs=1e-12)


def test_real_line_takes_the_first_images():
    rng = np.random.default_rng(2)
    train, rest = rng.random((50, 4)), rng.random((40, 4))
    with pytest.warns(MetricWarning):
        line = real_parzen_log_likelihood(train, rest, rest, num=30)
    with pytest.warns(MetricWarning):
        assert line == parzen_log_likelihood(train[:30], rest, rest)
    with pytest.raises(ValueError, match="num=60"):
        real_parzen_log_likelihood(train, rest, rest, num=60)


def test_bytes_and_floats_agree():
    rng = np.random.default_rng(3)
    samples = rng.integers(0, 256, (4, 3, 3, 1)).astype(np.uint8)
    got = parzen_log_density(samples, samples, 0.1)
    assert got == pytest.approx(parzen_log_density(samples / 255.0, samples / 255.0, 0.1))


def test_bad_input_is_refused():
    good = np.full((5, 3), 0.5)
    with pytest.raises(ValueError, match=r"expected \[0, 1\]"):
        parzen_log_likelihood(good * 3, good, good)
    with pytest.raises(ValueError, match="NaN"):
        parzen_log_likelihood(good * np.nan, good, good)
    with pytest.raises(ValueError, match="validation has 2"):
        parzen_log_likelihood(good, good[:, :2], good)
    with pytest.raises(ValueError, match="sigmas"):
        parzen_log_likelihood(good, good, good, sigmas=(0.1, 0.0))
    with pytest.raises(ValueError, match="sigmas"):
        parzen_log_likelihood(good, good, good, sigmas=())
    with pytest.raises(ValueError, match="sigma=-1"):
        parzen_log_density(good, good, -1)
    with pytest.warns(MetricWarning):
        parzen_log_likelihood(good * 3, good, good, check_range=False)
