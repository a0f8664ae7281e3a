"""Pieces that several pairs share: label inputs and normalisations by name."""

from __future__ import annotations

from typing import Literal

import keras

from tfgan_survey.layers.conditioning import OneHotLabels

NormName = Literal["batch", "layer", "instance", "none"]


def labels_and_one_hot(num_classes: int | None):
    """Return the `labels` input and its one-hot vectors, or two Nones without classes.

    Raises:
        ValueError: fewer than two classes.
    """
    if num_classes is None:
        return None, None
    if num_classes < 2:
        raise ValueError(
            f"num_classes={num_classes}: expected at least 2; leave it out for a pair without "
            "labels."
        )
    labels = keras.Input((), dtype="int32", name="labels")
    return labels, OneHotLabels(num_classes)(labels)


def network_inputs(source, labels):
    """Return a network's inputs: the latent or the images, in a list with labels if any."""
    return source if labels is None else [source, labels]


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
