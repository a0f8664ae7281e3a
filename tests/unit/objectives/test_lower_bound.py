"""-d_loss of f-GAN never passes the divergence: any scores, any two distributions on cells."""

import math

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from tfgan_survey.objectives.divergences import DIVERGENCES, UNLIMITED, divergence
from tfgan_survey.objectives.f_divergence import FDivergence

CELLS = 5
FORMS = ("consistent", "separate")
# Rounding of float32: of each cell's T and f*(T), relative, some units of 2^-24.
ROUNDING = 5e-7

# f at 0 and f(u) / u at infinity: what a cell costs that one of the two distributions leaves empty.
ENDS = {
    "kl": (0.0, math.inf),
    "reverse_kl": (math.inf, 0.0),
    "pearson": (1.0, math.inf),
    "neyman": (math.inf, 1.0),
    "squared_hellinger": (1.0, 1.0),
    "jeffrey": (math.inf, math.inf),
    "jensen_shannon": (math.log(2.0), math.log(2.0)),
    "gan": (0.0, 0.0),
    "total_variation": (0.5, 0.5),
}


def _ends(name, options):
    if name == "weighted_jensen_shannon":
        pi = options.get("pi", 0.5)
        return -(1.0 - pi) * math.log(1.0 - pi), -pi * math.log(pi)
    if name == "alpha_half":
        alpha = options.get("alpha", 0.5)
        return (1.0 / alpha if alpha > 0.0 else math.inf), 1.0 / (1.0 - alpha)
    if name == "alpha_two":
        return 1.0 / options.get("alpha", 2.0), math.inf
    return ENDS[name]


CASES = [(name, {}) for name in DIVERGENCES] + [
    *(("alpha_half", {"alpha": alpha}) for alpha in (-3.0, 0.05, 0.9, 0.99)),
    *(("alpha_two", {"alpha": alpha}) for alpha in (1.05, 1.5, 8.0)),
    *(("weighted_jensen_shannon", {"pi": pi}) for pi in (0.01, 0.2, 0.9)),
    ("total_variation", {"tails": "algebraic"}),
]
cases = pytest.mark.parametrize(
    ("name", "options"), CASES, ids=[n + "".join(f"-{v}" for v in o.values()) for n, o in CASES]
)

mass = st.one_of(st.just(0.0), st.floats(-9.0, 0.0).map(lambda power: 10.0**power))
distribution = (
    st.lists(mass, min_size=CELLS, max_size=CELLS)
    .filter(lambda masses: sum(masses) > 0.0)
    .map(lambda masses: np.float32(np.array(masses) / sum(masses)))
)
magnitude = st.floats(-2.0, 4.0).map(lambda power: 10.0**power)
score = st.one_of(
    st.sampled_from([0.0, 14.9, -14.9, 30.0, -30.0, 90.0, -90.0, 1e4, -1e4]),
    magnitude,
    magnitude.map(lambda number: -number),
)
scores = st.lists(score, min_size=CELLS, max_size=CELLS)


def _divergence(row, ends, p, q):
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where((p > 0) & (q > 0), p / q, 1.0)
        inside = np.where((p > 0) & (q > 0), q * row.f(tf.constant(ratio, tf.float64)).numpy(), 0.0)
    empty_p, empty_q = q[(p == 0) & (q > 0)].sum(), p[(q == 0) & (p > 0)].sum()
    return (
        inside.sum()
        + (ends[0] * empty_p if empty_p else 0.0)
        + (ends[1] * empty_q if empty_q else 0.0)
    )


@cases
@hypothesis.given(
    p=distribution, q=distribution, v=scores, limit=st.sampled_from([0.5, 2.0, 5.0, 15.0])
)
@hypothesis.settings(max_examples=60, deadline=None, derandomize=True)
def test_the_value_is_a_lower_bound(name, options, p, q, v, limit):
    row = FDivergence(name, exponent_limit=limit, **options).row
    p, q, v = p.astype("float64"), q.astype("float64"), tf.constant(v, tf.float32)
    output, conjugate = row.output(v).numpy(), row.conjugate_of_output(v).numpy()
    # cell by cell, so that the sums are exact and only the rounding of T and f*(T) is left
    value = np.sum(p * output) - np.sum(q * conjugate)
    size = max(np.sum(p * np.abs(output)) + np.sum(q * np.abs(conjugate)), 1.0)
    assert value <= _divergence(row, _ends(name, options), p, q) + ROUNDING * size


