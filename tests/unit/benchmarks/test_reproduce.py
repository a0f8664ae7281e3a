"""The reproduction benchmark: a run is trained, measured, kept, and shown in a table."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import reproduce

PROGRAM = Path(__file__).parents[3] / "benchmarks" / "reproduce.py"
STEPS = 24


def call(folder, *arguments):
    command = [sys.executable, str(PROGRAM), *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reproduce")
    module = runpy.run_path(str(PROGRAM))
    (folder / "docs").mkdir()
    pages = [f"docs/{name}{language}" for name in ("measurements", "codes")
             for language in (".md", ".zh.md")]  # fmt: skip
    for page in pages:
        (folder / page).write_text(f"before\n{module['BEGIN']}\n{module['END']}\nafter\n")
    done = call(folder, "--run", "ring", 0, STEPS)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def result(folder):
    return folder / "benchmarks" / "results" / "reproduce" / f"ring-{STEPS}steps-seed0.json"


def test_a_run_holds_what_is_needed_to_repeat_it(folder):
    record = json.loads(result(folder).read_text())
    assert record["settings"]["dataset"] == "ring"
    assert record["settings"]["network"]["name"] == "points"
    assert record["settings"]["steps"] == STEPS
    found = {one["name"]: one for one in record["measurements"]}
    assert set(found) == {"modes", "high_quality", "reverse_kl"}
    assert found["modes"]["num"] == 2500
    assert found["modes"]["reference"][0]["value"] == 8  # the mixture itself
    assert found["high_quality"]["reference"][0]["value"] == pytest.approx(0.989, abs=0.008)


def test_a_run_that_is_there_is_kept_and_one_of_other_settings_refused(folder):
    path, before = result(folder), result(folder).read_bytes()
    assert call(folder, "--run", "ring", 0, STEPS).returncode == 0
    assert path.read_bytes() == before
    record = json.loads(before)
    record["settings"]["batch_size"] = 7
    path.write_text(json.dumps(record))
    as_asked = path.with_name("ring-40000steps-seed0.json")
    as_asked.write_text(path.read_text())
    rows = ("--rows", "ring", "--seeds", 0)
    assert f"there   {path.name}" in call(folder, *rows, "--steps", STEPS, "--list").stdout
    for arguments in (("--run", "ring", 0, STEPS), rows, (*rows, "--steps", STEPS)):
        done = call(folder, *arguments)
        assert done.returncode != 0
        assert "other settings" in done.stderr
    as_asked.unlink()
    path.write_bytes(before)


def test_the_table_is_written_from_the_files(folder):
    assert call(folder, "--render").returncode == 0
    text = (folder / "docs" / "measurements.md").read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    line = next(line for line in text.splitlines() if line.startswith("| `ring` |"))
    assert "`ring`" not in (folder / "docs" / "codes.md").read_text()
    value = json.loads(result(folder).read_text())["measurements"][0]["value"]
    assert f"modes {value:.4g}" in line
    assert f"{STEPS:,}, 1 seed" in line
    chinese = (folder / "docs" / "measurements.zh.md").read_text()
    assert line in chinese.splitlines()
    assert "| 真实数据 |" in chinese


def test_unknown_rows_are_refused(folder):
    done = call(folder, "--rows", "gan_2041")
    assert done.returncode == 2
    assert "gan_2014" in done.stderr


@pytest.mark.parametrize(
    "path", sorted((PROGRAM.parent / "results" / "reproduce").glob("*.json")), ids=lambda p: p.stem
)
def test_a_committed_result_agrees_with_the_settings_of_its_row(path, monkeypatch):
    monkeypatch.chdir(PROGRAM.parents[1])
    record = json.loads(path.read_text(encoding="utf-8"))
    run = reproduce.Run(record["row"], record["seed"], record["steps"])
    assert run.result.name == path.name
    assert reproduce.is_there(run)
