"""Real and synthetic data: prepared folders, image sets in their original order, toy densities.

Importing this package imports neither TensorFlow nor TensorFlow Datasets: each name is looked up
when it is first used (PEP 562).
"""

from __future__ import annotations

from tfgan_survey.lazy import attach

_MODULES = {
    "DATASETS": "catalogue",
    "DatasetInfo": "catalogue",
    "prepare": "sources",
    "load": "images",
    "load_arrays": "images",
    "set_epoch": "stream",
    "ImageSet": "images",
    "PointSet": "synthetic",
    "GaussianMixture": "synthetic",
    "ring": "synthetic",
    "grid": "synthetic",
}
__getattr__, __dir__, __all__ = attach(__name__, _MODULES)
