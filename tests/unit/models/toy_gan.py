"""The smallest GANs that still have every part, and data for them."""

import keras
import numpy as np
import tensorflow as tf

from tfgan_survey.data.images import ImageSet
from tfgan_survey.models import GAN
from tfgan_survey.networks import mlp
from tfgan_survey.objectives.minimax import NonSaturating

SHAPE = (6, 6, 1)


def make(
    num_classes=None, *, eager=True, jit=False, widths=(8,), norm="batch", seed=0, spe=3, **options
):
    pair = mlp(
        SHAPE, num_classes, seed=seed, latent_dim=5, generator_widths=widths,
        discriminator_widths=widths, norm=norm,
    )  # fmt: skip
    gan = GAN(pair, options.pop("objective", NonSaturating()), seed=seed, **options)
    gan.compile(
        keras.optimizers.Adam(1e-2), keras.optimizers.Adam(1e-2), run_eagerly=eager,
        steps_per_execution=None if eager else spe, jit_compile=jit,
    )  # fmt: skip
    return gan


def batches(n=48, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, *SHAPE), dtype=np.uint8)
    return ImageSet("toy", images, np.arange(n, dtype=np.int32) % 3, 3, ("a", "b", "c"))


def batch(n=16, labels=True):
    data = batches(n)
    images = tf.constant(data.images)
    return (images, tf.constant(data.labels)) if labels else images


def weights(network):
    return [variable.numpy().copy() for variable in network.weights]


def equal(left, right):
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))
