import numpy as np
import pytest

from tfgan_survey.data.splits import resolve, take
from tfgan_survey.errors import SettingError, UnknownNameError

COUNTS = {"train": 60_000, "test": 10_000}


@pytest.mark.parametrize(
    ("split", "ranges"),
    [
        ("train", [("train", 0, 60_000)]),
        ("train[50000:60000]", [("train", 50_000, 60_000)]),
        ("train[:1000]", [("train", 0, 1_000)]),
        ("train[-1000:]", [("train", 59_000, 60_000)]),
        ("train[:10%]", [("train", 0, 6_000)]),
        ("train[-10%:]", [("train", 54_000, 60_000)]),
        ("test[25%:75%]", [("test", 2_500, 7_500)]),
        ("train + test", [("train", 0, 60_000), ("test", 0, 10_000)]),
        ("train[:5]+test[7:]", [("train", 0, 5), ("test", 7, 10_000)]),
    ],
)
def test_ranges_are_those_of_the_grammar(split, ranges):
    assert resolve(split, COUNTS) == ranges


def test_percent_rounds_to_the_closest_image():
    assert resolve("a[:33%]", {"a": 10}) == [("a", 0, 3)]
    assert resolve("a[:37%]", {"a": 10}) == [("a", 0, 4)]


def test_unknown_split_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean train"):
        resolve("trian", COUNTS)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("train[5", "cannot be read"),
        ("", "cannot be read"),
        ("train[1:2:3]", "cannot be read"),
        ("train[5:5]", "is empty"),
        ("train[:60001]", "beyond its 60,000 images"),
        ("train[:101%]", "beyond 100%"),
    ],
)
def test_unusable_slices_are_refused(split, message):
    with pytest.raises(SettingError, match=message):
        resolve(split, COUNTS)


def test_take_joins_parts_in_the_order_named():
    arrays = {"a": (np.arange(4), np.arange(4)), "b": (np.arange(10, 14), np.arange(10, 14))}
    images, labels = take(arrays, "b[1:3]+a[:2]")
    assert images.tolist() == labels.tolist() == [11, 12, 0, 1]
