"""A run folder is trained by one process at a time; readers are not held up."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time

import pytest

from tfgan_survey.errors import RunError
from tfgan_survey.training import RunFolder, load_run
from tfgan_survey.training.sample import sample_run

HOLD = """
import sys, time
from tfgan_survey.training.folder import RunFolder
with RunFolder(sys.argv[1]).locked(print):
    print("held", flush=True)
    time.sleep(60)
"""


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_second_training_is_refused_and_a_kill_releases(runs, tiny):
    folder = runs / "half"
    before = files(folder)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "held\n"
        began = time.monotonic()
        with pytest.raises(RunError, match=rf"being trained by process {process.pid} on .* since"):
            tiny(folder, resume=True, steps=24)
        assert time.monotonic() - began < 5
        assert load_run(folder).built
        sample_run(folder, folder.parent / "locked.npz", num=2)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    lines = tiny(folder, resume=True, steps=20)
    assert any("nothing to train" in line for line in lines)
    assert files(folder) == before, "the killed one's note is gone as well"


def test_one_process_cannot_train_a_folder_twice(tmp_path):
    run = RunFolder(tmp_path / "a" / "run")
    with run.locked(print):
        with pytest.raises(RunError, match=f"process {os.getpid()} on"), run.locked(print):
            pass
        assert run.lock_note.exists()
    assert list(tmp_path.iterdir()) == [], "what was made for the lock alone is gone"


def test_a_folder_with_content_stays(tmp_path):
    run = RunFolder(tmp_path / "run")
    with run.locked(print):
        run.settings_file.write_text("{}")
    assert [path.name for path in run.path.iterdir()] == ["settings.json"]


def test_without_locks_it_is_said_and_goes_on(tmp_path, monkeypatch):
    def refuse(handle, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    lines = []
    with RunFolder(tmp_path / "run").locked(lines.append):
        pass
    assert len(lines) == 1 and "cannot be locked" in lines[0]
