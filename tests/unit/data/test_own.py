"""Images of the user's own, an `.npz` or a folder, are a data set like any other."""

import gzip
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfgan_survey import cli
from tfgan_survey.data import DataHome, load, load_arrays, prepare
from tfgan_survey.data.home import own_path, recorded_name
from tfgan_survey.data.sets.own import last_tenth
from tfgan_survey.errors import DataError, SettingError, UnknownNameError


def noise(count, *shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def write_pictures(folder, images, classes=None, ending=".png"):
    """Write images as 000.png, 001.png, ..., below the folder of their class where given."""
    for i, image in enumerate(images):
        place = folder if classes is None else folder / str(classes[i])
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.squeeze()).save(place / f"{i:03d}{ending}")
    return folder


# ------------------------------------------------------------------ names


@pytest.mark.parametrize("name", ["a.npz", "folder/", "./x", "../x", "~/x", "/x/y", Path("mnist")])
def test_what_looks_like_a_path_is_one(name):
    assert own_path(name) == Path(os.path.expanduser(name)).absolute()
    assert recorded_name(name) == str(own_path(name)) and Path(recorded_name(name)).is_absolute()


def test_what_exists_is_a_path_except_the_names_of_known_sets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("faces", "mnist", "ring", "binarised_mnist"):
        (tmp_path / name).mkdir()
    assert own_path("faces") == tmp_path / "faces"
    for name in ("mnist", "ring", "binarised_mnist", "emnist/letters", "faeces"):
        assert own_path(name) is None and recorded_name(name) == name


def test_what_is_not_there_is_said_in_one_line(tmp_path):
    for name in (tmp_path / "none", f"{tmp_path}/none.npz", "./none"):
        with pytest.raises(DataError, match=r"none(.npz)? does not exist"):
            load_arrays(name)
    for name in ("pictures/faces", "my pictures/of/faces"):
        with pytest.raises(DataError, match=f"{name}: there is no such folder or file"):
            load_arrays(name, data_dir=tmp_path)
    with pytest.raises(UnknownNameError, match="did you mean binarised_mnist"):
        load_arrays("binarised_mnst", data_dir=tmp_path)
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"a.png is neither; expected a folder of pictures or an"):
        load_arrays(tmp_path / "a.png")


def test_preparing_looks_and_leaves_it_where_it_is(tmp_path):
    file = save(tmp_path / "own.npz", images=noise(5, 4, 4))
    lines = []
    assert prepare(file, "npm", tmp_path / "root", log=lines.append) == file
    assert lines == [f"{file} is read as it lies: --source npm is not used."]
    assert not (tmp_path / "root").exists()
    for ask in (DataHome(source="npn").prepare, DataHome(source="npn").load_arrays):
        with pytest.raises(UnknownNameError, match="did you mean npm"):
            ask(file)


# ------------------------------------------------------------------ held-out images


def test_the_last_tenth_of_each_class_is_held_out():
    labels = np.repeat([2, 0, 1, 3], [40, 19, 2, 1])
    held = last_tenth(labels)
    assert np.flatnonzero(held).tolist() == [36, 37, 38, 39, 57, 58, 60]
    mixed = np.random.default_rng(0).permutation(labels)
    for label, count in enumerate([2, 1, 4, 0]):
        places = np.flatnonzero(mixed == label)
        assert np.flatnonzero(last_tenth(mixed) & (mixed == label)).tolist() == (
            places[len(places) - count :].tolist()
        )


@pytest.mark.parametrize("labelled", [True, False])
def test_train_and_test_are_a_partition_in_original_order(tmp_path, labelled):
    images, labels = noise(50, 4, 6, 3), np.arange(50) % 2
    given = {"labels": labels} if labelled else {}
    file = save(tmp_path / "own.npz", images=images, **given)
    train, test = load_arrays(file), load_arrays(file, "test")
    stop = 46 if labelled else 45
    assert np.array_equal(train.images, images[:stop])
    assert np.array_equal(test.images, images[stop:])
    assert train.num_classes == (2 if labelled else 1)
    if labelled:
        assert np.array_equal(train.labels, labels[:stop])
        assert np.array_equal(test.labels, labels[stop:])
    else:
        assert not train.labels.any()


