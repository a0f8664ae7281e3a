"""What a reconstruction loss answers: the picture that outputs stand for, and how wrong it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import tensorflow as tf

from tfgan_survey.registry import Configured

OutputName = Literal["linear", "sigmoid"]


class Reconstruction(Configured, ABC):
    """A loss of images and of a decoder's linear outputs, minimised.

    Why:
        Decoders end linear, as discriminators do: what the outputs mean, a mean grey value or the
        logit of a probability, belongs to the loss.

    Attributes:
        name: as settings call it.
        is_likelihood: whether the loss is `-log p(x | z)` in nats, all constants included, so that
            bounds and log-likelihoods can be built on it.
    """

    name: ClassVar[str]
    is_likelihood: ClassVar[bool] = False

    @abstractmethod
    def mean(self, outputs: tf.Tensor) -> tf.Tensor:
        """Return the images that outputs stand for.

        Args:
            outputs: linear, float32 `(batch, ...)`.

        Returns:
            float32 of the same shape, in the images' range.
        """

    @abstractmethod
    def per_example(self, images: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """Return the loss of each example, summed over its pixels.

        Args:
            images: float32 `(batch, ...)` in [0, 1].
            outputs: linear, of a shape that broadcasts with the images'; leading axes may be more,
                as where several codes of an image are decoded.

        Returns:
            float32, without the axes of one image (its last three, or one of points).
        """


def over_pixels(values: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """Sum over the axes of one example.

    Args:
        values: `(..., *example)`.
        images: `(batch, *example)`, whose rank says how many axes an example has.
    """
    rank = len(values.shape)
    return tf.reduce_sum(values, axis=list(range(rank - len(images.shape) + 1, rank)))


def activated(outputs: tf.Tensor, output: OutputName) -> tf.Tensor:
    """Return linear outputs, or their sigmoid.

    Args:
        outputs: float32.
        output: which of the two.
    """
    return tf.sigmoid(outputs) if output == "sigmoid" else outputs
