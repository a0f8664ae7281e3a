"""Distances, the game's value, the generator's gradients: against definitions, two-sided."""

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tfgan_survey import theory
from tfgan_survey.data import GaussianMixture
from tfgan_survey.objectives.minimax import Minimax, NonSaturating

GRID = np.linspace(-9, 9, 3601)
LOG_2 = math.log(2)


def gaussian(mean, deviation):
    return theory.cells(GaussianMixture([mean], deviation).log_density, GRID)


def test_kl_of_gaussians_is_the_textbook_formula():
    found = theory.kl_divergence(gaussian(0.5, 0.8), gaussian(-0.3, 1.3))
    expected = math.log(1.3 / 0.8) + (0.8**2 + 0.8**2) / (2 * 1.3**2) - 0.5
    assert found == pytest.approx(expected, abs=1e-9)
    assert theory.kl_divergence(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == math.inf


def test_jensen_shannon_and_total_variation_at_their_ends(masses):
    p, q = masses
    assert theory.jensen_shannon(p, p) == theory.total_variation(p, p) == 0
    apart = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert theory.jensen_shannon(*apart) == pytest.approx(LOG_2, abs=1e-15)
    assert theory.total_variation(*apart) == 1
    # JS in entropies: H(m) - (H(p) + H(q)) / 2
    entropy = stats.entropy((p + q) / 2) - (stats.entropy(p) + stats.entropy(q)) / 2
    assert theory.jensen_shannon(p, q) == pytest.approx(entropy, abs=1e-12)
    assert theory.jensen_shannon(p, q) == theory.jensen_shannon(q, p)


def test_wasserstein_distance_is_the_shift_and_agrees_with_scipy(masses):
    width = GRID[1] - GRID[0]
    shifted = theory.wasserstein_distance(gaussian(-1, 0.7), gaussian(1.5, 0.7), width)
    assert shifted == pytest.approx(2.5, abs=1e-6)
    p, q = masses
    points = 0.3 * np.arange(len(p))
    assert theory.wasserstein_distance(p, q, 0.3) == pytest.approx(
        stats.wasserstein_distance(points, points, p, q), abs=1e-12
    )


@pytest.mark.parametrize("shift", [-2.0, -1e-6, 0.0, 0.25, 3.0])
def test_parallel_lines_against_distributions_on_columns(shift):
    # Each line is one column: their distances are those of two points on the x axis.
    p, q = (np.array([1.0, 0.0]), np.array([0.0, 1.0])) if shift else (np.array([1.0]),) * 2
    found = theory.parallel_lines(shift)
    assert found.kl == theory.kl_divergence(p, q)
    assert found.jensen_shannon == pytest.approx(theory.jensen_shannon(p, q), abs=1e-15)
    assert found.total_variation == theory.total_variation(p, q)
    assert found.wasserstein == theory.wasserstein_distance(p, q, abs(shift)) == abs(shift)


def test_value_at_the_optimum_is_minus_log_4_plus_two_js(masses):
    p, q = masses
    best = theory.optimal_discriminator(p, q)
    value = theory.game_value(p, q, best)
    assert value == pytest.approx(-math.log(4) + 2 * theory.jensen_shannon(p, q), abs=1e-12)
    assert theory.generator_value(p, q) == pytest.approx(value, abs=1e-12)
    assert theory.generator_value(p, p) == pytest.approx(-math.log(4), abs=1e-15)
    rng = np.random.default_rng(0)
    for size in (1e-3, 0.1, 1.0):  # every other D is worse
        other = 1 / (1 + np.exp(-(np.log(p / q) + size * rng.normal(size=p.shape))))
        assert theory.game_value(p, q, other) < value


def test_game_value_is_minus_the_package_loss(masses):
    """Cells repeated by integer counts are batches with exactly these distributions."""
    counts_p, counts_q = np.array([3, 4, 1]), np.array([2, 2, 4])
    scores = tf.constant([[1.2], [-0.4], [0.3]], tf.float64)
    loss = Minimax().discriminator_loss(
        tf.repeat(scores, counts_p, axis=0), tf.repeat(scores, counts_q, axis=0)
    )
    d = tf.sigmoid(scores).numpy()[:, 0]
    assert -float(loss) == pytest.approx(
        theory.game_value(counts_p / 8, counts_q / 8, d), abs=1e-12
    )


@pytest.mark.parametrize(("real", "fake"), [(1.0, 0.0), (0.9, 0.0), (0.7, 0.3), (0.5, 0.5)])
def test_optimum_under_targets_is_stationary_for_the_package_loss(real, fake):
    counts_p, counts_q = np.array([3, 4, 1]), np.array([2, 2, 4])
    best = theory.optimal_discriminator(counts_p / 8, counts_q / 8, real, fake)
    scores = tf.constant(np.log(best / (1 - best))[:, None])
    with tf.GradientTape() as tape:
        tape.watch(scores)
        loss = Minimax(real, fake).discriminator_loss(
            tf.repeat(scores, counts_p, axis=0), tf.repeat(scores, counts_q, axis=0)
        )
    # targets are float32 constants
    np.testing.assert_allclose(tape.gradient(loss, scores), 0, atol=1e-7)


def test_flipping_labels_is_smoothing_both_sides_in_expectation():
    import keras

    scores = tf.constant(np.random.default_rng(0).normal(size=(200_000, 1)), tf.float32)
    flipped = Minimax(flip_probability=0.2).discriminator_loss(
        scores, scores + 1, seed=keras.random.SeedGenerator(1)
    )
    smoothed = Minimax(0.8, 0.2).discriminator_loss(scores, scores + 1)
    assert float(flipped) == pytest.approx(float(smoothed), abs=5e-3)  # 4 standard errors
    assert abs(float(smoothed) - float(Minimax().discriminator_loss(scores, scores + 1))) > 0.05


def test_a_target_above_one_has_no_optimum():
    far = tf.constant([[10.0], [1000.0]])
    losses = [float(Minimax(real_target=1.3).discriminator_loss(s, -s)) for s in far[:, None]]
    assert losses[1] == pytest.approx(-0.3 * 1000, rel=1e-3) and losses[1] < losses[0] < 0


@pytest.mark.parametrize("score", [-10.0, -1.0, 0.0, 3.0])
def test_score_gradients_are_those_of_the_package_losses(score):
    found = theory.score_gradients(score)
    for objective, slope in (
        (Minimax(), found.saturating),
        (NonSaturating(), found.non_saturating),
    ):
        scores = tf.constant([[score]], tf.float64)
        with tf.GradientTape() as tape:
            tape.watch(scores)
            loss = objective.generator_loss(scores)
        assert tape.gradient(loss, scores).numpy().item() == pytest.approx(float(slope), rel=1e-9)
    # sigmoid(s) / sigmoid(-s) = e^s: the ratio that saturation is about
    assert found.saturating / found.non_saturating == pytest.approx(math.exp(score), rel=1e-9)


@pytest.fixture(scope="module")
def log_d():
    p = theory.cells(GaussianMixture([-1.2, 1.0], [0.6, 0.9], [0.3, 0.7]).log_density, GRID)
    return p, theory.log_d_gradients(GRID, p, 0.7, 1.1)


def test_log_d_gradient_with_a_still_discriminator_is_that_of_kl_minus_two_js(log_d):
    p, found = log_d
    np.testing.assert_allclose(found.still, found.claimed, atol=1e-12)
    assert np.abs(found.moving - found.claimed).max() > 0.01  # and not with a moving one
    assert found.value - found.claimed_value == pytest.approx(found.gap, abs=1e-12)
    assert found.gap > 0.1
    best = theory.optimal_discriminator(p, gaussian(0.7, 1.1))
    assert found.gap == pytest.approx(2 * LOG_2 + p @ np.log(best), abs=1e-9)


@pytest.mark.parametrize("which", [0, 1])
def test_log_d_gradients_are_finite_differences_of_their_definitions(log_d, which):
    p, found = log_d
    step = 1e-5
    low, high = np.array([0.7, 1.1]), np.array([0.7, 1.1])
    low[which] -= step
    high[which] += step
    still_log_d = np.log(theory.optimal_discriminator(p, gaussian(0.7, 1.1)))

    def difference(function):
        return (function(gaussian(*high)) - function(gaussian(*low))) / (2 * step)

    def moving(q):
        return -q @ np.log(theory.optimal_discriminator(p, q))

    def claimed(q):
        return theory.kl_divergence(q, p) - 2 * theory.jensen_shannon(p, q)

    assert found.still[which] == pytest.approx(difference(lambda q: -q @ still_log_d), abs=1e-6)
    assert found.moving[which] == pytest.approx(difference(moving), abs=1e-6)
    assert found.claimed[which] == pytest.approx(difference(claimed), abs=1e-6)


def test_log_d_gradient_is_what_the_package_generator_loss_gives(log_d):
    """Reparametrised samples on normal quantiles, scores log p/q of the still D*."""
    from scipy.special import ndtri

    mixture = GaussianMixture([-1.2, 1.0], [0.6, 0.9], [0.3, 0.7])
    z = ndtri((np.arange(40_000) + 0.5) / 40_000)
    parameters = tf.constant([0.7, 1.1], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        x = parameters[0] + parameters[1] * z
        terms = [
            math.log(w / (s * math.sqrt(2 * math.pi))) - ((x - m) / s) ** 2 / 2
            for w, m, s in zip(mixture.weights, mixture.modes[:, 0], mixture.sigma, strict=True)
        ]
        log_q = -(((x - 0.7) / 1.1) ** 2) / 2 - math.log(1.1 * math.sqrt(2 * math.pi))
        loss = NonSaturating().generator_loss((tf.reduce_logsumexp(terms, axis=0) - log_q)[:, None])
    np.testing.assert_allclose(tape.gradient(loss, parameters), log_d[1].claimed, atol=2e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: theory.kl_divergence([0.5, 0.6], [0.5, 0.5]), "divide a density"),
        (lambda: theory.jensen_shannon([1.0], [0.5, 0.5]), r"expected \(n,\)"),
        (lambda: theory.log_d_gradients(GRID, gaussian(0, 1), 0, 0), "above 0"),
        (lambda: theory.log_d_gradients(GRID, gaussian(0, 1), 0, 0.1), "narrower grid"),
        (lambda: theory.descend([1.0, 0.0], [0.5, 0.5], 1), "narrower grid"),
        (lambda: theory.descend([0.5, 0.5], [0.5, 0.5], 1, d_steps=0), "d_steps=0"),
        (lambda: theory.convergence_bound([0.5, 0.5], [0.5, 0.5], 1, 1.1), "up to 1"),
    ],
)
def test_documented_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_unknown_name_of_the_package():
    with pytest.raises(AttributeError, match="no attribute 'helvetica'"):
        theory.helvetica  # noqa: B018
    assert "descend" in dir(theory)
