"""Every objective against its closed form; a new objective is a row here."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.objectives import OBJECTIVES
from tfgan_survey.objectives.divergences import DIVERGENCES
from tfgan_survey.objectives.f_divergence import FDivergence
from tfgan_survey.objectives.hinge import Hinge
from tfgan_survey.objectives.least_squares import LeastSquares
from tfgan_survey.objectives.minimax import Minimax, NonSaturating
from tfgan_survey.objectives.wasserstein import Wasserstein


def _logit(share):
    return np.log(share / (1 - share))


@pytest.mark.parametrize(
    ("objective", "optimum"),
    [
        (Minimax(), lambda p, q: np.log(p / q)),
        (NonSaturating(), lambda p, q: np.log(p / q)),
        (Minimax(discriminator_weight=0.5), lambda p, q: np.log(p / q)),
        (Minimax(real_target=0.9), lambda p, q: _logit(0.9 * p / (p + q))),
        (
            NonSaturating(real_target=0.8, fake_target=0.1),
            lambda p, q: _logit((0.8 * p + 0.1 * q) / (p + q)),
        ),
        (LeastSquares(), lambda p, q: (p - q) / (p + q)),
        (LeastSquares("zero_one"), lambda p, q: p / (p + q)),
        (LeastSquares(a=0.2, b=0.9, c=0.5), lambda p, q: (0.9 * p + 0.2 * q) / (p + q)),
    ],
    # The address in the repr of a function is another in each process.
    ids=lambda value: (
        "optimum" if callable(value) and not hasattr(value, "get_config") else repr(value)
    ),
)
def test_best_scores_are_the_closed_form(points, objective, optimum):
    np.testing.assert_allclose(
        points.best_scores(objective), optimum(points.p, points.q), atol=1e-5
    )


@pytest.mark.parametrize(
    "objective",
    [Minimax(), NonSaturating(), LeastSquares(), LeastSquares("zero_one")]
    + [FDivergence(name) for name in DIVERGENCES if name != "total_variation"],
    ids=repr,
)
def test_probability_at_the_optimum_is_p_over_p_plus_q(points, objective):
    probabilities = objective.probabilities(tf.constant(points.best_scores(objective))).numpy()
    np.testing.assert_allclose(probabilities, points.p / (points.p + points.q), atol=1e-5)


def test_minimax_is_log_four_at_zero_and_both_generators_log_two():
    zeros = tf.zeros((6, 1))
    assert float(Minimax().discriminator_loss(zeros, zeros)) == pytest.approx(math.log(4), abs=1e-6)
    half = Minimax(discriminator_weight=0.5)
    assert float(half.discriminator_loss(zeros, zeros)) == pytest.approx(math.log(2), abs=1e-6)
    assert float(Minimax().generator_loss(zeros)) == pytest.approx(-math.log(2), abs=1e-6)
    assert float(NonSaturating().generator_loss(zeros)) == pytest.approx(math.log(2), abs=1e-6)


def test_minimax_optimum_is_twice_jensen_shannon_below_log_four(points):
    p, q, mean = points.p, points.q, (points.p + points.q) / 2
    jensen_shannon = 0.5 * np.sum(p * np.log(p / mean)) + 0.5 * np.sum(q * np.log(q / mean))
    loss = points.d_loss(Minimax(), np.log(p / q))
    assert float(loss) == pytest.approx(math.log(4) - 2 * jensen_shannon, abs=1e-12)


def test_log_d_form_keeps_the_gradient_that_minimax_loses():
    rejected = tf.constant([[-12.0]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(rejected)
        losses = Minimax().generator_loss(rejected), NonSaturating().generator_loss(rejected)
    slopes = [tape.gradient(loss, rejected).numpy().item() for loss in losses]
    # d/ds log(1 - sigmoid(s)) = -sigmoid(s); d/ds -log sigmoid(s) = sigmoid(s) - 1
    sigmoid = 1 / (1 + math.exp(12))
    assert slopes == pytest.approx([-sigmoid, sigmoid - 1], rel=1e-3)


def test_least_squares_by_hand():
    real, fake = tf.constant([[2.0], [0.0]]), tf.constant([[1.0], [-3.0]])
    # pearson: 1/2 mean((1, -1)^2) + 1/2 mean((2, -2)^2); zero_one: 1/2 mean(1, 1) + 1/2 mean(1, 9)
    assert float(LeastSquares().discriminator_loss(real, fake)) == pytest.approx(2.5)
    assert float(LeastSquares("zero_one").discriminator_loss(real, fake)) == pytest.approx(3.0)
    assert float(LeastSquares().generator_loss(fake)) == pytest.approx(2.5)  # c = 0
    assert float(LeastSquares("zero_one").generator_loss(fake)) == pytest.approx(4.0)  # c = 1


def test_least_squares_generator_sees_pearson_where_b_minus_c_is_1_and_b_minus_a_is_2(points):
    p, q = points.p, points.q
    scores = (p - q) / (p + q)
    # Eq. 7 of arXiv:1611.04076: 2 C(G) = chi^2(p + q || 2 q), both players' terms taken at c.
    value = np.sum((p + q) * scores**2)
    assert value == pytest.approx(np.sum((2 * q - (p + q)) ** 2 / (p + q)), abs=1e-12)


def test_wasserstein_is_the_shift_under_a_unit_slope_critic():
    real = np.random.default_rng(0).normal(size=(64, 1))
    for slope, shift in ((1.0, 0.7), (1.0, -2.0), (3.0, 0.5)):
        fake = real - shift
        loss = Wasserstein().discriminator_loss(
            tf.constant(slope * real), tf.constant(slope * fake)
        )
        assert float(loss) == pytest.approx(-slope * shift, abs=1e-9)
    assert float(Wasserstein().generator_loss(tf.constant([[1.0], [4.0]]))) == pytest.approx(-2.5)


def test_hinge_by_hand_and_its_best_loss_is_two_less_twice_the_total_variation(points):
    real, fake = tf.constant([[2.0], [0.25], [-1.0]]), tf.constant([[1.0], [-3.0], [-0.5]])
    # (0 + 3/4 + 2) / 3 + (2 + 0 + 1/2) / 3
    assert float(Hinge().discriminator_loss(real, fake)) == pytest.approx(5.25 / 3)
    assert float(Hinge().generator_loss(fake)) == pytest.approx(2.5 / 3)
    p, q = points.p, points.q
    best = float(points.d_loss(Hinge(), np.sign(p - q)))
    assert best == pytest.approx(2.0 - np.abs(p - q).sum(), abs=1e-12)
    # Piecewise linear in every score: no step from the best scores lowers it.
    for index in range(len(p)):
        for step in (-0.5, 0.5):
            moved = np.sign(p - q) + step * np.eye(len(p))[index]
            assert float(points.d_loss(Hinge(), moved)) >= best - 1e-12


@pytest.mark.parametrize("kind", [Minimax, NonSaturating, LeastSquares])
def test_labels_are_flipped_at_the_stated_rate(kind):
    seed, size = keras.random.SeedGenerator(3), 20_000
    objective = kind(flip_probability=0.2)
    scores = tf.ones((size, 1)) * 2.0
    flipped = objective.discriminator_loss(scores, scores, seed=seed).numpy()
    plain = kind().discriminator_loss(scores, scores).numpy()
    swapped = kind(flip_probability=1.0).discriminator_loss(scores, scores, seed=seed).numpy()
    # Equal scores on both sides: exchanging all targets changes nothing.
    assert swapped == pytest.approx(plain, rel=1e-5)
    # Unequal scores: the loss is linear in the share of flips.
    fake = -scores
    values = {
        rate: kind(flip_probability=rate).discriminator_loss(scores, fake, seed=seed).numpy()
        for rate in (0.0, 0.2, 1.0)
    }
    share = (values[0.2] - values[0.0]) / (values[1.0] - values[0.0])
    # Two draws of 20,000 at 0.2 have a standard deviation of 0.002 in their mean.
    assert share == pytest.approx(0.2, abs=4 * 0.002)
    assert flipped == pytest.approx(plain, rel=0.05)


def test_flips_are_drawn_anew_each_time_and_not_for_the_generator():
    seed = keras.random.SeedGenerator(0)
    objective, scores = Minimax(flip_probability=0.5), tf.linspace(-2.0, 2.0, 64)[:, None]
    losses = {float(objective.discriminator_loss(scores, scores, seed=seed)) for _ in range(4)}
    assert len(losses) == 4
    assert objective.generator_loss(scores) == Minimax().generator_loss(scores)


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (
            Minimax,
            {"flip_probability": 1.5},
            "flip_probability=1.5: .* at least 0 and at most 1",
        ),
        (Minimax, {"real_target": -1.0}, "real_target=-1.0"),
        (Minimax, {"discriminator_weight": 0.0}, "discriminator_weight=0.0"),
        (LeastSquares, {"coding": "one"}, "pearson, zero_one"),
        (LeastSquares, {"a": 1.0, "b": 1.0}, "two targets"),
        (LeastSquares, {"flip_probability": -0.1}, "flip_probability"),
        (FDivergence, {"divergence": "jefrey"}, "Did you mean jeffrey"),
        (FDivergence, {"generator_objective": "log"}, "one of saddle, practical"),
        (FDivergence, {"divergence": "kl", "alpha": 0.5}, "no effect on 'kl'"),
        (FDivergence, {"divergence": "kl", "pi": 0.5}, "no effect on 'kl'"),
        (FDivergence, {"divergence": "alpha_half", "alpha": 1.5}, "alpha_two"),
        (FDivergence, {"divergence": "alpha_half", "alpha": 0.0}, "not 0"),
        (FDivergence, {"divergence": "alpha_two", "alpha": 0.5}, "alpha_half"),
        (
            FDivergence,
            {"divergence": "weighted_jensen_shannon", "pi": 1.0},
            "pi=1.0: .* above 0 and below",
        ),
    ],
)
def test_wrong_options_are_refused(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind(**arguments)


@pytest.mark.parametrize("name", ["wasserstein", "f_divergence", "loss_sensitive"])
@pytest.mark.parametrize("trick", ["real_target", "fake_target", "flip_probability"])
def test_objectives_without_targets_have_no_label_tricks(name, trick):
    assert trick not in OBJECTIVES.options(name)
    with pytest.raises(TypeError, match="argument"):
        OBJECTIVES[name](**{trick: 0.9})


def test_flipping_without_a_seed_is_refused():
    with pytest.raises(ValueError, match="SeedGenerator"):
        Minimax(flip_probability=0.1).discriminator_loss(tf.zeros((2, 1)), tf.zeros((2, 1)))
