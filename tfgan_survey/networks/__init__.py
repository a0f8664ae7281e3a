"""The network axis: builders of generator and discriminator, no losses.

A builder is a function `(image_shape, num_classes=None, *, seed, latent_dim, ...) -> NetworkPair`
whose other keyword parameters are its settings.
"""

from tfgan_survey.networks.dcgan import dcgan
from tfgan_survey.networks.mlp import mlp, mlp_discriminator, mlp_generator
from tfgan_survey.networks.pair import NetworkPair
from tfgan_survey.registry import Registry

NETWORKS = Registry("network pair", {"dcgan": dcgan, "mlp": mlp})

__all__ = ["NETWORKS", "NetworkPair", "dcgan", "mlp", "mlp_discriminator", "mlp_generator"]
