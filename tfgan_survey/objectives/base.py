"""The objective axis: who minimises what, given the discriminator's scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import keras
import tensorflow as tf

from tfgan_survey.registry import Configured

if TYPE_CHECKING:
    from tfgan_survey.networks.pair import NetworkPair


class Objective(Configured, ABC):
    """Two losses, both minimised, as functions of linear scores.

    Why:
        the loop hands over scores and knows no loss by name; a new objective is one file in
        this package and a row in its test.

    A subclass sets `name` and implements both losses. Scores are float32 `(batch, 1)` or a patch
    map `(batch, h, w, 1)`; the mean is over all of them.
    """

    name: ClassVar[str]
    needs_images: ClassVar[bool] = False

    @abstractmethod
    def discriminator_loss(
        self,
        real_scores: tf.Tensor,
        fake_scores: tf.Tensor,
        real: tf.Tensor | None = None,
        fake: tf.Tensor | None = None,
        seed: keras.random.SeedGenerator | None = None,
    ) -> tf.Tensor:
        """Return the scalar that the discriminator minimises.

        Args:
            real_scores: scores of the real batch.
            fake_scores: scores of the generated batch.
            real: the real images, for objectives with `needs_images`.
            fake: the generated images, likewise.
            seed: randomness of objectives that draw, such as label flipping.
        """

    @abstractmethod
    def generator_loss(self, fake_scores: tf.Tensor) -> tf.Tensor:
        """Return the scalar that the generator minimises.

        Args:
            fake_scores: scores of the generated batch.
        """

    def probabilities(self, scores: tf.Tensor) -> tf.Tensor | None:
        """Return the discriminator's probability of "real", or None where it has none.

        Args:
            scores: float32, any shape.
        """
        return None

    def validate(self, pair: NetworkPair) -> None:
        """Refuse a pair that this objective cannot be trained with, by a ValueError.

        Args:
            pair: the networks that it would train.
        """
