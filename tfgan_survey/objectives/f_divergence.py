"""Nowozin et al. 2016: any f-divergence as a two-player game."""

from __future__ import annotations

from typing import Literal

import keras
import tensorflow as tf

from tfgan_survey.objectives.base import Objective
from tfgan_survey.objectives.divergences import UNLIMITED, BeyondLimit, DivergenceName, Tails
from tfgan_survey.objectives.divergences import divergence as row
from tfgan_survey.registry import Inside, Positive


@keras.saving.register_keras_serializable("tfgan_survey")
class FDivergence(Objective):
    """The variational lower bound of an f-divergence, raised by the discriminator.

    Formula:
        T = g_f(scores);  d_loss = -E_real[T] + E_fake[f*(T)]
        g_loss = -E_fake[f*(T)] ("saddle") or -E_fake[T] ("practical")
        at the optimum T = f'(p/q), and -d_loss = D_f(p||q)

    Why:
        one game, twelve divergences. In "saddle" both players share one value; "practical"
        has the stronger gradient early on, like the log D form, which it is for "gan".
        Between images that do not overlap most divergences are infinite, and a free
        discriminator finds that out: on MNIST in batches of 64, "kl" and "jeffrey" collapse
        alone and train with `gradient_penalty`; "neyman" needs `exponent_limit=5` too.

    Args:
        divergence: row of the paper's table; see `tfgan_survey.objectives.divergences`.
        generator_objective: what the generator minimises.
        alpha: of the alpha divergences; None for 1/2 (`alpha_half`) and 2 (`alpha_two`).
        pi: of `weighted_jensen_shannon`; None for 1/2.
        exponent_limit: beyond it exponentials go on as their tangent. A lower one bounds the slope
            of the losses, e^limit, where one generated image far off would otherwise spoil Adam's
            moments for a thousand steps; ratios p/q beyond about e^limit are learned more slowly.
        tails: of the bounded T of `total_variation`, see `tfgan_survey.objectives.divergences`.
            With the table's tanh both players of MNIST end where it is flat.
        beyond_limit: `consistent` keeps f*(T) the conjugate of T beyond the limit too, and -d_loss
            a lower bound; `separate` is what versions before computed, for their runs.

    Raises:
        UnknownNameError: no such divergence.
        ValueError: alpha or pi outside their range, or given where they have no effect.

    Source:
        Nowozin et al. 2016, arXiv:1606.00709, Eq. 4 to 6, tables 2 and 6, section 3.2.
    """

    name = "f_divergence"

    def __init__(
        self,
        divergence: DivergenceName = "jensen_shannon",
        generator_objective: Literal["saddle", "practical"] = "practical",
        alpha: float | None = None,
        pi: Inside | None = None,
        exponent_limit: Positive = 15.0,
        tails: Tails = "exponential",
        beyond_limit: BeyondLimit = "consistent",
    ):
        self.row = row(divergence, alpha, pi, exponent_limit, tails, beyond_limit)
        self.divergence, self.alpha, self.pi = divergence, alpha, pi
        self.generator_objective = generator_objective
        self.exponent_limit, self.tails, self.beyond_limit = exponent_limit, tails, beyond_limit

    @classmethod
    def earlier(cls, given):
        """Name the form of runs begun before there were two, where the two differ."""
        return {} if given.get("divergence") in UNLIMITED else {"beyond_limit": "separate"}

    @property
    def threshold(self) -> float:
        """f'(1): T above it says "real"."""
        return self.row.threshold

    def discriminator_loss(self, real_scores, fake_scores, real=None, fake=None, seed=None):
        """Return minus the lower bound of the divergence."""
        bound = tf.reduce_mean(self.row.output(real_scores))
        return tf.reduce_mean(self.row.conjugate_of_output(fake_scores)) - bound

    def generator_loss(self, fake_scores):
        """Return -E[f*(T)] or -E[T]."""
        saddle = self.generator_objective == "saddle"
        chosen = self.row.conjugate_of_output if saddle else self.row.output
        return -tf.reduce_mean(chosen(fake_scores))

    def probabilities(self, scores):
        """Return p / (p + q) with p / q = f*'(T); None for total variation, which has no ratio."""
        return None if self.row.log_ratio is None else tf.sigmoid(self.row.log_ratio(scores))
