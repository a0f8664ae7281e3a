"""Trained models that come with the package, by name.

Each is a folder of a run without optimizers: `settings.json` (settings, versions, and the digest of
the weights), `weights.npz` (the networks that an export holds), `metrics.json` and `card.md` (data,
settings, figures, limits). `python tools/make_pretrained.py` makes one from a run or an export.
Importing this package and reading `PRETRAINED` needs no TensorFlow.
"""

from __future__ import annotations

from tfgan_survey.lazy import attach
from tfgan_survey.pretrained.shipped import CARD, PRETRAINED, RECORD, ROOT, WEIGHTS, place_of

_MODULES = {"load_pretrained": "weights", "load_weights": "weights", "save_weights": "weights"}
__getattr__, __dir__, __all__ = attach(__name__, _MODULES)
__all__ += ["CARD", "PRETRAINED", "RECORD", "ROOT", "WEIGHTS", "place_of"]
