"""Run folders of which something is missing, cut or foreign: resumed bit for bit, or refused."""

import itertools
import json
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from tfgan_survey.errors import RunError
from tfgan_survey.training import RunFolder, load_run, recovery
from tfgan_survey.training.callbacks import read_history, read_note, save_model
from tfgan_survey.training.probe import read_best, read_probe
from tfgan_survey.zoo import complete

SETTINGS, LATEST = "settings.json", "checkpoints/latest.keras"
MODEL, BEST = "model.keras", "best.keras"
STATES = ("good", "missing", "cut", "foreign")


@pytest.fixture
def half(runs, tmp_path):
    return RunFolder(shutil.copytree(runs / "half", tmp_path / "half"))


def bring(run, name, state, other):
    """Put one file of a run folder into a state."""
    path = run.path / name
    if state == "missing":
        path.unlink()
    elif state == "cut":
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
    elif state == "foreign":
        shutil.copyfile(other / name, path)


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def state_of(path):
    gan = load_run(path)
    parts = (gan, gan.d_optimizer, gan.g_optimizer)
    return [variable.numpy() for part in parts for variable in part.variables]


def same(left, right):
    return all(np.array_equal(a, b) for a, b in zip(state_of(left), state_of(right), strict=True))


def test_every_combination_is_decided(runs, tmp_path):
    """All 256 states of settings and checkpoints: never a start at step 0 over results.

    Goes on only from a good file of this run, the first of latest, model and best; settings come
    from settings.json or from inside that run's checkpoints.
    """
    own = complete(RunFolder(runs / "half").settings())
    foreign = complete(RunFolder(runs / "other").settings())
    paths = (LATEST, MODEL, BEST)
    decided = {"settings": 0, "path": 0, "refused": 0}
    for states in itertools.product(STATES, repeat=4):
        folder = tmp_path / "-".join(states)
        (folder / "checkpoints").mkdir(parents=True)
        for name, state in zip((SETTINGS, *paths), states, strict=True):
            if state != "missing":
                (folder / name).write_bytes((runs / "half" / name).read_bytes())
                bring(RunFolder(folder), name, state, runs / "other")
        run, lines, checkpoints = RunFolder(folder), [], dict(zip(paths, states[1:], strict=True))
        usable = [state for state in checkpoints.values() if state in ("good", "foreign")]
        before = content(folder)
        try:
            settings = recovery.stored_settings(run, lines.append)
        except RunError as error:
            assert states[0] in ("missing", "cut") and not usable
            assert "another --output" in str(error)
            decided["refused"] += 1
            continue
        finally:
            assert content(folder) == before
        if states[0] == "good":
            assert settings == own and not lines
        elif states[0] == "foreign":
            assert settings == foreign and not lines
        elif settings is None:
            assert states == ("missing",) * 4
            continue
        else:
            assert settings == (own if usable[0] == "good" else foreign)
            assert len(lines) == 1 and "restored from" in lines[0]
        decided["settings"] += 1
        mine = "good" if settings == own else "foreign"
        try:
            path = recovery.best_checkpoint(run, settings, lines.append)
        except RunError as error:
            assert not usable or usable[0] != mine
            assert "another --output" in str(error)
            decided["refused"] += 1
        else:
            # `half` is finished, so a checkpoint must be found.
            assert path is not None and checkpoints[str(path.relative_to(folder))] == mine
            first = next(name for name, state in checkpoints.items() if state == mine)
            assert path == folder / first
            passed = list(checkpoints.values())[: paths.index(first)]
            assert (len(lines) > 0) >= bool(passed) and set(passed) <= {"missing", "cut"}
            decided["path"] += 1
    assert min(decided.values()) > 50 and sum(decided.values()) > 255


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({LATEST: "missing"}, "latest.keras is missing: going on from"),
        ({LATEST: "cut"}, "latest.keras cannot be read: going on from"),
        ({SETTINGS: "missing"}, "restored from"),
        ({SETTINGS: "cut", LATEST: "missing"}, "restored from"),
        ({MODEL: "cut", BEST: "cut"}, None),
        ({"history.csv": "missing", "probe.csv": "cut"}, "probe.csv has"),
        ({"history.csv": "cut"}, "history.csv has"),
    ],
)  # fmt: skip
def test_resumed_from_what_is_there_equals_straight(runs, half, tiny, changes, line):
    for name, state in changes.items():
        bring(half, name, state, runs / "other")
    lines = tiny(half.path, resume=True, steps=24)
    assert same(runs / "whole", half.path)
    assert line is None or any(line in one for one in lines)
    assert half.finished and half.record()["settings"]["steps"] == 24
    assert read_history(half.history)[-1]["steps"] == 24


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({LATEST: "foreign"}, "latest.keras is of another run: .*seed"),
        ({LATEST: "missing", MODEL: "foreign"}, "model.keras is of another run"),
        ({LATEST: "cut", MODEL: "cut", BEST: "cut"}, "latest.keras and .* cannot be read"),
        ({LATEST: "missing", MODEL: "missing", BEST: "missing"}, "has no checkpoint any more"),
        ({SETTINGS: "missing", LATEST: "cut", MODEL: "cut", BEST: "cut"}, "No checkpoint holds"),
        ({SETTINGS: "foreign"}, "latest.keras is of another run"),
    ],
)
def test_what_cannot_be_decided_is_refused_untouched(runs, half, tiny, changes, message):
    for name, state in changes.items():
        bring(half, name, state, runs / "other")
    before = content(half.path)
    with pytest.raises(RunError, match=f"{message}.*another --output"):
        # With the foreign settings' own seed, so that they are not what is refused.
        seed = {"seed": 1} if changes.get(SETTINGS) == "foreign" else {}
        tiny(half.path, resume=True, steps=24, **seed)
    assert content(half.path) == before


