"""Convert the Olivetti faces to an `.npz` that `--dataset` takes: 400 grey faces, 64x64.

Run `python tools/convert_olivetti.py olivettifaces.mat olivetti.npz`. The file has ten pictures of
each of 40 people, one person after the other; the last two of each become the test images, and
the label is the person.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import scipy.io

from tfgan_survey.files import written_aside

_PEOPLE, _EACH, _TRAIN, _SIDE = 40, 10, 8, 64


def convert(source: Path, target: Path) -> None:
    """Read the `.mat` file and write the `.npz`.

    Args:
        source: `olivettifaces.mat`, whose `faces` are uint8 `(4096, 400)`, columns first.
        target: the file to be.

    Raises:
        SystemExit: the file does not hold such an array.
    """
    faces = scipy.io.loadmat(source).get("faces", np.empty(0))
    if faces.shape != (_SIDE**2, _PEOPLE * _EACH) or faces.min() < 0 or faces.max() > 255:
        raise SystemExit(f"{source} has faces {faces.dtype} {faces.shape}; expected (4096, 400).")
    upright = faces.T.reshape(_PEOPLE, _EACH, _SIDE, _SIDE).swapaxes(2, 3).astype(np.uint8)
    people = np.repeat(np.arange(_PEOPLE)[:, None], _EACH, axis=1)
    arrays = {}
    for prefix, part in (("", slice(_TRAIN)), ("test_", slice(_TRAIN, None))):
        arrays[f"{prefix}images"] = upright[:, part].reshape(-1, _SIDE, _SIDE)
        arrays[f"{prefix}labels"] = people[:, part].ravel()
    with written_aside(target) as aside:
        np.savez_compressed(aside, **arrays)
    print(f"{target}: {len(arrays['images'])} train and {len(arrays['test_images'])} test images")


def main() -> None:
    """Read the two paths from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("source", type=Path, help="olivettifaces.mat")
    parser.add_argument("target", type=Path, help="the .npz to be")
    given = parser.parse_args()
    convert(given.source, given.target)


if __name__ == "__main__":
    main()
