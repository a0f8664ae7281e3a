"""The reconstruction axis: how far what a decoder makes is from what was encoded.

Every module here is found by itself.
"""

from tfgan_survey.objectives.reconstruction.base import Reconstruction
from tfgan_survey.registry import discover

RECONSTRUCTIONS = discover("reconstruction loss", __name__, __path__, Reconstruction)

__all__ = ["RECONSTRUCTIONS", "Reconstruction"]
