"""Which pretrained models there are, and where they lie."""

from __future__ import annotations

import os
from pathlib import Path

from tfgan_survey.registry import Registry

WEIGHTS, RECORD, CARD = "weights.npz", "settings.json", "card.md"


ROOT = Path(__file__).parent
PRETRAINED = Registry(
    "pretrained model", {file.parent.name: file.parent for file in ROOT.glob(f"*/{WEIGHTS}")}
)
"""Names of the pretrained models to their folders."""


def place_of(run: str | os.PathLike) -> Path:
    """Return where a run lies that a caller named by its path or, if pretrained, by its name.

    Why:
        A path that exists is a path: a run in a folder `cgan_mnist` hides the pretrained model of
        that name, a run in `runs/cgan_mnist` does not.

    Args:
        run: run folder, `.keras` file, or the name of a pretrained model.

    Returns:
        The path as it came, which need not exist, or the pretrained model's folder.
    """
    path = Path(run)
    name = os.fspath(run)
    return PRETRAINED[name] if name in PRETRAINED and not path.exists() else path
