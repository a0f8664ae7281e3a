"""The reproduction benchmark: a run is trained, measured, kept, and shown in a table."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import reproduce

PROGRAM = Path(__file__).parents[3] / "benchmarks" / "reproduce.py"
STEPS = 24


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder with a measured run and pages for it; the program as a process made it."""
    folder = tmp_path_factory.mktemp("reproduce")
    (folder / "docs").mkdir()
    pages = [f"docs/{name}{language}" for name in ("measurements", "codes")
             for language in (".md", ".zh.md")]  # fmt: skip
    for page in pages:
        (folder / page).write_text(f"before\n{reproduce.BEGIN}\n{reproduce.END}\nafter\n")
    command = [sys.executable, str(PROGRAM), "--run", "ring", "0", str(STEPS)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.fixture
def folder(made, monkeypatch):
    """Return the same folder, in which the program then works."""
    monkeypatch.chdir(made)
    return made


def call(*words):
    """Run the program in this process."""
    reproduce.main([str(word) for word in words])


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


def test_a_run_that_is_there_is_kept_and_one_of_other_settings_refused(folder, capsys):
    path, before = result(folder), result(folder).read_bytes()
    call("--run", "ring", 0, STEPS)
    assert path.read_bytes() == before
    record = json.loads(before)
    record["settings"]["batch_size"] = 7
    path.write_text(json.dumps(record))
    as_asked = path.with_name("ring-40000steps-seed0.json")
    as_asked.write_text(path.read_text())
    rows = ("--rows", "ring", "--seeds", 0)
    call(*rows, "--steps", STEPS, "--list")
    assert f"there   {path.name}" in capsys.readouterr().out
    for words in (("--run", "ring", 0, STEPS), rows, (*rows, "--steps", STEPS)):
        with pytest.raises(SystemExit, match="other settings"):
            call(*words)
    as_asked.unlink()
    path.write_bytes(before)


def test_the_table_is_written_from_the_files(folder):
    call("--render")
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


def test_unknown_rows_are_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        call("--rows", "gan_2041")
    assert stop.value.code == 2
    assert "gan_2014" in capsys.readouterr().err


@pytest.mark.parametrize(
    "path", sorted((PROGRAM.parent / "results" / "reproduce").glob("*.json")), ids=lambda p: p.stem
)
def test_a_committed_result_agrees_with_the_settings_of_its_row(path, monkeypatch):
    monkeypatch.chdir(PROGRAM.parents[1])
    record = json.loads(path.read_text(encoding="utf-8"))
    run = reproduce.Run(record["row"], record["seed"], record["steps"])
    assert run.result.name == path.name
    assert reproduce.is_there(run)
