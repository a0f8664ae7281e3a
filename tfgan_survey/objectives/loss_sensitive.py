"""Qi 2017: a loss with margins that grow with the distance between images."""

from __future__ import annotations

from typing import Literal

import keras
import tensorflow as tf

from tfgan_survey.objectives.base import Objective
from tfgan_survey.registry import Positive


@keras.saving.register_keras_serializable("tfgan_survey")
class LossSensitive(Objective):
    """A real image's loss is to undercut a generated one's by their distance.

    Formula:
        d_loss = E[L(x)] + w E[(m d(x, G(z)) + L(x) - L(G(z)))_+],   g_loss = E[L(G(z))]
        d(x, x') = mean over pixels of |x - x'|, with `packing` over those of the pack
        L(x) = -s(x) ("linear") or softplus(-s(x)) ("softplus", not negative)

    Why:
        once a generated image is near a real one the margin is small and the critic leaves it
        alone; the survey names it as WGAN's successor. Real and generated images are paired
        by their row, so in a conditional pair they share a label. In the linear form, a
        constant added to all scores lowers d_loss without end: the scores drift, their
        differences do not.

    Args:
        margin_weight: w, called lambda in the paper.
        margin_scale: m. The authors' code has 0.0002 on the sum over 64 x 64 x 3 pixels in [-1, 1],
            which is 2.5 on their mean.
        loss_form: `linear` or `softplus`. The paper asks for losses that are not negative; the
            authors' code ends in a ReLU, whose smooth form softplus is.

    Raises:
        ValueError: a weight or scale that is not positive.

    Source:
        Qi 2017, arXiv:1701.06264, Eq. 6 and 7, L1 distance as in the authors' code. Departures: no
        weight decay (an optimizer's matter); the distance is a mean, so that the margin does not
        depend on the image's size.
    """

    name = "loss_sensitive"
    needs_images = True

    def __init__(
        self,
        margin_weight: Positive = 1.0,
        margin_scale: Positive = 2.5,
        loss_form: Literal["linear", "softplus"] = "linear",
    ):
        self.margin_weight = margin_weight
        self.margin_scale = margin_scale
        self.loss_form = loss_form

    def discriminator_loss(self, real_scores, fake_scores, real=None, fake=None, seed=None):
        """Return the mean real loss plus the weighted mean hinge, at patch maps for each patch.

        Raises:
            ValueError: the images are missing.
        """
        if real is None or fake is None:
            raise ValueError(
                "loss_sensitive needs the images: pass real= and fake= beside the scores."
            )
        pixels = tf.range(1, tf.rank(real))
        distance = tf.reduce_mean(
            tf.abs(tf.cast(real, tf.float32) - tf.cast(fake, tf.float32)), axis=pixels
        )
        if real_scores.shape[0] is None or real_scores.shape[0] != real.shape[0]:
            # Rows of a pack follow each other and share a score. Not where each is known to have
            # one of its own: XLA would fuse the sums in another order.
            distance = tf.reduce_mean(tf.reshape(distance, (tf.shape(real_scores)[0], -1)), axis=1)
        margin = self.margin_scale * tf.reshape(distance, [-1] + [1] * (len(real_scores.shape) - 1))
        real_loss, fake_loss = self._loss(real_scores), self._loss(fake_scores)
        hinge = tf.nn.relu(margin + real_loss - fake_loss)
        return tf.reduce_mean(real_loss) + self.margin_weight * tf.reduce_mean(hinge)

    def generator_loss(self, fake_scores):
        """Return E[L(G(z))]."""
        return tf.reduce_mean(self._loss(fake_scores))

    def _loss(self, scores):
        return -scores if self.loss_form == "linear" else tf.nn.softplus(-scores)
