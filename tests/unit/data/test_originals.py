import functools
import gzip
import hashlib
import json
import os
import pickle
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from tfgan_survey.data.origins import originals as module
from tfgan_survey.data.origins.originals import read_idx, read_originals
from tfgan_survey.data.sets.catalogue import DATASETS, idx_header
from tfgan_survey.errors import DataError

IMAGES = "train-images-idx3-ubyte"


def check(arrays, made):
    for split, (images, labels) in made[1].items():
        assert np.array_equal(arrays[split][0], images)
        assert np.array_equal(arrays[split][1], labels)


def test_plain_files_are_read_in_order(made, originals):
    check(read_originals(made[0], originals), made)


def test_gzip_dotted_names_and_subfolders_are_found(made, originals):
    for path in list(originals.iterdir()):
        target = originals / "MNIST" / "raw" / (path.name.replace("-idx", ".idx") + ".gz")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    check(read_originals(made[0], originals), made)


def test_the_file_nearest_to_the_folder_is_taken(made, originals):
    for path in list(originals.iterdir()):
        for folder in ("a", "z/y"):
            (originals / folder).mkdir(parents=True, exist_ok=True)
            (originals / folder / path.name).write_bytes(b"another")
    check(read_originals(made[0], originals), made)


def test_digest_of_the_catalogue_is_that_of_the_file(made, originals):
    found = hashlib.sha256((originals / IMAGES).read_bytes()).hexdigest()
    assert made[0].digests["train_images"] == found


def test_header_has_the_magic_numbers_of_the_format():
    assert idx_header((60_000, 28, 28)).hex() == "00000803" + "0000ea60" + "0000001c" * 2
    assert idx_header((10_000,)).hex() == "00000801" + "00002710"


def _cut(data):
    return data[:-1]


def _flip(data):
    return data[:-1] + bytes([data[-1] ^ 1])


def _labels_magic(data):
    return bytes.fromhex("00000801") + data[4:]


def _turned(data):
    """Claim 28 images of 300x28: as many bytes, other dimensions."""
    return idx_header((28, 300, 28)) + data[16:]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_cut, "found 235,215 bytes, expected 235,216"),
        (_flip, "is altered: found sha256 [0-9a-f]{64}, expected [0-9a-f]{64}"),
        (_labels_magic, "wrong magic number, found 0x00000801, expected 0x00000803"),
        (_turned, r"found dimensions \[28, 300, 28\], expected \[300, 28, 28\]"),
        (lambda data: b"", r"found 0x\(empty file\)"),
        (lambda data: gzip.compress(data)[:-20], "truncated or altered gzip"),
    ],
)
def test_broken_files_are_named_with_found_and_expected(made, originals, change, message):
    path = originals / IMAGES
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match=f"{IMAGES}.*{message}"):
        read_originals(made[0], originals)


BOMB = 1 << 30  # bytes that a gzip file of 1 MB unpacks to


@pytest.fixture(scope="module")
def bomb():
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)  # 31: with a gzip header
    block = bytes(1 << 24)
    parts = [packer.compress(block) for _ in range(BOMB >> 24)]
    return b"".join([*parts, packer.flush()])


