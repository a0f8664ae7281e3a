"""All twelve rows against definitions: conjugate as a supremum, bound as a divergence."""

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from tfgan_survey.objectives.divergences import DIVERGENCES, divergence, lambert_log
from tfgan_survey.objectives.f_divergence import FDivergence

_CASES = [(name, {}) for name in DIVERGENCES] + [
    ("alpha_half", {"alpha": -1.0}),
    ("alpha_half", {"alpha": 0.9}),
    ("alpha_two", {"alpha": 3.0}),
    ("weighted_jensen_shannon", {"pi": 0.2}),
    ("total_variation", {"tails": "algebraic"}),
]
_IDS = [name + "".join(f"-{value}" for value in options.values()) for name, options in _CASES]
cases = pytest.mark.parametrize(("name", "options"), _CASES, ids=_IDS)
smooth = pytest.mark.parametrize(
    ("name", "options"),
    [case for case in _CASES if case[0] != "total_variation"],
    ids=[i for i in _IDS if not i.startswith("total_variation")],
)


def _f64(value):
    return tf.constant(value, tf.float64)


def _derivative(function, at):
    at = _f64(at)
    with tf.GradientTape() as tape:
        tape.watch(at)
        value = function(at)
    return tape.gradient(value, at).numpy()


@cases
def test_conjugate_is_the_supremum(name, options):
    row = divergence(name, **options)
    if name == "total_variation":
        slopes = np.array([-0.49, -0.2, 0.0, 0.3, 0.49])
    else:
        slopes = row.slope(_f64([0.02, 0.3, 1.0, 2.0, 6.0])).numpy()

    def largest(t, log_u):
        values = np.exp(log_u) * t - row.f(_f64(np.exp(log_u))).numpy()
        return values.max(), log_u[values.argmax()]

    for t in slopes:
        _, around = largest(t, np.linspace(-25.0, 6.0, 3001))
        supremum, _ = largest(t, np.linspace(around - 0.02, around + 0.02, 4001))
        assert float(row.conjugate(_f64(t))) == pytest.approx(supremum, abs=1e-5)


@smooth
def test_fenchel_identity_and_slope(name, options):
    row, u = divergence(name, **options), np.array([0.05, 0.4, 1.0, 2.5, 9.0])
    slope = row.slope(_f64(u)).numpy()
    np.testing.assert_allclose(slope, _derivative(row.f, u), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        row.conjugate(_f64(slope)).numpy(), u * slope - row.f(_f64(u)).numpy(), rtol=1e-8, atol=1e-9
    )


@cases
def test_threshold_is_the_slope_at_one_and_f_vanishes_there(name, options):
    row = divergence(name, **options)
    assert float(row.slope(_f64(1.0))) == pytest.approx(row.threshold, abs=1e-12)
    expected = -2 * math.log(2) if name == "gan" else 0.0
    assert float(row.f(_f64(1.0))) == pytest.approx(expected, abs=1e-12)


@cases
def test_both_forms_of_the_conjugate_agree(name, options):
    row, v = divergence(name, **options), np.linspace(-9.0, 9.0, 37)
    if row.log_ratio is not None:  # beyond e^15 the second continues as a tangent
        v = v[row.log_ratio(_f64(v)).numpy() < 14.0]
    np.testing.assert_allclose(
        row.conjugate_of_output(_f64(v)).numpy(),
        row.conjugate(row.output(_f64(v))).numpy(),
        rtol=1e-6,
        atol=1e-8,
    )


@smooth
def test_ratio_is_the_slope_of_the_conjugate(name, options):
    row, v = divergence(name, **options), np.linspace(-0.4, 6.0, 9)
    t = row.output(_f64(v)).numpy()
    np.testing.assert_allclose(
        np.exp(row.log_ratio(_f64(v)).numpy()), _derivative(row.conjugate, t), rtol=1e-6
    )


@smooth
def test_optimal_output_is_the_slope_and_the_bound_is_the_divergence(points, name, options):
    objective = FDivergence(name, **options)
    scores = points.best_scores(objective)
    ratio = _f64(points.p / points.q)
    np.testing.assert_allclose(
        objective.row.output(_f64(scores)).numpy(), objective.row.slope(ratio).numpy(), atol=2e-4
    )
    divergence_value = np.sum(points.q * objective.row.f(ratio).numpy())
    assert float(-points.d_loss(objective, scores)) == pytest.approx(divergence_value, abs=1e-7)


@pytest.mark.parametrize(
    ("tails", "reached", "slope"), [("exponential", 1.0, 0.0), ("algebraic", 30 / 31, 0.5 / 31**2)]
)
def test_total_variation_bound_is_half_the_absolute_difference(points, tails, reached, slope):
    sign = np.sign(points.p - points.q)
    objective = FDivergence("total_variation", tails=tails)
    bound = -points.d_loss(objective, 30.0 * sign)
    divergence_value = 0.5 * np.abs(points.p - points.q).sum()
    assert float(bound) == pytest.approx(reached * divergence_value, abs=1e-12)
    found = float(_derivative(objective.row.output, 30.0))
    assert found == pytest.approx(slope, rel=1e-6, abs=1e-15)
    assert FDivergence("total_variation").probabilities(tf.zeros((1, 1))) is None


