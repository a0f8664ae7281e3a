"""Binarised MNIST is one fixed Bernoulli draw from the grey values, checked as it is read."""

import dataclasses
import hashlib

import numpy as np
import pytest

from tfgan_survey.data import load_arrays, splits
from tfgan_survey.data.sets import DERIVED
from tfgan_survey.data.sets.binarised import binarise
from tfgan_survey.errors import DataError, SettingError

BINARISED = DERIVED["binarised_mnist"]


@dataclasses.dataclass
class Grey:
    """What a prepared folder answers, over arrays."""

    arrays: dict
    class_names: tuple = tuple("0123456789")

    @property
    def counts(self):
        return {split: len(labels) for split, (_, labels) in self.arrays.items()}

    def read(self, split):
        return self.arrays[split]


def drawn_from(arrays):
    """The same set over other grey images, with the digests that their draw has."""
    digests = {
        split: hashlib.sha256(binarise(images, (BINARISED.seed, stream))).hexdigest()
        for stream, (split, (images, _)) in enumerate(arrays.items())
    }
    return dataclasses.replace(BINARISED, digests=digests).over(Grey(arrays))


def grey(value, count=500):
    return np.full((count, 28, 28, 1), value, np.uint8)


@pytest.mark.parametrize(
    ("split", "stream", "sha256"),
    [
        ("train", 0, "132be5ec1a1be315049b4a7d25ba029db26ce354346f2bfcde21e2f970a4a0a6"),
        ("test", 1, "9cc8789a62f1771285c408c17d7bdc30e1faf30a58c940a00b54ba1c86d9fd9d"),
    ],
)
def test_the_draw_is_the_recorded_one(split, stream, sha256):
    """The shipped images are the first of MNIST, so these are the first of the whole draw."""
    images = load_arrays("mnist_mini", split).images
    assert hashlib.sha256(binarise(images, (0, stream))).hexdigest() == sha256


@pytest.mark.parametrize("value", [1, 64, 127, 128, 254])
def test_a_pixel_is_white_with_its_grey_value_as_the_probability(value):
    white = binarise(grey(value), (3, 0)) == 255
    share = value / 255
    error = np.sqrt(share * (1 - share) / white.size)
    assert abs(white.mean() - share) < 4 * error
    # Every pixel is a draw of its own: neighbours agree as often as independent ones.
    pairs = white[:, 1:] == white[:, :-1]
    together = share**2 + (1 - share) ** 2
    assert abs(pairs.mean() - together) < 5 * np.sqrt(together * (1 - together) / pairs.size)


def test_black_stays_black_and_white_white():
    for value in (0, 255):
        assert np.array_equal(binarise(grey(value), (3, 0)), grey(value))


def test_digits_keep_their_mean_and_have_two_values():
    images = load_arrays("mnist_mini", "train").images
    drawn = binarise(images, (0, 0))
    assert drawn.dtype == np.uint8 and set(np.unique(drawn)) == {0, 255}
    share = images / 255
    error = np.sqrt((share * (1 - share)).sum()) / images.size
    assert abs((drawn / 255).mean() - share.mean()) < 4 * error
    # No threshold: greys above and below the middle come out both ways.
    assert drawn[(images > 0) & (images < 128)].any()
    assert not drawn[(images >= 128) & (images < 255)].all()


def test_the_first_images_draw_does_not_depend_on_how_many_follow():
    images = load_arrays("mnist_mini", "train[:2500]").images
    for count in (1, 999, 1001, 2500):
        part = binarise(images[:count], (0, 0))
        assert np.array_equal(part, binarise(images, (0, 0))[:count])


def test_slices_are_those_of_the_whole_draw_and_labels_are_kept():
    arrays = {}
    for split in ("train", "test"):
        mini = load_arrays("mnist_mini", split)
        arrays[split] = (mini.images, mini.labels)
    folder = drawn_from(arrays)
    train, test = folder.read("train"), folder.read("test")
    assert np.array_equal(train[1], arrays["train"][1])
    images, labels = splits.take({"train": train, "test": test}, "train[2000:3000]+test[:5]")
    whole = binarise(arrays["train"][0], (0, 0))
    assert np.array_equal(images[:1000], whole[2000:3000])
    assert np.array_equal(images[1000:], binarise(arrays["test"][0], (0, 1))[:5])
    assert np.array_equal(labels[:1000], arrays["train"][1][2000:3000])


def test_another_draw_is_refused():
    arrays = {"train": (grey(100), np.zeros(500, np.int32))}
    with pytest.raises(DataError, match=r"have sha256 .* expected 6c70901f.* numpy"):
        BINARISED.over(Grey(arrays)).read("train")


def test_another_size_is_refused_because_it_would_be_grey():
    folder = drawn_from({"train": (grey(100), np.zeros(500, np.int32))})
    assert len(folder.read("train", 28)[0]) == 500
    with pytest.raises(SettingError, match="binarised_mnist is 28x28; resized it would be grey"):
        folder.read("train", 32)
