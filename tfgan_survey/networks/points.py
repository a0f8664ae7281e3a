"""The pair of the mode-coverage experiments: points in the plane, maxout against ReLU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import keras

from tfgan_survey.layers.maxout import Maxout
from tfgan_survey.layers.packing import Pack
from tfgan_survey.networks.blocks import (
    NormName,
    labels_and_one_hot,
    network_inputs,
    normalization,
)
from tfgan_survey.networks.initializers import InitializerName, Initializers
from tfgan_survey.networks.pair import NetworkPair
from tfgan_survey.registry import Positive, Units, Widths, checked


@checked
def points(
    image_shape: Sequence[int],
    num_classes: int | None = None,
    *,
    seed: int = 0,
    latent_dim: Units = 2,
    latent: str = "normal",
    generator_widths: Widths = (400, 400, 400, 400),
    maxout_units: Widths = (200, 200, 200),
    pieces: Units = 5,
    discriminator_activation: Literal["maxout", "leaky_relu"] = "maxout",
    norm: NormName = "batch",
    initializer: InitializerName = "normal_002",
    sharpness: Positive = 1.0,
    packing: Units = 1,
) -> NetworkPair:
    """Build the published pair for points of `ring` and `grid`.

    Args:
        image_shape: `(features,)`.
        num_classes: one-hot labels (the modes) are joined to the latent and to the points; None
            for no labels.
        seed: seed of the weights.
        latent_dim: width of the latent.
        latent: distribution of the latent; a 2-D standard normal as published.
        generator_widths: hidden units of the generator, each layer normalised and with ReLU.
        maxout_units: units of the discriminator's hidden layers.
        pieces: affine maps a maxout unit.
        discriminator_activation: `maxout` as published; `leaky_relu` (slope 0.2) has one affine map
            a unit and does not use `pieces`.
        norm: normalisation in the generator's hidden layers.
        initializer: see `Initializers`.
        sharpness: factor on the coordinates that the discriminator sees. Where modes are much
            narrower than their distances, its first layer needs large weights to tell them.
        packing: points that the discriminator sees at once (PacGAN); 1 for the plain GAN. Batches
            must be multiples of it.

    Returns:
        The pair; points in the data's own units.

    Raises:
        ValueError: images instead of points, a width or packing below 1, or packing with labels.

    Source: Lin et al. 2018, arXiv:1712.04086, section 4.1 and its code: linear output, weights
    N(0, 0.02^2), no biases in the generator's hidden layers. Departure: batch norm's moving
    averages decay by 0.99, the code's by 0.95; they matter in sampling only.
    """
    if len(image_shape) != 1:
        raise ValueError(
            f"These networks are for points (features,); examples of shape {tuple(image_shape)} "
            "came. Choose another network for images, such as mlp."
        )
    if packing > 1 and num_classes is not None:
        raise ValueError("packing joins points of several labels; leave one of the two out.")
    initializers = Initializers(initializer, seed)

    latents = keras.Input((latent_dim,), name="latent")
    labels, one_hot = labels_and_one_hot(num_classes)
    x = latents if one_hot is None else keras.layers.Concatenate()([latents, one_hot])
    for width in generator_widths:
        biased = norm == "none"  # a normalisation brings its own shift
        x = keras.layers.Dense(width, use_bias=biased, kernel_initializer=initializers())(x)
        x = keras.layers.Activation("relu")(normalization(norm)(x))
    x = keras.layers.Dense(*image_shape, kernel_initializer=initializers(), dtype="float32")(x)
    generator = keras.Model(network_inputs(latents, labels), x, name="generator")

    inputs = keras.Input(tuple(image_shape), name="images")
    labels, one_hot = labels_and_one_hot(num_classes)
    x = inputs if sharpness == 1 else keras.layers.Rescaling(sharpness)(inputs)
    x = x if one_hot is None else keras.layers.Concatenate()([x, one_hot])
    x = x if packing == 1 else Pack(packing)(x)
    for units in maxout_units:
        if discriminator_activation == "maxout":
            x = Maxout(units, pieces, initializers())(x)
        else:
            x = keras.layers.Dense(units, kernel_initializer=initializers())(x)
            x = keras.layers.LeakyReLU(negative_slope=0.2)(x)
    scores = keras.layers.Dense(1, kernel_initializer=initializers())(x)
    discriminator = keras.Model(network_inputs(inputs, labels), scores, name="discriminator")
    return NetworkPair(
        generator,
        discriminator,
        image_shape=tuple(image_shape),
        latent_dim=latent_dim,
        num_classes=num_classes,
        output_range=None,
        latent=latent,
    )
