"""Models: the training loops.

Whoever loads a saved GAN needs every class that it may be made of registered with Keras, so this
package imports all axes.
"""

from tfgan_survey import networks, objectives, regularizers
from tfgan_survey.models import optimizers
from tfgan_survey.models.gan import GAN, ConditionalGAN
from tfgan_survey.models.trainable import TrainableModel

__all__ = [
    "GAN",
    "ConditionalGAN",
    "TrainableModel",
    "networks",
    "objectives",
    "optimizers",
    "regularizers",
]
