"""The pair of the mode-coverage experiments: points in the plane, maxout against ReLU."""

from __future__ import annotations

from typing import Literal

import keras

from tfgan_survey.layers.maxout import Maxout
from tfgan_survey.layers.packing import Pack
from tfgan_survey.networks.blocks import Inputs, UnitNormName, normalization
from tfgan_survey.networks.initializers import Initializers
from tfgan_survey.networks.pair import pair_builder
from tfgan_survey.networks.specs import Spec
from tfgan_survey.registry import Positive, Units, Widths


@pair_builder(latent_dim=2, latent="normal", initializer="normal_002", output_range=None)
def points(
    spec: Spec,
    initializers: Initializers,
    *,
    generator_widths: Widths = (400, 400, 400, 400),
    maxout_units: Widths = (200, 200, 200),
    pieces: Units = 5,
    discriminator_activation: Literal["maxout", "leaky_relu"] = "maxout",
    norm: UnitNormName = "batch",
    sharpness: Positive = 1.0,
    packing: Units = 1,
) -> tuple[keras.Model, keras.Model]:
    """Build the published pair for points of `ring` and `grid`.

    Why:
        Few points in the plane show whether a generator finds all modes. The code of a condition,
        such as the mode, is joined to the latent and to the points.

    Args:
        spec: what is built for.
        initializers: where the weights start.
        generator_widths: hidden units of the generator, each layer normalised and with ReLU.
        maxout_units: units of the discriminator's hidden layers.
        pieces: affine maps a maxout unit.
        discriminator_activation: `maxout` as published; `leaky_relu` (slope 0.2) has one affine map
            a unit and does not use `pieces`.
        norm: normalisation in the generator's hidden layers.
        sharpness: factor on the coordinates that the discriminator sees. Where modes are much
            narrower than their distances, its first layer needs large weights to tell them.
        packing: points that the discriminator sees at once (PacGAN); 1 for the plain GAN. Batches
            must be multiples of it.

    Returns:
        The pair; points in the data's own units.

    Raises:
        ValueError: images instead of points, a width or packing below 1, or packing with a
            condition.

    Source:
        Lin et al. 2018, arXiv:1712.04086, section 4.1 and its code: a 2-D standard normal, linear
        output, weights N(0, 0.02^2), no biases in the generator's hidden layers. Departure: batch
        norm's moving averages decay by 0.99, the code's by 0.95; they matter in sampling only.
    """
    if len(spec.image_shape) != 1:
        raise ValueError(
            f"These networks are for points (features,); examples of shape {spec.image_shape} "
            "came. Choose another network for images, such as mlp."
        )
    if packing > 1 and spec.conditional:
        raise ValueError("packing joins points of several labels; leave one of the two out.")

    inputs = Inputs.latent(spec)
    x = inputs.join(inputs.main)
    for width in generator_widths:
        biased = norm == "none"  # a normalisation brings its own shift
        x = keras.layers.Dense(width, use_bias=biased, kernel_initializer=initializers())(x)
        x = keras.layers.Activation("relu")(normalization(norm)(x))
    x = keras.layers.Dense(*spec.image_shape, kernel_initializer=initializers(), dtype="float32")(x)
    generator = inputs.model(x, "generator")

    inputs = Inputs.images(spec)
    x = inputs.main if sharpness == 1 else keras.layers.Rescaling(sharpness)(inputs.main)
    x = inputs.join(x)
    x = x if packing == 1 else Pack(packing)(x)
    for units in maxout_units:
        if discriminator_activation == "maxout":
            x = Maxout(units, pieces, initializers())(x)
        else:
            x = keras.layers.Dense(units, kernel_initializer=initializers())(x)
            x = keras.layers.LeakyReLU(negative_slope=0.2)(x)
    scores = keras.layers.Dense(1, kernel_initializer=initializers())(x)
    return generator, inputs.model(scores, "discriminator")
