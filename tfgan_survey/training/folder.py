"""The run folder: which file is what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfgan_survey.errors import RunError
from tfgan_survey.files import write_json
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

    @classmethod
    def around(cls, path: str | Path) -> RunFolder | None:
        """Return the run folder that `path` is, or that a `.keras` file lies in; None for none."""
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
        return self.model if self.finished else self.checkpoint

    def begin(self, settings: Settings, versions: Mapping[str, str]) -> None:
        """Write the settings; the run counts as unfinished until `mark_finished`."""
        try:
            write_json(
                self.settings_file,
                {"settings": settings.to_dict(), "versions": dict(versions), "finished": None},
            )
        except FileExistsError as error:
            raise RunError(f"{self.path} is a file; choose another --output.") from error

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
                f"{self.settings_file} cannot be read ({error}); it is written by "
                "`tfgan-survey train`. Train anew into another --output."
            ) from error
        return record

    def settings(self) -> Settings:
        """Return the run's settings."""
        return Settings.from_dict(self.record()["settings"])

    def _budget(self, key: str | None = None):
        record = self.record()
        return _budget_of(record) if key is None else record.get(key)


def _budget_of(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: record["settings"].get(key) for key in ("epochs", "steps")}
