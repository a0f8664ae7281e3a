"""The run folder: which file is what."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tfgan_survey.errors import RunError, SettingError
from tfgan_survey.files import open_folder, try_lock, write_json, write_text
from tfgan_survey.settings import Settings


class RunFolder:
    """Paths in a run folder, and what state the run is in.

    Args:
        path: the folder; need not exist yet.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.settings_file = self.path / "settings.json"
        self.history = self.path / "history.csv"
        self.losses = self.path / "losses.csv"
        self.checkpoint = self.path / "checkpoints" / "latest.keras"
        self.model = self.path / "model.keras"
        self.samples = self.path / "samples"
        self.frames = self.path / "frames"
        self.grid = self.path / "samples.png"
        self.film = self.path / "film.gif"
        self.metrics = self.path / "metrics.json"
        self.curves = self.path / "curves.png"
        self.probe = self.path / "probe.csv"
        self.best_probed = self.path / "best.keras"
        self.tensorboard = self.path / "tensorboard"
        self.lock_note = self.path / "training.lock"

    @classmethod
    def around(cls, path: str | Path) -> RunFolder | None:
        """Return the run folder that `path` is, or that a `.keras` file lies in; None for none.

        Args:
            path: a folder or file, which need not be there.
        """
        path = Path(path)
        for folder in (path, path.parent, path.parent.parent):
            if (run := cls(folder)).started:
                return run
        return None

    @property
    def started(self) -> bool:
        """Whether a training was started here."""
        return self.settings_file.exists()

    @property
    def finished(self) -> bool:
        """Whether the budget was reached and the model written."""
        return self.started and self.model.exists() and self._budget() == self._budget("finished")

    @property
    def best(self) -> Path:
        """The finished model, or the last checkpoint of an unfinished run."""
        return self.model if self.finished or not self.checkpoint.exists() else self.checkpoint

    def results(self) -> list[Path]:
        """Return what a training has left here that another start at step 0 would overwrite."""
        files = (self.checkpoint, self.model, self.best_probed, self.history, self.probe)
        return [*(path for path in files if path.exists()), *sorted(self.frames.glob("*.png"))[:1]]

    @contextlib.contextmanager
    def locked(self, log: Callable[[str], None]) -> Iterator[None]:
        """Hold the folder for one training; a kill releases it. Readers are not held up.

        Folders that are made for the lock and still empty at the end are removed again.

        Args:
            log: told where this file system has no locks; the training goes on without.

        Raises:
            RunError: another process trains here; the message names it.
        """
        made = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise RunError(
                f"cannot write {self.path}: a part of it is a file; choose another --output."
            ) from error
        except OSError as error:
            raise RunError(
                f"cannot write {self.path}: {error.strerror}; choose another --output."
            ) from error
        handle = open_folder(self.path)
        try:
            held = None if handle is None else try_lock(handle)
            if held is False:
                raise RunError(
                    f"{self.path} is being trained by {self._holder()}; wait for it, stop it, or "
                    "choose another --output."
                )
            if held is None:
                log(
                    f"{self.path} cannot be locked on this file system: start no second training "
                    "there."
                )
            with self._named():
                yield
        finally:
            if handle is not None:
                os.close(handle)
            with contextlib.suppress(OSError):  # the first one that holds something ends it
                for folder in made:
                    folder.rmdir()

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """Leave a note of who trains, for the message that another process gets."""
        if not os.access(self.path, os.W_OK):
            yield  # a finished run on a read-only disk: nothing will be trained
            return
        began = time.strftime("%Y-%m-%d %H:%M:%S")
        write_text(self.lock_note, f"process {os.getpid()} on {platform.node()} since {began}\n")
        try:
            yield
        finally:
            self.lock_note.unlink(missing_ok=True)

    def _holder(self) -> str:
        try:
            return self.lock_note.read_text(encoding="utf-8").strip() or "another process"
        except OSError:
            return "another process"  # it has only just begun

    def begin(self, settings: Settings, versions: Mapping[str, str]) -> None:
        """Write the settings; the run counts as unfinished until `mark_finished`.

        Args:
            settings: settings of the run.
            versions: package to version, as the run began.
        """
        write_json(self.settings_file, {**record_of(settings, versions), "finished": None})

    def mark_finished(self) -> None:
        """Record that the budget was reached."""
        record = self.record()
        write_json(self.settings_file, {**record, "finished": _budget_of(record)})

    def record(self) -> dict[str, Any]:
        """Return settings.json.

        Raises:
            RunError: missing or unreadable.
        """
        try:
            record = json.loads(self.settings_file.read_text(encoding="utf-8"))
            record["settings"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(
                f"{self.settings_file} cannot be read ({error}); `tfgan-survey train --resume` "
                "restores it from a checkpoint. A .keras file in the folder is read without it."
            ) from error
        return record

    def settings(self) -> Settings:
        """Return the run's settings.

        Raises:
            RunError: settings.json is missing, unreadable or not of this version.
        """
        return settings_of(self.record(), self.settings_file)

    def _budget(self, key: str | None = None):
        record = self.record()
        return _budget_of(record) if key is None else record.get(key)


def record_of(settings: Settings, versions: Mapping[str, str]) -> dict[str, Any]:
    """Return what settings.json, and every checkpoint, says of a run.

    Args:
        settings: settings of the run.
        versions: package to version.
    """
    return {"settings": settings.to_dict(), "versions": dict(versions)}


def settings_of(record: Any, source: Path) -> Settings:
    """Return the settings in a record that a run folder or a checkpoint keeps.

    Args:
        record: what was read, of any JSON type.
        source: the file it stood in, for the message.

    Raises:
        RunError: it holds none that this version knows; `source` is named.
    """
    try:
        return Settings.from_dict(record["settings"])
    except (SettingError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise RunError(f"{source} holds no settings that this version knows: {error}") from error


def versions() -> dict[str, str]:
    """Return which versions of Python and of the packages run here, by name."""
    packages = ("tfgan-survey", "tensorflow", "keras", "numpy", "tensorflow-datasets", "pillow")
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def _budget_of(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: record["settings"].get(key) for key in ("epochs", "steps")}
