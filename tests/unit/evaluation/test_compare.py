"""Runs side by side: the best only where errors separate, and what cannot be compared is said."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tfgan_survey import cli
from tfgan_survey.errors import RunError, SettingError
from tfgan_survey.evaluation import compare, write_measurements
from tfgan_survey.evaluation.compare import best
from tfgan_survey.evaluation.output import read_measurements
from tfgan_survey.metrics import Measurement

FIXTURES = Path(__file__).parents[2] / "fixtures" / "v0_1"


def found(value, error, name="frechet_distance", protocol="p", num=1000):
    real = Measurement("real images", 0.1, 0.01, num, 0, protocol)
    return Measurement(name, value, error, num, 0, protocol, (real,), {"bandwidth": 2.0})


@pytest.mark.parametrize(("measured", "index"), [
    ([found(1.0, 0.1), found(1.29, 0.1)], 0),  # 2 sqrt(2) 0.1 = 0.283
    ([found(1.28, 0.1), found(1.0, 0.1)], None),
    ([found(9.0, 0.1), found(1.0, 0.1), None, found(5.0, 0.1)], 1),
    ([found(9.0, 0.1, "recall"), found(1.0, 0.1, "recall")], 0),
    ([found(9.0, 0.1, "near_copies"), found(1.0, 0.1, "near_copies")], None),
    ([found(1.0, None), found(9.0, 0.1)], None),
    ([found(1.0, 0.1), found(float("nan"), 0.1)], None),
    ([found(1.0, 0.1), found(9.0, 0.1, protocol="q")], None),
    ([found(1.0, 0.1), found(9.0, 0.1, num=10)], None),
    ([found(1.0, 0.1), None], None),
])  # fmt: skip
def test_the_best_is_better_than_all_others_beyond_their_errors(measured, index):
    assert best(measured) == index


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    for name in ("survey_cgan", "wgan", "mixture_gan"):
        shutil.copytree(FIXTURES / name, root / name)
    (root / "survey_cgan" / "history.csv").write_text(
        "epoch,steps,d_loss,g_loss\n1,10,0.9,0.8\n2,20,0.7,0.6\n"
    )
    (root / "wgan" / "history.csv").write_text("epoch,steps,d_loss,odd_loss\n1,10,0.5,3.0\n")
    write_measurements(root / "survey_cgan" / "metrics.json", [found(1.0, 0.1)], "x", 0)
    write_measurements(root / "wgan" / "metrics.json", [found(9.0, 0.1)], "y", 0)
    return root


def test_measurements_come_back_from_their_file(runs, tmp_path):
    kept = [found(1.0, None), found(2.0, 0.5, "recall")]
    write_measurements(tmp_path / "metrics.json", kept, "x", 0)
    assert read_measurements(tmp_path / "metrics.json") == kept
    assert read_measurements(tmp_path / "none.json") == []
    (tmp_path / "metrics.json").write_text('{"measurements": [{"name": "recall"}]}')
    with pytest.raises(RunError, match=r"holds no measurements \(KeyError.*write it anew"):
        read_measurements(tmp_path / "metrics.json")


def test_two_runs_stand_beside_each_other(runs, tmp_path):
    with pytest.raises(SystemExit) as stop:
        cli.main(["compare", str(runs / "survey_cgan"), str(runs / "wgan"), "--output",
                  str(tmp_path / "page.html")])  # fmt: skip
    assert not stop.value.code
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert re.findall("<h2>(.*?)</h2>", text) == [
        "Measurements", "In plain words", "Samples", "Training", "Settings that differ",
    ]  # fmt: skip
    cells = re.findall(r'<td data-head="(.*?)"( class="best")?>([^<]*)', text)
    rows = {head: (said.strip(), bool(marked)) for head, marked, said in cells[:3]}
    assert rows == {"survey_cgan": ("1.00 \u00b1 0.10", True), "wgan": ("9.00 \u00b1 0.10", False),
                    "real": ("0.100 \u00b1 0.010", False)}  # fmt: skip
    assert text.count("<img") == 2 and text.count("data:image/png") == 2
    captions = re.findall("<figcaption><strong>(.*?)</strong>", text)
    assert captions == ["survey_cgan", "wgan", "d_loss"], "the curve that both log"
    assert "g_loss of survey_cgan, odd_loss of wgan" in text
    settings = text.partition('<section id="settings">')[2]
    differ = re.findall(r'<th scope="row">(.*?)</th>', settings)
    records = [json.loads((runs / name / "settings.json").read_text())["settings"]
               for name in ("survey_cgan", "wgan")]  # fmt: skip
    assert "model" in differ and ("seed" in differ) == (records[0]["seed"] != records[1]["seed"])
    unlike = re.sub('(data:image/png;base64,)[^"]*', r"\1", text)
    assert not re.search(r"https?:|<script|@import|\burl\((?!#)", unlike)


def test_what_cannot_be_compared_is_said(runs, tmp_path):
    shutil.copy(runs / "wgan" / "metrics.json", runs / "mixture_gan" / "metrics.json")
    pair = [runs / "survey_cgan", runs / "mixture_gan"]
    text = compare(tmp_path / "page.html", pair).read_text(encoding="utf-8")
    (runs / "mixture_gan" / "metrics.json").unlink()
    assert "The data sets differ, so no measurement is marked as best (survey_cgan: " in text
    assert "The samples differ in size (survey_cgan: 28x28x1; mixture_gan: 2)." in text
    assert 'class="best"' not in text and text.count("<img") == 2
    other = tmp_path / "survey_cgan"
    shutil.copytree(runs / "survey_cgan", other, ignore=shutil.ignore_patterns("metrics.json"))
    text = compare(tmp_path / "page.html", [runs / "survey_cgan", other]).read_text("utf-8")
    assert "survey_cgan has no metrics.json." in text and "All settings are the same." in text
    for runs_given, error, message in (
        ([other], SettingError, "at least two runs"),
        ([other, other], SettingError, "given twice"),
        ([other, other / "checkpoints" / "latest.keras"], RunError, "is no run folder"),
    ):
        with pytest.raises(error, match=message):
            compare(tmp_path / "page.html", runs_given)