# ------------------------------------------------------------------ .npz


def test_arrays_come_back_with_their_names_and_own_test_images(tmp_path):
    images, others = noise(6, 4, 6, 1), noise(3, 4, 6, 1, seed=1)
    file = save(
        tmp_path / "own.npz", images=images[..., 0], labels=[0, 1, 1, 0, 2, 2], notes=[1.5],
        test_images=others, test_labels=np.uint8([2, 0, 0]), class_names=["a", "b", "c", "d"],
    )  # fmt: skip
    train, test = load_arrays(str(file)), load_arrays(file, "test")
    assert np.array_equal(train.images, images) and np.array_equal(test.images, others)
    assert train.labels.tolist() == [0, 1, 1, 0, 2, 2] and test.labels.tolist() == [2, 0, 0]
    assert train.class_names == ("a", "b", "c", "d") and train.labels.dtype == np.int32
    part = load_arrays(file, "train[4:]+test[:1]")
    assert np.array_equal(part.images, np.concatenate([images[4:], others[:1]]))
    assert load_arrays(file, image_size=(8, 3)).image_shape == (8, 3, 1)
    with pytest.raises(UnknownNameError, match="unknown split 'val'"):
        load_arrays(file, "val")


def test_a_stream_has_the_order_of_its_seed(tmp_path):
    file = save(tmp_path / "own.npz", images=noise(40, 4, 4), labels=np.arange(40) % 4)
    image_set = load_arrays(file)
    seen = np.concatenate([images for images, _ in load(file, batch_size=6, seed=3)])
    order = image_set.order(0, seed=3)
    assert np.array_equal(seen, image_set.images[order[:30]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((4, 2, 2), np.float32)}, r"images are float32 \(4, 2, 2\); expected"),
        ({"images": np.zeros((4, 2, 2, 4), np.uint8)}, r"images are uint8 \(4, 2, 2, 4\)"),
        ({"images": np.zeros((4, 4), np.uint8)}, r"images are uint8 \(4, 4\)"),
        ({"images": np.zeros((0, 2, 2), np.uint8)}, "which is empty"),
        ({"images": np.zeros((1, 2, 2), np.uint8), "labels": [0]}, "no class has two images"),
        ({"labels": [0, 1, 2]}, r"labels are int64 \(3,\); expected integers \(4,\)"),
        ({"labels": [0.0, 1.0, 2.0, 0.0]}, r"labels are float64"),
        ({"labels": [0, 1, -1, 0]}, "labels go from -1 to 1"),
        ({"labels": [0, 1, 70_000, 0]}, "labels go from 0 to 70000; .* from 0 to 65535"),
        ({"labels": np.uint64([0, 2**64 - 1, 0, 0])}, "labels go from 0 to 18446744073709551615"),
        ({"class_names": ["a"]}, r"labels go from 0 to 1; expected class ids from 0 to 0"),
        ({"class_names": [1, 2]}, "class_names are int64"),
        ({"test_labels": [0]}, "has labels and test_labels; expected labels beside"),
        ({"test_images": np.zeros((2, 2, 2), np.uint8)}, "has labels; expected labels and test_la"),
        (
            {"test_images": np.zeros((2, 3, 2), np.uint8), "test_labels": [0, 0]},
            r"images are \(2, 2, 1\), test_images \(3, 2, 1\)",
        ),
        ({"images": np.array([{}], object)}, "cannot be read as an .npz"),
    ],
)
def test_arrays_that_are_none_of_a_data_set_are_refused(tmp_path, change, message):
    arrays = {"images": np.zeros((4, 2, 2), np.uint8), "labels": [0, 1, 1, 0]}
    file = save(tmp_path / "own.npz", **(arrays | change))
    with pytest.raises(DataError, match=message) as told:
        load_arrays(file)
    assert str(file) in str(told.value) and "\n" not in str(told.value)


