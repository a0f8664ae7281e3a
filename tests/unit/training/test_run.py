"""Run folders: what is written, resumed, refused; nothing is lost."""

import errno
import json
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

from tfgan_survey.errors import RunError, SettingError
from tfgan_survey.files import written_aside
from tfgan_survey.training import RunFolder, load_run, train
from tfgan_survey.training.callbacks import SampleGrid, TensorBoardImages, read_history
from tfgan_survey.training.sample import sample_run

# 78 steps an epoch, no XLA: these tests are about files, not speed.
TINY = {
    "dataset": "mnist_mini", "split": "train[:640]", "batch_size": 32, "jit_compile": False,
    "steps_per_execution": 4, "generator_widths": (8,), "discriminator_widths": (8,),
}  # fmt: skip


def run(folder, resume=False, **overrides):
    overrides = TINY | overrides
    return train(
        "survey_cgan", folder, resume=resume, overrides=overrides, verbose=0, log=lambda line: None
    )


def weights(path):
    gan = load_run(path)
    return [
        variable.numpy()
        for part in (gan, gan.d_optimizer, gan.g_optimizer)
        for variable in part.variables
    ]


def same(left, right):
    return all(np.array_equal(a, b) for a, b in zip(weights(left), weights(right), strict=True))


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """Two and a half epochs in one go: 50 steps of 20 an epoch."""
    folder = tmp_path_factory.mktemp("runs") / "straight"
    run(folder, steps=50)
    return folder


def test_run_folder_holds_settings_history_pictures_and_model(straight):
    folder = RunFolder(straight)
    assert folder.finished
    record = json.loads(folder.settings_file.read_text())
    assert record["settings"]["batch_size"] == 32 and record["versions"]["keras"]
    rows = read_history(folder.history)
    assert [row["steps"] for row in rows] == [20, 40, 50]
    assert all(np.isfinite(list(row.values())).all() for row in rows)
    assert Image.open(folder.grid).size[0] > 500
    assert Image.open(folder.film).n_frames >= 10
    assert Image.open(folder.curves).size[0] > 300
    assert not list(straight.rglob(".writing-*"))


@pytest.mark.parametrize("first", [20, 33])
def test_stopped_and_resumed_equals_straight(straight, tmp_path, first):
    """At an epoch's end, and inside one that `steps_per_execution` does not divide."""
    run(tmp_path / "parts", steps=first)
    run(tmp_path / "parts", resume=True, steps=50)
    assert same(straight, tmp_path / "parts")
    drop = ("seconds",)
    rows = [
        [{k: v for k, v in row.items() if k not in drop} for row in read_history(path)]
        for path in (straight / "history.csv", tmp_path / "parts" / "history.csv")
    ]
    assert rows[0] == rows[1]


class Stop(keras.callbacks.Callback):
    """Fail in the middle of training, as a crash would."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.d_updates.numpy()) >= self.step:
            raise KeyboardInterrupt


def test_a_crash_loses_nothing_behind_the_last_checkpoint(straight, tmp_path):
    folder = tmp_path / "crashed"
    with pytest.raises(KeyboardInterrupt):
        train(
            "survey_cgan", folder, overrides=TINY | {"steps": 50}, verbose=0,
            extra_callbacks=[Stop(28)], log=lambda line: None,
        )  # fmt: skip
    assert not RunFolder(folder).finished
    with pytest.raises(RunError, match="--resume"):
        run(folder, steps=50)
    run(folder, resume=True)
    assert same(straight, folder)


def test_a_finished_run_is_left_alone(straight):
    before = {path: path.stat().st_mtime_ns for path in straight.rglob("*") if path.is_file()}
    run(straight, steps=50)
    run(straight, resume=True)
    after = {path: path.stat().st_mtime_ns for path in straight.rglob("*") if path.is_file()}
    assert before == after


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"batch_size": 16}, r"batch_size \(run: 32, asked: 16\)"),
        ({"seed": 4}, "seed"),
        ({"ema": 0.9}, "loop.ema"),
        ({"steps": 30}, "ask for more"),
    ],
)
def test_resume_with_other_settings_is_refused_and_says_which(straight, overrides, message):
    before = {path: path.read_bytes() for path in straight.rglob("*") if path.is_file()}
    with pytest.raises(RunError, match=message):
        run(straight, resume=True, **overrides)
    after = {path: path.read_bytes() for path in straight.rglob("*") if path.is_file()}
    assert after == before


def test_a_run_of_an_earlier_version_goes_on(straight, tmp_path):
    folder = RunFolder(shutil.copytree(straight, tmp_path / "earlier"))
    record = json.loads(folder.settings_file.read_text())
    del (
        record["settings"]["loop"]["truncation"],
        record["settings"]["g_optimizer"]["options"]["decay"],
    )
    folder.settings_file.write_text(json.dumps(record))
    run(folder.path, steps=50)
    assert same(straight, folder.path)
    run(folder.path, resume=True, steps=52)
    assert [row["steps"] for row in read_history(folder.history)][-1] == 52


def test_unreadable_folders_are_explained(straight, tmp_path):
    with pytest.raises(RunError, match="no model in"):
        load_run(tmp_path / "nothing")
    (tmp_path / "bad.keras").write_bytes(b"not a zip")
    with pytest.raises(RunError, match="cannot be loaded"):
        load_run(tmp_path / "bad.keras")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "settings.json").write_text("{")
    with pytest.raises(RunError, match="cannot be read"):
        run(tmp_path / "run", resume=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write"):
        run(tmp_path / "file" / "run", steps=1)


def test_more_batch_than_data_is_refused(tmp_path):
    with pytest.raises(SettingError, match="larger than the 640 images"):
        run(tmp_path / "x", batch_size=1000, steps=1)


def test_write_aside_leaves_the_old_file_on_a_full_disk(tmp_path):
    target = tmp_path / "file.txt"
    target.write_text("old")
    with pytest.raises(OSError, match=r"cannot write .*file.txt: No space") as caught:  # noqa: SIM117
        with written_aside(target) as aside:
            aside.write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.errno == errno.ENOSPC
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]


def test_sample_files(straight, tmp_path):
    path = sample_run(straight, tmp_path / "a.npz", num=7, labels=[3, 1], seed=5)
    with np.load(path) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    assert images.dtype == np.uint8 and images.shape == (7, 28, 28, 1)
    assert labels.dtype == np.int32 and labels.tolist() == [3, 1, 3, 1, 3, 1, 3]
    expected = load_run(straight).generate(7, [3, 1], seed=5)
    assert np.array_equal(images, np.rint(expected * 255))
    sample_run(straight, tmp_path / "a.png", num=9)
    assert Image.open(tmp_path / "a.png").size == ((3 * 29 - 1) * 2, (3 * 29 - 1) * 2)


def test_tensorboard_images_are_written(straight, tmp_path):
    callback = TensorBoardImages(tmp_path / "tb")
    callback.set_model(load_run(straight))
    callback.on_train_begin()
    callback.on_epoch_end(0, {"d_loss": 1.0})
    callback.on_train_end()
    (events,) = (tmp_path / "tb").iterdir()
    written = events.read_bytes()
    assert b"samples" in written and b"d_loss" in written and b"PNG" in written


@pytest.mark.parametrize("callback", [SampleGrid, TensorBoardImages])
def test_an_option_that_no_look_has_is_refused_before_the_training(tmp_path, callback):
    with pytest.raises(TypeError, match="reech"):
        callback(tmp_path, reech=2.0)