def test_without_resume_results_without_settings_are_refused(half, tiny):
    half.settings_file.unlink()
    before = content(half.path)
    with pytest.raises(RunError, match="add --resume"):
        tiny(half.path, steps=24)
    assert content(half.path) == before


def test_a_start_before_the_first_checkpoint_begins_again(runs, tiny, tmp_path):
    """A kill in the first epoch leaves settings, a frame and perhaps one row, but no checkpoint."""
    run = RunFolder(shutil.copytree(runs / "half", tmp_path / "killed"))
    shutil.rmtree(run.checkpoint.parent)
    for path in (run.model, run.best_probed):
        path.unlink()
    record = json.loads(run.settings_file.read_text())
    run.settings_file.write_text(json.dumps({**record, "finished": None}))
    tiny(run.path, resume=True, steps=24)
    assert same(runs / "whole", run.path)


def test_a_checkpoint_of_an_earlier_version_carries_no_settings(runs, half, tiny):
    """Its model's name is compared; without settings.json the remedy is named."""
    for path in (half.checkpoint, half.model):
        save_model(load_run(path), path)
        assert read_note(path, recovery.NOTE) is None
    half.best_probed.unlink()
    settings = complete(half.settings())
    assert recovery.flaw(half.checkpoint, settings) is None
    gan = load_run(half.checkpoint)
    gan.name = "wgan"
    save_model(gan, half.model)
    assert "of another run, of wgan" in recovery.flaw(half.model, settings)
    half.settings_file.unlink()
    with pytest.raises(RunError, match="No checkpoint holds a copy"):
        tiny(half.path, resume=True, steps=24)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9, 0.999])
def test_any_cut_and_any_flipped_byte_is_found(half, part):
    settings, whole = complete(half.settings()), half.checkpoint.read_bytes()
    assert recovery.flaw(half.checkpoint, settings) is None
    half.checkpoint.write_bytes(whole[: int(part * len(whole))])
    assert recovery.flaw(half.checkpoint, settings) == "cannot be read"
    with zipfile.ZipFile(half.model) as archive:
        member = archive.getinfo("model.weights.h5")
    at = member.header_offset + 100 + int(part * (member.compress_size - 100))
    flipped = bytearray(half.model.read_bytes())
    flipped[at] ^= 1
    half.model.write_bytes(flipped)
    assert recovery.flaw(half.model, settings) == "cannot be read"


def test_a_damaged_finished_model_is_written_again(runs, half, tiny):
    bring(half, MODEL, "cut", runs / "other")
    lines = tiny(half.path, resume=True, steps=20)
    assert any("model.keras cannot be read: written again" in line for line in lines)
    assert same(runs / "half", half.path) and half.finished


# ---------------------------------------------------------------- side files


def test_damaged_rows_are_left_out_and_the_original_is_kept(half, tiny):
    good = half.history.read_text()
    damaged = good + "2,40\nx,y,z\n2,4"
    half.history.write_text(damaged)
    lines = tiny(half.path, resume=True, steps=24)
    assert any("history.csv has 3 damaged lines: 1 good rows kept" in line for line in lines)
    assert half.history.with_name("history.csv.damaged").read_text() == damaged
    assert [row["steps"] for row in read_history(half.history)] == [20, 24]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a,b\n1,2\n", None])