@cases
@pytest.mark.parametrize("limit", [0.5, 5.0, 15.0])
def test_conjugate_is_that_of_the_output_beyond_the_limit_too(name, options, limit):
    row = divergence(name, exponent_limit=limit, **options)
    v = tf.constant(np.concatenate([-np.geomspace(0.1, 60, 30), np.geomspace(0.1, 12, 30)]))
    output = row.output(v)
    found, expected = row.conjugate_of_output(v).numpy(), row.conjugate(output).numpy()
    # where T nears the end of f*'s domain, rounding of T alone moves f*(T) by its slope
    slope = 1.0 if row.log_ratio is None else np.exp(row.log_ratio(v).numpy())
    room = 1e-9 * (1.0 + np.abs(expected)) + 1e-14 * slope * (1.0 + np.abs(output.numpy()))
    assert (np.abs(found - expected) <= room).all()


@cases
@pytest.mark.parametrize("limit", [0.5, 5.0, 15.0])
def test_a_generated_score_far_too_high_comes_back(name, options, limit):
    v = tf.constant([-1e4, *np.linspace(-90.0, 90.0, 181), 1e4], tf.float32)
    objective = FDivergence(name, exponent_limit=limit, **options)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(v)
        generated = objective.row.conjugate_of_output(v)
        real = objective.row.output(v)
    slopes = tape.gradient(generated, v).numpy(), tape.gradient(real, v).numpy()
    assert np.isfinite(slopes).all()
    assert all((slope >= 0.0).all() for slope in slopes)
    bounded = name in ("total_variation", "neyman") or options.get("alpha", 0.0) < 0.0
    if not bounded:  # f* that is bounded above is flat there by its table
        assert slopes[0][-1] > 0.1 * min(1.0, 1.0 - options.get("pi", 0.5))


@pytest.mark.parametrize("name", ["kl", "squared_hellinger", "jeffrey", "alpha_half"])
@pytest.mark.parametrize("limit", [0.5, 5.0, 15.0])
def test_the_slope_beyond_the_limit_is_the_exponential_s_at_the_limit(name, limit):
    v = tf.constant([50.0, 1e4])
    with tf.GradientTape() as tape:
        tape.watch(v)
        loss = divergence(name, exponent_limit=limit).conjugate_of_output(v)
    expected = math.exp(limit) * {"alpha_half": 2.0}.get(name, 1.0)
    tolerance = 1.0 - math.exp(-math.exp(-limit)) + 1e-4  # W(e^s) is e^s in the limit only
    if name == "alpha_half":
        tolerance = 1e-4 + math.exp(-limit)  # so is the soft plus
    np.testing.assert_allclose(tape.gradient(loss, v), expected, rtol=tolerance)


def test_two_gaussians_beyond_the_limit():
    """A free score a cell for N(2.2, 1) against N(0, 1): KL is 2.42 and no score finds more."""
    edges = np.linspace(-6.0, 8.2, 143)
    p, q = (np.diff([0.5 * math.erf((x - m) / math.sqrt(2)) for x in edges]) for m in (2.2, 0.0))
    p, q = p / p.sum(), q / q.sum()
    exact = np.sum(p * np.log(p / q))
    assert exact == pytest.approx(2.42, abs=0.01)

    def value(form):
        row = divergence("kl", exponent_limit=2.0, beyond_limit=form)
        v = tf.constant(np.linspace(-20.0, 2e4, 200_001))
        output, conjugate = row.output(v).numpy(), row.conjugate_of_output(v).numpy()
        return sum(np.max(a * output - b * conjugate) for a, b in zip(p, q, strict=True))

    assert exact - 0.01 < value("consistent") <= exact + 1e-9
    assert value("separate") > 2 * exact  # what earlier versions computed


@pytest.mark.parametrize("name", UNLIMITED)
def test_rows_without_exponentials_have_one_form(name):
    v = tf.constant(np.concatenate([np.linspace(-40, 40, 81), [-1e4, 1e4]]), tf.float32)
    one, other = (divergence(name, beyond_limit=f, exponent_limit=2.0) for f in FORMS)
    for form in ("output", "conjugate_of_output"):
        np.testing.assert_array_equal(getattr(one, form)(v), getattr(other, form)(v))


def test_configurations_of_earlier_versions_keep_their_form():
    fresh = FDivergence("kl")
    assert fresh.beyond_limit == "consistent"
    assert FDivergence.from_config(fresh.get_config()).beyond_limit == "consistent"
    recorded = fresh.get_config()
    del recorded["beyond_limit"]
    assert FDivergence.from_config(recorded).beyond_limit == "separate"
    assert FDivergence.from_config({**recorded, "divergence": "gan"}).beyond_limit == "consistent"


def test_the_form_is_one_of_two():
    with pytest.raises(ValueError, match="beyond_limit=both: expected one of consistent, separate"):
        FDivergence("kl", beyond_limit="both")