def test_labels_come_with_the_images_that_they_name(tmp_path):
    images = np.zeros((4, 2, 2), np.uint8)
    with pytest.raises(DataError, match="class_names and no labels"):
        load_arrays(save(tmp_path / "a.npz", images=images, class_names=["a"]))
    with pytest.raises(DataError, match="holds x_train, y_train; expected arrays called images"):
        load_arrays(save(tmp_path / "b.npz", x_train=images, y_train=[0]))


def test_files_that_are_no_arrays_are_refused(tmp_path):
    good = save(tmp_path / "good.npz", images=noise(200, 8, 8)).read_bytes()
    np.savez_compressed(tmp_path / "packed.npz", images=np.zeros((200, 8, 8), np.uint8))
    packed = (tmp_path / "packed.npz").read_bytes()
    flipped = packed[:60] + bytes(b ^ 255 for b in packed[60:70]) + packed[70:]
    for content in (b"", b"no archive", good[:5000], good[:50], flipped):
        (tmp_path / "bad.npz").write_bytes(content)
        with pytest.raises(DataError, match=r"bad.npz cannot be read as an .npz of arrays"):
            load_arrays(tmp_path / "bad.npz")
    with zipfile.ZipFile(tmp_path / "bytes.npz", "w") as archive:
        archive.writestr("images", "no array")
    with pytest.raises(DataError, match=r"images are \|S8"):
        load_arrays(tmp_path / "bytes.npz")


# ------------------------------------------------------------------ folders of pictures


def test_pictures_are_sorted_by_name_and_have_no_class(tmp_path):
    images = noise(12, 5, 7, 3)
    folder = write_pictures(tmp_path / "own", images)
    (folder / "000.txt").write_text("no picture")
    (folder / ".hidden.png").write_text("no picture")
    both = load_arrays(folder, "train+test")
    assert np.array_equal(both.images, images)
    assert both.num_classes == 1 and both.class_names == ("image",)
    assert np.array_equal(load_arrays(folder, "test").images, images[-2:])


def test_class_folders_become_labels(tmp_path):
    images, classes = noise(30, 5, 5, 1), ["b", "a", "c"] * 10
    folder = write_pictures(tmp_path / "own", images, classes)
    (folder / "empty").mkdir()
    train, test = load_arrays(folder), load_arrays(folder, "test")
    assert train.class_names == ("a", "b", "c") and train.image_shape == (5, 5, 1)
    assert train.labels.tolist() == np.repeat([0, 1, 2], 8).tolist()
    assert test.labels.tolist() == [0, 0, 1, 1, 2, 2]
    of_class = [images[start::3] for start in (1, 0, 2)]
    assert np.array_equal(train.images, np.concatenate([one[:8] for one in of_class]))
    assert np.array_equal(test.images, np.concatenate([one[8:] for one in of_class]))


