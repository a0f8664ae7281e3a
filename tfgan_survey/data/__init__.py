"""Real and synthetic data: prepared folders, image sets in their original order, toy densities.

Importing this package imports neither TensorFlow nor TensorFlow Datasets: each name is looked up
when it is first used (PEP 562).
"""

from __future__ import annotations

from tfgan_survey.lazy import attach

_MODULES = {
    "DATASETS": "sets.catalogue",
    "DatasetInfo": "sets.catalogue",
    "DataHome": "home",
    "prepare": "loading",
    "load": "loading",
    "load_arrays": "loading",
    "set_epoch": "stream",
    "ImageSet": "images",
    "UnpairedSet": "domains",
    "PointSet": "sets.mixtures",
    "GaussianMixture": "sets.mixtures",
    "ring": "sets.mixtures",
    "grid": "sets.mixtures",
}
__getattr__, __dir__, __all__ = attach(__name__, _MODULES)
