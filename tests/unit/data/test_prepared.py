import json
import logging
import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds
from tensorflow_datasets.core import hashing

from tfgan_survey.data import DATASETS
from tfgan_survey.data.origins.prepared import PreparedFolder, find_prepared, original_positions
from tfgan_survey.errors import DataError, SettingError
from tfgan_survey.files import written_aside


@pytest.fixture
def folder(prepared_once, tmp_path):
    """Return a copy of the prepared made set, without kept arrays."""
    shutil.copytree(prepared_once / "mnist" / "3.0.1", tmp_path / "mnist" / "3.0.1")
    return tmp_path / "mnist" / "3.0.1"


def check(folder, made):
    for split, (images, labels) in made[1].items():
        found_images, found_labels = PreparedFolder(folder, made[0]).read(split)
        assert np.array_equal(found_images, images)
        assert np.array_equal(found_labels, labels) and found_labels.dtype == np.int32


def kept(folder, split="train"):
    return folder.parent / "original_order_3.0.1" / f"{split}.npz"


@pytest.mark.parametrize("split", ["train", "test"])
def test_positions_are_those_of_the_hash_of_tensorflow_datasets(split):
    hasher = hashing.Hasher(split)
    expected = sorted(range(500), key=hasher.hash_key)
    assert original_positions(split, 500).tolist() == expected


def test_first_prepared_image_of_mnist_is_idx_16399():
    assert original_positions("train", 60_000)[0] == 16_399


def test_plain_tensorflow_datasets_reads_the_folder_in_its_own_order(folder, made):
    dataset, info = tfds.load(
        "mnist", split="train", data_dir=folder.parent.parent, batch_size=-1, with_info=True
    )
    images, labels = made[1]["train"]
    order = original_positions("train", 300)
    assert np.array_equal(dataset["image"], images[order])
    assert np.array_equal(dataset["label"], labels[order])
    assert info.full_name == "mnist/3.0.1" and info.splits["test"].num_examples == 60


def test_reading_gives_the_original_order_first_and_again(folder, made):
    check(folder, made)
    assert kept(folder).is_file()
    check(folder, made)


def test_kept_arrays_are_used(folder, made):
    # Swapped images under a right digest: only a reader of the kept file gives them back.
    images, labels = made[1]["train"]
    prepared = PreparedFolder(folder, made[0])
    prepared.keep("train", images[::-1].copy(), labels[::-1].copy())
    assert np.array_equal(prepared.read("train")[0], images[::-1])


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: data[:500], "is unreadable"),
        (lambda data: b"no archive", "is unreadable"),
        (lambda data: data[:2000] + bytes([data[2000] ^ 1]) + data[2001:], "altered|unreadable"),
    ],
)
def test_damaged_kept_arrays_are_made_anew(folder, made, caplog, damage, reason):
    check(folder, made)
    good = kept(folder).read_bytes()
    kept(folder).write_bytes(damage(good))
    with caplog.at_level(logging.WARNING):
        check(folder, made)
    assert [record for record in caplog.records if "train.npz" in record.getMessage()]
    check(folder, made)
    assert kept(folder).stat().st_size == len(good)


def test_kept_arrays_that_do_not_have_their_digest_are_made_anew(folder, made):
    check(folder, made)
    with np.load(kept(folder)) as file:
        arrays = dict(file)
    arrays["images"][0, 0, 0] ^= 1
    np.savez(kept(folder), **arrays)
    check(folder, made)


def test_truncated_prepared_file_is_an_error_even_with_kept_arrays(folder, made):
    check(folder, made)
    shard = next(folder.glob("*train*"))
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(DataError, match="split train is truncated or altered"):
        PreparedFolder(folder, made[0]).read("train")


