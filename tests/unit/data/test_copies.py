"""Copies of folders of pictures: what is kept and left out, and that streaming changes nothing."""

import os
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from tfgan_survey import cli
from tfgan_survey.data import DataHome, load_arrays, prepare
from tfgan_survey.data.domains import UnpairedSet
from tfgan_survey.data.images import ImageSet
from tfgan_survey.data.rows import joined, map_rows, tensor_of
from tfgan_survey.errors import DataError, SettingError

LEFT_OUT = {
    "a/half.png": "image file is truncated",
    "a/text.jpg": "cannot identify image file",
    "a/zero.png": "is empty",
    "b/anim.webp": "is animated, 2 pictures; expected one",
    "b/bomb.png": "has 9000x9000 pixels; at most 67,108,864 are decoded",
    "b/gif.png": "is a picture in format GIF; expected PNG, JPEG, WebP",
    "b/link.png": "[Errno 2] No such file or directory",
    "b/pipe.png": "is no regular file",
    "b/sixteen.png": "its pixels are I;16; expected 8 bits a channel",
}
NOTES = [
    "1 of 28: the colours of print (CMYK) became RGB",
    "1 of 28: are JPEG in spite of their names",
    "1 of 28: a palette of colours became RGB",
    "1 of 28: turned as the camera was held",
    "1 of 28: transparent parts lie on white",
    "1 of 28: were smaller and are enlarged",
    "1 of 28: are exact copies of others",
]


