"""What is evaluated: a run folder, a `.keras` file or an `.npz`; model and data are read once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from tfgan_survey.data.home import DataHome
from tfgan_survey.errors import SettingError
from tfgan_survey.evaluation.samples import (
    NUM,
    Progress,
    first,
    measure,
    part,
    read_samples,
    silent,
)
from tfgan_survey.evaluation.subject import Subject
from tfgan_survey.metrics import METRICS, Bench, Given, Measurement
from tfgan_survey.metrics.choice import check_metrics, default_metrics, left_out
from tfgan_survey.pretrained import place_of
from tfgan_survey.settings import Settings
from tfgan_survey.training.folder import RunFolder
from tfgan_survey.zoo import build, build_from_settings

STAND_IN = "survey_gan"


class Target:
    """What is evaluated, for measurements and report alike; each part is read when it is needed.

    `left_out` holds the default metrics that `evaluate` could not measure here, and why.

    Args:
        path: run folder, `.keras` file (one that lies in a run folder, such as `best.keras`, shares
            its settings), name of a pretrained model, or `.npz` of samples, see `read_samples`.
        dataset: data set to compare with; default: the run's own, `mnist` for an `.npz`.
        seed: sample i is a function of `seed + i` (and its label, all classes in turn); also the
            seed of the draws inside the metrics.
        data_dir: root of prepared data sets.
        source: where data may come from.

    Example:
        >>> target = Target("runs/cgan_mnist")
        >>> found = target.evaluate()
        >>> write_report("report.html", target, found)
    """

    def __init__(
        self,
        path: str | os.PathLike,
        dataset: str | None = None,
        seed: int = 0,
        *,
        data_dir: str | os.PathLike | None = None,
        source: str = "auto",
    ):
        self.path, self.seed = place_of(path), seed
        self._dataset, self._home = dataset, DataHome(data_dir, source)
        self.left_out: dict[str, str] = {}

    # ------------------------------------------------------------------ what there is

    @property
    def is_file(self) -> bool:
        """Whether there are samples only, and no model."""
        return self.path.suffix == ".npz"

    @cached_property
    def run(self) -> RunFolder | None:
        """The run folder that the target is or lies in."""
        if self.is_file:
            return None
        return RunFolder(self.path) if self.path.is_dir() else RunFolder.around(self.path)

    @cached_property
    def record(self) -> dict[str, Any] | None:
        """The run's settings.json."""
        return None if self.run is None else self.run.record()

    @cached_property
    def settings(self) -> Settings | None:
        """The run's settings."""
        return None if self.run is None else self.run.settings()

    @cached_property
    def subject(self) -> Subject | None:
        """The model; None for a file of samples."""
        return None if self.is_file else Subject.load(self.path, self._rows)

    def _rows(self) -> np.ndarray:
        """Rows of a condition without a default: those of test images, none learnt by heart."""
        return self.subject.model.rows_of(self.test.images, self.test.labels)

    @cached_property
    def file(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Samples and labels of an `.npz`."""
        return read_samples(self.path)

    @property
    def dataset(self) -> str:
        """Name of the data set compared with.

        Raises:
            SettingError: a `.keras` file outside of a run folder, and none was given.
        """
        if self._dataset is not None:
            return self._dataset
        if self.settings is not None:
            return self.settings.dataset
        if self.is_file:
            return "mnist"
        raise SettingError(f"{self.path} does not name its data set; give --dataset.")

    @property
    def title(self) -> str:
        """What a page about it is called."""
        name = self.path.name if self.settings is None else self.settings.model
        return f"{name} on {self.dataset}"

    @cached_property
    def train(self):
        """Training set, in the size and the channels of the samples."""
        return self.read("train")

    @cached_property
    def test(self):
        """Test set, in the size and the channels of the samples."""
        return self.read("test")

    def read(self, split: str):
        """Return a split of the data set, in the size and the channels of the samples.

        Args:
            split: see `tfgan_survey.data.load_arrays`.
        """
        form = {} if self.settings is None else self.settings.form
        return self._home.load_arrays(self.dataset, split, **form)

    @cached_property
    def given(self) -> Given:
        """What metrics can be measured with."""
        if self.subject is None:
            labelled, abilities = self.file[1] is not None, {"sample"}
        else:
            labelled, abilities = self.subject.num_classes is not None, self.subject.abilities
        able = frozenset(abilities)
        return Given.of(self.dataset, self.train, labelled, abilities=able, home=self._home)

    def can(self, ability: str) -> bool:
        """Return whether the model can do something, see `Given.abilities`.

        Args:
            ability: such as `encode`; a file can `sample`.
        """
        return ability in self.given.abilities

    # ------------------------------------------------------------------ samples

    def samples(
        self, num: int | None = None, progress: Callable[[float], None] | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the samples that are measured and the labels they were asked for.

        Args:
            num: how many; default 10,000, or all of a file that has fewer.
            progress: called with the share done.

        Raises:
            SettingError: more than a file holds.
        """
        if self.subject is None:
            images, labels = self.file
            return first(images, labels, num)
        num = NUM if num is None else num
        rows = self.subject.labels(num)
        made = self.subject.draw(num, rows, self.seed, progress)
        # Metrics know classes; another condition shapes the samples and is no label of theirs.
        return made, rows if self.subject.num_classes is not None else None

    def untrained(
        self, num: int, progress: Callable[[float], None] | None = None
    ) -> tuple[np.ndarray | None, str]:
        """Return samples of a generator before training and its name; None where there is none.

        For a run it is its own generator; a file names none, so any untrained one shows what
        nothing learnt scores. Points are compared with their mixture instead.

        Args:
            num: how many.
            progress: called with the share done.
        """
        if self.given.points:
            return None, ""
        if self.settings is not None:
            fresh = build_from_settings(self.settings, self.subject.shape, self.subject.condition)
            name = self.settings.model
        elif self.is_file:
            fresh, name = build(STAND_IN, self.file[0].shape[1:], seed=self.seed), STAND_IN
        else:
            return None, ""
        if "sample" not in fresh.abilities:
            # It is trained to something else, and what it samples by is fitted to that afterwards.
            fresh.conclude(self.train.images, self.train.labels)
        subject = Subject(fresh, self._rows)
        return subject.draw(num, None, self.seed, progress), f"untrained {name}"

    def evaluate(
        self,
        metrics: Sequence[str] | None = None,
        num: int | None = None,
        progress: Progress | None = None,
    ) -> list[Measurement]:
        """Measure samples beside real data and a generator before training, or the model itself.

        Nothing is sampled where no metric judges samples, see `Metric.judges`.

        Args:
            metrics: names of `METRICS`; default: those that take seconds and fit; the others
                are then in `left_out`.
            num: number of samples; default 10,000, or all of a file that has fewer. What is asked
                of the model itself is asked of the whole test set.
            progress: called with what is being done and the share done.

        Returns:
            Measurements in the order of the metrics.

        Raises:
            DataError: samples or real data cannot be read.
            RunError: there is no model to load.
            UnknownNameError: an unknown metric.
            SettingError: no data set named, a metric that lacks what it needs or is given twice,
                more samples than there are.
            ValueError: samples of another shape, range or type than the data's, NaN values.
        """
        say = silent if progress is None else progress
        say(f"loading {self.path.name}", 0.0)
        _ = self.dataset, self.subject if not self.is_file else self.file
        say(f"loading {self.dataset}", 0.02)
        self.left_out = left_out(self.given) if metrics is None else {}
        names = self._chosen() if metrics is None else check_metrics(metrics, self.given)
        _ = self.test
        # Minutes of sampling only where samples are judged.
        drawn = any(METRICS[name].judges == "sample" for name in names)
        images, labels, untrained, untrained_name = None, None, None, ""
        if drawn:
            drawing = part(say, 0.05, 0.2)
            images, labels = self.samples(num, lambda share: drawing("sampling", share))
            drawing = part(say, 0.2, 0.25)
            untrained, untrained_name = self.untrained(
                len(images), lambda share: drawing("sampling an untrained generator", share)
            )
        bench = Bench(
            images,
            labels,
            self.train,
            self.test,
            self.dataset,
            self.seed,
            untrained,
            untrained_name,
            home=self._home,
            model=None if self.subject is None else self.subject.model,
        )
        return measure(bench, names, part(say, 0.25 if drawn else 0.05, 1.0))

    def _chosen(self) -> list[str]:
        """Return the metrics that are measured when none is named."""
        names = default_metrics(self.given)
        if not names:
            reasons = "; ".join(f"{name} {reason}" for name, reason in self.left_out.items())
            raise SettingError(f"{self.path} has nothing that is measured by default: {reasons}")
        return names
