"""Convert MNIST-M to an `.npz` that `--dataset` takes: 10,000 + 9,001 in colour, 32x32.

Run `python tools/convert_mnist_m.py FOLDER mnist_m.npz`, where the folder has, in the order of
MNIST, `train_10000.webp` and `test_9001.webp`, sheets of 100 images a row, and beside each its
`_labels.npy`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from conversion import require, run
from PIL import Image

_SIDE, _COLUMNS = 32, 100


def read(folder: Path) -> dict[str, np.ndarray]:
    """Cut both sheets into images; the last row of a sheet may be filled up.

    Args:
        folder: with the sheets and labels.
    """
    arrays = {}
    for prefix, name, count in (("", "train_10000", 10_000), ("test_", "test_9001", 9_001)):
        path = folder / f"{name}.webp"
        rows = -(-count // _COLUMNS)
        with Image.open(path) as picture:
            sheet = np.asarray(picture.convert("RGB"))
        require(path, sheet, (rows * _SIDE, _COLUMNS * _SIDE, 3))
        tiles = sheet.reshape(rows, _SIDE, _COLUMNS, _SIDE, 3).swapaxes(1, 2)
        labels = np.load(folder / f"{name}_labels.npy")
        arrays[f"{prefix}images"] = tiles.reshape(-1, _SIDE, _SIDE, 3)[:count]
        arrays[f"{prefix}labels"] = require(path, labels, (count,), high=9).astype(np.int32)
    return arrays


if __name__ == "__main__":
    run(__doc__, "folder with the sheets", read)
