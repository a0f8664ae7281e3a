"""The DCGAN pair: convolutions that change the size themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import keras

from tfgan_survey.layers.conditioning import AppendLabelMaps, ConditionalAffine, LabelProjection
from tfgan_survey.layers.resampling import PixelShuffle
from tfgan_survey.networks.blocks import NormName, labels_and_one_hot, network_inputs, normalization
from tfgan_survey.networks.initializers import InitializerName, Initializers
from tfgan_survey.networks.pair import NetworkPair
from tfgan_survey.registry import Units, checked

LabelInput = Literal["concat", "projection"]
Upsampling = Literal["transposed", "pixel_shuffle"]
Downsampling = Literal["strided", "average_pooling"]

# Channels double with each halving of the map, up to 8 times the first, as in the paper (64..512).
_MOST_DOUBLED = 8
# Convolutions that keep the size (before PixelShuffle or pooling) have an odd kernel.
_SAME_SIZE_KERNEL = 3
_SLOPE = 0.2
# Batch norm of the DCGAN code; a long average would lag behind a moving generator.
_MOMENTUM, _EPSILON = 0.9, 1e-5


@checked
def dcgan(
    image_shape: Sequence[int],
    num_classes: int | None = None,
    *,
    seed: int = 0,
    latent_dim: Units = 100,
    latent: str = "uniform",
    width: Units = 32,
    discriminator_width: Units | None = None,
    kernel_size: Units = 4,
    norm: NormName = "batch",
    discriminator_norm: NormName | None = None,
    activation: Literal["relu", "leaky_relu"] = "relu",
    upsampling: Upsampling = "transposed",
    downsampling: Downsampling = "strided",
    label_input: LabelInput = "concat",
    initializer: InitializerName = "normal_002",
) -> NetworkPair:
    """Build the DCGAN pair; on 28 x 28: 7x7x64 -> 14x14x32 -> image, and back.

    Why:      no pooling, no hidden dense layers, batch norm in both networks but on neither the
              generator's output nor the discriminator's input, ReLU and tanh against LeakyReLU 0.2.
              The survey prints the batch norm rule the wrong way round, and 0.02 as a variance.

    Args:
        image_shape: `(size, size, channels)`, size 4 x 2^n or 7 x 2^n with n >= 1.
        num_classes: None for the unconditional pair.
        seed: seed of the weights.
        latent_dim: width of the latent.
        latent: distribution of the latent; uniform(-1, 1) is the paper's, `normal` the survey's
            trick 3.
        width: channels of the generator's largest hidden map; smaller maps have twice as many
            each, up to 8 times. The paper's is 128, its published code's 64.
        discriminator_width: channels of the discriminator's first map; None for `width`.
        kernel_size: of the convolutions that change the size. The paper has 5; 4 is divisible by
            the stride, so every output pixel is covered equally often (no checkerboard).
        norm: normalisation of the hidden layers of both networks.
        discriminator_norm: another one for the discriminator; None keeps `norm`.
        activation: of the generator; `leaky_relu` is the survey's trick 5 ("LeakyReLU in both").
        upsampling: transposed convolution, or convolution and PixelShuffle.
        downsampling: strided convolution, or convolution and average pooling.
        label_input: `concat` joins one-hot labels to the latent and as constant maps to every
            feature map (DCGAN's MNIST code); `projection` adds <V[y], features> to the score and
            gives the generator's normalisations a scale and shift a class (Miyato & Koyama 2018).
        initializer: see `Initializers`.

    Returns:
        The pair; images in [-1, 1].

    Raises:
        ValueError: the size is not 4 x 2^n or 7 x 2^n, or a width is below 1.

    Source: Radford et al. 2016, arXiv:1511.06434, section 3 and figure 1; survey section 3.
    """
    _, doublings = _base_and_doublings(image_shape)
    discriminator_width = width if discriminator_width is None else discriminator_width
    initializers = Initializers(initializer, seed)
    generator = dcgan_generator(
        image_shape,
        latent_dim,
        num_classes,
        widths=_widths(width, doublings)[::-1],
        kernel_size=kernel_size,
        norm=norm,
        activation=activation,
        upsampling=upsampling,
        label_mode=label_input,
        initializers=initializers,
    )
    discriminator = dcgan_discriminator(
        image_shape,
        num_classes,
        widths=_widths(discriminator_width, doublings),
        kernel_size=kernel_size,
        norm=discriminator_norm or norm,
        downsampling=downsampling,
        label_mode=label_input,
        initializers=initializers,
    )
    return NetworkPair(
        generator,
        discriminator,
        image_shape=tuple(image_shape),
        latent_dim=latent_dim,
        num_classes=num_classes,
        output_range=(-1.0, 1.0),
        latent=latent,
    )


def dcgan_generator(
    image_shape: Sequence[int],
    latent_dim: int,
    num_classes: int | None,
    *,
    widths: Sequence[int],
    kernel_size: int,
    norm: NormName,
    activation: str,
    upsampling: Upsampling,
    label_mode: LabelInput,
    initializers: Initializers,
) -> keras.Model:
    """Build the generator: projection to the smallest map, then one up-sampling a width.

    Args:
        image_shape: `(size, size, channels)`.
        latent_dim: width of the latent.
        num_classes: None for no labels.
        widths: channels from the smallest to the largest hidden map.
        kernel_size: of the transposed convolutions.
        norm: normalisation of every hidden map.
        activation: of every hidden map.
        upsampling: how maps grow.
        label_mode: `concat` or `projection`.
        initializers: where the weights start.

    Returns:
        Model from `latent` (and `labels`) to images in [-1, 1].
    """
    base, _ = _base_and_doublings(image_shape)
    projected = label_mode == "projection"
    labels, one_hot = labels_and_one_hot(num_classes)
    latent = keras.Input((latent_dim,), name="latent")
    conditional = one_hot is not None

    def hidden(x):
        own_scale = not (conditional and projected)
        x = normalization(norm, own_scale, _MOMENTUM, _EPSILON)(x)
        x = x if own_scale else ConditionalAffine()(x, one_hot)
        x = keras.layers.Activation(activation)(x)
        return AppendLabelMaps()(x, one_hot) if conditional and not projected else x

    x = keras.layers.Concatenate()([latent, one_hot]) if conditional else latent
    units = base * base * widths[0]
    x = keras.layers.Dense(units, use_bias=norm == "none", kernel_initializer=initializers())(x)
    x = keras.layers.Reshape((base, base, widths[0]))(x)
    x = hidden(x)
    for filters in widths[1:]:
        x = _up(x, filters, kernel_size, upsampling, norm == "none", initializers)
        x = hidden(x)
    x = _up(x, image_shape[-1], kernel_size, upsampling, True, initializers)
    x = keras.layers.Activation("tanh", dtype="float32")(x)
    return keras.Model(network_inputs(latent, labels), x, name="generator")


def dcgan_discriminator(
    image_shape: Sequence[int],
    num_classes: int | None,
    *,
    widths: Sequence[int],
    kernel_size: int,
    norm: NormName,
    downsampling: Downsampling,
    label_mode: LabelInput,
    initializers: Initializers,
) -> keras.Model:
    """Build the discriminator: one down-sampling a width, then one linear score.

    Args:
        image_shape: `(size, size, channels)`.
        num_classes: None for no labels.
        widths: channels from the largest to the smallest map.
        kernel_size: of the strided convolutions.
        norm: normalisation of every map but the first.
        downsampling: how maps shrink.
        label_mode: `concat` or `projection`.
        initializers: where the weights start.

    Returns:
        Model from images (and `labels`) to `scores` `(batch, 1)`.
    """
    projected = label_mode == "projection"
    labels, one_hot = labels_and_one_hot(num_classes)
    images = keras.Input(tuple(image_shape), name="images")
    joined = one_hot is not None and not projected
    x = images
    for index, filters in enumerate(widths):
        x = AppendLabelMaps()(x, one_hot) if joined else x
        normed = index > 0 and norm != "none"
        x = _down(x, filters, kernel_size, downsampling, not normed, initializers)
        x = normalization(norm, True, _MOMENTUM, _EPSILON)(x) if normed else x
        x = keras.layers.LeakyReLU(_SLOPE)(x)
    x = keras.layers.Flatten()(x)
    if one_hot is not None and projected:
        x = LabelProjection(num_classes, kernel_initializer=initializers())(x, one_hot)
    else:
        x = keras.layers.Concatenate()([x, one_hot]) if joined else x
        x = keras.layers.Dense(1, kernel_initializer=initializers())(x)
    return keras.Model(network_inputs(images, labels), x, name="discriminator")


def _up(x, filters: int, kernel_size: int, upsampling: str, bias: bool, initializers):
    """Double the map."""
    options = {"padding": "same", "use_bias": bias, "kernel_initializer": initializers()}
    if upsampling == "transposed":
        return keras.layers.Conv2DTranspose(filters, kernel_size, strides=2, **options)(x)
    if upsampling == "pixel_shuffle":
        x = keras.layers.Conv2D(4 * filters, _SAME_SIZE_KERNEL, **options)(x)
        return PixelShuffle(2)(x)
    raise ValueError(f"upsampling={upsampling!r}: expected transposed or pixel_shuffle.")


def _down(x, filters: int, kernel_size: int, downsampling: str, bias: bool, initializers):
    """Halve the map."""
    options = {"padding": "same", "use_bias": bias, "kernel_initializer": initializers()}
    if downsampling == "strided":
        return keras.layers.Conv2D(filters, kernel_size, strides=2, **options)(x)
    if downsampling == "average_pooling":
        x = keras.layers.Conv2D(filters, _SAME_SIZE_KERNEL, **options)(x)
        return keras.layers.AveragePooling2D(2)(x)
    raise ValueError(f"downsampling={downsampling!r}: expected strided or average_pooling.")


def _widths(width: int, doublings: int) -> tuple[int, ...]:
    return tuple(width * min(2**index, _MOST_DOUBLED) for index in range(doublings))


def _base_and_doublings(image_shape: Sequence[int]) -> tuple[int, int]:
    """Return the smallest map's side, 4 or 7, and how often it doubles to the image's."""
    if len(image_shape) == 3 and image_shape[0] == image_shape[1] and image_shape[2] >= 1:
        for base in (4, 7):
            doublings = math.log2(image_shape[0] / base) if image_shape[0] > base else 0.0
            if doublings >= 1 and doublings.is_integer():
                return base, int(doublings)
    raise ValueError(
        f"image_shape {tuple(image_shape)}: the dcgan pair makes square images (size, size, "
        "channels) of size 4 x 2^n or 7 x 2^n (8, 14, 16, 28, 32, 56, 64, ...); load the data with "
        "image_size= one of these, or use the mlp pair."
    )
