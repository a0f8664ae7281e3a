"""What every model with a discriminator does with it: its losses, its move, its signature."""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf

from tfgan_survey.layers import spectral
from tfgan_survey.layers.augmentation import Augmentation, NoAugmentation
from tfgan_survey.networks.scorer import Scorer


class Discriminates:
    """The discriminating half of a model; mixed into a `TrainableModel`.

    Why:
        A discriminator's side does not know who made the negatives, a generator or an ascent.

        With `mismatched` the negatives are half fakes, half real examples beside the condition of
        another: a discriminator that only asks whether an example is real lets the generator
        forget what it was told (Reed et al. 2016, arXiv:1605.05396, Algorithm 1).

        The model has `spec` with `score(images, labels, training, network)`, `objective`,
        `regularizer`, `discriminator` and the optimizer `d_optimizer`.
    """

    # A kind that offers it makes it a constructor's argument.
    mismatched: bool = False
    augmentation: Augmentation = NoAugmentation()

    def discriminator_logs(self, real, fake, labels, training: bool, fake_labels=None, scorer=None):
        """Return the discriminator's logs, and its scores of the fakes.

        Real and fake are scored as separate batches: batch norm must not mix them.

        Args:
            real: images in the networks' range.
            fake: generated images of the same shape.
            labels: the condition's rows, such as int32 `(batch,)`, or None.
            training: whether the discriminator runs in training mode.
            fake_labels: those of the fakes, where they are others.
            scorer: whose discriminator scores, where it is not the spec's.
        """
        scorer = self.spec if scorer is None else scorer
        images = (real, fake) if self.objective.needs_images else (None, None)
        real, fake = self.augmented(real), self.augmented(fake)

        def score(images, rows=labels):
            return scorer.score(images, rows, training=training)

        real_scores = score(real)
        fake_scores = score(fake, labels if fake_labels is None else fake_labels)
        refused = fake_scores
        if self.mismatched and labels is not None:
            # What is real and of another example's condition is to be refused as well.
            refused = tf.concat([fake_scores, score(real, tf.roll(labels, 1, axis=0))], axis=0)
        d_loss = self.objective.discriminator_loss(
            real_scores, refused, *images, seed=self.seed_generator
        )
        penalty = self._penalty(score, real, fake, training)
        logs = {"d_loss": d_loss, "penalty": tf.cast(penalty, d_loss.dtype)}
        for key, scores in (("d_real", real_scores), ("d_fake", fake_scores)):
            probabilities = self.objective.probabilities(scores)
            logs[key] = tf.reduce_mean(scores if probabilities is None else probabilities)
        return logs, fake_scores

    def augmented(self, images: tf.Tensor) -> tf.Tensor:
        """Return images as the discriminator is to see them in training, drawn anew.

        Args:
            images: in the networks' range.
        """
        return self.augmentation(images, self.seed_generator)

    def _penalty(self, score, real, fake, training: bool) -> tf.Tensor:
        """Return the regularizer's penalty; in training in those steps only that it asks for."""
        every = self.regularizer.every

        def penalty():
            return self.regularizer.penalty(score, real, fake, self.seed_generator)

        if every == 1 or not training:
            return penalty()
        due = self._clock.value % every == 0
        return tf.cond(
            due, lambda: tf.cast(every * penalty(), "float32"), lambda: tf.zeros((), "float32")
        )

    def scorers(self) -> dict[str, tuple[Scorer, keras.Model]]:
        """Return the discriminators that are asked once training is done, by name.

        Returns:
            Name to what it is built for, and the network; most models have but one.
        """
        return {"discriminator": (self.spec, self.discriminator)}

    def apply_discriminator(self, gradients) -> None:
        """Move the discriminator and put it back where the regularizer wants it.

        Args:
            gradients: of its trainable variables.
        """
        self.d_optimizer.apply(gradients, self.discriminator.trainable_variables)
        self.regularizer.project(self.discriminator)
        for _, network in self.scorers().values():
            spectral.advance(network)

    def score_signature(self, network: keras.Model) -> tuple[Callable, list[tf.TensorSpec]]:
        """Return the signature `score`: of images in [0, 1], and of their condition.

        Args:
            network: the discriminator that answers.
        """
        spec = self.spec

        def score(images, labels=None):
            if labels is not None:
                labels = spec.condition.checked(labels)
            scores = spec.score(spec.from_unit(images), labels, network=network)
            probabilities = self.objective.probabilities(scores)
            outputs = {"scores": scores}
            return outputs if probabilities is None else {**outputs, "probabilities": probabilities}

        images = tf.TensorSpec((None, *spec.image_shape), tf.float32, "images")
        return score, [images, *spec.condition_inputs()]
