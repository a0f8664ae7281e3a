"""Mao et al. 2017: least squares instead of cross-entropy."""

from __future__ import annotations

from typing import Literal

import keras
import tensorflow as tf

from tfgan_survey.objectives.base import Objective
from tfgan_survey.objectives.targets import draw_targets
from tfgan_survey.registry import Probability

# Coding -> (a, b, c), arXiv:1611.04076 section 3.3 (Eq. 8 and Eq. 9).
_CODINGS = {"pearson": (-1.0, 1.0, 0.0), "zero_one": (0.0, 1.0, 1.0)}


@keras.saving.register_keras_serializable("tfgan_survey")
class LeastSquares(Objective):
    """Scores are pulled to a target; the generator pulls its own to another.

    Formula:
        d_loss = 1/2 E_real[(s - b)^2] + 1/2 E_fake[(s - a)^2]
        g_loss = 1/2 E_fake[(s - c)^2]
        optimum s* = (b p + a q) / (p + q)

    Why:
        samples far on the right side of the boundary still feel a pull. With b - c = 1 and
        b - a = 2 the generator minimises the Pearson chi^2 of p + q and 2 q, which the
        coding "pearson" (-1, 1, 0) has; "zero_one" is (0, 1, 1).

    Args:
        coding: `pearson` or `zero_one`, the two published choices of (a, b, c).
        a: target of generated scores; None takes the coding's. Moving it towards b is two-sided
            label smoothing.
        b: target of real scores; None takes the coding's. Moving it towards a is one-sided label
            smoothing.
        c: what the generator wants its scores to be; None takes the coding's.
        flip_probability: share of scores whose target is exchanged for the other side's, in the
            discriminator's loss only (survey section 5, trick 6).

    Raises:
        ValueError: a equals b, or a probability outside [0, 1].

    Source:
        Mao et al. 2017, arXiv:1611.04076, Eq. 2, 5, 8 and 9.
    """

    name = "least_squares"

    def __init__(
        self,
        coding: Literal["pearson", "zero_one"] = "pearson",
        a: float | None = None,
        b: float | None = None,
        c: float | None = None,
        flip_probability: Probability = 0.0,
    ):
        self.coding = coding
        self.a, self.b, self.c = a, b, c
        self.flip_probability = flip_probability
        if self.targets[0] == self.targets[1]:
            raise ValueError(
                f"a and b are both {self.targets[0]}: real and generated scores need two targets."
            )

    @property
    def targets(self) -> tuple[float, float, float]:
        """The (a, b, c) in force."""
        given = (self.a, self.b, self.c)
        return tuple(
            coded if own is None else own
            for own, coded in zip(given, _CODINGS[self.coding], strict=True)
        )

    def discriminator_loss(self, real_scores, fake_scores, real=None, fake=None, seed=None):
        """Return half the two mean squared distances to the targets."""
        a, b, _ = self.targets
        flip = self.flip_probability
        real_loss = _half_mean_square(real_scores - draw_targets(real_scores, b, a, flip, seed))
        fake_loss = _half_mean_square(fake_scores - draw_targets(fake_scores, a, b, flip, seed))
        return real_loss + fake_loss

    def generator_loss(self, fake_scores):
        """Return half the mean squared distance to c."""
        return _half_mean_square(fake_scores - self.targets[2])

    def probabilities(self, scores):
        """Return (s - a) / (b - a) within [0, 1], which at the optimum is p / (p + q)."""
        a, b, _ = self.targets
        return tf.clip_by_value((scores - a) / (b - a), 0.0, 1.0)


def _half_mean_square(values: tf.Tensor) -> tf.Tensor:
    return 0.5 * tf.reduce_mean(tf.square(values))
