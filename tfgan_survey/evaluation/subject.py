"""What a report is about: a run, a model or a file of samples, read when it is needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_survey import pictures
from tfgan_survey.data import load_arrays
from tfgan_survey.data.sets.mixtures import MIXTURES
from tfgan_survey.errors import SettingError
from tfgan_survey.evaluation.samples import read_samples
from tfgan_survey.models import GAN
from tfgan_survey.training.folder import RunFolder
from tfgan_survey.training.run import load_run

_ROWS = 10
COLUMNS = 10
POINTS = 2500
"""As many as the published protocol of ring and grid scores."""


@dataclass
class Subject:
    """What a report is about, read when it is needed."""

    target: Path
    given_dataset: str | None
    seed: int
    data: dict[str, Any]

    @cached_property
    def run(self) -> RunFolder | None:
        """The run folder that the target is or lies in."""
        return None if self.target.suffix == ".npz" else RunFolder.around(self.target)

    @cached_property
    def record(self) -> dict[str, Any] | None:
        """The run's settings.json."""
        return None if self.run is None else self.run.record()

    @cached_property
    def gan(self) -> GAN | None:
        """The model, None for a file of samples."""
        return None if self.target.suffix == ".npz" else load_run(self.target)

    @cached_property
    def file(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Samples and labels of an `.npz`."""
        return read_samples(self.target)

    @property
    def dataset(self) -> str:
        """Name of the data set compared with."""
        if self.given_dataset is not None:
            return self.given_dataset
        if self.record is not None:
            return self.record["settings"]["dataset"]
        if self.gan is None:
            return "mnist"
        raise SettingError(f"{self.target} does not name its data set; give --dataset.")

    @property
    def title(self) -> str:
        """What the page is called."""
        name = self.target.name if self.record is None else self.record["settings"]["model"]
        return f"{name} on {self.dataset}"

    @property
    def points(self) -> bool:
        """Whether the samples are points of the plane."""
        return self.dataset in MIXTURES

    @property
    def labels(self) -> np.ndarray | None:
        """One label for each row of pictures; None without classes."""
        if self.gan is None:
            known = self.file[1]
            return None if known is None else np.unique(known)[:_ROWS]
        classes = self.gan.pair.num_classes
        return None if classes is None else np.arange(min(classes, _ROWS))

    @cached_property
    def rows(self) -> np.ndarray:
        """Images `(rows, columns, h, w, c)`: one row a class where there are classes."""
        if self.gan is None:
            images, known = self.file
            columns = COLUMNS
            if self.labels is None:
                chosen = list(images[: _ROWS * COLUMNS])
                columns = min(COLUMNS, len(chosen))
                groups = [chosen[i : i + columns] for i in range(0, len(chosen), columns)]
            else:
                groups = [list(images[known == label][:COLUMNS]) for label in self.labels]
            blank = np.zeros_like(images[0])
            groups = [group + [blank] * (columns - len(group)) for group in groups]
            return pictures.to_uint8(np.array(groups))
        labels = None if self.labels is None else np.repeat(self.labels, COLUMNS)
        num = _ROWS * COLUMNS if labels is None else len(labels)
        images = pictures.to_uint8(self.gan.generate(num, labels, self.seed))
        return images.reshape(-1, COLUMNS, *images.shape[1:])

    @cached_property
    def real(self):
        """Training and test set, in the size of the samples."""
        size = None if self.record is None else self.record["settings"]["image_size"]
        return [
            load_arrays(self.dataset, split, image_size=size, **self.data)
            for split in ("train", "test")
        ]

    def name_of(self, label: int) -> str:
        """Return the name of a class."""
        names = self.real[0].class_names
        return names[label] if label < len(names) else str(label)
