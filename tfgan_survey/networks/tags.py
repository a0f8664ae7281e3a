"""The pair of the 2014 conditional GAN that names what is in an image: features in, tags out."""

from __future__ import annotations

import math
from typing import Literal

import keras

from tfgan_survey.layers.codes import Binary
from tfgan_survey.layers.dropout import Dropout
from tfgan_survey.layers.maxout import Maxout
from tfgan_survey.networks.blocks import Inputs
from tfgan_survey.networks.initializers import Initializers
from tfgan_survey.networks.pair import pair_builder
from tfgan_survey.networks.specs import Spec
from tfgan_survey.registry import BelowOne, Units


@pair_builder(latent="uniform_01", initializer="he_normal")
def tags(
    spec: Spec,
    initializers: Initializers,
    *,
    latent_width: Units = 500,
    feature_width: Units = 2000,
    tag_units: Units = 500,
    feature_units: Units = 1200,
    joint_units: Units = 1000,
    pieces: Units = 3,
    output: Literal["probabilities", "bits"] = "probabilities",
    input_dropout: BelowOne = 0.0,
    dropout: BelowOne = 0.0,
) -> tuple[keras.Model, keras.Model]:
    """Build two branches in each network, joined: noise and features, tags and features.

    Why:
        A vector of tags is 0 or 1 in each place. A generator of numbers between them is told from
        real vectors by that alone, and falls back to a few tags for all images; bits, hard forwards
        and with the sigmoid's slope backwards, are of the same kind as real ones.

    Args:
        spec: what is built for; without a condition, the features, their branches are left out.
        initializers: where the weights start.
        latent_width: ReLU units of the generator's latent branch.
        feature_width: ReLU units of its feature branch.
        tag_units: ReLU units of the discriminator's branch for tags.
        feature_units: ReLU units of its branch for features.
        joint_units: maxout units of its joint layer.
        pieces: affine maps a maxout unit.
        output: what the generator gives of its linear scores: their sigmoids, or `bits`.
        input_dropout: share of the features that is dropped before its branch for them. An image
            can be told by its features, and its tags learnt by heart. A generator with such dropout
            would take it for noise, and miss it when it samples.
        dropout: share of hidden units of the discriminator that is dropped.

    Returns:
        The pair; a number in [0, 1] for each tag.

    Raises:
        ValueError: a width below 1, or a rate outside [0, 1).

    Source:
        Mirza & Osindero 2014, arXiv:1411.1784, section 4.2: the widths. Departures: it generates
        word vectors of 200 numbers, these are the tags themselves, so that words it never saw are
        out of reach; bits; initial weights and rates of dropout, which it does not give.
    """

    def relu(x, units: int):
        return keras.layers.Dense(units, "relu", kernel_initializer=initializers())(x)

    def dropped(x, rate: float):
        return Dropout(rate, seed=initializers.next_seed())(x) if rate else x

    def joined(x, features, units: int, rate: float = 0.0):
        if features is None:
            return x
        return keras.layers.Concatenate()([x, relu(dropped(features, rate), units)])

    inputs = Inputs.latent(spec)
    x = joined(relu(inputs.main, latent_width), inputs.condition, feature_width)
    size = math.prod(spec.image_shape)
    # Full precision, whatever that of the hidden layers: a bit is a sign.
    x = keras.layers.Dense(size, kernel_initializer=initializers(), dtype="float32")(x)
    x = keras.layers.Reshape(spec.image_shape, dtype="float32")(x)
    if output == "bits":
        x = Binary(dtype="float32")(x)
    else:
        x = keras.layers.Activation("sigmoid", dtype="float32")(x)
    generator = inputs.model(x, "generator")

    inputs = Inputs.images(spec)
    x = relu(keras.layers.Flatten()(inputs.main), tag_units)
    x = dropped(joined(x, inputs.condition, feature_units, input_dropout), dropout)
    x = dropped(Maxout(joint_units, pieces, initializers())(x), dropout)
    scores = keras.layers.Dense(1, kernel_initializer=initializers())(x)
    return generator, inputs.model(scores, "discriminator")
