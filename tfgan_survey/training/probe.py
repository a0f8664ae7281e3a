"""Metrics measured during a training, and the checkpoint that is best by one of them."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_survey.data.home import DataHome
from tfgan_survey.errors import SettingError
from tfgan_survey.files import write_json
from tfgan_survey.metrics import METRICS, Bench, Given, Measurement
from tfgan_survey.metrics.choice import better_direction, choose_outcomes
from tfgan_survey.models import TrainableModel
from tfgan_survey.training.callbacks import read_note, save_model
from tfgan_survey.training.history import Row, probe_history
from tfgan_survey.training.looks import draw

SEED = 2**30
"""First seed of the probe's samples: far from those that `evaluate` draws by default, so that a
checkpoint is not chosen by the very samples that it is judged by afterwards."""

RECORD = "best.json"
"""Beside the best model, and inside it: by which metric, with which value, at which step."""


class Judge:
    """Chosen measurements of samples against a data set, without references.

    Why:
        the features of the real data are computed once, and what real data scores, which
        does not change meanwhile, not at all; `evaluate` tells it.

    Args:
        dataset: name of the data set.
        metrics: names of metrics (`precision_recall` means both) or of single measurements
            (`recall`).
        labelled: whether the samples will come with labels.
        seed: seed of the draws inside the metrics.
        image_size: side to which the real images are resized.
        channels: that the real images are made to have.
        crop: cut out the middle of the real images instead of stretching them.
        home: where data sets are kept and come from; default: `DataHome()`.

    Raises:
        UnknownNameError: no such metric.
        SettingError: a metric twice, none, or one that needs labels where there are none.
    """

    def __init__(
        self,
        dataset: str,
        metrics: Sequence[str],
        *,
        labelled: bool,
        seed: int = 0,
        image_size: int | None = None,
        channels: int | None = None,
        crop: bool = False,
        home: DataHome | None = None,
    ):
        self.dataset, self.seed, self._home = dataset, seed, home or DataHome()
        self._train, self._test = (
            self._home.load_arrays(dataset, split, image_size, channels, crop)
            for split in ("train", "test")
        )
        given = Given.of(dataset, self._train, labelled, home=self._home)
        self.outcomes = choose_outcomes(metrics, given)
        self._bench: Bench | None = None

    def conditions(self, model: TrainableModel) -> np.ndarray:
        """Return the condition's rows that the training set's examples stand for.

        Args:
            model: that is told them.
        """
        return model.rows_of(self._train.images, self._train.labels)

    def __call__(self, images: np.ndarray, labels: np.ndarray | None) -> list[Measurement]:
        """Return one measurement for each of `outcomes`, in that order.

        Args:
            images: samples `(n, h, w, c)`, uint8 or floats in [0, 1]; points `(n, 2)` of a mixture.
            labels: the classes that were asked for, or None.

        Raises:
            SettingError: a metric does not suit the data.
            ValueError: samples of another shape or range, NaN values, too few of them.
        """
        if self._bench is None:
            self._bench = Bench(
                images,
                labels,
                self._train,
                self._test,
                self.dataset,
                self.seed,
                with_references=False,
                home=self._home,
            )
        else:
            self._bench = self._bench.with_samples(images, labels)
        metrics = dict.fromkeys(self.outcomes.values())
        found = [one for metric in metrics for one in METRICS[metric]().measure(self._bench)]
        by_name = {one.name: one for one in found}
        return [by_name[name] for name in self.outcomes]


class MetricProbe(keras.callbacks.Callback):
    """Measure samples every so many steps: one CSV row a probe, and the best model so far.

    What is trained stays bit for bit the same: samples come from latents of fixed seeds, which do
    not move the model's random generators. The latest values join the logs at the end of an epoch,
    where Keras' own callbacks find them.

    Args:
        judge: maps images and labels to measurements, see `Judge`.
        path: the CSV file; rows of steps not yet reached by a resumed training are dropped.
        every: training steps between probes. One is due at the first end of an execution
            (`steps_per_execution`) at or after each multiple, one before the first step, and one
            at `last`.
        num: samples a probe.
        seed: sample i is a function of `seed + i` and its label (all classes in turn).
        keep_best: measurement by which `best` is kept; None for no such file.
        best: the `.keras` file of the best model; a `best.json` beside it tells value and step.
        last: the training's last step.
        tensorboard: TensorBoard's log folder; None for none.
        notes: kept inside `best`, see `tfgan_survey.training.callbacks.save_model`.

    Raises:
        SettingError: `keep_best` is not measured or has no better direction; `every` or `num`
            below 1.

    Example:
        >>> judge = Judge("mnist", ["frechet_distance"], labelled=False)
        >>> gan.fit(data, callbacks=[MetricProbe(judge, "probe.csv", every=1000)])
    """

    def __init__(
        self,
        judge: Judge,
        path: str | os.PathLike,
        every: int = 1000,
        num: int = 2000,
        seed: int = SEED,
        keep_best: str | None = None,
        best: str | os.PathLike | None = None,
        last: int | None = None,
        tensorboard: str | os.PathLike | None = None,
        notes: Mapping[str, Any] | None = None,
    ):
        super().__init__()
        for name, value in (("every", every), ("num", num)):
            if value < 1:
                raise SettingError(f"{name}={value}: expected at least 1.")
        check_keep_best(keep_best, judge.outcomes)
        self.judge, self.path, self.every = judge, Path(path), every
        self.num, self.seed, self.keep_best, self.last = num, seed, keep_best, last
        self.best = self.path.with_name("best.keras") if best is None else Path(best)
        self.tensorboard, self.notes = tensorboard, dict(notes or {})
        self._rows = probe_history(self.path)
        self._next = 0
        self._latest: dict[str, float] = {}
        self._ready: tuple[int, list[Measurement]] | None = None
        self._record: dict[str, Any] | None = None

    def prepare(self, model) -> None:
        """Measure once, so that what cannot be measured is said before a training begins.

        Args:
            model: the model that will be trained.
        """
        self._ready = (model.steps_done, self._measure(model))

    def on_train_begin(self, logs=None):
        """Drop rows that will be measured again, read the best back, measure an untrained model."""
        step = self.model.steps_done
        kept = probe_curves(self._rows.drop_after(step))
        self._latest = {name: values[-1] for name, (_, values, _) in kept.items()}
        self._next = 0 if step == 0 else (step // self.every + 1) * self.every
        self._read_best(step)
        self._look()

    def on_train_batch_end(self, batch, logs=None):
        """Measure when a probe is due."""
        self._look()

    def on_epoch_end(self, epoch, logs=None):
        """Put the latest values into the logs."""
        if logs is not None:
            logs.update(self._latest)

    def _look(self) -> None:
        step = self.model.steps_done
        if step < self._next and step != self.last:
            return
        self._next = (step // self.every + 1) * self.every
        ready, self._ready = self._ready, None
        found = ready[1] if ready and ready[0] == step else self._measure(self.model)
        self._add_row(step, found)
        if self.tensorboard is not None:
            writer = tf.summary.create_file_writer(str(self.tensorboard))
            with writer.as_default(step=step):
                for one in found:
                    tf.summary.scalar(f"probe/{one.name}", one.value)
            writer.close()
        if self.keep_best is not None:
            (one,) = (one for one in found if one.name == self.keep_best)
            if np.isfinite(one.value) and self._is_better(one.value):
                self._keep(step, one)

    def _measure(self, model) -> list[Measurement]:
        # A condition that is no class has no default: the training set's rows are taken in turn.
        other = model.spec.conditional and model.spec.num_classes is None
        rows = model.check_labels(self.num, self.judge.conditions(model) if other else None)
        return self.judge(draw(model, self.num, rows, self.seed), None if other else rows)

    def _add_row(self, step: int, found: Sequence[Measurement]) -> None:
        row: dict[str, Any] = {"steps": step, "num": self.num}
        for one in found:
            row |= {one.name: one.value, f"{one.name}_error": one.standard_error}
        self._latest = {one.name: float(one.value) for one in found}
        self._rows.add(row)

    # ------------------------------------------------------------------ the best model

    def _is_better(self, value: float) -> bool:
        if self._record is None:
            return True
        higher = self._record["better"] == "higher"
        return value > self._record["value"] if higher else value < self._record["value"]

    def _keep(self, step: int, one: Measurement) -> None:
        error = one.standard_error
        self._record = {
            "metric": one.name,
            "better": better_direction(one.name),
            "value": float(one.value),
            "standard_error": None if error is None or not np.isfinite(error) else float(error),
            "steps": step,
            "num": self.num,
            "seed": self.seed,
        }
        save_model(self.model, self.best, {**self.notes, RECORD: self._record})
        write_json(self.best.with_name(RECORD), self._record)

    def _read_best(self, step: int) -> None:
        """Take up the best model of an interrupted training; another question starts anew."""
        self._record = None
        if self.keep_best is None or step == 0:
            return
        found = read_best(self.best)
        asked = {"metric": self.keep_best, "num": self.num, "seed": self.seed}
        if found is not None and all(found.get(key) == value for key, value in asked.items()):
            self._record = found
            write_json(self.best.with_name(RECORD), found)


def check_keep_best(name: str | None, outcomes: Collection[str]) -> None:
    """Refuse to keep the best by what is not measured or has no better direction.

    Args:
        name: measurement by which the best is kept; None for none.
        outcomes: what is measured.

    Raises:
        SettingError: the message says what could be taken.
    """
    if name is None:
        return
    able = [one for one in outcomes if better_direction(one) is not None]
    if name not in outcomes:
        raise SettingError(
            f"the best model by {name} cannot be kept, it is not among the probed metrics; probe "
            f"it too, or keep by {' or '.join(able) or 'another metric'}."
        )
    if name not in able:
        raise SettingError(
            f"{name} is not better the higher or the lower it is, so no model is the best by it; "
            f"keep by {' or '.join(able) or 'another metric, such as frechet_distance'}."
        )


def read_best(path: str | os.PathLike) -> dict[str, Any] | None:
    """Return metric, value and step of a model that a `MetricProbe` kept, None without one.

    Args:
        path: the `.keras` file.
    """
    return read_note(path, RECORD)


def read_probe(path: str | os.PathLike) -> list[Row]:
    """Return the good rows of a probe file, numbers parsed, None where nothing was measured.

    Args:
        path: the CSV file.
    """
    return probe_history(path).read()


def probe_curves(
    rows: Sequence[Row],
) -> dict[str, tuple[list[int], list[float], list[float]]]:
    """Return steps, finite values and errors (0 where not estimated) of each measured name.

    Args:
        rows: as `read_probe` returns them.
    """
    names = dict.fromkeys(
        key for row in rows for key in row
        if key not in ("steps", "num") and not key.endswith("_error")
    )  # fmt: skip
    curves = {}
    for name in names:
        kept = [row for row in rows if row.get(name) is not None and np.isfinite(row[name])]
        if kept:
            errors = [row.get(f"{name}_error") for row in kept]
            curves[name] = (
                [row["steps"] for row in kept],
                [row[name] for row in kept],
                [one if one is not None and np.isfinite(one) else 0.0 for one in errors],
            )
    return curves
