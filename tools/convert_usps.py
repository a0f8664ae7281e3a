"""Convert the USPS digits to an `.npz` that `--dataset` takes: 7,291 + 2,007 grey, 16x16.

Run `python tools/convert_usps.py usps.h5 usps.npz`, where the file has the groups `train` and
`test` with `data` `(n, 256)` from 0 to 1 and `target` `(n,)`. The pixels become bytes; a training
with `--set image_size=28` stretches them to the size of MNIST.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from conversion import require, run

_SIDE = 16


def read(path: Path) -> dict[str, np.ndarray]:
    """Read both groups.

    Args:
        path: `usps.h5`.
    """
    arrays = {}
    with h5py.File(path) as file:
        for prefix, group, count in (("", "train", 7291), ("test_", "test", 2007)):
            pixels = require(path, file[group]["data"][:], (count, _SIDE**2), high=1)
            images = np.rint(pixels * 255).astype(np.uint8)
            labels = require(path, file[group]["target"][:], (count,), high=9)
            arrays[f"{prefix}images"] = images.reshape(-1, _SIDE, _SIDE)
            arrays[f"{prefix}labels"] = labels.astype(np.int32)
    return arrays


if __name__ == "__main__":
    run(__doc__, "usps.h5", read)
