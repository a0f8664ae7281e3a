"""Generative adversarial networks of the surveys, on TensorFlow 2 and Keras 3.

The names follow the flow data -> fit -> evaluate -> export -> serve. Importing this package does
not import TensorFlow: each name is looked up when it is first used (PEP 562).
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

_MODULES = {
    "load": "tfgan_survey.data",
    "load_arrays": "tfgan_survey.data",
    "NETWORKS": "tfgan_survey.networks",
    "NetworkPair": "tfgan_survey.networks",
    "OBJECTIVES": "tfgan_survey.objectives",
    "REGULARIZERS": "tfgan_survey.regularizers",
    "GAN": "tfgan_survey.models",
    "ConditionalGAN": "tfgan_survey.models",
    "MODELS": "tfgan_survey.zoo",
    "build": "tfgan_survey.zoo",
    "train": "tfgan_survey.training",
    "export_savedmodel": "tfgan_survey.export",
}
__all__ = ["__version__", *_MODULES]


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
