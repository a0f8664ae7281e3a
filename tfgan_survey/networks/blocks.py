"""Pieces that several networks share: their inputs, and normalisations by name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import keras

from tfgan_survey.networks.specs import Spec

NormName = Literal["batch", "layer", "instance", "none"]
# Of vectors, where instance norm would leave nothing: each unit minus its own mean.
UnitNormName = Literal["batch", "layer", "none"]


class Inputs:
    """A network's inputs: the latent or the images, and the condition where there is one.

    Why:
        A builder takes `main`, the latent or the images, and `condition`, the condition's code
        `(batch, width)` or None, and has no case for how either comes in.

    Args:
        spec: what the network is built for.
        shape: of the main input.
        name: of the main input.
    """

    def __init__(self, spec: Spec, shape: tuple[int, ...], name: str):
        self.main = keras.Input(shape, name=name)
        rows, self.condition = spec.condition.network_input() if spec.conditional else (None, None)
        self._all = self.main if rows is None else [self.main, rows]

    @classmethod
    def latent(cls, spec: Spec) -> Inputs:
        """Return the inputs of a generator.

        Args:
            spec: what it is built for.
        """
        return cls(spec, (spec.latent_dim,), "latent")

    @classmethod
    def images(cls, spec: Spec) -> Inputs:
        """Return the inputs of a discriminator.

        Args:
            spec: what it is built for.
        """
        return cls(spec, spec.image_shape, "images")

    def join(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """Return features with the condition's code beside them, a picture's laid out in a row.

        Without a condition they stay as they are.

        Args:
            features: `(batch, n)`.
        """
        if self.condition is None:
            return features
        code = self.condition
        code = code if len(code.shape) == 2 else keras.layers.Flatten()(code)
        return keras.layers.Concatenate()([features, code])

    def model(self, outputs: keras.KerasTensor, name: str) -> keras.Model:
        """Return the network from these inputs.

        Args:
            outputs: images or scores.
            name: `generator` or `discriminator`.
        """
        return keras.Model(self._all, outputs, name=name)


def normalization(norm: str, scale: bool = True, momentum: float = 0.99, epsilon: float = 1e-3):
    """Return a new normalisation layer: `batch`, `layer`, `instance`, or `none` (identity).

    `layer` normalises each example over all its positions and channels, with a scale and shift a
    channel; on vectors that is the usual layer norm.

    Args:
        norm: the name.
        scale: whether the layer has its own gamma and beta.
        momentum: of batch norm's moving averages. The default, like epsilon's, is that of
            tf.layers.batch_normalization, as in the survey's snippet.
        epsilon: added to the variance.

    Raises:
        ValueError: no such normalisation.
    """
    affine = {"center": scale, "scale": scale, "epsilon": epsilon}
    builders = {
        "batch": lambda: keras.layers.BatchNormalization(momentum=momentum, **affine),
        "layer": lambda: keras.layers.GroupNormalization(groups=1, **affine),
        "instance": lambda: keras.layers.GroupNormalization(groups=-1, **affine),
        "none": lambda: keras.layers.Identity(),
    }
    if norm not in builders:
        raise ValueError(f"norm={norm!r}: expected one of {', '.join(builders)}.")
    return builders[norm]()


def base_and_doublings(image_shape: Sequence[int]) -> tuple[int, int]:
    """Return the smallest map's side, 4 or 7, and how often it doubles to the image's.

    Args:
        image_shape: `(size, size, channels)`.

    Raises:
        ValueError: the size is not 4 x 2^n or 7 x 2^n, n >= 1.
    """
    if len(image_shape) == 3 and image_shape[0] == image_shape[1] and image_shape[2] >= 1:
        for base in (4, 7):
            doublings = math.log2(image_shape[0] / base) if image_shape[0] > base else 0.0
            if doublings >= 1 and doublings.is_integer():
                return base, int(doublings)
    raise ValueError(
        f"image_shape {tuple(image_shape)}: this pair makes square images (size, size, "
        "channels) of size 4 x 2^n or 7 x 2^n (8, 14, 16, 28, 32, 56, 64, ...); load the data with "
        "image_size= one of these, or use the mlp pair."
    )