def _peak(function):
    """Return the most bytes that Python had allocated at once while `function` ran."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", [IMAGES, "t10k-labels-idx1-ubyte"])
def test_a_gzip_bomb_is_not_unpacked(made, originals, bomb, name):
    (originals / name).write_bytes(bomb)

    def read():
        with pytest.raises(DataError, match=f"{name}: found more than the [0-9,]+ bytes"):
            read_originals(made[0], originals)

    assert _peak(read) < 16e6 < BOMB


@pytest.mark.parametrize("name", ["data_batch_1.bin", "data_batch_1", "data_batch_1.png"])
def test_a_gzip_bomb_as_cifar_is_not_unpacked(tmp_path, bomb, name):
    (tmp_path / name).write_bytes(bomb)
    (tmp_path / "train_labels.json").write_text("[]")

    def read():
        with pytest.raises(DataError, match=f"{name}: found more than the [0-9,]+ bytes"):
            read_originals(DATASETS["cifar10"], tmp_path)

    assert _peak(read) < 4 * 30_730_000 + 16e6 < BOMB


def test_a_pickle_that_asks_for_memory_is_refused(tmp_path):
    huge = pickle.dumps(np.zeros(1, np.uint8), protocol=2)
    # numpy pickles an array as an empty one, filled afterwards: K\x00\x85 is the tuple (0,).
    assert huge.count(b"K\x00\x85") == 1
    path = tmp_path / "data_batch_1"
    path.write_bytes(huge.replace(b"K\x00\x85", b"J\x00\x00\x00\x7f\x85"))
    with pytest.raises(DataError, match=r"asks for an array of shape \(2130706432,\)"):
        module._python_rows(path)


def test_a_pipe_in_place_of_a_file_is_not_waited_for(made, originals):
    (originals / IMAGES).unlink()
    os.mkfifo(originals / IMAGES)
    with pytest.raises(DataError, match=f"{IMAGES} cannot be read: it is no regular file"):
        read_originals(made[0], originals)


def test_missing_file_and_missing_folder_are_named(made, originals):
    (originals / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match=r"has no file t10k-labels-idx1-ubyte or .*\.gz"):
        read_originals(made[0], originals)
    with pytest.raises(DataError, match="is not a folder"):
        read_originals(made[0], originals / "nowhere")


def test_a_folder_in_place_of_a_file_is_an_error_of_that_file(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path, (1,), "")


# CIFAR-10: the three forms of one batch give the same rows.


@pytest.fixture(scope="module")
def rows():
    """One batch in the binary version: label, red, green and blue plane."""
    index = np.arange(10_000 * 3072, dtype=np.uint32).reshape(10_000, 3072)
    planes = ((index // 7) % 251).astype(np.uint8)
    return np.concatenate([(np.arange(10_000) % 10).astype(np.uint8)[:, None], planes], axis=1)


def test_python_batch_gives_the_binary_rows(rows, tmp_path):
    path = tmp_path / "data_batch_1"
    batch = {b"labels": rows[:, 0].tolist(), b"data": rows[:, 1:]}
    path.write_bytes(pickle.dumps(batch, protocol=2))
    assert np.array_equal(module._python_rows(path), rows)


def test_png_sheet_gives_the_binary_rows(rows, tmp_path):
    images = rows[:, 1:].reshape(-1, 3, 1024).transpose(0, 2, 1)
    Image.fromarray(images).save(tmp_path / "sheet.png", compress_level=1)
    labels = [0] * 10_000 + rows[:, 0].tolist()
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    found = module._png_rows(tmp_path / "sheet.png", tmp_path / "labels.json", 10_000)
    assert np.array_equal(found, rows)
    with pytest.raises(DataError, match=r"labels.json does not hold 10,000 labels"):
        module._png_rows(tmp_path / "sheet.png", tmp_path / "labels.json", 15_000)


def test_a_batch_that_is_not_cifar_is_named_with_both_digests(rows, tmp_path):
    (tmp_path / "data_batch_1.bin").write_bytes(rows.tobytes())
    with pytest.raises(DataError, match=r"data_batch_1.bin is altered: .*, expected cee91656"):
        read_originals(DATASETS["cifar10"], tmp_path)
    (tmp_path / "data_batch_1.bin").write_bytes(rows.tobytes()[:-1])
    with pytest.raises(DataError, match="found 30,729,999 bytes, expected 30,730,000"):
        read_originals(DATASETS["cifar10"], tmp_path)


def test_a_pickle_that_names_a_function_is_refused_and_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (functools.partial(open, tmp_path / "run", "w"), ())

    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(DataError, match=r"it asks for functools.partial"):
        module._python_rows(tmp_path / "data_batch_1")
    assert not (tmp_path / "run").exists()


def test_a_png_that_is_cut_or_of_another_size_is_named(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"found an image \(8, 8\), expected \(1024, 10000\)"):
        module._png_rows(tmp_path / "a.png", tmp_path / "labels.json", 0)
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:40])
    with pytest.raises(DataError, match="truncated or not a PNG"):
        module._png_rows(tmp_path / "a.png", tmp_path / "labels.json", 0)
