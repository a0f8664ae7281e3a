"""The network axis of image-to-image GANs with pairs: a U-Net, and patch scores of both images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import keras
from annotated_types import Ge, Le

from tfgan_survey.conditions import Condition
from tfgan_survey.conditions.picture import Picture
from tfgan_survey.errors import SettingError
from tfgan_survey.layers.dropout import Dropout
from tfgan_survey.networks.blocks import Inputs, NormName, normalization
from tfgan_survey.networks.initializers import InitializerName, Initializers
from tfgan_survey.networks.pair import NetworkPair
from tfgan_survey.networks.specs import Spec
from tfgan_survey.networks.translation import Pieces, patch_features
from tfgan_survey.registry import BelowOne, Registry, Units, checked

_RANGE = (-1.0, 1.0)
_KERNEL, _SLOPE = 4, 0.2
_MOST_DOUBLED = 8
# Decoder levels with dropout, from the bottom.
_DROPPED = 3


@checked
def unet(
    image_shape: Sequence[int],
    num_classes: None = None,
    *,
    condition: Condition | None = None,
    seed: int = 0,
    latent_dim: Units = 16,
    latent: str = "normal",
    width: Units = 64,
    depth: Annotated[int, Ge(1), Le(8)] | None = None,
    norm: NormName = "batch",
    dropout: BelowOne = 0.5,
    blocks: Annotated[int, Ge(0), Le(64)] = 0,
    patch_width: Units = 64,
    patch_layers: Annotated[int, Ge(1), Le(6)] = 3,
    patch_norm: NormName = "batch",
    initializer: InitializerName = "normal_002",
) -> NetworkPair:
    """Build a generator from a picture and a latent to an image, and a judge of the two together.

    Formula:
        down: convolutions 4, stride 2, w 2w 4w 8w 8w ..., LeakyReLU 0.2; up: transposed
        convolutions 4, stride 2, each level beside what came down at its size; tanh.  Between
        them at the bottom, with blocks: a convolution 3 and residual blocks of two

    Why:
        What is the same in picture and image goes straight across and need not pass the bottom.
        Few halvings see little: with two, a pixel is drawn from 18 around it, of which a hole
        of 12 takes most; a residual block at the bottom adds 16 to that.
        The paper's noise is dropout alone; a latent joined at the bottom makes a sample a function
        of its seed, as everywhere in this package.

    Args:
        image_shape: `(height, width, channels)` of image and picture.
        num_classes: not taken.
        condition: the `Picture` that the networks see; None for one of the images' shape.
        seed: of the weights, and of dropout.
        latent_dim: width of the latent.
        latent: distribution of the latent, one of `tfgan_survey.layers.sampling.LATENTS`.
        width: w, channels of the first level.
        depth: halvings; None for as many as the sides allow.
        norm: of the generator's levels but the first and the last.
        dropout: share of units dropped in the three lowest levels on the way up; 0.5 as published.
        blocks: residual blocks at the bottom; none as published.
        patch_width: see `patch_features`; so are `patch_layers` and `patch_norm`.
        patch_layers: see `patch_width`.
        patch_norm: see `patch_width`.
        initializer: see `Initializers`.

    Returns:
        The pair; images in [-1, 1], conditioned on pictures in [0, 1].

    Raises:
        SettingError: labels, another kind of condition, sides that cannot be halved so often.

    Source:
        Isola et al. 2017, arXiv:1611.07004, sections 3.2 and 6.1.
    """
    shape = tuple(image_shape)
    picture = Picture(shape) if condition is None else condition
    if num_classes is not None or not isinstance(picture, Picture):
        raise SettingError("this pair is conditioned on pictures; leave conditional out.")
    possible = [n for n in range(1, 9) if all(side % 2**n == 0 for side in shape[:2])]
    if not possible or (depth is not None and depth > possible[-1]):
        raise SettingError(
            f"depth={depth}: sides of {shape[0]}x{shape[1]} cannot be halved that often; take "
            "fewer, or other sizes (--set image_size=...)."
        )
    depth = possible[-1] if depth is None else depth
    initializers = Initializers(initializer, seed)
    spec = Spec(shape, picture, latent_dim, latent, _RANGE)
    generator = _generator(spec, initializers, width, depth, norm, dropout, blocks)

    inputs = Inputs.images(spec)
    both = keras.layers.Concatenate()([inputs.main, inputs.condition])
    scores = patch_features(both, initializers, patch_width, patch_layers, patch_norm)
    return NetworkPair(generator, inputs.model(scores, "discriminator"), **vars(spec))


def _generator(
    spec: Spec,
    initializers: Initializers,
    width: int,
    depth: int,
    norm: str,
    dropout: float,
    blocks: int,
) -> keras.Model:
    inputs = Inputs.latent(spec)
    widths = [width * min(2**level, _MOST_DOUBLED) for level in range(depth)]

    def layer(kind, channels: int, strides: int = 2):
        return kind(channels, _KERNEL, strides, padding="same", kernel_initializer=initializers())

    x, crossing = inputs.condition, []
    for level, channels in enumerate(widths):
        x = layer(keras.layers.Conv2D, channels)(x)
        x = normalization(norm)(x) if level else x
        x = keras.layers.LeakyReLU(_SLOPE)(x)
        crossing.append(x)
    # The latent, laid out at the bottom.
    sides, channels = x.shape[1:3], widths[-1]
    z = keras.layers.Dense(math.prod(sides) * channels, kernel_initializer=initializers())(
        inputs.main
    )
    z = keras.layers.Reshape((*sides, channels))(z)
    x = keras.layers.ReLU()(normalization(norm)(z))
    if blocks:
        pieces = Pieces(initializers, norm, "zeros")
        x = pieces.convolved(keras.layers.Concatenate()([x, crossing[-1]]), channels, 3)
        x = keras.layers.ReLU()(pieces.normalized(x))
        for _ in range(blocks):
            x = pieces.block(x, channels)
    for level in reversed(range(depth)):
        x = keras.layers.Concatenate()([x, crossing[level]])
        last = level == 0
        x = layer(keras.layers.Conv2DTranspose, spec.image_shape[2] if last else widths[level - 1])(
            x
        )
        if last:
            break
        x = normalization(norm)(x)
        if dropout and depth - 1 - level < _DROPPED:
            x = Dropout(dropout, seed=initializers.next_seed())(x)
        x = keras.layers.ReLU()(x)
    return inputs.model(keras.layers.Activation("tanh", dtype="float32")(x), "generator")


PICTURE_PAIRS = Registry("picture pair", {"unet": unet})