@cases
def test_any_other_output_stays_below_the_divergence(points, name, options):
    objective = FDivergence(name, **options)
    divergence_value = np.sum(points.q * objective.row.f(_f64(points.p / points.q)).numpy())
    for scores in np.random.default_rng(0).normal(scale=2.0, size=(20, 5)):
        assert -points.d_loss(objective, scores) < divergence_value
    # and not by much where the output is near the best: the gap is of second order in the distance
    best = 30.0 * np.sign(points.p - points.q)
    if name != "total_variation":  # whose best scores are infinite
        best = points.best_scores(objective)
    reached = -points.d_loss(objective, best) / divergence_value
    tight = 30 / 31 if options.get("tails") == "algebraic" else 1.0
    assert float(reached) == pytest.approx(tight, abs=1e-6)
    if name != "total_variation":
        gaps = [divergence_value + points.d_loss(objective, best + d) for d in (0.01, 0.02)]
        assert 0.0 < gaps[0] < 1e-3
        assert float(gaps[1] / gaps[0]) == pytest.approx(4.0, rel=0.1)


@cases
@pytest.mark.parametrize("size", [14.0, 40.0, 1e4])
def test_extreme_scores_keep_losses_and_gradients_finite(name, options, size):
    for generator_objective in ("saddle", "practical"):
        objective = FDivergence(name, generator_objective, **options)
        scores = tf.constant([[size], [-size]])
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(scores)
            d_loss = objective.discriminator_loss(scores, -scores)
            g_loss = objective.generator_loss(scores)
        for loss in (d_loss, g_loss):
            assert np.isfinite(loss.numpy())
            assert np.isfinite(tape.gradient(loss, scores).numpy()).all()


@pytest.mark.parametrize("name", ["kl", "squared_hellinger", "jeffrey", "alpha_half"])
def test_a_generated_score_far_too_high_is_pulled_down(name):
    scores = tf.constant([[40.0]])
    with tf.GradientTape() as tape:
        tape.watch(scores)
        loss = FDivergence(name).discriminator_loss(tf.zeros((1, 1)), scores)
    assert tape.gradient(loss, scores).numpy() > 1e3


def test_saddle_and_practical(points):
    fake = tf.constant([[0.3], [-1.2]], tf.float64)
    for name in DIVERGENCES:
        row = divergence(name)
        saddle = FDivergence(name, "saddle").generator_loss(fake).numpy()
        practical = FDivergence(name, "practical").generator_loss(fake).numpy()
        assert saddle == pytest.approx(-np.mean(row.conjugate(row.output(fake))), abs=1e-9)
        assert practical == pytest.approx(-np.mean(row.output(fake)), abs=1e-12)


def test_gan_row_is_the_minimax_game(points):
    from tfgan_survey.objectives.minimax import Minimax, NonSaturating

    scores = np.array([0.5, -2.0, 1.0, 3.0, -0.1])
    row, fake = FDivergence("gan", "saddle"), tf.constant(scores[:, None])
    assert float(points.d_loss(row, scores)) == pytest.approx(
        float(points.d_loss(Minimax(), scores)), abs=1e-12
    )
    assert float(row.generator_loss(fake)) == pytest.approx(
        float(Minimax().generator_loss(fake)), abs=1e-12
    )
    practical = FDivergence("gan", "practical").generator_loss(fake)
    assert float(practical) == pytest.approx(float(NonSaturating().generator_loss(fake)), abs=1e-12)


def test_lambert_w_against_scipy():
    s = np.concatenate([np.linspace(-100, 100, 401), [0.999, 1.0, 1.001]])
    moderate = s[np.abs(s) < 300]
    expected = np.log(special.lambertw(np.exp(moderate)).real)
    np.testing.assert_allclose(
        lambert_log(_f64(moderate)).numpy(), expected, rtol=1e-10, atol=1e-10
    )


def test_jeffrey_gradient_is_the_reciprocal_of_w():
    t = np.linspace(-20.0, 12.0, 65)
    row = divergence("jeffrey")
    expected = 1.0 / special.lambertw(np.exp(1.0 - t)).real
    np.testing.assert_allclose(_derivative(row.conjugate, t), expected, rtol=1e-9)
    step = 1e-6
    numeric = (row.conjugate(_f64(t + step)) - row.conjugate(_f64(t - step))) / (2 * step)
    np.testing.assert_allclose(numeric, expected, rtol=1e-4, atol=1e-6)


def test_pearson_is_clamped_below_minus_two():
    row = divergence("pearson")
    # sup over u >= 0 of u t - (u - 1)^2 is -1, at u = 0, for every t <= -2
    np.testing.assert_allclose(row.conjugate(_f64([-2.0, -5.0, -100.0])).numpy(), -1.0)


@pytest.mark.parametrize("name", ["kl", "reverse_kl", "neyman", "squared_hellinger", "jeffrey"])
@pytest.mark.parametrize("limit", [3.0, 5.0])
def test_a_lower_limit_bounds_the_slopes_and_changes_nothing_within(name, limit):
    low, high = divergence(name, exponent_limit=limit), divergence(name)
    inside, outside = np.linspace(-limit, limit, 21) * 0.9, np.array([-60.0, 60.0])
    for low_form, high_form in (
        (low.output, high.output),
        (low.conjugate_of_output, high.conjugate_of_output),
    ):
        np.testing.assert_array_equal(low_form(_f64(inside)), high_form(_f64(inside)))
        steepest = np.abs(_derivative(low_form, outside)).max()
        assert steepest <= math.exp(limit) * (1 + 1e-9)
        # tangent: no jump where it begins
        edge = _derivative(low_form, np.linspace(-limit - 1.5, limit + 1.5, 4001))
        assert np.abs(np.diff(edge)).max() < 0.02 * math.exp(limit)


def test_tails_are_one_of_two():
    with pytest.raises(ValueError, match="tails=heavy: expected one of exponential, algebraic"):
        FDivergence("total_variation", tails="heavy")


def test_the_limit_must_be_positive():
    with pytest.raises(ValueError, match="exponent_limit=0"):
        FDivergence("kl", exponent_limit=0.0)
