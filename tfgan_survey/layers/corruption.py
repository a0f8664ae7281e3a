"""The corruption axis: what is done to an image before a denoising autoencoder sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import keras
import tensorflow as tf

from tfgan_survey.layers.sampling import random_normal, random_uniform
from tfgan_survey.registry import Configured, NotNegative, Probability, Registry


class Corruption(Configured, ABC):
    """Noise on images in [0, 1], drawn anew at every step.

    A subclass sets `name` and overrides the call.
    """

    name: ClassVar[str]

    @abstractmethod
    def __call__(self, images: tf.Tensor, seed: keras.random.SeedGenerator) -> tf.Tensor:
        """Return corrupted images of the same shape.

        Args:
            images: float32 in [0, 1].
            seed: randomness.
        """


@keras.saving.register_keras_serializable("tfgan_survey")
class NoCorruption(Corruption):
    """Images as they are."""

    name = "none"

    def __call__(self, images, seed):
        """Return the images."""
        return images


@keras.saving.register_keras_serializable("tfgan_survey")
class Masking(Corruption):
    """Set a random share of the pixels to 0.

    Args:
        share: probability with which each pixel, by itself, is set to 0.

    Source:
        Vincent et al. 2010, JMLR 11, section 3.3; 25 % in its experiments.
    """

    name = "masking"

    def __init__(self, share: Probability = 0.25):
        self.share = share

    def __call__(self, images, seed):
        """Return the images with pixels missing."""
        kept = random_uniform(tf.shape(images), seed) >= self.share
        return images * tf.cast(kept, images.dtype)


@keras.saving.register_keras_serializable("tfgan_survey")
class GaussianNoise(Corruption):
    """Add normal noise; values may leave [0, 1].

    Args:
        stddev: in units of the pixels' range.

    Source:
        Vincent et al. 2010, JMLR 11, section 3.3.
    """

    name = "gaussian"

    def __init__(self, stddev: NotNegative = 0.3):
        self.stddev = stddev

    def __call__(self, images, seed):
        """Return the images with noise."""
        return images + self.stddev * random_normal(tf.shape(images), seed)


@keras.saving.register_keras_serializable("tfgan_survey")
class SaltAndPepper(Corruption):
    """Set a random share of the pixels to 0 or 1, either by a fair coin.

    Args:
        share: probability with which each pixel is replaced.

    Source:
        Vincent et al. 2010, JMLR 11, section 3.3.
    """

    name = "salt_and_pepper"

    def __init__(self, share: Probability = 0.25):
        self.share = share

    def __call__(self, images, seed):
        """Return the images with pixels replaced."""
        drawn = random_uniform(tf.shape(images), seed)
        salted = tf.where(drawn < 0.5 * self.share, tf.ones_like(images), images)
        peppered = (drawn >= 0.5 * self.share) & (drawn < self.share)
        return tf.where(peppered, tf.zeros_like(images), salted)


CORRUPTIONS = Registry(
    "corruption",
    {one.name: one for one in (NoCorruption, Masking, GaussianNoise, SaltAndPepper)},
)
