"""The residual pair: blocks that add to what they were given, for colour images."""

from __future__ import annotations

import functools
from typing import Literal

import keras
from keras import ops

from tfgan_survey.layers.conditioning import ConditionalAffine
from tfgan_survey.layers.resampling import ResampledConv2D
from tfgan_survey.layers.spectral import SpectralConv2D, SpectralDense
from tfgan_survey.networks.blocks import Inputs, base_and_doublings, normalization
from tfgan_survey.networks.initializers import Initializers
from tfgan_survey.networks.pair import pair_builder
from tfgan_survey.networks.specs import Spec
from tfgan_survey.registry import Count, Units

# Maps up to this side have `width` channels, larger ones half as many with each doubling.
_FULL_WIDTH_SIDE = 32
# The discriminator halves maps down to this side and then has two blocks that keep it.
_SMALLEST_SIDE = 8
_LAST_BLOCKS = 2
# Batch norm of the published code (Chainer's).
_MOMENTUM, _EPSILON = 0.9, 2e-5


@pair_builder(latent_dim=128, latent="normal", initializer="keras", output_range=(-1.0, 1.0))
def residual(
    spec: Spec,
    initializers: Initializers,
    *,
    width: Units = 64,
    discriminator_width: Units | None = None,
    discriminator_norm: Literal["spectral", "layer", "none"] = "spectral",
    power_iterations: Count = 1,
) -> tuple[keras.Model, keras.Model]:
    """Build the residual pair; on 32 x 32: 4x4 -> 8x8 -> 16x16 -> 32x32, and back to 8x8.

    Formula:
        G: y = up(conv1(x)) + conv(relu(n(up-conv(relu(n(x))))))
        D: y = conv1(pool(x)) + conv-pool(relu(conv(relu(x)))),  score = w . h + <V[c], h>,
           h the sum of relu(y) over the last map

    Why:
        Sums keep a path along which gradients reach every block. Nearest neighbours and average
        pooling resample evenly. A condition c has its own scale and shift in each normalisation n
        of G, and a row of V in D. On 32 x 32 these are the published networks; there G has width
        256 and D 128, which is 16 times the work of the default on a CPU.

    Args:
        spec: what is built for.
        initializers: where the weights start.
        width: channels of the generator's maps up to 32 x 32; larger maps have half as many with
            each doubling.
        discriminator_width: the same of the discriminator; None for `width`.
        discriminator_norm: `spectral` divides each weight by its largest singular value; `layer`
            normalises each example before each convolution but the first, as WGAN-GP's critic has
            it.
        power_iterations: of spectral normalisation, after each update.

    Returns:
        The pair; images in [-1, 1].

    Raises:
        ValueError: `image_shape` is not `(size, size, channels)` with a size of 4 x 2^n or 7 x 2^n,
            n >= 1; or a width is below 1.

    Source:
        Miyato et al. 2018, arXiv:1802.05957, table 4 and figure 10; condition: Miyato & Koyama
        2018, arXiv:1802.05637, figures 14 and 15; layer norm: Gulrajani et al. 2017,
        arXiv:1704.00028, appendix C.
    """
    generator = _generator(spec, initializers, width)
    return generator, _discriminator(
        spec, initializers, discriminator_width or width, discriminator_norm, power_iterations
    )


def _generator(spec: Spec, initializers: Initializers, width: int) -> keras.Model:
    """Build the generator: projection to the smallest map, a block a doubling, one convolution."""
    inputs = Inputs.latent(spec)
    base, doublings = base_and_doublings(spec.image_shape)
    around_one = spec.conditional and not spec.condition.one_hot

    def hidden(x):
        x = normalization("batch", not spec.conditional, _MOMENTUM, _EPSILON)(x)
        x = ConditionalAffine(around_one)(x, inputs.condition) if spec.conditional else x
        return keras.layers.ReLU()(x)

    def conv(x, filters, resample="none", size=3):
        kernel = initializers()
        return ResampledConv2D(filters, resample, size, kernel_initializer=kernel)(x)

    x = keras.layers.Dense(base * base * width, kernel_initializer=initializers())(inputs.main)
    x = keras.layers.Reshape((base, base, width))(x)
    for doubling in range(1, doublings + 1):
        filters = _channels(width, base * 2**doubling)
        added = conv(hidden(conv(hidden(x), filters, "up")), filters)
        # A convolution of single pixels and nearest neighbours commute: it costs a quarter first.
        x = keras.layers.UpSampling2D(2)(conv(x, filters, size=1))
        x = keras.layers.Add()([x, added])
    x = normalization("batch", True, _MOMENTUM, _EPSILON)(x)
    x = conv(keras.layers.ReLU()(x), spec.image_shape[-1])
    x = keras.layers.Activation("tanh", dtype="float32")(x)
    return inputs.model(x, "generator")


def _discriminator(
    spec: Spec, initializers: Initializers, width: int, norm: str, power_iterations: int
) -> keras.Model:
    """Build the discriminator: one block a halving, two more, the sum over the map, one score."""
    inputs = Inputs.images(spec)
    conv_layer, dense_layer = ResampledConv2D, keras.layers.Dense
    if norm == "spectral":
        conv_layer = functools.partial(SpectralConv2D, iterations=power_iterations)
        dense_layer = functools.partial(SpectralDense, iterations=power_iterations)

    def conv(x, filters, resample="none", size=3):
        return conv_layer(filters, resample, size, kernel_initializer=initializers())(x)

    def dense(x, units, bias=True):
        options = {"use_bias": bias, "kernel_initializer": initializers(), "dtype": "float32"}
        return dense_layer(units, **options)(x)

    def hidden(x):
        x = normalization("layer")(x) if norm == "layer" else x
        return keras.layers.ReLU()(x)

    x, side = inputs.main, spec.image_shape[0]
    halvings = [True]
    while side // 2 ** len(halvings) > _SMALLEST_SIDE:
        halvings.append(True)
    for index, halved in enumerate([*halvings, *[False] * _LAST_BLOCKS]):
        filters = _channels(width, side)
        added = conv(x if index == 0 else hidden(x), filters)
        added = conv(hidden(added), filters, "down" if halved else "none")
        if halved:
            # Average pooling and a convolution of single pixels commute, as above.
            x = keras.layers.AveragePooling2D(2)(x)
            side //= 2
        x = conv(x, filters, size=1) if x.shape[-1] != filters or halved else x
        x = keras.layers.Add()([x, added])
    # From here on in float32: bfloat16 would round scores to a hundredth.
    x = keras.layers.Activation("linear", dtype="float32")(hidden(x))
    x = ops.sum(x, axis=(1, 2))
    scores = dense(x, 1)
    if spec.conditional:
        rows = dense(inputs.condition, x.shape[-1], bias=False)
        scores = scores + ops.sum(rows * x, axis=-1, keepdims=True)
    return inputs.model(scores, "discriminator")


def _channels(width: int, side: int) -> int:
    return max(1, width * _FULL_WIDTH_SIDE // max(side, _FULL_WIDTH_SIDE))
