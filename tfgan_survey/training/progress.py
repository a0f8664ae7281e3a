"""One line of progress: where the training is in the whole run, its losses, its pace."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import IO

import keras

_REDRAW_SECONDS = 0.2


class Progress(keras.callbacks.Callback):
    """Show steps of the whole run, what the model logs, steps a second and the time left.

    On a terminal one line is drawn over and over and kept at the end of an epoch; elsewhere there
    is one line an epoch. A line is never longer than the terminal is wide. An epoch of which an
    interrupted training did a part counts with that part.

    Args:
        total: steps of the whole run.
        per_epoch: steps of an epoch.
        step: returns the steps done so far.
        live: draw over and over; None where the file is a terminal.
        file: where to; None for the standard output.
    """

    def __init__(
        self,
        total: int,
        per_epoch: int,
        step: Callable[[], int],
        live: bool | None = None,
        file: IO[str] | None = None,
    ):
        super().__init__()
        self.total, self.per_epoch, self.step = total, per_epoch, step
        self.file = sys.stdout if file is None else file
        self.live = self.file.isatty() if live is None else live
        self._first, self._began, self._drawn = step(), time.monotonic(), 0.0

    def on_train_batch_end(self, batch, logs=None):
        """Draw the line again, a few times a second."""
        now = time.monotonic()
        if self.live and now - self._drawn >= _REDRAW_SECONDS:
            self._drawn = now
            self._write("\r" + self.line(logs))

    def on_epoch_end(self, epoch, logs=None):
        """Keep the epoch's last line."""
        self._write(("\r" if self.live else "") + self.line(logs) + "\n")

    def line(self, logs=None) -> str:
        """Return the present line, padded to the terminal's width where it is drawn over.

        Args:
            logs: values by name; those that are no real numbers are left out.
        """
        done = self.step()
        seconds = max(time.monotonic() - self._began, 1e-9)
        rate = (done - self._first) / seconds
        # The step that ends an epoch belongs to it.
        epoch, epochs = -(-max(done, 1) // self.per_epoch), -(-self.total // self.per_epoch)
        parts = [f"epoch {epoch}/{epochs}", f"step {done:,}/{self.total:,}"]
        if rate > 0:
            left = "done" if done >= self.total else f"{_duration((self.total - done) / rate)} left"
            parts += [f"{rate:.3g} steps/s", left]
        # A count is no news beside the steps.
        shown = {key: value for key, value in (logs or {}).items() if _is_real(value)}
        parts += [f"{key} {value:.4g}" for key, value in shown.items()]
        width = shutil.get_terminal_size((120, 24)).columns - 1
        line = "  ".join(parts)
        while len(line) > width and len(parts) > 2:
            parts.pop()
            line = "  ".join(parts)
        return line[:width].ljust(width) if self.live else line[:width]

    def _write(self, text: str) -> None:
        self.file.write(text)
        self.file.flush()


def _is_real(value) -> bool:
    return isinstance(value, float) or getattr(value, "dtype", None) == "float32"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
