"""The pair of f-GAN's MNIST experiment."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tfgan_survey.networks.initializers import InitializerName, Initializers
from tfgan_survey.networks.mlp import mlp_discriminator, mlp_generator
from tfgan_survey.networks.pair import NetworkPair
from tfgan_survey.registry import Units, Widths, checked


@checked
def elu(
    image_shape: Sequence[int],
    num_classes: int | None = None,
    *,
    seed: int = 0,
    latent_dim: Units = 100,
    latent: str = "uniform",
    generator_widths: Widths = (1200, 1200),
    discriminator_widths: Widths = (240, 240),
    initializer: InitializerName = "keras",
) -> NetworkPair:
    """Build f-GAN's pair: batch-normed ReLU layers against plain ELU layers.

    Args:
        image_shape: `(h, w, c)` or `(features,)`.
        num_classes: one-hot labels are joined to the latent and to the pixels; None for no labels.
        seed: seed of the weights.
        latent_dim: width of the latent.
        latent: distribution of the latent; uniform(-1, 1) is the paper's.
        generator_widths: ReLU units of the generator, each layer batch-normed.
        discriminator_widths: ELU units of the variational function, three linear layers with the
            score.
        initializer: see `Initializers`; the paper gives none, the default is Keras'.

    Returns:
        The pair; images in [0, 1]. The divergence's output activation belongs to the objective.

    Source: Nowozin et al. 2016, arXiv:1606.00709, section 4.2 and its supplement.
    """
    initializers = Initializers(initializer, seed)
    generator = mlp_generator(
        image_shape,
        latent_dim,
        num_classes,
        depth_list=(*generator_widths, math.prod(image_shape)),
        norm="batch",
        output_norm=False,
        initializers=initializers,
    )
    discriminator = mlp_discriminator(
        image_shape,
        num_classes,
        depth_list=(*discriminator_widths, 1),
        norm="none",
        activation="elu",
        initializers=initializers,
    )
    return NetworkPair(
        generator,
        discriminator,
        image_shape=tuple(image_shape),
        latent_dim=latent_dim,
        num_classes=num_classes,
        output_range=(0.0, 1.0),
        latent=latent,
    )
