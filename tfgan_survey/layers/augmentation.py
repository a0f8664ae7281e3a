"""Changes of training images that leave what they show: mirrored, moved a little."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, ClassVar, Literal

import keras
import tensorflow as tf
from annotated_types import MinLen

from tfgan_survey.errors import SettingError
from tfgan_survey.layers.sampling import random_uniform
from tfgan_survey.registry import Configured, Registry

Policies = Annotated[tuple[Literal["colour", "translation", "cutout"], ...], MinLen(1)]

# Shares of an image's side, by the code of Zhao et al. 2020.
_TRANSLATION, _CUTOUT = 0.125, 0.5


def flipped(images: tf.Tensor, seed: keras.random.SeedGenerator) -> tf.Tensor:
    """Mirror each image left to right with probability 1/2.

    Args:
        images: `(batch, h, w, c)`.
        seed: of the draws; advances by one draw.

    Returns:
        The same shape.
    """
    turned = random_uniform((tf.shape(images)[0], 1, 1, 1), seed) < 0.5
    return tf.where(turned, images[:, :, ::-1], images)


def jittered(images: tf.Tensor, factor: float, seed: keras.random.SeedGenerator) -> tf.Tensor:
    """Enlarge images and cut their own size out at a random place, the same for a batch.

    Args:
        images: float32 `(batch, h, w, c)`.
        factor: how much larger both sides become before the cut, at least 1; 286 / 256 in the
            published code.
        seed: of the draws; advances by one draw.

    Returns:
        float32 of the same shape.

    Source:
        Isola et al. 2017, arXiv:1611.07004, section 6.2 (random jitter).
    """
    height, width = images.shape[1:3]
    sides = round(height * factor), round(width * factor)
    larger = tf.image.resize(images, sides)
    places = random_uniform((2,), seed)
    top = tf.cast(places[0] * (sides[0] - height + 1), "int32")
    left = tf.cast(places[1] * (sides[1] - width + 1), "int32")
    cut = tf.slice(larger, [0, top, left, 0], [-1, height, width, -1])
    return tf.ensure_shape(cut, images.shape)


class Augmentation(Configured, ABC):
    """A random change of the images that a discriminator sees in training, real and generated.

    A subclass sets `name` and overrides the call, through which gradients flow.
    """

    name: ClassVar[str]

    @abstractmethod
    def __call__(self, images: tf.Tensor, seed: keras.random.SeedGenerator) -> tf.Tensor:
        """Return changed images of the same shape.

        Args:
            images: float32 `(batch, h, w, c)`.
            seed: randomness.
        """

    def validate(self, spec) -> None:
        """Refuse examples that cannot be changed so, by a ValueError.

        Args:
            spec: what the networks are built for.
        """


@keras.saving.register_keras_serializable("tfgan_survey")
class NoAugmentation(Augmentation):
    """Images as they are."""

    name = "none"

    def __call__(self, images, seed):
        """Return the images."""
        return images


@keras.saving.register_keras_serializable("tfgan_survey")
class DiffAugment(Augmentation):
    """Colour, translation and cutout of real and generated images alike, before every score.

    Formula:
        colour:       x + b, b ~ U(-0.5, 0.5); then s (x - m) + m of the pixel's mean over channels,
                      s ~ U(0, 2); then c (x - m) + m of the image's mean, c ~ U(0.5, 1.5)
        translation:  x moved by whole pixels, each way U{-r..r}, r = round(side / 8), 0 outside
        cutout:       0 in a square of side / 2 about a pixel U(image); what hangs over is not cut

    Why:
        With few images a discriminator learns each by heart, and no longer tells the generator what
        real images are like. Augmenting real images alone would teach the generator the changes;
        where both are changed by the same law, and gradients flow through the change, it learns
        the images. Every image has its own draw. The steps of colour are for images in [-1, 1].

    Args:
        policy: which of the three, in this order.

    Raises:
        ValueError: no policy, or one twice; from `validate`, examples that are no images.

    Source:
        Zhao et al. 2020, arXiv:2006.10738, Eqs. 4 and 5, section 3.2 and the authors' code.
    """

    name = "diff_augment"

    def __init__(self, policy: Policies = ("colour", "translation", "cutout")):
        if len(set(policy)) < len(policy):
            raise SettingError(f"policy={','.join(policy)}: expected each change once.")
        self.policy = policy

    def __call__(self, images, seed):
        """Return the images, each changed by its own draw."""
        changes = {"colour": coloured, "translation": translated, "cutout": cut_out}
        for name in self.policy:
            images = changes[name](images, seed)
        return images

    def validate(self, spec):
        """Refuse examples that are no images."""
        if len(spec.image_shape) != 3:
            raise ValueError(
                f"diff_augment changes images (height, width, channels); these networks take "
                f"{spec.image_shape}. Leave augmentation out."
            )


AUGMENTATIONS = Registry("augmentation", {one.name: one for one in (NoAugmentation, DiffAugment)})


def coloured(images: tf.Tensor, seed: keras.random.SeedGenerator) -> tf.Tensor:
    """Change each image's brightness, saturation and contrast; see `DiffAugment`.

    Args:
        images: float32 `(batch, h, w, c)`.
        seed: of the draws; advances by one draw.
    """
    drawn = random_uniform((3, tf.shape(images)[0], 1, 1, 1), seed)
    images = images + (drawn[0] - 0.5)
    for factor, axes in ((2.0 * drawn[1], (3,)), (drawn[2] + 0.5, (1, 2, 3))):
        mean = tf.reduce_mean(images, axis=axes, keepdims=True)
        images = factor * (images - mean) + mean
    return images


def translated(images: tf.Tensor, seed: keras.random.SeedGenerator) -> tf.Tensor:
    """Move each image by whole pixels, at most an eighth of its side, 0 coming in.

    Args:
        images: float32 `(batch, h, w, c)`.
        seed: of the draws; advances by one draw.
    """
    drawn = random_uniform((2, tf.shape(images)[0]), seed)
    moves = []
    for side, share in zip(images.shape[1:3], (drawn[0], drawn[1]), strict=True):
        reach = int(side * _TRANSLATION + 0.5)
        shift = tf.cast(tf.floor(share * (2 * reach + 1)), tf.int32) - reach
        # Row i of the moved image is row i - shift; a product has a fast gradient, a gather none.
        source = tf.range(side)[None, :] - shift[:, None]
        moves.append(tf.one_hot(source, side, dtype=images.dtype))
    down = tf.einsum("bij,bjkc->bikc", moves[0], images)
    return tf.einsum("bkl,bilc->bikc", moves[1], down)


def cut_out(images: tf.Tensor, seed: keras.random.SeedGenerator) -> tf.Tensor:
    """Set a square of half the side to 0 in each image, about a pixel of it.

    Args:
        images: float32 `(batch, h, w, c)`.
        seed: of the draws; advances by one draw.
    """
    drawn = random_uniform((2, tf.shape(images)[0], 1), seed)
    inside = []
    for side, share in zip(images.shape[1:3], (drawn[0], drawn[1]), strict=True):
        width = int(side * _CUTOUT + 0.5)
        first = tf.cast(tf.floor(share * (side + 1 - width % 2)), tf.int32) - width // 2
        places = tf.range(side)[None, :]
        inside.append((places >= first) & (places < first + width))
    cut = inside[0][:, :, None, None] & inside[1][:, None, :, None]
    return tf.where(cut, tf.zeros((), images.dtype), images)
