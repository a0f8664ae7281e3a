"""Goodfellow et al. 2014: the minimax game and its non-saturating form."""

from __future__ import annotations

from typing import Annotated

import keras
import tensorflow as tf
from annotated_types import Ge, Le

from tfgan_survey.objectives.base import Objective
from tfgan_survey.objectives.targets import draw_targets
from tfgan_survey.registry import Positive, Probability

# The survey names 1.3 as a relaxed real label, so targets above 1 are allowed.
Target = Annotated[float, Ge(0), Le(2)]


@keras.saving.register_keras_serializable("tfgan_survey")
class Minimax(Objective):
    """The two-player game of value V(G, D), D = sigmoid(scores).

    Formula:
        d_loss = -w (E_real[t_r log D + (1 - t_r) log(1 - D)]
                     + E_fake[t_f log D + (1 - t_f) log(1 - D)])
        g_loss = E_fake[log(1 - D)]
        with t_r = 1, t_f = 0 and w = 1: d_loss = -V; at D = 1/2 it is log 4.

    Why:
        the form that the theory is about. Early in training log(1 - D) is flat where D
        rejects with confidence, so train with `NonSaturating`.

    Args:
        real_target: t_r; below 1 is one-sided label smoothing (Salimans et al. 2016).
        fake_target: t_f; above 0 smooths the other side too, which pulls D towards its own past.
        flip_probability: share of examples whose target is exchanged for the other side's, in the
            discriminator's loss only (survey section 5, trick 6).
        discriminator_weight: w; the 2014 code has 1/2, which matters under SGD.

    Raises:
        ValueError: a target outside [0, 2] or a probability outside [0, 1].

    Source:
        Goodfellow et al. 2014, arXiv:1406.2661, Eq. 1. The logarithms are exact softplus forms; the
        snippet's TINY inside the logarithm is not needed.
    """

    name = "minimax"

    def __init__(
        self,
        real_target: Target = 1.0,
        fake_target: Target = 0.0,
        flip_probability: Probability = 0.0,
        discriminator_weight: Positive = 1.0,
    ):
        self.real_target = real_target
        self.fake_target = fake_target
        self.flip_probability = flip_probability
        self.discriminator_weight = discriminator_weight

    def discriminator_loss(self, real_scores, fake_scores, real=None, fake=None, seed=None):
        """Return the weighted cross-entropy, float32 scalar, summed over the two batches."""
        real_loss = _cross_entropy(
            real_scores, self._targets(real_scores, self.real_target, self.fake_target, seed)
        )
        fake_loss = _cross_entropy(
            fake_scores, self._targets(fake_scores, self.fake_target, self.real_target, seed)
        )
        return self.discriminator_weight * (real_loss + fake_loss)

    def generator_loss(self, fake_scores):
        """Return E[log(1 - D)] = -E[softplus(scores)], at most 0."""
        return -tf.reduce_mean(tf.nn.softplus(fake_scores))

    def probabilities(self, scores):
        """Return sigmoid(scores)."""
        return tf.sigmoid(scores)

    def _targets(self, scores, own: float, other: float, seed):
        return draw_targets(scores, own, other, self.flip_probability, seed)


@keras.saving.register_keras_serializable("tfgan_survey")
class NonSaturating(Minimax):
    """The minimax discriminator with the generator's log D form.

    Formula:
        g_loss = -E_fake[log D] = E_fake[softplus(-scores)]

    Why:
        the default. It has the minimax game's fixed point and a gradient that does not vanish
        where D rejects. With D* held fixed its gradient is that of KL(p_g||p) - 2 JS.

    Source:
        Goodfellow et al. 2014, arXiv:1406.2661, section 3; Arjovsky & Bottou 2017,
        arXiv:1701.04862, Theorem 2.5.
    """

    name = "non_saturating"

    def generator_loss(self, fake_scores):
        """Return -E[log D], at least 0."""
        return tf.reduce_mean(tf.nn.softplus(-fake_scores))


def _cross_entropy(scores: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Return mean(softplus(s) - t s), which is -t log D - (1 - t) log(1 - D)."""
    return tf.reduce_mean(tf.nn.softplus(scores) - targets * scores)
