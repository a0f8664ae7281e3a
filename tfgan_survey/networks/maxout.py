"""The pair of Goodfellow et al. 2014, and the two-branch pair of Mirza & Osindero 2014."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np

from tfgan_survey.layers.dropout import Dropout, LatentDropout
from tfgan_survey.layers.marginals import MarginalBias
from tfgan_survey.layers.maxout import Maxout
from tfgan_survey.layers.sampling import latent_quantile
from tfgan_survey.networks.blocks import labels_and_one_hot, network_inputs
from tfgan_survey.networks.initializers import Initializers
from tfgan_survey.networks.pair import NetworkPair
from tfgan_survey.registry import BelowOne, Units, Widths, checked

# Half-widths of the uniform initial weights, as published (mnist.yaml of the 2014 code).
_GENERATOR_RANGE, _DISCRIMINATOR_RANGE = 0.05, 0.005


@checked
def maxout(
    image_shape: Sequence[int],
    num_classes: int | None = None,
    *,
    seed: int = 0,
    latent_dim: Units = 100,
    latent: str = "uniform_unit_variance",
    generator_widths: Widths = (1200, 1200),
    maxout_units: Widths = (240, 240),
    pieces: Units = 5,
    input_dropout: BelowOne = 0.2,
    dropout: BelowOne = 0.5,
) -> NetworkPair:
    """Build the 2014 pair: ReLU and sigmoid against maxout with dropout.

    Why:      the generator that started it all; its output bias starts from the pixel marginals
              once `tfgan_survey.networks.adapt` has seen the data. Dropout is active in both
              players' passes, as published.

    Args:
        image_shape: `(h, w, c)` or `(features,)`.
        num_classes: one-hot labels are joined to the latent and to the pixels; None for no labels.
        seed: seed of weights and dropout.
        latent_dim: width of the latent.
        latent: distribution of the latent; uniform on (-sqrt 3, sqrt 3) as published.
        generator_widths: ReLU units of the generator's hidden layers.
        maxout_units: units of the discriminator's maxout layers.
        pieces: affine maps a maxout unit.
        input_dropout: share of the discriminator's inputs that is dropped (published: keep 0.8).
        dropout: share of its hidden units that is dropped (published: keep 0.5).

    Returns:
        The pair; images in [0, 1].

    Raises:
        ValueError: a width below 1, or a rate outside [0, 1).

    Source: Goodfellow et al. 2014, arXiv:1406.2661, section 5; its code's mnist.yaml. Departure:
    the labels, which that paper does not have.
    """
    seeds = Initializers("keras", seed)

    latents = keras.Input((latent_dim,), name="latent")
    labels, one_hot = labels_and_one_hot(num_classes)
    x = latents if one_hot is None else keras.layers.Concatenate()([latents, one_hot])
    for width in generator_widths:
        x = _relu(width, seeds)(x)
    generator = _generator(latents, labels, x, image_shape, seeds)

    images = keras.Input(tuple(image_shape), name="images")
    labels, one_hot = labels_and_one_hot(num_classes)
    x = keras.layers.Flatten()(images)
    x = x if one_hot is None else keras.layers.Concatenate()([x, one_hot])
    x = Dropout(input_dropout, seed=seeds.next_seed())(x)
    for units in maxout_units:
        x = Maxout(units, pieces, _uniform(_DISCRIMINATOR_RANGE, seeds))(x)
        x = Dropout(dropout, seed=seeds.next_seed())(x)
    discriminator = _discriminator(images, labels, x, seeds)
    return _pair(generator, discriminator, image_shape, latent_dim, num_classes, latent)


@checked
def two_branch(
    image_shape: Sequence[int],
    num_classes: int | None = None,
    *,
    seed: int = 0,
    latent_dim: Units = 100,
    latent: str = "uniform_01",
    latent_width: Units = 200,
    label_width: Units = 1000,
    joint_width: Units = 1200,
    image_units: Units = 240,
    label_units: Units = 50,
    joint_units: Units = 240,
    pieces: Units = 5,
    joint_pieces: Units = 4,
    dropout: BelowOne = 0.5,
) -> NetworkPair:
    """Build the 2014 CGAN's pair: a branch for the label beside the main one, then joined.

    Args:
        image_shape: `(h, w, c)` or `(features,)`.
        num_classes: None leaves the label branches out.
        seed: seed of weights and dropout.
        latent_dim: width of the latent, without the generator's dropout masks, which are latents
            too: the pair's `latent_dim` is this and one number for each hidden unit.
        latent: distribution of the latent; uniform on the unit hypercube as published.
        latent_width: ReLU units of the generator's latent branch.
        label_width: ReLU units of its label branch.
        joint_width: ReLU units of its joint layer.
        image_units: maxout units of the discriminator's image branch.
        label_units: maxout units of its label branch.
        joint_units: maxout units of its joint layer.
        pieces: affine maps a maxout unit of the branches.
        joint_pieces: affine maps a maxout unit of the joint layer.
        dropout: share of hidden units dropped in both networks; in the generator also when it
            samples. Trained with dropout and sampled without, it makes one image a class.

    Returns:
        The pair; images in [0, 1].

    Raises:
        ValueError: a width below 1, or a rate outside [0, 1).

    Source: Mirza & Osindero 2014, arXiv:1411.1784, section 4.1. Initial weights, which it does not
    give, are those of the 2014 GAN.
    """
    seeds = Initializers("keras", seed)

    def join(x, branch):
        return x if branch is None else keras.layers.Concatenate()([x, branch])

    def dropped(x):
        return Dropout(dropout, seed=seeds.next_seed())(x)

    labels, one_hot = labels_and_one_hot(num_classes)
    widths = [latent_width, *([] if one_hot is None else [label_width]), joint_width]
    noise = sum(widths) if dropout else 0
    latents = keras.Input((latent_dim + noise,), name="latent")
    borders = iter(np.cumsum([latent_dim, *widths]).tolist())

    def noisy(x, start):
        if not dropout:
            return x
        part = latents[:, start : start + x.shape[-1]]
        return LatentDropout(dropout, latent_quantile(latent, dropout))([x, part])

    x = noisy(_relu(latent_width, seeds)(latents[:, :latent_dim]), next(borders))
    branch = None
    if one_hot is not None:
        branch = noisy(_relu(label_width, seeds)(one_hot), next(borders))
    x = noisy(_relu(joint_width, seeds)(join(x, branch)), next(borders))
    generator = _generator(latents, labels, x, image_shape, seeds)

    def maxout_layer(units, count):
        return Maxout(units, count, _uniform(_DISCRIMINATOR_RANGE, seeds))

    images = keras.Input(tuple(image_shape), name="images")
    labels, one_hot = labels_and_one_hot(num_classes)
    x = dropped(maxout_layer(image_units, pieces)(keras.layers.Flatten()(images)))
    branch = None if one_hot is None else dropped(maxout_layer(label_units, pieces)(one_hot))
    x = dropped(maxout_layer(joint_units, joint_pieces)(join(x, branch)))
    discriminator = _discriminator(images, labels, x, seeds)
    return _pair(generator, discriminator, image_shape, latent_dim + noise, num_classes, latent)


def adapt(pair: NetworkPair, images: np.ndarray) -> bool:
    """Let layers that start from the data's statistics see it; most pairs have none.

    Call it once, before a new training; a resumed one has its weights already.

    Args:
        pair: the networks.
        images: uint8 training images `(n, *image_shape)`.

    Returns:
        Whether a layer was adapted.
    """
    layers = [layer for layer in pair.generator.layers if isinstance(layer, MarginalBias)]
    if layers:
        mean_image = np.mean(images, axis=0) / 255.0
        for layer in layers:
            layer.adapt(mean_image)
    return bool(layers)


def _generator(latents, labels, x, image_shape, seeds: Initializers) -> keras.Model:
    pixels = math.prod(image_shape)
    initializer = _uniform(_GENERATOR_RANGE, seeds)
    x = keras.layers.Dense(pixels, use_bias=False, kernel_initializer=initializer)(x)
    x = keras.layers.Reshape(tuple(image_shape))(MarginalBias()(x))
    x = keras.layers.Activation("sigmoid", dtype="float32")(x)
    return keras.Model(network_inputs(latents, labels), x, name="generator")


def _discriminator(images, labels, x, seeds: Initializers) -> keras.Model:
    scores = keras.layers.Dense(1, kernel_initializer=_uniform(_DISCRIMINATOR_RANGE, seeds))(x)
    return keras.Model(network_inputs(images, labels), scores, name="discriminator")


def _pair(generator, discriminator, image_shape, latent_dim, num_classes, latent) -> NetworkPair:
    return NetworkPair(
        generator,
        discriminator,
        image_shape=tuple(image_shape),
        latent_dim=latent_dim,
        num_classes=num_classes,
        output_range=(0.0, 1.0),
        latent=latent,
    )


def _relu(width: int, seeds: Initializers) -> keras.layers.Layer:
    initializer = _uniform(_GENERATOR_RANGE, seeds)
    return keras.layers.Dense(width, activation="relu", kernel_initializer=initializer)


def _uniform(bound: float, seeds: Initializers) -> keras.initializers.Initializer:
    return keras.initializers.RandomUniform(-bound, bound, seed=seeds.next_seed())
