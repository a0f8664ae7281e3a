"""What a penalty on codes answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import keras
import tensorflow as tf

from tfgan_survey.layers.codes import Code
from tfgan_survey.registry import Configured


class CodePenalty(Configured):
    """A term that an autoencoder's loss gets for its codes.

    A subclass sets `name` and overrides `penalty`; it defaults to nothing.
    """

    name: ClassVar[str]

    def penalty(
        self,
        codes: tf.Tensor,
        encode: Callable[[tf.Tensor], tf.Tensor],
        images: tf.Tensor,
        seed: keras.random.SeedGenerator,
    ) -> tf.Tensor:
        """Return the scalar to add, already weighted; evaluated inside the tape.

        Args:
            codes: of this batch, float32 `(batch, *code_shape)`, as the decoder gets them.
            encode: images to codes, for penalties of the encoder's slope.
            images: what was encoded, corrupted where there is a corruption, float32
                `(batch, ...)`.
            seed: randomness.
        """
        return tf.zeros(())

    def validate(self, code: Code) -> None:
        """Refuse codes for which the penalty means nothing, by a ValueError.

        Args:
            code: what makes them.
        """


@keras.saving.register_keras_serializable("tfgan_survey")
class NoPenalty(CodePenalty):
    """No penalty."""

    name = "none"
