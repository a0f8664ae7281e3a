"""Convert the Olivetti faces to an `.npz` that `--dataset` takes: 400 grey faces, 64x64.

Run `python tools/convert_olivetti.py olivettifaces.mat olivetti.npz`. The file has ten pictures of
each of 40 people, one person after the other; the last two of each become the test images, and
the label is the person.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io
from conversion import require, run

_PEOPLE, _EACH, _TRAIN, _SIDE = 40, 10, 8, 64


def read(path: Path) -> dict[str, np.ndarray]:
    """Read `faces`, one column a face, each face column by column.

    Args:
        path: `olivettifaces.mat`.
    """
    faces = require(path, scipy.io.loadmat(path)["faces"], (_SIDE**2, _PEOPLE * _EACH))
    upright = faces.T.reshape(_PEOPLE, _EACH, _SIDE, _SIDE).swapaxes(2, 3).astype(np.uint8)
    people = np.repeat(np.arange(_PEOPLE)[:, None], _EACH, axis=1)
    arrays = {}
    for prefix, part in (("", slice(_TRAIN)), ("test_", slice(_TRAIN, None))):
        arrays[f"{prefix}images"] = upright[:, part].reshape(-1, _SIDE, _SIDE)
        arrays[f"{prefix}labels"] = people[:, part].ravel()
    return arrays


if __name__ == "__main__":
    run(__doc__, "olivettifaces.mat", read)
