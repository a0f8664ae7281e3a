"""Models: the training loops, by family.

Every module here is found by itself, and brings the axes along of which its models are made, so
that whoever loads a saved model has every class that it needs registered with Keras.
"""

from tfgan_survey.models.gan import GAN, ConditionalGAN
from tfgan_survey.models.trainable import TrainableModel
from tfgan_survey.models.walking import walk
from tfgan_survey.registry import discover

FAMILIES = discover("family", __name__, __path__, TrainableModel, attribute="family")

__all__ = ["FAMILIES", "GAN", "ConditionalGAN", "TrainableModel", "walk"]
