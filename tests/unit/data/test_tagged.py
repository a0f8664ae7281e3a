"""Tagged images of the user's own: features and tags in an `.npz`."""

import numpy as np
import pytest

from tfgan_survey.conditions import Vector
from tfgan_survey.data import TaggedSet, load_arrays, prepare
from tfgan_survey.errors import DataError, SettingError, UnknownNameError

NAMES = np.array(["sky", "sea", "bear"])


def arrays(num=20, seed=0, prefix=""):
    rng = np.random.default_rng(seed)
    tags = np.zeros((num, 3), np.uint8)
    tags[np.arange(num), rng.integers(0, 3, num)] = 1
    return {
        f"{prefix}features": rng.integers(0, 2, (num, 4), np.uint8), f"{prefix}tags": tags,
        "tag_names": NAMES,
    }  # fmt: skip


def save(path, **changes):
    given = {k: v for k, v in {**arrays(), **changes}.items() if v is not None}
    np.savez(path / "tags.npz", **given)
    return path / "tags.npz"


def test_tags_are_examples_and_features_their_condition(tmp_path):
    test = arrays(6, 1, "test_")
    path = save(tmp_path, **test)
    train, held = load_arrays(str(path)), load_arrays(path, "test[2:]")
    assert isinstance(train, TaggedSet) and train.vocabulary == ("sky", "sea", "bear")
    assert train.condition == held.condition == Vector(4) and train.image_shape == (3,)
    for found, wanted, key in ((train, arrays(), ""), (held, test, "test_")):
        start = 2 if key else 0
        np.testing.assert_array_equal(found.images, wanted[f"{key}tags"][start:])
        np.testing.assert_array_equal(found.labels, wanted[f"{key}features"][start:])
        assert found.images.dtype == found.labels.dtype == np.float32
    assert prepare(path) == path


def test_a_stream_keeps_tags_and_features_together(tmp_path):
    data = load_arrays(save(tmp_path))
    pairs = {(tuple(tag), tuple(row)) for tag, row in zip(data.images, data.labels, strict=True)}
    for tags, features in data.stream(6, seed=3):
        for tag, row in zip(tags.numpy(), features.numpy(), strict=True):
            assert (tuple(tag), tuple(row)) in pairs


def test_without_test_images_every_tenth_is_one(tmp_path):
    path = save(tmp_path, tags=arrays()["tags"].astype(bool))
    train, test = load_arrays(path), load_arrays(path, "test")
    held = np.arange(20) % 10 == 9
    np.testing.assert_array_equal(test.images, arrays()["tags"][held])
    np.testing.assert_array_equal(train.labels, arrays()["features"][~held])


BAD = np.zeros((20, 4), np.float32)
BAD[7, 1] = np.nan


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": None}, "expected arrays called features, tags, tag_names"),
        ({"tag_names": None}, "expected arrays called features, tags, tag_names"),
        ({"features": BAD}, "NaN or infinite values in 1 of 20 rows, first in row 7"),
        ({"features": np.zeros((20, 4, 1))}, r"features are float64 \(20, 4, 1\)"),
        ({"features": np.zeros((19, 4))}, "there are 19 rows of features"),
        ({"tags": np.zeros((20, 3), np.uint8)}, "20 images have no tag"),
        ({"tags": 2 * arrays()["tags"]}, "from 0 to 2; expected 0 and 1"),
        ({"tags": arrays()["tags"][:, :2]}, r"tags are uint8 \(20, 2\)"),
        ({"tags": arrays()["tags"].astype(float)}, r"float64 \(20, 3\); expected bool or uint8"),
        ({"tag_names": np.array(["sky", "sea", "sky"])}, "'sky' twice"),
        ({"tag_names": np.arange(3)}, "tag_names are int64"),
        ({"test_tags": arrays()["tags"]}, "test_tags alone"),
        ({**arrays(5, 0, "test_"), "test_features": np.ones((5, 3))}, "have 4 numbers, test"),
        (
            {"features": np.ones((9, 4)), "tags": arrays(9)["tags"]},
            "9 images and no test images; give 10 or more",
        ),
    ],
)
def test_what_is_no_tagged_set_is_refused(changes, message, tmp_path):
    with pytest.raises(DataError, match=message):
        load_arrays(save(tmp_path, **changes))


def test_other_files_and_settings_are_told_in_a_line(tmp_path):
    path = save(tmp_path)
    with pytest.raises(SettingError, match=r"image_size=8: .* features, not images"):
        load_arrays(path, image_size=8)
    with pytest.raises(UnknownNameError, match="unknown split 'valid'"):
        load_arrays(path, "valid")
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError, match="cannot be read"):
        load_arrays(tmp_path / "broken.npz")


def test_a_set_of_other_numbers_is_refused():
    features = np.zeros((2, 4), np.float32)
    for tags in (np.full((2, 3), 0.5, np.float32), np.ones((2, 2), np.float32), np.ones((2, 3))):
        with pytest.raises(ValueError, match="of 0 and 1"):
            TaggedSet("x", tags, features, condition=Vector(4), vocabulary=tuple(NAMES))
