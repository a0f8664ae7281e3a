"""The regularizer axis: what holds the discriminator back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import keras
import tensorflow as tf

from tfgan_survey.registry import Configured

if TYPE_CHECKING:
    from tfgan_survey.networks.pair import NetworkPair


class Regularizer(Configured):
    """A term added to the discriminator's loss, a projection after its update, or both.

    A subclass sets `name` and overrides what it needs; both default to nothing. One that makes
    `every` an option is asked for its penalty in each so many-th training step only, and the
    penalty then counts as many times.
    """

    name: ClassVar[str]
    every: int = 1

    def penalty(
        self,
        score_fn: Callable[[tf.Tensor], tf.Tensor],
        real: tf.Tensor,
        fake: tf.Tensor,
        seed: keras.random.SeedGenerator,
    ) -> tf.Tensor:
        """Return the scalar to add, already weighted; evaluated inside the tape.

        Args:
            score_fn: images to scores, labels and `training` already bound.
            real: float32 `(batch, ...)`.
            fake: float32 `(batch, ...)`, a constant for this update.
            seed: randomness.
        """
        return tf.zeros(())

    def project(self, discriminator: keras.Model) -> None:
        """Move the discriminator's weights after its update.

        Args:
            discriminator: the network whose weights are moved.
        """

    def validate(self, pair: NetworkPair) -> None:
        """Refuse a pair for which the regularizer is known to be wrong, by a ValueError.

        Args:
            pair: the networks that it would be used on.
        """


@keras.saving.register_keras_serializable("tfgan_survey")
class NoRegularizer(Regularizer):
    """No penalty and no projection."""

    name = "none"
