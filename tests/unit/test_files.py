"""Every place that writes: a full disk, a protected one or a kill leaves the old file whole."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from tfgan_survey import files, pictures
from tfgan_survey.errors import RunError
from tfgan_survey.training import RunFolder
from tfgan_survey.training.callbacks import save_model
from tfgan_survey.training.history import loss_history, probe_history
from tfgan_survey.zoo import resolve

GREY = Image.new("L", (4, 4))
CURVES = ([1, 2], {"loss": {"d_loss": [1.0, 2.0], "g_loss": [2.0, 1.0]}})


def _folder(path):
    with files.written_aside(path) as aside:
        (aside / "variables").mkdir(parents=True)
        (aside / "variables" / "data").write_bytes(b"new")
        (aside / "saved_model.pb").write_bytes(b"new")


def _begin(path):
    RunFolder(path.parent).begin(resolve("survey_cgan", {"steps": 1}), {})


def _arrays(path):
    with files.written_aside(path) as aside:
        np.savez_compressed(aside, images=np.zeros(3))


WRITERS = {
    "a.txt": lambda path: files.write_text(path, "new"),
    "a.json": lambda path: files.write_json(path, {"new": 1}),
    "settings.json": _begin,
    "history.csv": lambda path: loss_history(path).write([{"epoch": 1, "steps": 1}]),
    "probe.csv": lambda path: probe_history(path).write([{"steps": 1}]),
    "a.png": lambda path: pictures.save(GREY, path),
    "a.gif": lambda path: pictures.save_film([GREY, GREY], path),
    "curves.png": lambda path: pictures.save_curves(*CURVES, path),
    "a.npz": _arrays,
    "1": _folder,
}
MODEL = {"a.keras": lambda path: save_model(keras.Sequential([keras.Input((1,))]), path, {"n": 1})}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES], ids=["full", "protected"])
@pytest.mark.parametrize("place", ["mkdtemp", "fsync", "replace"])
@pytest.mark.parametrize("name", [*WRITERS, *MODEL])
def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch, name, place, code):
    path = tmp_path / name
    if name != "1":
        path.write_bytes(b"old")

    def fail(*arguments, **options):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr({"mkdtemp": files.tempfile}.get(place, files.os), place, fail)
    with pytest.raises(OSError, match=f"cannot write .*{name}: {os.strerror(code)}") as caught:
        (WRITERS | MODEL)[name](path)
    monkeypatch.undo()
    assert caught.value.errno == code
    assert [one.name for one in tmp_path.iterdir()] == ([] if name == "1" else [name])
    assert name == "1" or path.read_bytes() == b"old"


@pytest.mark.parametrize("name", WRITERS)
def test_a_kill_between_write_and_rename_leaves_the_old_file(tmp_path, monkeypatch, name):
    path = tmp_path / name
    if name != "1":
        path.write_bytes(b"old")
    monkeypatch.setattr(files.os, "replace", lambda *paths: os._exit(9))
    if (child := os.fork()) == 0:
        WRITERS[name](path)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    monkeypatch.undo()
    assert name == "1" or path.read_bytes() == b"old"
    (left,) = tmp_path.glob(".writing-*")
    files.sweep(tmp_path)
    assert not left.exists()
    WRITERS[name](path)
    assert [one.name for one in tmp_path.iterdir()] == [name]
    assert name == "1" or path.read_bytes() != b"old"


@pytest.mark.parametrize("name", [*WRITERS, *MODEL])
def test_content_is_on_the_disk_before_the_name_and_the_name_before_the_return(
    tmp_path, monkeypatch, name
):
    done, fsync, replace = [], os.fsync, os.replace

    def flush(handle):
        done.append(os.fstat(handle).st_ino)
        fsync(handle)

    def rename(source, target):
        done.append("rename")
        replace(source, target)

    monkeypatch.setattr(files.os, "fsync", flush)
    monkeypatch.setattr(files.os, "replace", rename)
    (WRITERS | MODEL)[name](tmp_path / name)
    monkeypatch.undo()
    path = tmp_path / name
    written = [path, *path.rglob("*")] if path.is_dir() else [path]
    before = done[: done.index("rename")]
    assert {one.stat().st_ino for one in written} == set(before)
    assert done[done.index("rename") :] == ["rename", tmp_path.stat().st_ino]


WRITE = """
import sys, time
from tfgan_survey.files import written_aside
with written_aside(sys.argv[1]) as aside:
    aside.write_text("half")
    print(aside, flush=True)
    sys.stdin.read(1)
    aside.write_text("whole")
"""


def test_a_living_writer_s_folder_survives_another_process_s_sweep(tmp_path):
    (tmp_path / ".writing-killed").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE, str(tmp_path / "file")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    aside = Path(process.stdout.readline().strip())
    files.sweep(tmp_path)
    assert aside.read_text() == "half" and not (tmp_path / ".writing-killed").exists()
    process.communicate("\n")
    assert process.returncode == 0
    assert (tmp_path / "file").read_text() == "whole"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_without_locks_only_old_folders_are_swept(tmp_path, monkeypatch):
    for name, age in (("new", 60), ("old", 7200)):
        (tmp_path / f".writing-{name}").mkdir()
        then = (tmp_path / f".writing-{name}").stat().st_mtime - age
        os.utime(tmp_path / f".writing-{name}", (then, then))
    monkeypatch.setattr(files, "fcntl", None)
    files.sweep(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == [".writing-new"]


def test_a_run_in_a_protected_place_is_refused_by_name(tmp_path, monkeypatch):
    def refuse(self, *arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with (
        pytest.raises(RunError, match=r"cannot write .*run: Permission denied; choose another"),
        RunFolder(tmp_path / "run").locked(print),
    ):
        pass