@pytest.mark.parametrize("name", ["history.csv", "probe.csv"])
def test_a_table_of_anything_is_repaired(half, name, content):
    path, lines = half.path / name, []
    path.unlink()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    recovery.repair(half, lines.append)
    assert len(lines) == 1 and f"{name} " in lines[0] and "0 good rows" in lines[0]
    kept = path.with_name(f"{name}.damaged")
    assert kept.is_dir() if content is None else kept.read_bytes() == content
    assert path.read_text().startswith("epoch,steps," if name == "history.csv" else "steps,num\n")
    recovery.repair(half, lines.append)
    assert len(lines) == 1, "nothing is left to repair"


@pytest.mark.parametrize("name", ["history.csv", "frames"])
def test_lost_pictures_stop_nothing(half, tiny, name):
    """The last four steps have neither a frame nor, without steps, a row of their own."""
    path = half.path / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    half.model.unlink()
    lines = tiny(half.path, resume=True, steps=20)
    product = {"history.csv": "curves.png", "frames": "film.gif"}[name]
    assert any(f"no {product}: " in line for line in lines) and half.finished


def test_damaged_frames_are_left_out_of_the_film(half, tiny):
    frames = sorted(half.frames.iterdir())
    frames[1].write_bytes(frames[1].read_bytes()[:40])
    (half.frames / "step_x.png").write_text("foreign")
    lines = tiny(half.path, resume=True, steps=24)
    left_out = [line for line in lines if "left out of the film" in line]
    assert len(left_out) == 1 and frames[1].name in left_out[0]
    readable = [path for path in half.frames.glob("step_0*.png") if path != frames[1]]
    with Image.open(half.film) as film:
        assert film.n_frames == len(readable)


@pytest.mark.parametrize("name", ["frames", "samples"])
def test_a_file_in_place_of_a_folder_is_moved_away(half, tiny, name):
    shutil.rmtree(half.path / name)
    (half.path / name).write_text("a file")
    lines = tiny(half.path, resume=True, steps=24)
    assert any(f"{name} is no folder: moved to" in line for line in lines)
    assert (half.path / f"{name}.damaged").read_text() == "a file" and half.finished


# ---------------------------------------------------------------- probes of a finished run


def test_a_finished_run_is_probed_when_asked(runs, tiny, tmp_path):
    run = RunFolder(shutil.copytree(runs / "whole", tmp_path / "whole"))
    before = content(run.path)
    tiny(run.path, resume=True, steps=24, probe=["classifier_score"])
    (row,) = read_probe(run.probe)
    best = read_best(run.best_probed)
    assert (row["steps"], row["num"]) == (24, 20)
    assert best["value"] == row["classifier_score"] and best["steps"] == 24
    assert same(run.best_probed, run.model) and same(run.model, runs / "whole")
    changed = {path for path, old in before.items() if path.read_bytes() != old}
    assert changed <= {run.curves}


def test_a_probe_asked_for_after_the_last_step_is_measured(runs, tiny, tmp_path):
    """Killed between the last checkpoint and the end, and resumed with a probe."""
    run = RunFolder(shutil.copytree(runs / "whole", tmp_path / "whole"))
    record = json.loads(run.settings_file.read_text())
    run.settings_file.write_text(json.dumps({**record, "finished": None}))
    run.model.unlink()
    tiny(run.path, resume=True, steps=24, probe=["classifier_score"])
    assert run.finished and [row["steps"] for row in read_probe(run.probe)] == [24]


@pytest.mark.parametrize(("state", "line"), [("missing", "is missing"), ("cut", "cannot be read")])
def test_a_lost_best_model_is_told(runs, half, tiny, state, line):
    bring(half, BEST, state, runs / "other")
    lines = tiny(half.path, resume=True, steps=24, probe=["classifier_score"])
    assert any(f"best.keras {line}: the best is kept anew" in one for one in lines)
    assert read_best(half.best_probed)["steps"] in (20, 24)


def test_a_foreign_best_model_is_not_overwritten(runs, half, tiny):
    bring(half, BEST, "foreign", runs / "other")
    before = content(half.path)
    with pytest.raises(RunError, match=r"best.keras is of another run: .*seed"):
        tiny(half.path, resume=True, steps=24, probe=["classifier_score"])
    assert content(half.path) == before
