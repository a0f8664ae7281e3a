"""Callbacks that watch a training: sample grids, film frames, TensorBoard, history, checkpoints."""

from __future__ import annotations

import inspect
import json
import re
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_survey import pictures
from tfgan_survey.files import written_aside
from tfgan_survey.training.history import Row, loss_history
from tfgan_survey.training.looks import fixed_look

_FRAME = re.compile(r"step_(\d+)")


class _Looking(keras.callbacks.Callback):
    """Takes the model's fixed look; nothing is taken of a model that makes no pictures.

    Args:
        **options: `seed`, `reach` and `data`, see `tfgan_survey.training.looks.fixed_look`.
    """

    def __init__(self, **options: Any):
        super().__init__()
        # A name that is wrong is an error here, not at the first picture.
        inspect.signature(fixed_look).bind(None, **options)
        self._options = options

    def take(self, scale: int = 2):
        """Return the picture, None for a model that makes none."""
        look = fixed_look(self.model, **self._options)
        return None if look is None else look.picture(scale)


class SampleGrid(_Looking):
    """Write the model's fixed look, a grid of samples from fixed latents, every n epochs.

    Args:
        folder: gets `epoch_0001.png`, ...
        every: epochs between grids.
        **look: see `tfgan_survey.training.looks.fixed_look`.
    """

    def __init__(self, folder: str | Path, every: int = 1, **look: Any):
        super().__init__(**look)
        if every < 1:
            raise ValueError(f"every={every}: expected at least 1.")
        self.folder, self.every = Path(folder), every

    def on_epoch_end(self, epoch, logs=None):
        """Write this epoch's grid when it is due."""
        if (epoch + 1) % self.every == 0 and (picture := self.take()) is not None:
            pictures.save(picture, self.folder / f"epoch_{epoch + 1:04d}.png")


class FilmFrames(_Looking):
    """Keep a small frame of the fixed look every so many steps; a film is made at the end.

    Frames are files, so a killed and resumed training still has a whole film.

    Args:
        folder: gets `step_0000000.png`, ...
        every: training steps between frames.
        **look: see `tfgan_survey.training.looks.fixed_look`.
    """

    def __init__(self, folder: str | Path, every: int, **look: Any):
        super().__init__(**look)
        self.folder, self.every = Path(folder), max(1, every)
        self._next = 0

    def on_train_begin(self, logs=None):
        """Drop frames of steps that a resumed training will pass again; show the start."""
        step = self.model.steps_done
        for path, frame_step in frame_files(self.folder):
            if frame_step > step:
                path.unlink()
        self._next = step if step == 0 else (step // self.every + 1) * self.every
        self._look(step)

    def on_train_batch_end(self, batch, logs=None):
        """Take a frame when one is due."""
        self._look(self.model.steps_done)

    def _look(self, step: int) -> None:
        if step < self._next:
            return
        if (picture := self.take(scale=1)) is not None:
            pictures.save(picture, self.folder / f"step_{step:07d}.png")
        self._next = (step // self.every + 1) * self.every


def frame_files(folder: Path) -> list[tuple[Path, int]]:
    """Return the film's frames and their steps, in order.

    Args:
        folder: with `step_0000000.png`, ...; other files are passed over.
    """
    found = ((path, _FRAME.fullmatch(path.stem)) for path in folder.glob("step_*.png"))
    return sorted(((path, int(m[1])) for path, m in found if m), key=lambda frame: frame[1])


class TensorBoardImages(_Looking):
    """Log losses and the fixed look to TensorBoard after every epoch.

    Args:
        folder: TensorBoard's log folder.
        **look: see `tfgan_survey.training.looks.fixed_look`.
    """

    def __init__(self, folder: str | Path, **look: Any):
        super().__init__(**look)
        self.folder = Path(folder)
        self._writer = None

    def on_train_begin(self, logs=None):
        """Open the event file."""
        self._writer = tf.summary.create_file_writer(str(self.folder))

    def on_epoch_end(self, epoch, logs=None):
        """Write this epoch's scalars and grid."""
        step = self.model.steps_done
        picture = self.take()
        with self._writer.as_default(step=step):
            if picture is not None:
                pixels = np.asarray(picture)
                pixels = pixels[..., None] if pixels.ndim == 2 else pixels
                tf.summary.image("samples", pixels[None])
            for key, value in (logs or {}).items():
                tf.summary.scalar(key, value)
        self._writer.flush()

    def on_train_end(self, logs=None):
        """Close the event file."""
        self._writer.close()


class History(keras.callbacks.Callback):
    """Keep one CSV row an epoch, whole after every epoch, with every value that is logged.

    Args:
        path: the CSV file; rows of epochs not yet reached by a resumed training are dropped.
    """

    def __init__(self, path: str | Path):
        super().__init__()
        self.path = Path(path)
        self._rows = loss_history(path)
        self._began = 0.0

    def on_train_begin(self, logs=None):
        """Drop the rows that will be trained again."""
        self._rows.drop_after(self.model.steps_done)

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self._began = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        """Add this epoch's row; a partial epoch trained to its end later replaces its own."""
        counted = self.model.logged_counters
        row = {key: int(v) if key in counted else v for key, v in (logs or {}).items()}
        row |= {
            "epoch": epoch + 1,
            "steps": self.model.steps_done,
            "seconds": round(time.monotonic() - self._began, 3),
        }
        self._rows.add(row)


def read_history(path: str | Path) -> list[Row]:
    """Return the good rows of a history file, numbers parsed.

    Args:
        path: the CSV file; a missing one has no rows.
    """
    return loss_history(path).read()


class Checkpoint(keras.callbacks.Callback):
    """Save the whole model, aside and then renamed, after every epoch and every so many seconds.

    When a checkpoint is taken does not change what is trained: position, counters, optimizers and
    random generators are all in the file.

    Args:
        path: the `.keras` file.
        seconds: save inside an epoch when this long has passed since the last one.
        notes: see `save_model`.
        before: called before each save, to bring to the disk what belongs to the steps so far.
    """

    def __init__(
        self,
        path: str | Path,
        seconds: float = 60.0,
        notes: Mapping[str, Any] | None = None,
        before: Callable[[], None] | None = None,
    ):
        super().__init__()
        self.before = before
        self.path, self.seconds, self.notes = Path(path), seconds, notes
        self._last = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        """Save inside a long epoch."""
        if time.monotonic() - self._last >= self.seconds:
            self.save()

    def on_epoch_end(self, epoch, logs=None):
        """Save after an epoch."""
        self.save()

    def save(self) -> None:
        """Write the checkpoint."""
        if self.before is not None:
            self.before()
        save_model(self.model, self.path, self.notes)
        self._last = time.monotonic()


def save_model(
    model: keras.Model, path: str | Path, notes: Mapping[str, Any] | None = None
) -> Path:
    """Save a model so that a kill or a full disk leaves the file before or the file after.

    Args:
        model: any Keras model.
        path: the `.keras` file.
        notes: JSON values to keep inside the file, by their names: no kill can part them from the
            weights. Keras ignores them.

    Returns:
        `path`.
    """
    path = Path(path)
    with written_aside(path) as aside:
        model.save(aside)
        with zipfile.ZipFile(aside, "a") as archive:
            for name, value in (notes or {}).items():
                archive.writestr(name, json.dumps(value))
    return path


def read_note(path: str | Path, name: str) -> Any:
    """Return a note that `save_model` kept, None for an unreadable file or one without it.

    Args:
        path: the `.keras` file.
        name: of the note.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read(name)) if name in archive.namelist() else None
    except (OSError, zipfile.BadZipFile, ValueError, zlib.error):
        return None
