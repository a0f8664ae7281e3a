"""A small made data set in the form of MNIST: original IDX files and what they must be."""

import dataclasses

import numpy as np
import pytest

from tfgan_survey.data.sets.catalogue import DATASETS, idx_header

COUNTS = {"train": 300, "test": 60}
PREFIX = {"train": "train", "test": "t10k"}


def make_arrays():
    """Random strokes: every image differs, so an order can be told."""
    generator = np.random.default_rng(7)
    return {
        split: (
            generator.integers(0, 256, (count, 28, 28, 1), np.uint8),
            generator.integers(0, 10, count, np.uint8),
        )
        for split, count in COUNTS.items()
    }


def make_info(arrays):
    info = dataclasses.replace(DATASETS["mnist"], counts=COUNTS, digests={}, npm="digits@1.0.0")
    digests = {
        f"{split}_{kind}": info.digest(array)
        for split, pair in arrays.items()
        for kind, array in zip(("images", "labels"), pair, strict=True)
    }
    return dataclasses.replace(info, digests=digests, debian="dataset-digits")


def write_idx(folder, arrays):
    folder.mkdir(parents=True, exist_ok=True)
    for split, (images, labels) in arrays.items():
        for kind, array in (("images-idx3", images[..., 0]), ("labels-idx1", labels)):
            path = folder / f"{PREFIX[split]}-{kind}-ubyte"
            path.write_bytes(idx_header(array.shape) + array.tobytes())
    return folder


@pytest.fixture(scope="session")
def made():
    """Return `(info, arrays)` of the made set."""
    arrays = make_arrays()
    return make_info(arrays), arrays


@pytest.fixture
def originals(made, tmp_path):
    """Return a folder with the made set's IDX files."""
    return write_idx(tmp_path / "originals", made[1])


@pytest.fixture(scope="session")
def prepared_once(made, tmp_path_factory):
    """Return a root with the made set prepared once; tests copy it before they change it."""
    from tfgan_survey.data.origins.prepared import write_prepared

    root = tmp_path_factory.mktemp("root")
    write_prepared(made[0], made[1], root)
    return root
