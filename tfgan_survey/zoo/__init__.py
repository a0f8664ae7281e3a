"""Named GANs, and the way from a name to settings to a compiled model.

Importing this package, `MODELS` and `describe` need no TensorFlow; `resolve` and `build` do.
"""

from tfgan_survey.zoo.compose import build, build_from_settings, complete, resolve
from tfgan_survey.zoo.describing import describe
from tfgan_survey.zoo.recipes import MODELS, Recipe

__all__ = ["MODELS", "Recipe", "build", "build_from_settings", "complete", "describe", "resolve"]
