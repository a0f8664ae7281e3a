"""Weight initialisers by their true names, each draw with its own seed."""

from __future__ import annotations

from typing import Literal

import keras
import numpy as np

InitializerName = Literal["he_normal", "glorot_normal", "normal_002", "keras"]


class Initializers:
    """Hand out initialisers of one kind, each with a fresh seed derived from one seed.

    Formula:
        he_normal      N(0, 2 / fan_in)    "xavier_init" of the survey's snippet
        glorot_normal  N(0, 2 / (fan_in + fan_out))
        normal_002     N(0, 0.02^2)        DCGAN; 0.02 is the standard deviation
        keras          Glorot uniform, Keras' own default

    Why:
        The snippet calls `xavier_init(in_dim)` without defining it. Its usual definition,
        `1 / sqrt(in_dim / 2)`, is the standard deviation known today as He fan-in; it is the
        default of the survey's networks because their layers are ReLU. Glorot's needs fan_out,
        which the snippet's call does not have.

    Args:
        kind: one of the names above.
        seed: the one seed of the network.

    Source:
        He et al. 2015 (arXiv:1502.01852) Eq. 10; Glorot & Bengio 2010 Eq. 12; Radford et al. 2016
        (arXiv:1511.06434) section 4.
    """

    def __init__(self, kind: InitializerName, seed: int):
        self.kind = kind
        self._seeds = iter(_child_seeds(seed))

    def __call__(self) -> keras.initializers.Initializer:
        """Return the next initialiser."""
        seed = self.next_seed()
        if self.kind == "normal_002":
            return keras.initializers.RandomNormal(stddev=0.02, seed=seed)
        if self.kind == "keras":
            return keras.initializers.GlorotUniform(seed=seed)
        scale, mode = {"he_normal": (2.0, "fan_in"), "glorot_normal": (1.0, "fan_avg")}[self.kind]
        return keras.initializers.VarianceScaling(scale, mode, "untruncated_normal", seed=seed)

    def next_seed(self) -> int:
        """Return the next seed, for dropout and other random layers."""
        return next(self._seeds)


def _child_seeds(seed: int):
    generator = np.random.default_rng(seed)
    while True:
        yield int(generator.integers(2**31 - 1))
