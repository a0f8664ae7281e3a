"""The survey snippet's multilayer perceptrons, and f-GAN's."""

from __future__ import annotations

import math

import keras

from tfgan_survey.networks.blocks import Inputs, UnitNormName, normalization
from tfgan_survey.networks.initializers import Initializers
from tfgan_survey.networks.pair import pair_builder
from tfgan_survey.networks.specs import Spec
from tfgan_survey.registry import Widths


def mlp_generator(
    spec: Spec, initializers: Initializers, widths=(128,), norm="batch", output_norm=True,
    activation="relu",
) -> keras.Model:  # fmt: skip
    """Build the snippet's generator: Dense, norm, ReLU, ..., Dense, norm, sigmoid.

    Args:
        spec: what it is built for; a condition's code is joined to the latent.
        initializers: where the weights start.
        widths: hidden units; the output, one unit a pixel, is added.
        norm: normalisation after every Dense layer.
        output_norm: whether the last Dense layer is normalised too, as the snippet does.
        activation: Keras activation of the hidden layers.

    Returns:
        Model from `latent` (and the condition) to images in [0, 1].

    Source:
        Survey section 2.4.2.
    """
    inputs = Inputs.latent(spec)
    depths = (*widths, math.prod(spec.image_shape))
    x = _stack(inputs.join(inputs.main), depths, norm, output_norm, activation, initializers)
    # Reshaped first: a layer of lower precision behind the sigmoid would round the pixels.
    x = keras.layers.Reshape(spec.image_shape)(x)
    x = keras.layers.Activation("sigmoid", dtype="float32")(x)
    return inputs.model(x, "generator")


def mlp_discriminator(
    spec: Spec, initializers: Initializers, widths=(128,), norm="batch", output_norm=False,
    activation="relu",
) -> keras.Model:  # fmt: skip
    """Build the snippet's discriminator: Dense, norm, ReLU, ..., and one linear score.

    Why:
        The objective owns the sigmoid.

    Args:
        spec: what it is built for; a condition's code is joined to the pixels.
        initializers: where the weights start.
        widths: hidden units; the score is added.
        norm: normalisation after every hidden Dense layer.
        output_norm: normalise the scores as well. The snippet does, and its discriminator can then
            learn nothing: see `tfgan_survey.theory.batch_norm_score_bound`.
        activation: Keras activation of the hidden layers.

    Returns:
        Model from images (and the condition) to `scores` `(batch, 1)`.

    Source:
        Survey section 2.4.3.
    """
    inputs = Inputs.images(spec)
    x = inputs.join(keras.layers.Flatten()(inputs.main))
    return inputs.model(
        _stack(x, (*widths, 1), norm, output_norm, activation, initializers), "discriminator"
    )


@pair_builder(initializer="he_normal")
def mlp(
    spec: Spec,
    initializers: Initializers,
    *,
    generator_widths: Widths = (128,),
    discriminator_widths: Widths = (128,),
    norm: UnitNormName = "batch",
    generator_output_norm: bool = True,
    discriminator_norm: UnitNormName | None = None,
    discriminator_output_norm: bool = False,
    activation: str = "relu",
) -> tuple[keras.Model, keras.Model]:
    """Build the survey snippet's pair, `depth_list=[128, 784]` and `[128, 1]` on MNIST.

    Args:
        spec: what is built for.
        initializers: where the weights start.
        generator_widths: hidden units of the generator; the output is added.
        discriminator_widths: hidden units of the discriminator; the score is added.
        norm: normalisation after the Dense layers of both networks.
        generator_output_norm: whether the generator's output layer is normalised, as the snippet
            has it; pixels that are always 0 then need its scale to vanish.
        discriminator_norm: another one for the discriminator; None keeps `norm`. Batch norm in its
            first layer hides the mean image from it: real and generated batches pass on their
            own, W (x + c) - mean W (x + c) = W x - mean W x, so D(x + c) = D(x) for every c.
        discriminator_output_norm: batch norm on the scores, as the snippet has it (legacy).
        activation: of the hidden layers.

    Returns:
        The pair; images in [0, 1].

    Raises:
        ValueError: the scores are to be normalised, but D's normalisation is `none`.

    Source:
        Survey sections 2.4.2 and 2.4.3. Departures: linear scores; no batch norm on them. The
        snippet leaves `dim_Z` and `Z_sample` undefined: 100 is usual, and uniform(-1, 1) the
        default; `normal` is the survey's own later advice (trick 3).
    """
    discriminator_norm = discriminator_norm or norm
    if discriminator_output_norm and discriminator_norm == "none":
        raise ValueError(
            "discriminator_output_norm=True has no effect where the discriminator's norm is none; "
            "choose one by discriminator_norm, or leave it out."
        )
    return (
        mlp_generator(
            spec, initializers, generator_widths, norm, generator_output_norm, activation
        ),
        mlp_discriminator(
            spec,
            initializers,
            discriminator_widths,
            discriminator_norm,
            discriminator_output_norm,
            activation,
        ),
    )


@pair_builder(initializer="keras")
def elu(
    spec: Spec,
    initializers: Initializers,
    *,
    generator_widths: Widths = (1200, 1200),
    discriminator_widths: Widths = (240, 240),
) -> tuple[keras.Model, keras.Model]:
    """Build f-GAN's pair, other values of `mlp`: batch-normed ReLU layers against plain ELU ones.

    Args:
        spec: what is built for.
        initializers: where the weights start.
        generator_widths: ReLU units of the generator, each layer batch-normed.
        discriminator_widths: ELU units of the variational function, three linear layers with the
            score.

    Returns:
        The pair; images in [0, 1]. The divergence's output activation belongs to the objective.

    Source:
        Nowozin et al. 2016, arXiv:1606.00709, section 4.2 and its supplement; the latent is its
        uniform(-1, 1). It gives no initial weights, the default is Keras'.
    """
    return (
        mlp_generator(spec, initializers, generator_widths, output_norm=False),
        mlp_discriminator(spec, initializers, discriminator_widths, "none", activation="elu"),
    )


def _stack(x, depths, norm: str, output_norm: bool, activation: str, initializers):
    """Return Dense layers of these depths, each but the last normalised and activated."""
    for depth in depths[:-1]:
        x = keras.layers.Dense(depth, kernel_initializer=initializers())(x)
        x = keras.layers.Activation(activation)(normalization(norm)(x))
    x = keras.layers.Dense(depths[-1], kernel_initializer=initializers())(x)
    return normalization(norm)(x) if output_norm else x
