"""The DCGAN pair: convolutions that change the size themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import keras

from tfgan_survey.conditions import Condition, as_condition
from tfgan_survey.layers.conditioning import AppendLabelMaps, ConditionalAffine, LabelProjection
from tfgan_survey.layers.resampling import PixelShuffle
from tfgan_survey.networks.blocks import Inputs, NormName, base_and_doublings, normalization
from tfgan_survey.networks.initializers import InitializerName, Initializers
from tfgan_survey.networks.pair import pair_builder
from tfgan_survey.networks.scorer import Scorer
from tfgan_survey.networks.specs import Spec
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


@pair_builder(initializer="normal_002", output_range=(-1.0, 1.0))
def dcgan(
    spec: Spec,
    initializers: Initializers,
    *,
    width: Units = 32,
    discriminator_width: Units | None = None,
    kernel_size: Units = 4,
    norm: NormName = "batch",
    discriminator_norm: NormName | None = None,
    activation: Literal["relu", "leaky_relu"] = "relu",
    upsampling: Upsampling = "transposed",
    downsampling: Downsampling = "strided",
    label_input: LabelInput = "concat",
) -> tuple[keras.Model, keras.Model]:
    """Build the DCGAN pair; on 28 x 28: 7x7x64 -> 14x14x32 -> image, and back.

    Why:
        No pooling, no hidden dense layers, batch norm in both networks but on neither the
        generator's output nor the discriminator's input, ReLU and tanh against LeakyReLU 0.2.
        The survey prints the batch norm rule the wrong way round, and 0.02 as a variance.

    Args:
        spec: what is built for.
        initializers: where the weights start.
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
        label_input: `concat` joins the condition's code (one-hot labels) to the latent and as
            constant maps to every feature map (DCGAN's MNIST code); `projection` adds
            <V[y], features> to the score and gives the generator's normalisations a scale and
            shift a class (Miyato & Koyama 2018).

    Returns:
        The pair; images in [-1, 1].

    Raises:
        ValueError: `image_shape` is not `(size, size, channels)` with a size of 4 x 2^n or 7 x 2^n,
            n >= 1; or a width is below 1.

    Source:
        Radford et al. 2016, arXiv:1511.06434, section 3 and figure 1: the latent is its
        uniform(-1, 1), `normal` the survey's trick 3; survey section 3.
    """
    base, doublings = base_and_doublings(spec.image_shape)
    generator = _generator(
        spec, initializers, base, _widths(width, doublings)[::-1], kernel_size, norm, activation,
        upsampling, label_input,
    )  # fmt: skip
    widths = _widths(discriminator_width or width, doublings)
    discriminator_norm = discriminator_norm or norm
    return generator, _discriminator(
        spec, initializers, widths, kernel_size, discriminator_norm, downsampling, label_input
    )


@checked
def dcgan_scorer(
    image_shape: Sequence[int],
    num_classes: int | None = None,
    *,
    condition: Condition | None = None,
    seed: int = 0,
    width: Units = 16,
    kernel_size: Units = 4,
    hidden_units: Units = 128,
    initializer: InitializerName = "he_normal",
) -> Scorer:
    """Build the DCGAN pair's discriminator alone, with a hidden layer, without normalisation.

    Why:
        For models without a generator. The score of an image, whose gradient makes images, must not
        depend on the other images of its batch. The pair's score is a sum over the smallest map;
        here, where D alone has to know what a whole digit is, a hidden layer sees all of the map.

    Args:
        image_shape: shape of one image, as the pair takes it.
        num_classes: number of classes; None for the unconditional network.
        condition: another condition, such as `tfgan_survey.conditions.Vector`; it enters by
            projection.
        seed: seed of the weights.
        width: channels of the first map; smaller maps have twice as many each.
        kernel_size: of the convolutions.
        hidden_units: of the layer between the smallest map and the score.
        initializer: see `Initializers`; the pair's 0.02 is too small where no batch norm follows.

    Returns:
        The network, for images in [-1, 1]; a latent is such an image in a row.

    Raises:
        ValueError: as the pair's.

    Source:
        Radford et al. 2016, arXiv:1511.06434, section 3; departures: see above.
    """
    spec = Spec(image_shape, as_condition(num_classes, condition))
    _, doublings = base_and_doublings(spec.image_shape)
    network = _discriminator(
        spec, Initializers(initializer, seed), _widths(width, doublings), kernel_size, "none",
        "strided", "projection", hidden_units,
    )  # fmt: skip
    return Scorer(
        network, image_shape=image_shape, condition=spec.condition, output_range=(-1.0, 1.0)
    )


def _generator(
    spec: Spec, initializers: Initializers, base: int, widths: Sequence[int], kernel_size: int,
    norm: NormName, activation: str, upsampling: Upsampling, label_input: LabelInput,
) -> keras.Model:  # fmt: skip
    """Build the generator: projection to the smallest map, then one up-sampling a width."""
    inputs = Inputs.latent(spec)
    code = inputs.condition
    projected = spec.conditional and label_input == "projection"
    joined = spec.conditional and not projected

    def hidden(x):
        x = normalization(norm, not projected, _MOMENTUM, _EPSILON)(x)
        x = ConditionalAffine(around_one=not spec.condition.one_hot)(x, code) if projected else x
        x = keras.layers.Activation(activation)(x)
        return AppendLabelMaps()(x, code) if joined else x

    # By projection as well: the latent's projection sees the condition.
    x = inputs.join(inputs.main)
    units = base * base * widths[0]
    x = keras.layers.Dense(units, use_bias=norm == "none", kernel_initializer=initializers())(x)
    x = hidden(keras.layers.Reshape((base, base, widths[0]))(x))
    for filters in widths[1:]:
        x = hidden(_up(x, filters, kernel_size, upsampling, norm == "none", initializers))
    x = _up(x, spec.image_shape[-1], kernel_size, upsampling, True, initializers)
    x = keras.layers.Activation("tanh", dtype="float32")(x)
    return inputs.model(x, "generator")


def _discriminator(
    spec: Spec, initializers: Initializers, widths: Sequence[int], kernel_size: int,
    norm: NormName, downsampling: Downsampling, label_input: LabelInput,
    hidden_units: int | None = None,
) -> keras.Model:  # fmt: skip
    """Build the discriminator: one down-sampling a width, a hidden layer or none, one score."""
    inputs = Inputs.images(spec)
    code = inputs.condition
    projected = spec.conditional and label_input == "projection"
    joined = spec.conditional and not projected
    x = inputs.main
    for index, filters in enumerate(widths):
        x = AppendLabelMaps()(x, code) if joined else x
        normed = index > 0 and norm != "none"
        x = _down(x, filters, kernel_size, downsampling, not normed, initializers)
        x = normalization(norm, True, _MOMENTUM, _EPSILON)(x) if normed else x
        x = keras.layers.LeakyReLU(_SLOPE)(x)
    x = keras.layers.Flatten()(x)
    if hidden_units is not None:
        x = keras.layers.Dense(hidden_units, kernel_initializer=initializers())(x)
        x = keras.layers.LeakyReLU(_SLOPE)(x)
    if projected:
        x = LabelProjection(code.shape[-1], kernel_initializer=initializers())(x, code)
    else:
        x = keras.layers.Dense(1, kernel_initializer=initializers())(inputs.join(x))
    return inputs.model(x, "discriminator")


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
