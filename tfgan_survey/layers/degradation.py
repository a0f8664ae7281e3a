"""The degradation axis: what is lost of an image before a translator has to bring it back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import keras
import tensorflow as tf

from tfgan_survey.errors import SettingError
from tfgan_survey.registry import Configured, Count, Probability, Registry

# Of red, green and blue in what is seen as brightness (ITU-R BT.601).
_LUMA = (0.299, 0.587, 0.114)


class Degradation(Configured, ABC):
    """A fixed loss of information; the same image always loses the same.

    A subclass sets `name` and overrides the call.
    """

    name: ClassVar[str]

    @abstractmethod
    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Return degraded images of the same shape.

        Args:
            images: float32 in [0, 1], `(batch, h, w, c)`.
        """


@keras.saving.register_keras_serializable("tfgan_survey")
class CentralMask(Degradation):
    """Fill a square in the middle.

    Args:
        size: side of the square in pixels.
        fill: value that its pixels get.

    Raises:
        SettingError: from the call, a square larger than the images.

    Source:
        Pathak et al. 2016, arXiv:1604.07379 (inpainting by an adversarial loss).
    """

    name = "central_mask"

    def __init__(self, size: Count = 12, fill: Probability = 0.5):
        self.size, self.fill = size, fill

    def hole(self, image_shape: tuple[int, ...]) -> tuple[slice, slice]:
        """Return the rows and columns that are filled.

        Args:
            image_shape: `(height, width, channels)`.

        Raises:
            SettingError: the square is larger than the images.
        """
        if self.size > min(image_shape[:2]):
            raise SettingError(
                f"degradation.size={self.size}: images are {image_shape[0]}x{image_shape[1]}; "
                "take a smaller hole."
            )
        starts = [(side - self.size) // 2 for side in image_shape[:2]]
        return tuple(slice(start, start + self.size) for start in starts)

    def __call__(self, images):
        """Return the images with a hole."""
        shape = tuple(images.shape[1:])
        rows, columns = self.hole(shape)
        inside = [
            tf.constant([part.start <= place < part.stop for place in range(side)])
            for part, side in zip((rows, columns), shape, strict=False)
        ]
        hole = inside[0][:, None, None] & inside[1][None, :, None]
        return tf.where(hole, tf.cast(self.fill, images.dtype), images)


@keras.saving.register_keras_serializable("tfgan_survey")
class Grey(Degradation):
    """Leave the brightness, 0.299 R + 0.587 G + 0.114 B, in every channel.

    Raises:
        SettingError: from the call, images that are grey already.

    Source:
        Isola et al. 2017, arXiv:1611.07004, section 4.2 (colorization).
    """

    name = "grey"

    def __call__(self, images):
        """Return the images without colour."""
        if images.shape[-1] != 3:
            raise SettingError("degradation=grey: the images are grey already; take another.")
        brightness = tf.reduce_sum(images * tf.constant(_LUMA, images.dtype), -1, keepdims=True)
        return tf.repeat(brightness, 3, axis=-1)


@keras.saving.register_keras_serializable("tfgan_survey")
class LowResolution(Degradation):
    """Give each square of pixels its mean.

    Args:
        factor: side of the squares.

    Raises:
        SettingError: from the call, sides that are no multiples of the factor.

    Source:
        Ledig et al. 2017, arXiv:1609.04802 (super-resolution by an adversarial loss).
    """

    name = "low_resolution"

    def __init__(self, factor: Count = 4):
        self.factor = factor

    def __call__(self, images):
        """Return the images in coarse pixels."""
        if any(side % self.factor for side in images.shape[1:3]):
            raise SettingError(
                f"degradation.factor={self.factor}: sides of {images.shape[1]}x{images.shape[2]} "
                "are no multiples of it."
            )
        small = tf.nn.avg_pool2d(images, self.factor, self.factor, "VALID")
        return tf.repeat(tf.repeat(small, self.factor, axis=1), self.factor, axis=2)


@keras.saving.register_keras_serializable("tfgan_survey")
class Edges(Degradation):
    """Leave the outlines: the slope of the brightness, in every channel.

    Formula:
        min(1, strength |grad|), grad by Sobel's filters, whose sum of positive weights is 1

    Args:
        strength: what slopes are multiplied by, above 0.

    Source:
        Isola et al. 2017, arXiv:1611.07004, section 4 (edges to photo, there by a trained filter).
    """

    name = "edges"

    def __init__(self, strength: float = 2.0):
        if not strength > 0:
            raise SettingError(f"degradation.strength={strength}: expected above 0.")
        self.strength = strength

    def __call__(self, images):
        """Return the outlines."""
        channels = images.shape[-1]
        weights = _LUMA if channels == 3 else (1.0,)
        brightness = tf.reduce_sum(images * tf.constant(weights, images.dtype), -1, keepdims=True)
        slopes = tf.image.sobel_edges(brightness) / 4.0
        length = tf.sqrt(tf.reduce_sum(tf.square(slopes), axis=-1))
        return tf.repeat(tf.minimum(self.strength * length, 1.0), channels, axis=-1)


DEGRADATIONS = Registry(
    "degradation", {kind.name: kind for kind in (CentralMask, Grey, LowResolution, Edges)}
)
