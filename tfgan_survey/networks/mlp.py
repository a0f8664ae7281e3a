"""The survey snippet's multilayer perceptrons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import keras

from tfgan_survey.networks.blocks import labels_and_one_hot, network_inputs, normalization
from tfgan_survey.networks.initializers import InitializerName, Initializers
from tfgan_survey.networks.pair import NetworkPair
from tfgan_survey.registry import Units, Widths, checked

NormName = Literal["batch", "layer", "none"]


def mlp_generator(
    image_shape: Sequence[int],
    latent_dim: Units = 100,
    num_classes: int | None = None,
    *,
    depth_list: Sequence[int] = (128, 784),
    norm: NormName = "batch",
    output_norm: bool = True,
    activation: str = "relu",
    initializers: Initializers,
) -> keras.Model:
    """Build the snippet's generator: Dense, norm, ReLU, ..., Dense, norm, sigmoid.

    Args:
        image_shape: shape of one image or point; its size must equal `depth_list[-1]`.
        latent_dim: width of the latent; the snippet leaves `dim_Z` undefined, 100 is usual.
        num_classes: one-hot labels of this width are joined to the latent; None for no labels.
        depth_list: units of every Dense layer, the output included.
        norm: normalisation after every Dense layer.
        output_norm: whether the last Dense layer is normalised too, as the snippet does.
        activation: Keras activation of the hidden layers.
        initializers: where the weights start.

    Returns:
        Model from `latent` (and `labels`) to images in [0, 1].

    Raises:
        ValueError: the last depth does not fit the image.

    Source: survey section 2.4.2.
    """
    depth_list = _check_depths(depth_list, math.prod(image_shape), "generator", "pixels")
    latent = keras.Input((latent_dim,), name="latent")
    inputs, x = _join_labels(latent, latent, num_classes)
    x = _stack(x, depth_list, norm, output_norm, activation, initializers)
    # Reshaped first: a layer of lower precision behind the sigmoid would round the pixels.
    x = keras.layers.Reshape(tuple(image_shape))(x)
    x = keras.layers.Activation("sigmoid", dtype="float32")(x)
    return keras.Model(inputs, x, name="generator")


def mlp_discriminator(
    image_shape: Sequence[int],
    num_classes: int | None = None,
    *,
    depth_list: Sequence[int] = (128, 1),
    norm: NormName = "batch",
    output_norm: bool = False,
    activation: str = "relu",
    initializers: Initializers,
) -> keras.Model:
    """Build the snippet's discriminator, linear at the end: the objective owns the sigmoid.

    Args:
        image_shape: shape of one image or point.
        num_classes: one-hot labels of this width are joined to the pixels; None for no labels.
        depth_list: units of every Dense layer; the last must be 1.
        norm: normalisation after every hidden Dense layer.
        output_norm: normalise the scores as well. The snippet does, and its discriminator can then
            learn nothing: see `tfgan_survey.theory.batch_norm_score_bound`.
        activation: Keras activation of the hidden layers.
        initializers: where the weights start.

    Returns:
        Model from images (and `labels`) to `scores` `(batch, 1)`.

    Raises:
        ValueError: the last depth is not 1.

    Source: survey section 2.4.3.
    """
    depth_list = _check_depths(depth_list, 1, "discriminator", "scores")
    images = keras.Input(tuple(image_shape), name="images")
    x = keras.layers.Flatten()(images)
    inputs, x = _join_labels(images, x, num_classes)
    x = _stack(x, depth_list, norm, output_norm, activation, initializers)
    return keras.Model(inputs, x, name="discriminator")


@checked
def mlp(
    image_shape: Sequence[int],
    num_classes: int | None = None,
    *,
    seed: int = 0,
    latent_dim: Units = 100,
    latent: str = "uniform",
    generator_widths: Widths = (128,),
    discriminator_widths: Widths = (128,),
    norm: NormName = "batch",
    generator_output_norm: bool = True,
    discriminator_norm: NormName | None = None,
    discriminator_output_norm: bool = False,
    activation: str = "relu",
    initializer: InitializerName = "he_normal",
) -> NetworkPair:
    """Build the survey snippet's pair, `depth_list=[128, 784]` and `[128, 1]` on MNIST.

    Args:
        image_shape: shape of one image `(h, w, c)` or point `(features,)`.
        num_classes: None for the unconditional pair.
        seed: seed of the weights.
        latent_dim: width of the latent.
        latent: distribution of the latent; the snippet's `Z_sample` is undefined, uniform(-1, 1)
            is the default and `normal` the survey's own later advice (trick 3).
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
        initializer: see `Initializers`.

    Returns:
        The pair; images in [0, 1].

    Raises:
        ValueError: the scores are to be normalised, but D's normalisation is `none`.

    Source: survey sections 2.4.2 and 2.4.3. Departures: linear scores; no batch norm on them.
    """
    if discriminator_output_norm and (discriminator_norm or norm) == "none":
        raise ValueError(
            "discriminator_output_norm=True has no effect where the discriminator's norm is none; "
            "choose one by discriminator_norm, or leave it out."
        )
    initializers = Initializers(initializer, seed)
    return NetworkPair(
        mlp_generator(
            image_shape,
            latent_dim,
            num_classes,
            depth_list=(*generator_widths, math.prod(image_shape)),
            norm=norm,
            output_norm=generator_output_norm,
            activation=activation,
            initializers=initializers,
        ),
        mlp_discriminator(
            image_shape,
            num_classes,
            depth_list=(*discriminator_widths, 1),
            norm=discriminator_norm or norm,
            output_norm=discriminator_output_norm,
            activation=activation,
            initializers=initializers,
        ),
        image_shape=tuple(image_shape),
        latent_dim=latent_dim,
        num_classes=num_classes,
        output_range=(0.0, 1.0),
        latent=latent,
    )


def _join_labels(source, features, num_classes: int | None):
    """Return the inputs and the features with one-hot labels joined where there are classes."""
    labels, one_hot = labels_and_one_hot(num_classes)
    if one_hot is not None:
        features = keras.layers.Concatenate()([features, one_hot])
    return network_inputs(source, labels), features


def _stack(x, depth_list, norm: str, output_norm: bool, activation: str, initializers):
    for index, depth in enumerate(depth_list):
        last = index == len(depth_list) - 1
        x = keras.layers.Dense(depth, kernel_initializer=initializers())(x)
        if not last or output_norm:
            x = normalization(norm)(x)
        if not last:
            x = keras.layers.Activation(activation)(x)
    return x


def _check_depths(depth_list, size: int, role: str, what: str) -> tuple[int, ...]:
    depth_list = tuple(int(depth) for depth in depth_list)
    if not depth_list or depth_list[-1] != size or min(depth_list) < 1:
        raise ValueError(
            f"The {role}'s depth_list {depth_list} must hold positive widths and end in {size} "
            f"({what}); change its last entry."
        )
    return depth_list
