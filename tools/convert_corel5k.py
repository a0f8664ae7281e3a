"""Convert Corel5k to an `.npz` that `--dataset` takes: 4,500 + 500 images, 499 features, 374 tags.

Run `python tools/convert_corel5k.py FOLDER corel5k.npz`, where the folder has
`Corel5k-train-sparse.arff` and `Corel5k-test-sparse.arff` as Mulan gives them. An image is 499
features that are 0 or 1 (which of 499 clusters of image regions it has) and its tags, of 374.
Images without tags, of which nothing could be learnt, are left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from conversion import run

_FEATURES, _TAGS = 499, 374
_COUNTS = {"train": 4500, "test": 500}
_ATTRIBUTE = re.compile(r"@attribute\s+(?:'([^']*)'|(\S+))\s+\{\s*0\s*,\s*1\s*\}", re.IGNORECASE)
_ROW = re.compile(r"\{\s*(?:\d+\s+[01]\s*(?:,\s*\d+\s+[01]\s*)*)?\}")


def read_sparse(path: Path) -> tuple[list[str], np.ndarray]:
    """Read a sparse ARFF file whose attributes are all 0 or 1.

    Args:
        path: the file. A row is `{index value, ...}`, indices counted from 0; what is not named in
            it is 0.

    Returns:
        Names of the attributes, and uint8 `(rows, attributes)`.

    Raises:
        SystemExit: a line that is none of these; it is named.
    """
    names: list[str] = []
    rows: list[Sequence[tuple[int, int]]] = []
    in_data = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.strip()
        where = f"{path}, line {number}"
        if not text or text.startswith("%"):
            continue
        if in_data:
            if not _ROW.fullmatch(text):
                raise SystemExit(f"{where}: {text[:60]!r} is no sparse row {{index 0 or 1, ...}}.")
            pairs = [tuple(map(int, pair)) for pair in re.findall(r"(\d+)\s+([01])", text)]
            indices = [index for index, _ in pairs]
            if len(set(indices)) < len(indices) or max(indices, default=0) >= len(names):
                raise SystemExit(f"{where}: an index twice, or beyond the {len(names)} attributes.")
            rows.append(pairs)
        elif text.lower() == "@data":
            in_data = True
        elif match := _ATTRIBUTE.fullmatch(text):
            names.append(match[1] or match[2])
        elif not text.lower().startswith("@relation"):
            raise SystemExit(f"{where}: {text[:60]!r}; expected @attribute NAME {{0,1}}.")
    values = np.zeros((len(rows), len(names)), np.uint8)
    for row, pairs in zip(values, rows, strict=True):
        for index, value in pairs:
            row[index] = value
    return names, values


def read(folder: Path) -> dict[str, np.ndarray]:
    """Read both files.

    Args:
        folder: where they lie.
    """
    arrays: dict[str, np.ndarray] = {}
    for split, prefix in (("train", ""), ("test", "test_")):
        path = folder / f"Corel5k-{split}-sparse.arff"
        names, values = read_sparse(path)
        expected = (_COUNTS[split], _FEATURES + _TAGS)
        if values.shape != expected:
            raise SystemExit(f"{path} has values {values.shape}; expected {expected}.")
        tag_names = np.array(names[_FEATURES:])
        if not np.array_equal(arrays.setdefault("tag_names", tag_names), tag_names):
            raise SystemExit(f"{path} has other tags than the training file, or in another order.")
        tagged = values[values[:, _FEATURES:].any(axis=1)]
        arrays[f"{prefix}features"] = tagged[:, :_FEATURES]
        arrays[f"{prefix}tags"] = tagged[:, _FEATURES:]
    return arrays


if __name__ == "__main__":
    run(__doc__, "folder with the two .arff files", read)
