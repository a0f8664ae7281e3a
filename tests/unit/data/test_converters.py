"""The scripts that turn original files into an `.npz`, on made-up originals of the same form."""

import runpy
import sys
from pathlib import Path

import convert_corel5k
import h5py
import numpy as np
import pytest
import scipy.io
from PIL import Image

from tfgan_survey.data import load_arrays

TOOLS = Path(__file__).parents[3] / "tools"


@pytest.fixture
def convert(monkeypatch, tmp_path, capsys):
    """Return a function that runs a script on a source and gives train and test set."""

    def run(name, source):
        target = tmp_path / f"{name}.npz"
        monkeypatch.syspath_prepend(TOOLS)
        monkeypatch.setattr(sys, "argv", [name, str(source), str(target)])
        runpy.run_path(str(TOOLS / f"convert_{name}.py"), run_name="__main__")
        assert capsys.readouterr().out.startswith(f"{target}: images (")
        return load_arrays(target), load_arrays(target, "test")

    return run


def test_faces_stand_upright_and_the_last_two_of_each_person_are_held_out(convert, tmp_path):
    numbers = np.arange(400)
    faces = np.zeros((64, 64, 400))  # column of the picture, row, picture
    faces[3, 10], faces[0, 0], faces[0, 1] = 255, numbers // 2, numbers % 2
    scipy.io.savemat(tmp_path / "faces.mat", {"faces": faces.reshape(4096, 400)})
    train, test = convert("olivetti", tmp_path / "faces.mat")
    kept = numbers % 10 < 8
    for found, wanted in ((train, numbers[kept]), (test, numbers[~kept])):
        images = found.images[..., 0].astype(int)
        assert np.array_equal(2 * images[:, 0, 0] + images[:, 1, 0], wanted)
        assert (images[:, 10, 3] == 255).all() and (images[:, 3, 10] == 0).all()
        assert np.array_equal(found.labels, wanted // 10) and found.num_classes == 40


def test_usps_becomes_bytes(convert, tmp_path):
    values = np.random.default_rng(0).random((9298, 256), np.float32)
    labels = np.arange(9298) % 10
    with h5py.File(tmp_path / "usps.h5", "w") as file:
        for group, part in (("train", slice(7291)), ("test", slice(7291, None))):
            file[f"{group}/data"], file[f"{group}/target"] = values[part], labels[part]
    for found, part in zip(
        convert("usps", tmp_path / "usps.h5"), (slice(7291), slice(7291, None)), strict=True
    ):
        assert found.image_shape == (16, 16, 1) and np.array_equal(found.labels, labels[part])
        difference = found.images.reshape(-1, 256) / 255 - values[part]
        assert np.abs(difference).max() <= 0.5 / 255 + 1e-6


def test_sheets_of_mnist_m_are_cut_row_by_row(convert, tmp_path):
    for name, count in (("train_10000", 10_000), ("test_9001", 9_001)):
        rows = -(-count // 100)
        sheet = np.zeros((rows, 32, 100, 32, 3), np.uint8)
        sheet[..., 0] = np.arange(rows)[:, None, None, None]
        sheet[..., 1] = np.arange(100)[:, None]
        sheet[:, 5, :, 7, 2] = 255
        whole = Image.fromarray(sheet.reshape(rows * 32, 3200, 3))
        # Read by what it is, not by its name; a lossless WebP takes long to write.
        whole.save(tmp_path / f"{name}.webp", format="PNG", compress_level=1)
        np.save(tmp_path / f"{name}_labels.npy", np.arange(count) % 10)
    for found, count in zip(convert("mnist_m", tmp_path), (10_000, 9_001), strict=True):
        index = np.arange(count)
        assert found.image_shape == (32, 32, 3) and np.array_equal(found.labels, index % 10)
        assert (found.images[..., 0] == (index // 100)[:, None, None]).all()
        assert (found.images[..., 1] == (index % 100)[:, None, None]).all()
        assert (found.images[:, 5, 7, 2] == 255).all()
        assert found.images[..., 2].astype(int).sum() == 255 * count


def write_arff(path, values, names):
    """Write what Mulan does: one attribute a line, one sparse row an image."""
    rows = ["{" + ",".join(f"{i} 1" for i in np.flatnonzero(row)) + "}" for row in values]
    lines = ["@relation toy", "", *(f"@attribute {name} {{0,1}}" for name in names), "", "@data"]
    path.write_text("\n".join([*lines, *rows]) + "\n")


def test_corel5k_keeps_every_number_and_drops_images_without_tags(monkeypatch, tmp_path, capsys):
    rng = np.random.default_rng(0)
    names = [*(f"Cluster{i}" for i in range(1, 500)), *(f"tag{i}" for i in range(374))]
    made = {}
    for split, count in (("train", 4500), ("test", 500)):
        made[split] = (rng.random((count, 873)) < 0.01).astype(np.uint8)
        write_arff(tmp_path / f"Corel5k-{split}-sparse.arff", made[split], names)
    monkeypatch.setattr(sys, "argv", ["", str(tmp_path), str(tmp_path / "tags.npz")])
    runpy.run_path(str(TOOLS / "convert_corel5k.py"), run_name="__main__")
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'tags.npz'}: tag_names (374,)")
    for split, values in made.items():
        found = load_arrays(tmp_path / "tags.npz", split)
        kept = values[values[:, 499:].any(axis=1)]
        assert len(found) == len(kept) < len(values)
        np.testing.assert_array_equal(found.labels, kept[:, :499])
        np.testing.assert_array_equal(found.images, kept[:, 499:])
        assert found.vocabulary == tuple(names[499:])
    names[-1] = "another"
    write_arff(tmp_path / "Corel5k-test-sparse.arff", made["test"], names)
    with pytest.raises(SystemExit, match="has other tags than the training file"):
        convert_corel5k.read(tmp_path)
    write_arff(tmp_path / "Corel5k-train-sparse.arff", made["test"], names)
    with pytest.raises(SystemExit, match=r"values \(500, 873\); expected \(4500, 873\)"):
        convert_corel5k.read(tmp_path)


def test_a_sparse_file_is_read_by_its_own_rules(tmp_path):
    path = tmp_path / "toy.arff"
    head = (
        "% a note\n@RELATION toy\n@attribute 'polar bear' { 0 , 1 }\n@Attribute sky {0,1}\n@DATA\n"
    )
    path.write_text(head + "{}\n{1 1}\n\n{0 1, 1 0}\n")
    names, values = convert_corel5k.read_sparse(path)
    assert names == ["polar bear", "sky"] and values.tolist() == [[0, 0], [0, 1], [1, 0]]
    for text, message in (
        (head + "0,1\n", "line 6: '0,1' is no sparse row"),
        (head + "{0 2}\n", "no sparse row"),
        (head + "{2 1}\n", "beyond the 2 attributes"),
        (head + "{1 1,1 1}\n", "an index twice"),
        ("@attribute sky numeric\n@data\n", "line 1: '@attribute sky numeric'"),
    ):
        path.write_text(text)
        with pytest.raises(SystemExit, match=message):
            convert_corel5k.read_sparse(path)


def test_other_files_are_refused_and_nothing_is_written(convert, tmp_path):
    scipy.io.savemat(tmp_path / "faces.mat", {"faces": np.zeros((4096, 40))})
    with pytest.raises(SystemExit, match=r"faces.mat has an array \(4096, 40\).* \(4096, 400\)"):
        convert("olivetti", tmp_path / "faces.mat")
    assert [path.name for path in tmp_path.iterdir()] == ["faces.mat"]
