"""The command line: exit codes, one-line errors with their remedy, nothing half-written."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tfgan_survey import cli
from tfgan_survey.training import RunFolder, load_run, settings_from
from tfgan_survey.training.history import step_history

TRAIN = [
    "train", "survey_cgan", "--dataset", "mnist_mini", "--batch-size", "32",
    "--set", "split=train[:640]", "--set", "jit_compile=false",
    "--set", "generator_widths=8", "--set", "discriminator_widths=8",
]  # fmt: skip


def invoke(capsys, *arguments):
    """Run a command in this process; return exit code, stdout, stderr."""
    with pytest.raises(SystemExit) as stop:
        cli.main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return stop.value.code or 0, out, err


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "run"
    with pytest.raises(SystemExit) as stop:
        cli.main([*TRAIN, "--steps", "40", "--output", str(folder)])
    assert not stop.value.code
    return folder


def test_train_sample_export_round(capsys, run, tmp_path):
    code, out, _ = invoke(capsys, *TRAIN, "--steps", 40, "--output", run)
    assert code == 0 and "nothing to train" in out
    code, out, _ = invoke(
        capsys, "sample", run, "--num", 5, "--labels", "7,1", "--output", tmp_path / "s.npz"
    )
    assert code == 0 and "s.npz" in out
    with np.load(tmp_path / "s.npz") as arrays:
        assert arrays["labels"].tolist() == [7, 1, 7, 1, 7]
    one = ["sample", run, "--num", 4, "--label", 7, "--output", tmp_path / "s.png"]
    assert invoke(capsys, *one)[0] == 0
    assert invoke(capsys, "export", run, "--output", tmp_path / "sm")[0] == 0
    code, out, _ = invoke(capsys, "export", run, "--output", tmp_path / "sm", "--once")
    assert code == 0 and "already" in out
    assert [path.name for path in (tmp_path / "sm").iterdir()] == ["1"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train", "survey_cgn"], 2, "did you mean survey_cgan"),
        (["train", "survey_cgan", "--dataset", "mnits"], 2, "did you mean mnist"),
        (["train", "survey_cgan", "--set", "learning_rat=1"], 2, "did you mean"),
        (["train", "survey_cgan", "--set", "n_critic=two"], 2, "expected int"),
        (["train", "survey_cgan", "--set", "novalue"], 2, "KEY=VALUE"),
        (["train", "survey_cgan", "--set", "ema=0.9", "--set", "ema=0.8"], 2, "given twice"),
        (["train", "survey_cgan", "--seed", "1", "--set", "seed=2"], 2, "given twice"),
        (["train", "survey_cgan", "--epochs", "1", "--steps", "2"], 2, "exclude each other"),
        (["train", "survey_cgan", "--steps", "0"], 2, "not in the range"),
        (["train", "survey_cgan", "--bogus"], 2, "No such option"),
        (["sample", "nowhere", "--output", "x.png"], 1, "no model in nowhere"),
        (["sample", "nowhere", "--output", "x.jpg"], 2, "ending in .png or .npz"),
        (["sample", "nowhere"], 2, "--output"),
        (["sample", "n", "--label", "1", "--labels", "2", "--output", "x.png"], 2, "exclude"),
        (["sample", "n", "--labels", "a", "--output", "x.png"], 2, "class ids such as"),
        (
            ["sample", "n", "--output", "d", "--shards", "2", "--worker", "2/2"],
            2,
            "expected 0/4 to",
        ),
        (["sample", "n", "--output", "d.npz", "--shards", "2"], 2, "--shards makes a folder"),
        (["sample", "n", "--output", "d.npz", "--worker", "0/2"], 2, "add --shards"),
        (["export", "nowhere"], 1, "no model in nowhere"),
        (["export", "nowhere", "--format", "onx"], 2, "unknown format 'onx'; did you mean onnx?"),
        (["frobnicate"], 2, "No such command"),
    ],
)
def test_errors_are_one_line_with_a_remedy(capsys, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    got, _, err = invoke(capsys, *arguments)
    assert got == code
    assert message in err and err.startswith("error: ") and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_resume_with_other_settings_names_them(capsys, run):
    code, _, err = invoke(capsys, *TRAIN, "--seed", 5, "--output", run, "--resume")
    assert code == 1 and "seed (run: 0, asked: 5)" in err


def test_debug_shows_the_traceback(tmp_path):
    with pytest.raises(Exception, match="no model in"):
        cli.main(["sample", str(tmp_path / "x"), "--output", "x.png", "--debug"])


def test_models_lists_source_and_budget(capsys):
    code, out, _ = invoke(capsys, "models")
    assert code == 0 and 90 < max(map(len, out.splitlines())) <= 100
    for name in ("survey_gan", "survey_cgan", "survey_gan_legacy", "wgan_gp"):
        assert name in out
    assert "arXiv:1704.00028" in out and "steps" in out


def test_models_name_shows_what_can_be_set(capsys):
    code, out, _ = invoke(capsys, "models", "cgan_mnist")
    assert code == 0 and 90 < max(map(len, out.splitlines())) <= 100
    rows = [" ".join(line.split()) for line in out.splitlines()]
    assert "NETWORK: --set network=dcgan" in rows
    assert any(row.startswith("width 32 int at least 1 and at most 65536") for row in rows)
    assert any(row.startswith("truncation 0.85 float above 0 and at most 1") for row in rows)
    assert any(row.startswith("steps 12000 int at least 1 or none") for row in rows)
    assert "arXiv:1802.05637" in out and "others: none, r1, weight_clipping" in rows
    code, out, _ = invoke(capsys, "models", "cgan_mnist", "--set", "network=mlp")
    assert code == 0 and "generator_widths" in out and "kernel_size" not in out
    assert "did you mean" in invoke(capsys, "models", "cgan_mnits")[2]
    code, _, err = invoke(capsys, "models", "--set", "network=mlp")
    assert code == 2 and "--set without NAME" in err


def test_train_begins_with_the_settings_of_a_run(capsys, run, tmp_path):
    """The record of the run, of its file, changed by flags; nothing of the recipe comes back."""
    record = json.loads((run / "settings.json").read_text())
    small = ["--steps", 1, "--set", "steps_per_execution=1"]
    code, _, err = invoke(capsys, "train", "--config", run, *small, "--output", tmp_path / "a")
    assert code == 0, err
    now, then = (json.loads((path / "settings.json").read_text())["settings"]
                 for path in (tmp_path / "a", run))  # fmt: skip
    assert now == {**then, "steps": 1, "steps_per_execution": 1} and now["batch_size"] == 32
    for change, message in (
        ({"batchsize": 1}, "unknown setting 'batchsize'; nearest: ['batch_size'"),
        ({"loop": {"emma": 1}}, "setting 'loop.emma' does nothing"),
        ({"seed": -1}, "seed=-1: expected int at least 0"),
    ):
        file = tmp_path / "settings.json"
        file.write_text(json.dumps({**record, "settings": {**then, **change}}))
        code, _, err = invoke(capsys, "train", "--config", file, "--output", tmp_path / "b")
        assert code == 2 and message in err, err
    wrong = ["train", "wgan", "--config", run, "--output", tmp_path / "b"]
    assert "is of survey_cgan, not wgan" in invoke(capsys, *wrong)[2]
    assert "cannot be read" in invoke(capsys, "train", "--config", tmp_path / "nowhere")[2]
    code, _, err = invoke(capsys, "train")
    assert code == 2 and "name a MODEL" in err
    assert not (tmp_path / "b").exists()


def test_what_a_flag_changes_takes_its_own_options_along(run):
    model, found = settings_from(run, overrides={"optimizer": "sgd", "dataset": "mnist",
                                                 "epochs": 2, "width": 3})  # fmt: skip
    assert model == "survey_cgan" and found["network.generator_widths"] == [8]
    assert found["optimizer"] == "sgd" and found["epochs"] == 2 and "steps" not in found
    assert not any(key.startswith(("d_optimizer", "g_optimizer")) for key in found)
    assert "split" not in found and found["batch_size"] == 32
    same = settings_from(run, model, {"d_optimizer": "adam"})[1]
    assert same["d_optimizer.learning_rate"] == 1e-3 and same["split"] == "train[:640]"


def test_kill_and_resume_equals_straight(capsys, tmp_path):
    """SIGKILL at a random moment after the first checkpoint; the rest is trained from there."""
    steps = ["--steps", "240", "--set", "steps_per_execution=4"]
    assert invoke(capsys, *TRAIN, *steps, "--output", tmp_path / "straight")[0] == 0
    killed = tmp_path / "killed"
    process = subprocess.Popen(
        [sys.executable, "-m", "tfgan_survey.cli", *TRAIN, *steps, "--output", killed],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not RunFolder(killed).checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(random.Random(time.time_ns()).uniform(0, 1.0))
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert invoke(capsys, *TRAIN, *steps, "--output", killed, "--resume")[0] == 0
    straight, after = (step_history(RunFolder(tmp_path / name).losses).read()
                       for name in ("straight", "killed"))  # fmt: skip
    assert [(row["steps"], row["num"]) for row in straight] == [(100, 100), (200, 100)]
    assert [row["steps"] for row in after] == [100, 200]
    a, b = load_run(tmp_path / "straight"), load_run(killed)
    for left, right in ((a, b), (a.d_optimizer, b.d_optimizer), (a.g_optimizer, b.g_optimizer)):
        for u, v in zip(left.variables, right.variables, strict=True):
            assert np.array_equal(u.numpy(), v.numpy())
