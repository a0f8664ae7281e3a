"""The pair of Goodfellow et al. 2014, and the two-branch pair of Mirza & Osindero 2014."""

from __future__ import annotations

import dataclasses
import math

import keras
import numpy as np

from tfgan_survey.layers.dropout import Dropout, LatentDropout
from tfgan_survey.layers.marginals import MarginalBias
from tfgan_survey.layers.maxout import Maxout
from tfgan_survey.layers.sampling import latent_quantile
from tfgan_survey.networks.blocks import Inputs
from tfgan_survey.networks.initializers import Initializers
from tfgan_survey.networks.pair import NetworkPair, pair_builder
from tfgan_survey.networks.specs import Spec
from tfgan_survey.registry import BelowOne, Units, Widths

# Half-widths of the uniform initial weights, as published (mnist.yaml of the 2014 code).
_GENERATOR_RANGE, _DISCRIMINATOR_RANGE = 0.05, 0.005


@pair_builder(latent="uniform_unit_variance")
def maxout(
    spec: Spec,
    initializers: Initializers,
    *,
    generator_widths: Widths = (1200, 1200),
    maxout_units: Widths = (240, 240),
    pieces: Units = 5,
    input_dropout: BelowOne = 0.2,
    dropout: BelowOne = 0.5,
) -> tuple[keras.Model, keras.Model]:
    """Build the 2014 pair: ReLU and sigmoid against maxout with dropout.

    Why:
        The generator that started it all; its output bias starts from the pixel marginals once
        `tfgan_survey.networks.adapt` has seen the data. Dropout is active in both players' passes,
        as published. A condition's code is joined to the latent and to the pixels.

    Args:
        spec: what is built for.
        initializers: the seeds of weights and dropout.
        generator_widths: ReLU units of the generator's hidden layers.
        maxout_units: units of the discriminator's maxout layers.
        pieces: affine maps a maxout unit.
        input_dropout: share of the discriminator's inputs that is dropped (published: keep 0.8).
        dropout: share of its hidden units that is dropped (published: keep 0.5).

    Returns:
        The pair; images in [0, 1].

    Raises:
        ValueError: a width below 1, or a rate outside [0, 1).

    Source:
        Goodfellow et al. 2014, arXiv:1406.2661, section 5; its code's mnist.yaml: weights, and a
        latent uniform on (-sqrt 3, sqrt 3). Departure: the labels, which that paper does not have.
    """
    inputs = Inputs.latent(spec)
    x = inputs.join(inputs.main)
    for width in generator_widths:
        x = _relu(width, initializers)(x)
    generator = _generator(inputs, x, spec, initializers)

    inputs = Inputs.images(spec)
    x = inputs.join(keras.layers.Flatten()(inputs.main))
    x = Dropout(input_dropout, seed=initializers.next_seed())(x)
    for units in maxout_units:
        x = Maxout(units, pieces, _uniform(_DISCRIMINATOR_RANGE, initializers))(x)
        x = Dropout(dropout, seed=initializers.next_seed())(x)
    return generator, _discriminator(inputs, x, initializers)


@pair_builder(latent="uniform_01")
def two_branch(
    spec: Spec,
    initializers: Initializers,
    *,
    latent_width: Units = 200,
    label_width: Units = 1000,
    joint_width: Units = 1200,
    image_units: Units = 240,
    label_units: Units = 50,
    joint_units: Units = 240,
    pieces: Units = 5,
    joint_pieces: Units = 4,
    dropout: BelowOne = 0.5,
) -> tuple[keras.Model, keras.Model]:
    """Build the 2014 CGAN's pair: a branch for the condition beside the main one, then joined.

    Why:
        Without a condition its branches are left out. `latent_dim` is asked for without the
        generator's dropout masks, which are latents too: the pair's `latent_dim` is that and one
        number for each hidden unit.

    Args:
        spec: what is built for.
        initializers: the seeds of weights and dropout.
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

    Source:
        Mirza & Osindero 2014, arXiv:1411.1784, section 4.1: the latent is uniform on the unit
        hypercube. Initial weights, which it does not give, are those of the 2014 GAN.
    """
    seeds = initializers

    def join(x, branch):
        return x if branch is None else keras.layers.Concatenate()([x, branch])

    def dropped(x):
        return Dropout(dropout, seed=seeds.next_seed())(x)

    widths = [latent_width, *([label_width] if spec.conditional else []), joint_width]
    noise = sum(widths) if dropout else 0
    inputs = Inputs.latent(dataclasses.replace(spec, latent_dim=spec.latent_dim + noise))
    latents, code = inputs.main, inputs.condition
    borders = iter(np.cumsum([spec.latent_dim, *widths]).tolist())

    def noisy(x, start):
        if not dropout:
            return x
        part = latents[:, start : start + x.shape[-1]]
        return LatentDropout(dropout, latent_quantile(spec.latent, dropout))([x, part])

    x = noisy(_relu(latent_width, seeds)(latents[:, : spec.latent_dim]), next(borders))
    branch = None if code is None else noisy(_relu(label_width, seeds)(code), next(borders))
    x = noisy(_relu(joint_width, seeds)(join(x, branch)), next(borders))
    generator = _generator(inputs, x, spec, seeds)

    def maxout_layer(units, count):
        return Maxout(units, count, _uniform(_DISCRIMINATOR_RANGE, seeds))

    inputs = Inputs.images(spec)
    code = inputs.condition
    x = dropped(maxout_layer(image_units, pieces)(keras.layers.Flatten()(inputs.main)))
    branch = None if code is None else dropped(maxout_layer(label_units, pieces)(code))
    x = dropped(maxout_layer(joint_units, joint_pieces)(join(x, branch)))
    return generator, _discriminator(inputs, x, seeds)


def adapt(pair: NetworkPair, images: np.ndarray) -> bool:
    """Let layers that start from the data's statistics see it; most pairs have none.

    Call it once, before a new training; a resumed one has its weights already.

    Args:
        pair: the networks.
        images: training images `(n, *image_shape)`, uint8, or floats in [0, 1].

    Returns:
        Whether a layer was adapted.
    """
    layers = [layer for layer in pair.generator.layers if isinstance(layer, MarginalBias)]
    if layers:
        mean_image = np.mean(images, axis=0) / (255.0 if images.dtype == np.uint8 else 1.0)
        for layer in layers:
            layer.adapt(mean_image)
    return bool(layers)


def _generator(inputs: Inputs, x, spec: Spec, seeds: Initializers) -> keras.Model:
    initializer = _uniform(_GENERATOR_RANGE, seeds)
    pixels = math.prod(spec.image_shape)
    x = keras.layers.Dense(pixels, use_bias=False, kernel_initializer=initializer)(x)
    x = keras.layers.Reshape(spec.image_shape)(MarginalBias()(x))
    x = keras.layers.Activation("sigmoid", dtype="float32")(x)
    return inputs.model(x, "generator")


def _discriminator(inputs: Inputs, x, seeds: Initializers) -> keras.Model:
    scores = keras.layers.Dense(1, kernel_initializer=_uniform(_DISCRIMINATOR_RANGE, seeds))(x)
    return inputs.model(scores, "discriminator")


def _relu(width: int, seeds: Initializers) -> keras.layers.Layer:
    initializer = _uniform(_GENERATOR_RANGE, seeds)
    return keras.layers.Dense(width, activation="relu", kernel_initializer=initializer)


def _uniform(bound: float, seeds: Initializers) -> keras.initializers.Initializer:
    return keras.initializers.RandomUniform(-bound, bound, seed=seeds.next_seed())
