"""Scores of f-GAN bent where an exponential of them would overflow: w(v), a logarithm far out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import tensorflow as tf

# A logarithm of the ratio of which float32 holds the power and its slope, whatever the limit.
_LARGEST_POWER = 40.0


def limits(
    name: str, alpha: float | None, limit: float
) -> tuple[float | None, float | None, float]:
    """Return the scores below and above which a row is bent, None for nowhere, and the slope k.

    There the exponent of the row's output (below) or of its composed conjugate (above) is `limit`.

    Args:
        name: of the divergence.
        alpha: its order, for `alpha_two` only.
        limit: largest exponent, above 0.
    """
    if name == "alpha_two":
        # a power, no exponential, but one of 1 / (alpha - 1)
        high = math.expm1(min(_LARGEST_POWER * (alpha - 1.0), 80.0)) / (alpha - 1.0)
        return None, high, 1.0 / (1.0 + high * (alpha - 1.0))
    return {
        "kl": (None, 1.0 + limit, 1.0),
        "reverse_kl": (-limit, None, 1.0),
        "neyman": (-limit, None, 1.0),
        "squared_hellinger": (-limit, limit, 1.0),
        "jeffrey": (None, 1.0 + limit - math.exp(-limit), 1.0),  # there 1 / W(e^(1-v)) = e^limit
    }.get(name, (None, None, 1.0))


def bend_above(v: tf.Tensor, high: float, k: float = 1.0) -> tf.Tensor:
    """Return v up to `high`, and h + log(1 + k (v - h)) / k beyond it.

    Args:
        v: float32 scores.
        high: where the bend begins.
        k: slope of the logarithm's argument; 1 leaves the slope at `high` as it is.
    """
    return tf.minimum(v, high) + tf.math.log1p(k * tf.nn.relu(v - high)) / k


def bent(row: Any, low: float | None, high: float | None, k: float) -> Any:
    """Return a row whose scores go through w(v) first.

    Args:
        row: a `Divergence`.
        low: score below which it is bent, None for nowhere.
        high: score above which it is bent, None for nowhere.
        k: see `bend_above`.
    """
    if low is None and high is None:
        return row

    def bend(v: tf.Tensor) -> tf.Tensor:
        v = v if high is None else bend_above(v, high, k)
        return v if low is None else -bend_above(-v, -low, k)

    def after(function: Callable) -> Callable:
        return lambda v: function(bend(v))

    return replace(
        row,
        output=after(row.output),
        conjugate_of_output=after(row.conjugate_of_output),
        log_ratio=after(row.log_ratio),
    )
