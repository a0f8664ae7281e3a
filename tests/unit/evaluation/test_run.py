"""Runs, files, tables and JSON."""

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner

from tfgan_survey.cli import cli
from tfgan_survey.data import ring
from tfgan_survey.errors import RunError, SettingError
from tfgan_survey.evaluation import evaluate, evaluate_run, format_table
from tfgan_survey.evaluation.output import format_value
from tfgan_survey.metrics import METRICS, Measurement
from tfgan_survey.training.callbacks import save_model
from tfgan_survey.training.folder import RunFolder
from tfgan_survey.zoo import build_from_settings, resolve


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder whose model was never trained."""
    settings = resolve("survey_cgan", {"dataset": "mnist_mini", "steps": 1, "seed": 5})
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    folder.begin(settings, {})
    save_model(build_from_settings(settings, (28, 28, 1), 10), folder.model)
    folder.mark_finished()
    return folder


def test_an_untrained_run_equals_its_untrained_reference(run):
    found = evaluate_run(run.path, metrics=["frechet_distance", "gan_test"], num=200, seed=3)
    frechet = found[0]
    untrained = {one.name: one.value for one in frechet.reference}["untrained survey_cgan"]
    assert frechet.value == pytest.approx(untrained, rel=1e-6)
    assert frechet.seed == 3 and frechet.num == 200
    # All classes in turn and no knowledge of them: the judge is right by chance only.
    assert found[1].value == pytest.approx(0.1, abs=0.08)


def test_a_bare_model_must_be_told_its_data_set(run, tmp_path):
    bare = tmp_path / "bare.keras"
    bare.write_bytes(run.model.read_bytes())
    with pytest.raises(SettingError, match="give --dataset"):
        evaluate(bare, metrics=["classifier_score"], num=50)
    found = evaluate(bare, "mnist_mini", ["classifier_score"], num=100)
    assert [one.name for one in found[0].reference] == ["real images"]


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="settings"):
        evaluate(tmp_path)


def test_command_writes_the_table_and_strict_json(tmp_path):
    np.savez(tmp_path / "points.npz", images=ring().sample(500) + 50.0)
    output = tmp_path / "deep" / "metrics.json"
    result = CliRunner().invoke(
        cli,
        ["evaluate", str(tmp_path / "points.npz"), "--dataset", "ring", "--output", str(output)],
        catch_exceptions=False,
    )
    assert result.exit_code == 0
    assert "high_quality  0 +- 0 " in result.stdout
    assert "true mixture" in result.stdout

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    read = json.loads(output.read_text(), parse_constant=refuse)
    by_name = {one["name"]: one for one in read["measurements"]}
    assert by_name["modes"]["value"] == 0.0
    assert by_name["reverse_kl"]["value"] is None
    assert by_name["modes"]["reference"][0]["value"] == 8.0
    assert list(output.parent.iterdir()) == [output]


def test_help_and_list_come_from_the_metrics():
    text = CliRunner().invoke(cli, ["evaluate", "--help"]).stdout.partition("Metrics:")[2]
    assert re.findall(r"^  (\w+)", text, re.MULTILINE) == list(METRICS)
    lines = CliRunner().invoke(cli, ["metrics"]).stdout.splitlines()
    starts = [start for start, line in enumerate(lines) if start and not line.startswith(" ")]
    listed = {lines[start].split()[0]: lines[start:end]
              for start, end in zip(starts, [*starts[1:], None], strict=True)}  # fmt: skip
    assert list(listed) == list(METRICS)
    assert all(len(line) <= 100 for line in lines)
    assert "precision (higher)," in " ".join(" ".join(listed["precision_recall"]).split())
    asked = lines[0].index("by default")
    assert listed["gan_test"][0][asked:].startswith("yes ")
    assert listed["gan_train"][0][asked:].startswith("no ")


def test_command_reads_images_and_adds_an_untrained_stand_in(tmp_path, run):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (120, 28, 28, 1)).astype(np.uint8)
    np.savez(tmp_path / "noise.npz", images=images)
    found = evaluate(tmp_path / "noise.npz", "mnist_mini", ["classifier_score"], num=100)
    assert [one.name for one in found[0].reference] == [
        "real images",
        "untrained survey_gan",
    ]


def test_columns_line_up_and_protocols_are_said_once():
    real = Measurement("real", 0.9, 0.01, 10, 0, "p")
    found = [
        Measurement("recall", 0.5, 0.0123, 1000, 0, "k=3", (real,)),
        Measurement("precision_of_all", 0.25, None, 1000, 0, "k=3"),
    ]
    lines = format_table(found).splitlines()
    assert lines[0].split() == ["metric", "value", "real", "samples"]
    assert lines[1].index("0.500 +- 0.012") == lines[0].index("value")
    assert lines[1].index("0.900 +- 0.010") == lines[0].index("real")
    assert lines[2].split() == ["precision_of_all", "0.25", "-", "1,000"]
    assert lines[3:] == ["", "recall, precision_of_all: k=3"]


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (241.1929, 2.1303, "241.2 +- 2.1"),
        (950.0, 123.0, "950 +- 123"),
        (0.00043453, 0.0012556, "0.0004 +- 0.0013"),
        (1.0, 1e-12, "1.000000 +- 0.000000"),
        (1.0, 0.0, "1 +- 0"),
        (0.123456, None, "0.1235"),
        (np.inf, 0.1, "inf"),
        (0.5, np.nan, "0.5"),
    ],
)
def test_digits_follow_the_error(value, error, text):
    assert format_value(value, error) == text
