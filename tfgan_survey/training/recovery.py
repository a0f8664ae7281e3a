"""What a run folder holds when a training goes on in it: which file is good, which is not.

A checkpoint is enough: settings.json is restored from inside it, damaged side files are repaired.
What cannot be decided is refused by name; nothing starts again at step 0 over results.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfgan_survey.errors import RunError
from tfgan_survey.files import written_aside
from tfgan_survey.settings import Settings
from tfgan_survey.training.callbacks import read_note
from tfgan_survey.training.folder import RunFolder, settings_of
from tfgan_survey.training.history import loss_history, probe_history, step_history
from tfgan_survey.zoo import complete

NOTE = "settings.json"
"""Name of the settings inside a checkpoint."""

_ANEW = "put a good copy back, or train anew into another --output"


def stored_settings(run: RunFolder, log: Callable[[str], None]) -> Settings | None:
    """Return the settings of the run in a folder, None where no run was started.

    Where settings.json is missing or damaged, the copy inside a checkpoint is taken.

    Args:
        run: the run's folder.
        log: called with each line of news.

    Raises:
        RunError: there are results but no settings; the message names the remedy.
    """
    try:
        if run.started:
            return complete(run.settings())
        damage = f"{run.settings_file} is missing"
    except RunError as error:
        damage = str(error)
    if not run.started and not run.results():
        return None
    for path in _checkpoints(run):
        if (record := read_note(path, NOTE)) is not None:
            settings = complete(settings_of(record, path))
            log(f"{run.settings_file} is missing or damaged; restored from {path}")
            return settings
    held = ", ".join(path.name for path in run.results()) or "nothing else"
    raise RunError(f"{damage}. No checkpoint holds a copy of it (the folder has {held}): {_ANEW}.")


def best_checkpoint(run: RunFolder, settings: Settings, log: Callable[[str], None]) -> Path | None:
    """Return the file to go on from: latest.keras, else model.keras, else best.keras.

    Args:
        run: the run's folder.
        settings: settings of the run.
        log: called with each line of news.

    Returns:
        The first that is good; None where training has to begin at step 0 and nothing is lost.

    Raises:
        RunError: a file is of another run, none of those there is good, or all are gone although
            the run had some; the message names the remedy.
    """
    flaws = {path: flaw(path, settings) for path in _checkpoints(run)}
    for path, found in flaws.items():
        if found is None:
            bad = [f"{other} {reason}" for other, reason in _before(path, flaws)]
            if bad:
                log(f"{'; '.join(bad)}: going on from {path}")
            return path
        if found not in (_MISSING, _UNREADABLE):
            raise RunError(f"{path} {found}. Move it away, or choose another --output.")
    damaged = [str(path) for path, found in flaws.items() if found != _MISSING]
    if damaged:
        raise RunError(f"{' and '.join(damaged)} cannot be read: {_ANEW}.")
    if run.started and _had_checkpoint(run):
        raise RunError(f"{run.path} has no checkpoint any more: {_ANEW}.")
    return None


def flaw(path: Path, settings: Settings) -> str | None:
    """Return what keeps a checkpoint from being used for a run, None for nothing.

    Args:
        path: a `.keras` file.
        settings: of the run; budgets may differ.
    """
    if not path.exists():
        return _MISSING
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:
                return _UNREADABLE
            name = json.loads(archive.read("config.json"))["config"].get("name")
    # The last is zipfile's own for members that it has no way to unpack.
    except (OSError, zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError,
            NotImplementedError):  # fmt: skip
        return _UNREADABLE
    record: Any = read_note(path, NOTE)
    if record is None:
        # Written before checkpoints carried their settings.
        return None if name == settings.model else f"is of another run, of {name}"
    try:
        complete(settings_of(record, path)).check_same_run(settings)
    except RunError as error:
        return f"is of another run: {error}"
    return None


def check_best_probed(
    run: RunFolder, settings: Settings, keep_best: str | None, log: Callable[[str], None]
) -> None:
    """Say what becomes of best.keras where a training that keeps one goes on.

    Args:
        run: the run's folder.
        settings: settings of the run.
        keep_best: the measurement that best.keras is kept by, None for none.
        log: called with each line of news.

    Raises:
        RunError: it is of another run and would be overwritten.
    """
    if keep_best is None or (found := flaw(run.best_probed, settings)) is None:
        return
    if found not in (_MISSING, _UNREADABLE):
        raise RunError(f"{run.best_probed} {found}. Move it away, or choose another --output.")
    if any(row.get(keep_best) is not None for row in probe_history(run.probe).read()):
        log(f"{run.best_probed} {found}: the best is kept anew from here")


def repair(run: RunFolder, log: Callable[[str], None]) -> None:
    """Bring damaged side files into a form that a training can go on with; one line for each.

    What was there is kept beside it as NAME.damaged.

    Args:
        run: the run's folder.
        log: called with each line of news.
    """
    for folder in (run.samples, run.frames, run.checkpoint.parent, run.tensorboard):
        if folder.exists() and not folder.is_dir():
            log(f"{folder} is no folder: moved to {_damaged(folder)}")
            os.replace(folder, _damaged(folder))
    tables = (loss_history(run.history), step_history(run.losses), probe_history(run.probe))
    for table in tables:
        if (damage := table.damage()) is None:
            continue
        rows = table.read()
        log(f"{table.path} {damage}: {len(rows)} good rows kept, the rest in "
            f"{_damaged(table.path).name}")  # fmt: skip
        if table.path.is_dir():
            os.replace(table.path, _damaged(table.path))
        else:
            with written_aside(_damaged(table.path)) as aside:
                shutil.copyfile(table.path, aside)
        table.write(rows)


_MISSING, _UNREADABLE = "is missing", "cannot be read"


def _checkpoints(run: RunFolder) -> tuple[Path, ...]:
    return run.checkpoint, run.model, run.best_probed


def _before(path: Path, flaws: dict[Path, str | None]) -> list[tuple[Path, str | None]]:
    paths = list(flaws)
    return [(other, flaws[other]) for other in paths[: paths.index(path)]]


def _had_checkpoint(run: RunFolder) -> bool:
    """Whether a checkpoint must have been there.

    The first epoch's row is written just before the first checkpoint, so one row tells nothing.
    """
    finished = run.record().get("finished") is not None
    return finished or len(loss_history(run.history).read()) > 1


def _damaged(path: Path) -> Path:
    return path.with_name(f"{path.name}.damaged")
