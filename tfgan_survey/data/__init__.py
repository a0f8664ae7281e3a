"""Real and synthetic data: prepared folders, image sets in their original order, toy densities.

Importing this package imports neither TensorFlow nor TensorFlow Datasets: each name is looked up
when it is first used (PEP 562).
"""

from __future__ import annotations

import importlib

_MODULES = {
    "DATASETS": "catalogue",
    "DatasetInfo": "catalogue",
    "prepare": "sources",
    "load": "images",
    "load_arrays": "images",
    "set_epoch": "images",
    "ImageSet": "images",
    "GaussianMixture": "synthetic",
    "ring": "synthetic",
    "grid": "synthetic",
}
__all__ = list(_MODULES)


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
