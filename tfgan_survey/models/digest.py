"""What says whether two models have the same weights."""

from __future__ import annotations

import hashlib

import numpy as np

from tfgan_survey.models.trainable import TrainableModel


def weights_digest(model: TrainableModel) -> str:
    """Return the SHA-256 of the weights that an export holds.

    Args:
        model: names its exported networks.
    """
    digest = hashlib.sha256()
    for network in model.exported_networks():
        for array in network.get_weights():
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
