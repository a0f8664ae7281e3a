"""The network axis: builders of generator and discriminator, no losses.

A builder is a function `(image_shape, num_classes=None, *, seed, latent_dim, ...) -> NetworkPair`
whose other keyword parameters are its settings; `pair_builder` makes it of a function of a `Spec`.
"""

from tfgan_survey.networks.dcgan import dcgan, dcgan_scorer
from tfgan_survey.networks.maxout import adapt, maxout, two_branch
from tfgan_survey.networks.mlp import elu, mlp, mlp_discriminator, mlp_generator
from tfgan_survey.networks.pair import NetworkPair, pair_builder
from tfgan_survey.networks.points import points
from tfgan_survey.networks.residual import residual
from tfgan_survey.networks.scorer import Scorer
from tfgan_survey.networks.specs import Spec
from tfgan_survey.networks.tags import tags
from tfgan_survey.registry import Registry

NETWORKS = Registry(
    "network pair",
    {
        "dcgan": dcgan,
        "elu": elu,
        "maxout": maxout,
        "mlp": mlp,
        "points": points,
        "residual": residual,
        "tags": tags,
        "two_branch": two_branch,
    },
)

# Discriminators alone, for models without a generator.
SCORERS = Registry("scoring network", {"dcgan": dcgan_scorer})

__all__ = [
    "NETWORKS",
    "SCORERS",
    "NetworkPair",
    "Scorer",
    "Spec",
    "adapt",
    "dcgan",
    "dcgan_scorer",
    "elu",
    "maxout",
    "mlp",
    "mlp_discriminator",
    "mlp_generator",
    "pair_builder",
    "points",
    "residual",
    "tags",
    "two_branch",
]