def test_altered_prepared_file_is_an_error(folder, made):
    shard = next(folder.glob("*train*"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    with pytest.raises(DataError, match="split train is truncated or altered"):
        PreparedFolder(folder, made[0]).read("train")
    assert not kept(folder).exists()


def test_missing_prepared_file_is_an_error(folder, made):
    next(folder.glob("*test*")).unlink()
    with pytest.raises(DataError, match="found 0 files of split test, expected 1"):
        PreparedFolder(folder, made[0]).read("test")


def test_other_images_under_a_known_name_are_an_error(folder):
    # The made set is not MNIST.
    with pytest.raises(DataError, match=f"expected {DATASETS['mnist'].digests['test_images']}"):
        PreparedFolder(folder).read("test")


def test_broken_description_is_an_error(folder):
    description = json.loads((folder / "dataset_info.json").read_text())
    del description["splits"]
    (folder / "dataset_info.json").write_text(json.dumps(description))
    with pytest.raises(DataError, match="has no usable 'splits'"):
        PreparedFolder(folder)
    (folder / "dataset_info.json").write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        PreparedFolder(folder)


def test_folder_that_cannot_keep_arrays_is_still_read(folder, made, caplog):
    kept(folder).parent.write_text("a file in place of the folder")
    check(folder, made)
    assert "every start decodes again" in caplog.text


def test_kept_arrays_that_would_unpack_to_more_are_not_read(folder, made, caplog):
    check(folder, made)
    with np.load(kept(folder)) as arrays:
        np.savez_compressed(kept(folder), **arrays)
    check(folder, made)
    assert "its arrays are compressed" in caplog.text
    caplog.clear()
    check(folder, made)
    assert caplog.text == "", "written anew"


def test_a_living_writer_s_part_is_left_and_a_killed_one_s_removed(folder, made):
    kept(folder).parent.mkdir(exist_ok=True)
    killed = kept(folder).parent / ".writing-killed"
    killed.mkdir()
    with written_aside(kept(folder).with_name("other.npz")) as aside:
        aside.write_bytes(b"half")
        check(folder, made)
        assert not killed.exists() and aside.read_bytes() == b"half"


def test_newest_version_is_found(tmp_path):
    for version in ("3.0.1", "3.0.10", "3.0.2", "original_order_9.0.0", "9.0.0"):
        (tmp_path / "mnist" / version).mkdir(parents=True)
        if version != "9.0.0":
            (tmp_path / "mnist" / version / "dataset_info.json").write_text("{}")
    assert find_prepared(tmp_path, "mnist").name == "3.0.10"
    assert find_prepared(tmp_path, "cifar10") is None


class Dots(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Colour images of different sizes with named classes, as other sets have them."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(None, None, 3)),
                    "label": tfds.features.ClassLabel(names=["even", "odd"]),
                }
            ),
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for index in range(6):
            image = np.full((4 + index, 5, 3), 10 * index, np.uint8)
            yield index, {"image": image, "label": index % 2}


@pytest.fixture(scope="module")
def dots(tmp_path_factory):
    root = tmp_path_factory.mktemp("dots")
    with tfds.core.registered.skip_registration():
        builder = Dots(data_dir=root)
    builder.download_and_prepare()
    return root


def test_other_sets_keep_their_order_and_resize_images_of_different_sizes(dots):
    prepared = PreparedFolder(find_prepared(dots, "dots"))
    assert prepared.class_names == ("even", "odd") and prepared.counts == {"train": 6}
    images, labels = prepared.read("train", (3, 2))
    values = images[:, 0, 0, 0] // 10
    assert images.shape == (6, 3, 2, 3)
    assert np.array_equal(images, np.broadcast_to(10 * values[:, None, None, None], images.shape))
    assert np.array_equal(labels, values % 2) and sorted(values) == list(range(6))
    assert np.array_equal(values, original_positions("train", 6))


def test_images_of_different_sizes_need_a_size(dots):
    with pytest.raises(SettingError, match="differ in size; give image_size"):
        PreparedFolder(find_prepared(dots, "dots")).read("train")
