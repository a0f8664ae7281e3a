"""Losses on held-out images during a training, and the model that is best by them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tfgan_survey.files import write_json
from tfgan_survey.training.callbacks import save_model
from tfgan_survey.training.probe import RECORD, read_best


class Validation(keras.callbacks.Callback):
    """Measure the losses on held-out data after every epoch, and keep the model with the least.

    Why:
        What is trained stays bit for bit the same: an evaluation leaves the model as it was. The
        values join the logs as `val_loss` and so on, where the history and Keras' own callbacks
        find them.

    Args:
        data: batches of held-out examples, always the same.
        num: examples in it.
        best: the `.keras` file of the best model; a `best.json` beside it tells value and step.
        notes: kept inside `best`, see `tfgan_survey.training.callbacks.save_model`.
    """

    metric = "val_loss"

    def __init__(
        self,
        data: tf.data.Dataset,
        num: int,
        best: str | os.PathLike,
        notes: Mapping[str, Any] | None = None,
    ):
        super().__init__()
        self.data, self.num, self.best, self.notes = data, num, Path(best), notes or {}
        self._least: float | None = None

    def on_train_begin(self, logs=None):
        """Take up the best model of an interrupted training, if it is not of later steps."""
        found = read_best(self.best)
        known = found is not None and found["metric"] == self.metric and found["num"] == self.num
        self._least = None
        if known and found["steps"] <= self.model.steps_done:
            self._least = found["value"]

    def on_epoch_end(self, epoch, logs=None):
        """Measure, tell, keep."""
        found = self.model.evaluate(self.data, verbose=0, return_dict=True)
        values = {f"val_{name}": float(found[name]) for name in self.model.log_names}
        if logs is not None:
            logs.update(values)
        value = values.get(self.metric)
        if value is None or not (self._least is None or value < self._least):
            return
        self._least = value
        record = {
            "metric": self.metric,
            "better": "lower",
            "value": value,
            "standard_error": None,
            "steps": self.model.steps_done,
            "num": self.num,
            "seed": None,
        }
        save_model(self.model, self.best, {**self.notes, RECORD: record})
        write_json(self.best.with_name(RECORD), record)
