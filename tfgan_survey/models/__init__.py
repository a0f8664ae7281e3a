"""Models: the training loops."""

from tfgan_survey.models.gan import GAN, ConditionalGAN

__all__ = ["GAN", "ConditionalGAN"]
