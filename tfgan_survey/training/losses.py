"""The losses of a training, finer than its epochs: means over every 100 steps."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from tfgan_survey.training.history import step_history

EVERY = 100


class Losses(keras.callbacks.Callback):
    """Keep means of all that a step logs, one row for every so many steps, across epochs.

    Formula:
        mean over the steps a+1..b = (S_b - S_a) / (N_b - N_a), S and N the model's running sums
        and counts

    Why:
        An epoch of MNIST is 938 steps: most of what goes wrong in a GAN happens inside one. A row
        costs no step, only the reading of two vectors. It ends at the first step at or behind a
        multiple of `every` that a callback sees (`steps_per_execution` apart), and `num` says how
        many steps it is of: fewer after a resumption.

        Rows wait in memory until `flush`, which the checkpoint calls: what is on the disk is of
        steps that no resumed training passes again.

    Args:
        path: the CSV file; rows of steps that a resumed training will pass again are dropped.
        every: steps a row.
    """

    def __init__(self, path: str | Path, every: int = EVERY):
        super().__init__()
        self.every = every
        self._file = step_history(path)
        self._waiting: list[dict] = []
        self._last = self._seen = -1

    def on_train_begin(self, logs=None):
        """Drop the rows that will be trained again; go on with a window that was begun."""
        steps = self.model.steps_done
        if steps != self._seen:
            self._file.drop_after(steps)
            self._waiting, self._before = [], 0.0
            self._last = self._seen = steps

    def on_epoch_begin(self, epoch, logs=None):
        """Note where the sums begin, which Keras sets back to 0."""
        self._start = self._sums()

    def on_train_batch_end(self, batch, logs=None):
        """End the window when it is full."""
        self._seen = self.model.steps_done
        if self._seen // self.every > self._last // self.every:
            totals, counts = self._before + self._sums() - self._start
            values = {
                name: total / count if count else None
                for name, total, count in zip(
                    self.model.loss_means.names, totals.tolist(), counts.tolist(), strict=True
                )
            }
            self._waiting.append({"steps": self._seen, "num": self._seen - self._last, **values})
            self._before, self._start, self._last = 0.0, self._sums(), self._seen

    def on_epoch_end(self, epoch, logs=None):
        """Carry a window that is not full into the next epoch."""
        self._before = self._before + self._sums() - self._start
        self._start = self._sums()

    def flush(self) -> None:
        """Write the rows that wait."""
        if self._waiting:
            self._file.write([*self._file.read(), *self._waiting])
            self._waiting = []

    def _sums(self) -> np.ndarray:
        """Return the model's running sums and counts, float64 `(2, names)`."""
        means = self.model.loss_means
        return np.array([means.totals.numpy(), means.counts.numpy()], np.float64)