@pytest.mark.parametrize("ending", [".png", ".webp"])
def test_split_folders_are_splits(tmp_path, ending):
    parts = {split: noise(4, 6, 6, 3, seed=i) for i, split in enumerate(("train", "test", "val"))}
    for split, images in parts.items():
        place = tmp_path / "own" / split
        for i, image in enumerate(images):
            (place / "xy"[i // 2]).mkdir(parents=True, exist_ok=True)
            lossless = {"lossless": True} if ending == ".webp" else {}
            Image.fromarray(image).save(place / "xy"[i // 2] / f"{i}{ending.upper()}", **lossless)
    for split, images in parts.items():
        found = load_arrays(tmp_path / "own", split)
        assert np.array_equal(found.images, images)
        assert found.labels.tolist() == [0, 0, 1, 1] and found.class_names == ("x", "y")


def test_train_alone_gives_up_test_images(tmp_path):
    images = noise(20, 4, 4)
    write_pictures(tmp_path / "own" / "train", images)
    assert np.array_equal(load_arrays(tmp_path / "own", "test").images[..., 0], images[18:])


def test_jpegs_are_read_as_they_are_seen(tmp_path):
    """The camera lay on its side: rows of the file are columns of the picture."""
    ramp = np.repeat(np.arange(0, 256, 16, dtype=np.uint8)[:, None], 8, axis=1)
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(ramp).save(tmp_path / "0.jpg", exif=exif, quality=95)
    Image.fromarray(np.rot90(ramp, -1)).save(tmp_path / "1.jpeg", quality=95)
    found = load_arrays(tmp_path, "train+test")
    assert found.image_shape == (8, 16, 1)
    assert np.abs(found.images[0].astype(int) - found.images[1]).max() <= 8


def test_grey_and_colour_become_colour_and_transparency_white(tmp_path):
    grey, colour = noise(1, 4, 4)[0], noise(1, 4, 4, 3)[0]
    clear = np.dstack([colour, np.zeros((4, 4), np.uint8)])
    for i, image in enumerate((grey, colour, clear)):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    Image.fromarray(colour).quantize(256).save(tmp_path / "3.png")
    found = load_arrays(tmp_path, "train+test").images
    assert np.array_equal(found[0], np.repeat(grey[..., None], 3, axis=2))
    assert np.array_equal(found[1], colour) and (found[2] == 255).all()
    assert np.array_equal(found[3], colour)


def test_pictures_of_other_sizes_are_named_or_stretched(tmp_path):
    images = noise(9, 6, 6)
    write_pictures(tmp_path, images[:5])
    for i in range(5, 9):
        Image.fromarray(np.full((4, 8), 10 * i, np.uint8)).save(tmp_path / f"{i:03d}.png")
    with pytest.raises(
        DataError,
        match=r"not every picture is 6x6 as most are: 005.png \(8x4\), 006.png \(8x4\), 007.png "
        r"\(8x4\) and 1 more. Give image_size",
    ):
        load_arrays(tmp_path)
    found = load_arrays(tmp_path, "train+test", image_size=6)
    assert np.array_equal(found.images[:5, ..., 0], images[:5])
    assert (found.images[5] == 50).all() and (found.images[8] == 80).all()
    as_one = load_arrays(save(tmp_path / "a.npz", images=images[:5]), image_size=3).images
    assert np.array_equal(load_arrays(tmp_path, "train[:3]", image_size=3).images, as_one)
    with pytest.raises(SettingError, match="image_size is 0"):
        load_arrays(tmp_path, image_size=0)


def test_pictures_that_are_none_are_counted_and_named(tmp_path):
    write_pictures(tmp_path, noise(6, 16, 16, 3))
    good = (tmp_path / "000.png").read_bytes()
    (tmp_path / "001.png").write_bytes(good[: len(good) // 2])
    assert len(load_arrays(tmp_path, "train+test")) == 5
    for i in range(1, 6):
        (tmp_path / f"00{i}.png").write_text("no picture")
    Image.fromarray(np.zeros((16, 16), np.uint16)).save(tmp_path / "000.png")
    with pytest.raises(
        DataError,
        match=r"none of its 6 training pictures can be used: 000.png \(its pixels are I;16; "
        r"expected 8 bits a channel\), 001.png \(cannot identify image file\), 002.png .* and 3",
    ):
        load_arrays(tmp_path)


def test_folders_without_an_order_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"has no pictures: no file in it ends in .png, .jpg"):
        load_arrays(tmp_path)
    write_pictures(tmp_path / "mixed", noise(6, 4, 4), classes="aabb..")
    with pytest.raises(DataError, match=r"class folders \(a, b\) and others beside these"):
        load_arrays(tmp_path / "mixed")
    write_pictures(tmp_path / "only" / "test", noise(2, 4, 4))
    with pytest.raises(DataError, match="a folder test and none in one called train"):
        load_arrays(tmp_path / "only")
    write_pictures(tmp_path / "only" / "train", noise(2, 4, 4))
    write_pictures(tmp_path / "only", noise(2, 4, 4))
    with pytest.raises(DataError, match=r"000.png beside its folder train; move it"):
        load_arrays(tmp_path / "only")


# ------------------------------------------------------------------ runs


def command(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return stop.value.code or 0, out, err


def test_a_run_finds_its_data_from_anywhere(capsys, tmp_path, monkeypatch):
    """Trained by a relative path, gone on with and measured from another folder."""
    images, labels = noise(80, 28, 28), np.arange(80) % 2
    own = write_pictures(tmp_path / "own", images, labels)
    file = save(tmp_path / "own.npz", images=images, labels=labels)
    monkeypatch.chdir(tmp_path)
    train = [
        "train", "survey_cgan", "--output", tmp_path / "run", "--set", "jit_compile=false", "--set",
        "generator_widths=8", "--set", "discriminator_widths=8", "--batch-size", 16,
    ]  # fmt: skip
    code, out, err = command(capsys, *train, "--dataset", own.name, "--steps", 2)
    assert code == 0, err
    assert "72 images" in out
    recorded = json.loads((tmp_path / "run" / "settings.json").read_text())["settings"]["dataset"]
    assert recorded == str(own)
    monkeypatch.chdir("/")
    code, _, err = command(capsys, *train, "--resume", "--steps", 3)
    assert code == 0, err
    tables = []
    for dataset in ([], ["--dataset", file]):
        code, out, err = command(capsys, "evaluate", tmp_path / "run", "--num", 20, *dataset)
        assert code == 0, err
        tables.append(out.partition("left out")[0])
    # The two hold the same images; the folder's are sorted by class.
    for table in tables:
        assert "sliced_wasserstein" in table and "worst_class_diversity" in table


def test_bad_data_is_one_line_and_nothing_is_written(capsys, tmp_path):
    write_pictures(tmp_path / "own", noise(4, 8, 8))
    for file in (tmp_path / "own").iterdir():
        file.write_text("no picture")
    for dataset in (tmp_path / "own", tmp_path / "none.npz", "no/such/folder"):
        code, _, err = command(
            capsys, "train", "survey_cgan", "--dataset", dataset, "--output", tmp_path / "run"
        )
        assert code == 1 and err.startswith("error: ") and err.count("\n") == 1
        assert not (tmp_path / "run").exists()


# ------------------------------------------------------------------ sets of Keras


def test_a_set_of_keras_is_read_as_keras_keeps_it(tmp_path, monkeypatch):
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))  # which Keras itself reads once, at its import
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody answers there
    with pytest.raises(DataError, match=r"keras:fashion_mnist is not in .* cannot be fetched: .*"):
        prepare("keras:fashion_mnist")
    arrays = {split: noise(count, 28, 28) for split, count in (("train", 5), ("t10k", 3))}
    place = tmp_path / "datasets" / "fashion-mnist"
    place.mkdir(parents=True)
    for split, images in arrays.items():
        labels = np.arange(len(images), dtype=np.uint8)
        for kind, header, content in (("images-idx3", 16, images), ("labels-idx1", 8, labels)):
            packed = gzip.compress(bytes(header) + content.tobytes())
            (place / f"{split}-{kind}-ubyte.gz").write_bytes(packed)
    found, test = load_arrays("keras:fashion_mnist"), load_arrays("keras:fashion_mnist", "test[1:]")
    assert np.array_equal(found.images[..., 0], arrays["train"]) and found.num_classes == 10
    assert np.array_equal(test.images[..., 0], arrays["t10k"][1:]) and test.labels.tolist() == [
        1,
        2,
    ]