def write_odd(folder):
    """Write 22 good pictures, 6 that need a change, and 9 that cannot be used."""
    noise = np.random.default_rng(0)
    for name in "ab":
        (folder / name).mkdir(parents=True)
        for i in range(11):
            pixels = noise.integers(0, 256, (20 + i % 2 * 4, 30, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i:02d}.png")
    a, b = folder / "a", folder / "b"
    (a / "zero.png").write_bytes(b"")
    (a / "text.jpg").write_text("hello")
    whole = (a / "03.png").read_bytes()
    (a / "half.png").write_bytes(whole[: len(whole) // 2])
    shutil.copy(b / "01.png", b / "02.png")
    first, second = (Image.new("RGB", (30, 20), colour) for colour in ("red", "blue"))
    first.save(b / "anim.webp", save_all=True, append_images=[second], lossless=True)
    first.save(b / "gif.png", format="GIF")
    first.convert("CMYK").save(b / "cmyk.jpg")
    first.convert("P").save(b / "palette.png")
    second.save(b / "wrong.png", format="JPEG")
    Image.new("RGBA", (30, 21), (0, 0, 0, 0)).save(b / "clear.png")
    Image.new("RGB", (8, 8), "green").save(b / "small.png")
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (22, 31), "grey").save(b / "turned.jpg", exif=exif)
    Image.new("1", (9000, 9000)).save(b / "bomb.png")
    Image.fromarray(np.zeros((9, 9), np.uint16)).save(b / "sixteen.png")
    os.mkfifo(b / "pipe.png")
    os.symlink("/nowhere", b / "link.png")
    return folder


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Return a folder with odd files, the root of its copies, and the lines that came."""
    base, lines = tmp_path_factory.mktemp("odd"), []
    folder = write_odd(base / "own")
    prepare(folder, data_dir=base / "root", image_size=16, log=lines.append)
    return folder, DataHome(base / "root"), lines


def test_odd_files_are_listed_and_the_rest_is_kept(kept):
    folder, home, lines = kept
    [copy] = home.copies()
    assert copy.left_out == LEFT_OUT and sorted(copy.notes) == sorted(NOTES)
    assert {line for line in lines if line.startswith("left out: ")} == {
        f"left out: {name} ({reason})" for name, reason in LEFT_OUT.items()
    }
    assert copy.source == folder and copy.class_names == ("a", "b")
    # 11 and 17 pictures; two of each class are held out, in order, behind those of training.
    assert copy.counts == {"train": 24, "test": 4}
    names = {name: [file for file in copy.files if file.startswith(name)] for name in "ab"}
    assert copy.files == names["a"][:-2] + names["b"][:-2] + names["a"][-2:] + names["b"][-2:]
    assert names["a"] == [f"a/{i:02d}.png" for i in range(11)] and len(names["b"]) == 17
    train, test = (home.load_arrays(folder, split, 16) for split in ("train", "test"))
    assert np.bincount(train.labels).tolist() == [9, 15] and test.labels.tolist() == [0, 0, 1, 1]
    for file, image in zip(copy.files, [*train.images, *test.images], strict=True):
        if file.removeprefix("b/") in ("clear.png", "turned.jpg", "cmyk.jpg"):
            continue
        with Image.open(folder / file) as picture:
            expected = picture.convert("RGB").resize((16, 16), Image.Resampling.BILINEAR)
        assert np.array_equal(image, np.asarray(expected)), file
    assert (train.images[copy.files.index("b/clear.png")] == 255).all()
    with pytest.raises(DataError, match=r"9 of 37 pictures are left out: a/half.png \(image file"):
        home.prepare(folder, 16, strict=True)
    with pytest.raises(DataError, match=r"not every picture is 30x20 as most are: a/01.png \(30x2"):
        home.load_arrays(folder)


def test_a_copy_is_used_while_it_is_true_and_made_again_else(tmp_path):
    folder, home = tmp_path / "own", DataHome(tmp_path / "root")
    folder.mkdir()
    images = np.random.default_rng(1).integers(0, 256, (12, 6, 6, 3), np.uint8)
    for i, image in enumerate(images[:10]):
        Image.fromarray(image).save(folder / f"{i:02d}.png")

    def read(expected):
        lines = []
        found = home.load_arrays(folder, "train+test", log=lines.append)
        assert np.array_equal(found.images, expected)
        made = [line for line in lines if "copied again" in line or "made again" in line]
        [copy] = home.copies()
        return (copy.path / "images.bin").stat().st_ino, made

    first, made = read(images[:10])
    assert not made and read(images[:10]) == (first, [])
    os.utime(folder / "03.png", ns=(1, 1))  # fetched anew: other times, the same content
    assert read(images[:10]) == (first, []) and read(images[:10]) == (first, [])
    Image.fromarray(images[10]).save(folder / "03.png")
    Image.fromarray(images[11]).save(folder / "10.png")
    (folder / "04.png").unlink()
    mixed = images[[0, 1, 2, 10, 5, 6, 7, 8, 9, 11]]
    held = load_arrays(folder, data_dir=home.root)
    assert read(mixed)[1] == []
    (folder / "10.png").write_bytes(b"")
    _, made = read(mixed[:9])
    assert made == [f"{folder} has changed since it was copied (1 altered): copied again"]
    assert np.array_equal(held.images, mixed[:8])  # what is mapped outlives the copy
    [copy] = home.copies()
    with open(copy.path / "images.bin", "rb+") as file:
        file.truncate(100)
    _, [line] = read(mixed[:9])
    assert line.startswith(f"{copy.path} cannot be used (images.bin is not of shape (9, 6, 6, 3))")
    assert sorted(path.name for path in copy.path.parent.iterdir()) == [copy.path.name]
    for file in folder.iterdir():
        file.write_text("no picture")
    with pytest.raises(DataError, match=r"none of its 10 training pictures can be used: 00\.png"):
        home.load_arrays(folder)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Return the same images as rows of a file and in memory."""
    path = tmp_path_factory.mktemp("rows") / "images.bin"
    images = np.random.default_rng(2).integers(0, 256, (50, 3, 5, 3), np.uint8)
    path.write_bytes(images.tobytes())
    rows, labels = map_rows(path, images.shape), np.arange(50, dtype=np.int32) % 7
    names = tuple("abcdefg")
    return [ImageSet("own", one[7:40], labels[7:40], 7, names) for one in (rows, images)]


def drawn(dataset, epochs=1):
    return [[np.asarray(part).tobytes() for part in batch] for _ in range(epochs)
            for batch in dataset]  # fmt: skip


def test_batches_of_a_file_are_those_of_memory(pair):
    streamed, held = pair
    for options in ({"seed": 5, "share": (1, 2)}, {"shuffle": False, "drop_remainder": False}):
        assert drawn(streamed.stream(8, **options), 2) == drawn(held.stream(8, **options), 2)
    part = {"seed": 5, "start": 1, "stop": 3}
    assert drawn(streamed.epoch(1, 8, **part)) == drawn(held.epoch(1, 8, **part))
    both = [UnpairedSet("two", one, other) for one, other in (pair, pair[::-1])]
    assert drawn(both[0].stream(8), 2) == drawn(both[1].stream(8), 2)


def test_rows_stay_in_their_file(pair):
    rows = pair[0].images
    assert isinstance(joined([rows[1:4], rows[4:9]]), np.memmap)
    assert np.array_equal(joined([rows[1:4], rows[4:9]]), rows[1:9])
    for parts in ([rows[1:4], rows[5:9]], [rows[4:9], rows[1:4]], [rows[1:4], rows[4:9] + 0]):
        apart = joined(parts)
        assert type(apart) is np.ndarray and np.array_equal(apart, np.concatenate(parts))
    tensor, first = tensor_of(rows[2:])
    assert (first, tensor.shape) == (9, (50, 3, 5, 3))
    with pytest.raises(ValueError, match="read-only"):
        rows[0] = 0
    rows.base[9, 0, 0, 0] ^= 255  # in memory only: the mapping is private
    assert int(tensor[9, 0, 0, 0]) == int(rows[2, 0, 0, 0])
    rows.base[9, 0, 0, 0] ^= 255


def anonymous():
    """Return bytes of memory that no file stands behind."""
    with open("/proc/self/status") as file:
        return 1024 * int(re.search(r"RssAnon:\s+(\d+)", file.read())[1])


def test_a_stream_takes_no_memory_for_what_it_does_not_show(tmp_path):
    size = 2**28
    with open(tmp_path / "images.bin", "wb") as file:
        file.truncate(size)
    rows = map_rows(tmp_path / "images.bin", (size // 3072, 32, 32, 3))
    labels = np.zeros(len(rows), np.int32)
    before = anonymous()
    batches = iter(ImageSet("own", rows, labels, 1, ("image",)).stream(16, epochs=1))
    for _ in range(3):
        next(batches)
    assert anonymous() - before < size / 4


def test_cropping_keeps_proportions_and_the_middle(tmp_path):
    wide = np.zeros((8, 16, 3), np.uint8)
    wide[:, 2:14] = (10, 200, 30)  # the filter reaches two beyond the cut
    for i in range(4):
        (tmp_path / "own").mkdir(exist_ok=True)
        Image.fromarray(wide if i % 2 else wide.transpose(1, 0, 2)).save(tmp_path / f"own/{i}.png")
    home = DataHome(tmp_path / "root")
    cut = home.load_arrays(tmp_path / "own", "train+test", 4, crop=True)
    assert (cut.images == (10, 200, 30)).all() and cut.images.shape == (4, 4, 4, 3)
    stretched = home.load_arrays(tmp_path / "own", "train+test", 4)
    assert (stretched.images[1, :, [0, 3], 1] < 180).all() and len(home.copies()) == 2
    np.savez(tmp_path / "own.npz", images=np.stack([wide] * 10))
    again = home.load_arrays(tmp_path / "own.npz", "train", 4, crop=True)
    assert (again.images == (10, 200, 30)).all()
    with pytest.raises(SettingError, match="image_crop=True without image_size"):
        home.load_arrays(tmp_path / "own", crop=True)
    with pytest.raises(SettingError, match="is no folder of pictures: sizes, channels and"):
        home.prepare(tmp_path / "own.npz", 4)


def test_the_command_prepares_lists_and_removes(kept, capsys, tmp_path):
    folder, root = kept[0], ["--data-dir", str(tmp_path)]

    def run(*arguments):
        with pytest.raises(SystemExit) as stop:
            cli.main(["data", *map(str, arguments), *root])
        return stop.value.code or 0, *capsys.readouterr()

    assert run("list")[1].startswith(f"nothing is prepared in {tmp_path}")
    form = ["--image-size", 8, "--image-channels", 1, "--crop"]
    code, out, _ = run("prepare", folder, *form)
    assert code == 0 and "left out: a/zero.png (is empty)" in out.splitlines()
    assert out.splitlines()[-1] == (
        f"train:    tfgan-survey train dcgan --dataset {folder} --set image_size=8 "
        "--set image_channels=1 --set image_crop=true"
    )
    code, _, err = run("prepare", folder, *form, "--strict")
    assert code == 1 and "9 of 37 pictures are left out" in err and err.count("\n") == 1
    [copy] = DataHome(tmp_path).copies()
    line = run("list")[1].splitlines()[1].split()
    assert line == [str(folder), "24", "train", "+", "4", "test", "8x8x1", str(copy.path)]
    assert run("remove", folder)[1] == f"removed {copy.path}\n" and (folder / "a").is_dir()
    code, _, err = run("remove", folder)
    assert code == 1 and f"no copy of {folder} is kept in {tmp_path}" in err
