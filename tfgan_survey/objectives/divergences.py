"""The twelve f-divergences of f-GAN as rows: f, its conjugate, its output activation.

Every row has two forms of the conjugate. `conjugate(t)` is the formula of the paper's table, for
theory and tests. `conjugate_of_output(v)` is f*(g_f(v)) simplified on paper, so that no logarithm
meets an exponential that has already overflowed; training uses it.

Exponentials are kept from overflow by bending the score itself: T and f*(T) are both taken at
w(v), which is v up to a limit and grows as a logarithm beyond it. Whatever w is, f*(T) is the
conjugate of that very T, so the value stays a lower bound of the divergence.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import tensorflow as tf

from tfgan_survey.errors import unknown_name
from tfgan_survey.objectives.bending import bend_above, bent, limits

DivergenceName = Literal[
    "kl",
    "reverse_kl",
    "pearson",
    "neyman",
    "squared_hellinger",
    "jeffrey",
    "jensen_shannon",
    "weighted_jensen_shannon",
    "gan",
    "alpha_half",
    "alpha_two",
    "total_variation",
]
DIVERGENCES = get_args(DivergenceName)
Tails = Literal["exponential", "algebraic"]
BeyondLimit = Literal["consistent", "separate"]
# Rows without an exponential that a limit could meet: both forms beyond it are one.
UNLIMITED = ("pearson", "jensen_shannon", "gan", "alpha_two", "total_variation")

# Where an asymptote takes over from a logarithm of what nears 0: at e^-30 the two agree far below
# float32's resolution, and slopes of e^30 are far from its overflow. In the form "separate" it took
# over at e^-15, where they differ by 3e-7.
_ASYMPTOTE, _EARLY_ASYMPTOTE = 30.0, 15.0
# Newton steps for Lambert's W. They converge quadratically and from one side; 8 are exact in
# float64 over |v| <= 100 (tested against scipy).
_NEWTON_STEPS = 8

Function = Callable[[tf.Tensor], tf.Tensor]


@dataclass(frozen=True)
class Divergence:
    """One row of the table.

    Formula:
        D_f(p||q) = E_q[f(p/q)] >= E_p[T] - E_q[f*(T)],  T = g_f(v)

    Attributes:
        f: the generator function f(u), u > 0; f(1) = 0, except for "gan" (-2 log 2).
        slope: f'(u); the optimal T is f'(p/q).
        conjugate: f*(t) on its whole domain.
        output: g_f(v), from all reals into f*'s domain.
        conjugate_of_output: f*(g_f(v)).
        log_ratio: log f*'(g_f(v)), at the optimum log p/q; None where T does not determine it.
        threshold: f'(1): a larger T says "real".
    """

    f: Function
    slope: Function
    conjugate: Function
    output: Function
    conjugate_of_output: Function
    log_ratio: Function | None
    threshold: float


def divergence(
    name: str,
    alpha: float | None = None,
    pi: float | None = None,
    exponent_limit: float = 15.0,
    tails: Tails = "exponential",
    beyond_limit: BeyondLimit = "consistent",
) -> Divergence:
    """Return a row by its name.

    Formula:
        T = g_f(w(v)),  f*(T) = f*(g_f(w(v)))
        w(v) = v up to the limit h,  h + log(1 + k (v - h)) / k beyond it, k the exponent's slope,
        so that e^(k w) goes on as the tangent of e^(k v)

    Args:
        name: one of `DIVERGENCES`.
        alpha: of `alpha_half` (below 1, not 0; 0.5 by default) or `alpha_two` (above 1; 2).
        pi: share of the data in `weighted_jensen_shannon`, between 0 and 1; 0.5 by default.
        exponent_limit: exponentials of the output and of the composed conjugate go on as their
            tangent beyond this exponent. float32 overflows at 88; e^15 = 3e6 is far outside any
            ratio that a minibatch can show. A score that were clipped instead would have no
            gradient by which to come back.
        beyond_limit: `consistent`: output and conjugate of one bent score, a lower bound for any
            scores; `separate`: each with its own tangent, as earlier versions computed, which
            bounds nothing where a score is beyond the limit.
        tails: how T of `total_variation`, the only one bounded on both sides, nears its bounds.
            `exponential`: tanh(v) / 2 as in the table, with slopes of 2 e^(-2 |v|); `algebraic`:
            v / (1 + |v|) / 2, with slopes of 1 / |v|^2, by which players far out come back.

    Returns:
        The row, its `output`, `conjugate_of_output` and `log_ratio` guarded.

    Raises:
        UnknownNameError: no such divergence.
        ValueError: a limit that is not positive; alpha or pi outside their range, or given where
            they have no effect.
    """
    if name not in DIVERGENCES:
        raise unknown_name("divergence", name, DIVERGENCES)
    if alpha is not None and name not in ("alpha_half", "alpha_two"):
        raise ValueError(f"alpha={alpha} has no effect on {name!r}; leave it out.")
    if pi is not None and name != "weighted_jensen_shannon":
        raise ValueError(f"pi={pi} has no effect on {name!r}; leave it out.")
    if tails not in (shapes := {"exponential": tf.tanh, "algebraic": tf.nn.softsign}):
        raise ValueError(f"tails={tails!r}: expected {' or '.join(shapes)}.")
    if not exponent_limit > 0.0:
        raise ValueError(f"exponent_limit={exponent_limit}: expected above 0.")
    if beyond_limit not in get_args(BeyondLimit):
        raise ValueError(
            f"beyond_limit={beyond_limit!r}: expected {' or '.join(get_args(BeyondLimit))}."
        )
    separate = beyond_limit == "separate"
    asymptote = _EARLY_ASYMPTOTE if separate else _ASYMPTOTE

    def exp(x: tf.Tensor) -> tf.Tensor:
        return _exp(x, exponent_limit) if separate else tf.exp(x)

    if name == "weighted_jensen_shannon":
        return _weighted_jensen_shannon(0.5 if pi is None else pi, asymptote)
    if name == "alpha_half":
        limit = None if separate else exponent_limit
        return _alpha_below_one(0.5 if alpha is None else alpha, exp, asymptote, limit)
    if name == "alpha_two":
        alpha = 2.0 if alpha is None else alpha
        row = _alpha_above_one(alpha)
    else:
        row = _rows(exp, shapes[tails])[name]
    return row if separate else bent(row, *limits(name, alpha, exponent_limit))


def lambert_log(s: tf.Tensor) -> tf.Tensor:
    """Return y = log W(e^s), the root of e^y + y = s, for any s without overflow.

    Newton's method on a convex increasing function, started right of the root, from where it
    descends: y_0 = s for s < 1, log s otherwise.

    Args:
        s: float32, any shape.
    """
    y = tf.where(s < 1.0, s, tf.math.log(tf.maximum(s, 1.0)))
    for _ in range(_NEWTON_STEPS):
        w = tf.exp(y)
        y = y - (w + y - s) / (w + 1.0)
    return y


def _exp(x: tf.Tensor, limit: float) -> tf.Tensor:
    """Return e^x, beyond the limit its tangent."""
    return tf.exp(tf.minimum(x, limit)) * (1.0 + tf.nn.relu(x - limit))


def _log_softplus_negative(v: tf.Tensor, asymptote: float) -> tf.Tensor:
    """Return log log(1 + e^-v), which tends to -v."""
    return tf.where(v > asymptote, -v, tf.math.log(tf.nn.softplus(-tf.minimum(v, asymptote))))


def _log_one_minus_power(v: tf.Tensor, exponent: float, asymptote: float) -> tf.Tensor:
    """Return log(1 - sigmoid(v)^exponent), which tends to log(exponent) - v."""
    inner = tf.math.log(-tf.math.expm1(-exponent * tf.nn.softplus(-tf.minimum(v, asymptote))))
    return tf.where(v > asymptote, math.log(exponent) - v, inner)


def _jeffrey_conjugate(t: tf.Tensor, exp: Function = tf.exp) -> tf.Tensor:
    """Return W(e^(1-t)) + 1/W(e^(1-t)) + t - 2 with its gradient 1/W(e^(1-t))."""

    @tf.custom_gradient
    def conjugate(t):
        y = lambert_log(1.0 - t)

        def gradient(upstream):
            # d/dt exp(-y) = exp(-y) / (e^y + 1) for the true exponential; its tangent's slope
            # takes its place beyond the limit.
            with tf.GradientTape() as tape:
                tape.watch(y)
                reciprocal = exp(-y)
            slope = -tape.gradient(reciprocal, y)
            return upstream * slope

        return tf.exp(y) + exp(-y) + t - 2.0, gradient

    return conjugate(t)


def _pearson_conjugate(t: tf.Tensor) -> tf.Tensor:
    # Below -2 the supremum over u >= 0 is reached at u = 0; the printed parabola would rise again.
    t = tf.maximum(t, -2.0)
    return 0.25 * tf.square(t) + t


def _identity(v: tf.Tensor) -> tf.Tensor:
    return v


def _log_sigmoid(v: tf.Tensor) -> tf.Tensor:
    return -tf.nn.softplus(-v)


def _weighted_jensen_shannon(pi: float, asymptote: float) -> Divergence:
    if not 0.0 < pi < 1.0:
        raise ValueError(f"pi={pi}: expected between 0 and 1.")
    offset, odds = -pi * math.log(pi), math.log((1.0 - pi) / pi)

    def f(u):
        mixture = 1.0 - pi + pi * u
        return pi * u * tf.math.log(u) - mixture * tf.math.log(mixture)

    def log_ratio(v):
        return odds - tf.nn.softplus(-v) / pi - _log_one_minus_power(v, 1.0 / pi, asymptote)

    return Divergence(
        f=f,
        slope=lambda u: pi * (tf.math.log(u) - tf.math.log(1.0 - pi + pi * u)),
        conjugate=lambda t: (1.0 - pi) * tf.math.log((1.0 - pi) / (1.0 - pi * tf.exp(t / pi))),
        output=lambda v: offset - tf.nn.softplus(-v),
        conjugate_of_output=lambda v: (
            (1.0 - pi) * (math.log(1.0 - pi) - _log_one_minus_power(v, 1.0 / pi, asymptote))
        ),
        log_ratio=log_ratio,
        threshold=0.0,
    )


def _alpha_functions(alpha: float):
    def f(u):
        return (u**alpha - 1.0 - alpha * (u - 1.0)) / (alpha * (alpha - 1.0))

    def slope(u):
        return (u ** (alpha - 1.0) - 1.0) / (alpha - 1.0)

    def conjugate(t):
        # For alpha > 1 the supremum is reached at u = 0 where the base is negative.
        base = tf.maximum(t * (alpha - 1.0) + 1.0, 0.0)
        return (base ** (alpha / (alpha - 1.0)) - 1.0) / alpha

    return f, slope, conjugate


def _alpha_below_one(
    alpha: float, exp: Function, asymptote: float, limit: float | None
) -> Divergence:
    """Return the row; with a limit, its exponent is bent, and T is the output of that exponent."""
    if not alpha < 1.0 or alpha == 0.0:
        raise ValueError(f"alpha={alpha}: alpha_half takes values below 1, not 0; see alpha_two.")
    f, slope, conjugate = _alpha_functions(alpha)
    rest = 1.0 - alpha

    def log_base(v):
        return math.log(rest) + _log_softplus_negative(v, asymptote)

    def exponent(v):
        e = -alpha / rest * log_base(v)
        # for alpha below 0 it grows as a logarithm by itself
        return e if limit is None or alpha < 0.0 else bend_above(e, limit)

    def output(v):
        inverse = tf.nn.softplus(-v)
        if limit is not None and alpha > 0.0:
            e = exponent(v)
            inverse = tf.where(e > limit, tf.exp(-rest / alpha * e) / rest, inverse)
        return 1.0 / rest - inverse

    return Divergence(
        f=f,
        slope=slope,
        conjugate=conjugate,
        output=output,
        conjugate_of_output=lambda v: (exp(exponent(v)) - 1.0) / alpha,
        log_ratio=lambda v: exponent(v) / alpha,
        threshold=0.0,
    )


def _alpha_above_one(alpha: float) -> Divergence:
    if not alpha > 1.0:
        raise ValueError(f"alpha={alpha}: alpha_two takes values above 1; see alpha_half.")
    f, slope, conjugate = _alpha_functions(alpha)

    def log_ratio(v):
        base = v * (alpha - 1.0) + 1.0
        return tf.math.log(tf.maximum(base, math.exp(-_EARLY_ASYMPTOTE))) / (alpha - 1.0)

    return Divergence(f, slope, conjugate, _identity, conjugate, log_ratio, threshold=0.0)


def _rows(exp: Function, squashed: Function) -> dict[str, Divergence]:
    """Return the rows without parameters; `exp` is guarded, `squashed` goes from -1 to 1."""
    return {
        "kl": Divergence(
            f=lambda u: u * tf.math.log(u),
            slope=lambda u: tf.math.log(u) + 1.0,
            conjugate=lambda t: tf.exp(t - 1.0),
            output=_identity,
            conjugate_of_output=lambda v: exp(v - 1.0),
            log_ratio=lambda v: v - 1.0,
            threshold=1.0,
        ),
        "reverse_kl": Divergence(
            f=lambda u: -tf.math.log(u),
            slope=lambda u: -1.0 / u,
            conjugate=lambda t: -1.0 - tf.math.log(-t),
            output=lambda v: -exp(-v),
            conjugate_of_output=lambda v: v - 1.0,
            log_ratio=_identity,
            threshold=-1.0,
        ),
        "pearson": Divergence(
            f=lambda u: tf.square(u - 1.0),
            slope=lambda u: 2.0 * (u - 1.0),
            conjugate=_pearson_conjugate,
            output=_identity,
            conjugate_of_output=_pearson_conjugate,
            log_ratio=lambda v: tf.math.log(tf.maximum(0.5 * v + 1.0, math.exp(-_EARLY_ASYMPTOTE))),
            threshold=0.0,
        ),
        "neyman": Divergence(
            f=lambda u: tf.square(1.0 - u) / u,
            slope=lambda u: 1.0 - 1.0 / tf.square(u),
            conjugate=lambda t: 2.0 - 2.0 * tf.sqrt(1.0 - t),
            output=lambda v: 1.0 - exp(-v),
            conjugate_of_output=lambda v: 2.0 - 2.0 * exp(-0.5 * v),
            log_ratio=lambda v: 0.5 * v,
            threshold=0.0,
        ),
        "squared_hellinger": Divergence(
            f=lambda u: tf.square(tf.sqrt(u) - 1.0),
            slope=lambda u: 1.0 - 1.0 / tf.sqrt(u),
            conjugate=lambda t: t / (1.0 - t),
            output=lambda v: 1.0 - exp(-v),
            conjugate_of_output=lambda v: exp(v) - 1.0,
            log_ratio=lambda v: 2.0 * v,
            threshold=0.0,
        ),
        "jeffrey": Divergence(
            f=lambda u: (u - 1.0) * tf.math.log(u),
            slope=lambda u: tf.math.log(u) + 1.0 - 1.0 / u,
            conjugate=_jeffrey_conjugate,
            output=_identity,
            conjugate_of_output=lambda v: _jeffrey_conjugate(v, exp),
            log_ratio=lambda v: -lambert_log(1.0 - v),
            threshold=0.0,
        ),
        "jensen_shannon": Divergence(
            f=lambda u: u * tf.math.log(u) - (u + 1.0) * tf.math.log(0.5 * (u + 1.0)),
            slope=lambda u: tf.math.log(2.0 * u / (u + 1.0)),
            conjugate=lambda t: -tf.math.log(2.0 - tf.exp(t)),
            output=lambda v: math.log(2.0) + _log_sigmoid(v),
            conjugate_of_output=lambda v: tf.nn.softplus(v) - math.log(2.0),
            log_ratio=_identity,
            threshold=0.0,
        ),
        "gan": Divergence(
            f=lambda u: u * tf.math.log(u) - (u + 1.0) * tf.math.log(u + 1.0),
            slope=lambda u: tf.math.log(u / (u + 1.0)),
            conjugate=lambda t: -tf.math.log(1.0 - tf.exp(t)),
            output=_log_sigmoid,
            conjugate_of_output=tf.nn.softplus,
            log_ratio=_identity,
            threshold=-math.log(2.0),
        ),
        "total_variation": Divergence(
            f=lambda u: 0.5 * tf.abs(u - 1.0),
            slope=lambda u: 0.5 * tf.sign(u - 1.0),
            conjugate=lambda t: tf.maximum(t, -0.5),
            output=lambda v: 0.5 * squashed(v),
            conjugate_of_output=lambda v: 0.5 * squashed(v),
            log_ratio=None,
            threshold=0.0,
        ),
    }
