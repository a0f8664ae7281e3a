"""Manifold metrics on constructed sets and against brute force."""

import numpy as np
import pytest

from tfgan_survey.metrics.common import MetricWarning
from tfgan_survey.metrics.density_coverage import density_coverage
from tfgan_survey.metrics.distances import squared_neighbour_radius, within
from tfgan_survey.metrics.precision_recall import precision_recall


@pytest.fixture
def two_islands():
    """Real: islands at 0 and 100. Fake: half on the first island, half at a third, at -100."""
    rng = np.random.default_rng(0)
    real = rng.normal(size=(400, 2))
    real[200:] += 100
    fake = real + 0.0
    fake[200:] = rng.normal(size=(200, 2)) - 100
    return real, fake


def brute(real, fake, k):
    def radius(points):
        return [sorted(np.linalg.norm(points - p, axis=1))[k] for p in points]

    inside = np.linalg.norm(fake[:, None] - real[None], axis=2) <= radius(real)
    back = np.linalg.norm(real[:, None] - fake[None], axis=2) <= radius(fake)
    return (
        inside.any(axis=1).mean(),
        back.any(axis=1).mean(),
        inside.sum() / (k * len(fake)),
        inside.any(axis=0).mean(),
    )


@pytest.mark.parametrize("k", [1, 3, 5])
def test_brute_force_agrees(k):
    rng = np.random.default_rng(k)
    real, fake = rng.normal(size=(120, 3)), rng.normal(size=(120, 3)) * 1.3 + 0.4
    manifold, balls = precision_recall(real, fake, k), density_coverage(real, fake, k)
    got = [manifold.precision.value, manifold.recall.value]
    got += [balls.density.value, balls.coverage.value]
    assert got == pytest.approx(brute(real, fake, k), abs=1e-12)


def test_missing_and_invented_islands(two_islands):
    result = precision_recall(*two_islands)
    assert result.precision.value == pytest.approx(0.5, abs=1e-12)
    assert result.recall.value == pytest.approx(0.5, abs=1e-12)
    assert result.precision.standard_error == pytest.approx(0.5 / 20, rel=1e-9)


def test_collapse_keeps_precision_and_loses_recall_and_coverage():
    real = np.random.default_rng(1).normal(size=(500, 2))
    fake = np.repeat(real[:1], 500, axis=0) + np.random.default_rng(2).normal(size=(500, 2)) * 1e-6
    manifold, balls = precision_recall(real, fake), density_coverage(real, fake)
    assert manifold.precision.value == 1.0
    assert manifold.recall.value == pytest.approx(1 / 500, abs=1 / 500)
    assert balls.coverage.value < 0.05


def test_coverage_of_equal_distributions_has_its_known_expectation():
    rng = np.random.default_rng(3)
    values = [density_coverage(*rng.normal(size=(2, 400, 2)), k=3) for _ in range(40)]
    coverage = [one.coverage.value for one in values]
    density = [one.density.value for one in values]
    # Naeem et al., Lemma 2: 1 - (m - 1)...(m - k) / ((2m - 1)...(2m - k)) with n = m.
    expected = 1 - np.prod([(400 - i) / (800 - i) for i in (1, 2, 3)])
    assert np.mean(coverage) == pytest.approx(expected, abs=4 * np.std(coverage) / np.sqrt(40))
    assert np.mean(density) == pytest.approx(1.0, abs=0.03)


def test_an_outlier_with_a_wide_ball_fools_precision_but_not_density():
    rng = np.random.default_rng(4)
    real = rng.normal(size=(200, 2))
    real[0] = 30.0
    fake = rng.normal(size=(200, 2)) + 20.0
    assert precision_recall(real, fake).precision.value > 0.9
    assert density_coverage(real, fake).density.value < 0.3


def test_radius_leaves_the_point_itself_out():
    points = np.array([[0.0], [1.0], [3.0], [7.0]])
    assert np.sqrt(squared_neighbour_radius(points, 1)) == pytest.approx([1, 1, 2, 4])
    assert np.sqrt(squared_neighbour_radius(points, 2)) == pytest.approx([3, 2, 3, 6])


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_copies_lie_in_balls_of_radius_zero(offset):
    """Every real point five times: all third neighbours are copies, at distance 0."""
    once = np.random.default_rng(6).normal(size=(200, 64)) + offset
    real = np.repeat(once, 5, axis=0)
    fake = np.random.default_rng(7).permutation(real)
    assert (squared_neighbour_radius(real, 3) == 0).all()
    manifold, balls = precision_recall(real, fake), density_coverage(real, fake, k=4)
    assert (manifold.precision.value, manifold.recall.value) == (1.0, 1.0)
    assert (balls.density.value, balls.coverage.value) == (5 / 4, 1.0)
    near = fake + np.float64(1e-9)
    assert precision_recall(real, near).precision.value == 0.0, "near is not equal"


def test_a_point_lies_in_the_ball_whose_border_it_sets():
    """The k-th neighbour itself is in the closed ball: k + 1 points of the own set, no fewer."""
    points = np.random.default_rng(8).normal(size=(300, 16)) * 100 + 1e3
    for k in (1, 3, 5):
        inside = np.concatenate(list(within(points, points, squared_neighbour_radius(points, k))))
        assert (inside.sum(axis=0) == k + 1).all()


@pytest.mark.parametrize("function", [precision_recall, density_coverage])
def test_bad_input_is_refused(function):
    points = np.random.default_rng(5).normal(size=(20, 2))
    with pytest.raises(ValueError, match="k=0"):
        function(points, points, k=0)
    with pytest.raises(ValueError, match="at least 21"):
        function(points, points, k=20)
    with pytest.raises(ValueError, match="NaN"):
        function(points, points * np.nan)
    with pytest.warns(MetricWarning, match="20 real and 10 fake"):
        function(points, points[:10])
