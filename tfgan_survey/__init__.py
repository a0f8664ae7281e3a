"""Generative adversarial networks of the surveys, on TensorFlow 2 and Keras 3.

The names follow the flow data -> fit -> evaluate -> export -> serve. Importing this package does
not import TensorFlow: each name is looked up when it is first used (PEP 562).
"""

from __future__ import annotations

from tfgan_survey.lazy import attach

__version__ = "0.1.0"

_MODULES = {
    "load": "data",
    "load_arrays": "data",
    "NETWORKS": "networks",
    "NetworkPair": "networks",
    "OBJECTIVES": "objectives",
    "REGULARIZERS": "regularizers",
    "GAN": "models",
    "ConditionalGAN": "models",
    "MODELS": "zoo",
    "walk": "models",
    "build": "zoo",
    "PRETRAINED": "pretrained",
    "load_pretrained": "pretrained",
    "train": "training",
    "export_model": "export",
    "export_savedmodel": "export",
}
__getattr__, __dir__, __all__ = attach(__name__, _MODULES)
__all__ += ["__version__"]
