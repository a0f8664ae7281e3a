"""A model seen through what it can do: the one place of this room that touches a model's names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgan_survey.conditions import Condition
from tfgan_survey.models import TrainableModel
from tfgan_survey.models.tagging import names_tags
from tfgan_survey.training.looks import draw
from tfgan_survey.training.run import load_run

# A multiple of the batches that models sample in, so that parts equal one call bit for bit.
_PART = 1024


class Subject:
    """A model of the package, as evaluation asks it.

    Args:
        model: what `load_run` or `build` returned.
        rows: gives the condition's rows where a condition has no default, such as those of the
            training set; they are taken in turn.
    """

    def __init__(self, model: TrainableModel, rows: Callable[[], np.ndarray] | None = None):
        self.model = model
        self._rows = rows

    @classmethod
    def load(cls, path: Path, rows: Callable[[], np.ndarray] | None = None) -> Subject:
        """Read the model of a run folder or a `.keras` file, see `load_run`.

        Args:
            path: run folder or `.keras` file.
            rows: see the constructor.
        """
        return cls(load_run(path), rows)

    @property
    def abilities(self) -> frozenset[str]:
        """What the model can do; what it makes being tags by name, also `tag`."""
        return frozenset(self.model.abilities) | ({"tag"} if names_tags(self.model) else set())

    @property
    def steps(self) -> int:
        """Training steps behind it."""
        return self.model.steps_done

    @property
    def num_classes(self) -> int | None:
        """Number of classes that it can be asked for; None without."""
        return self.model.spec.num_classes

    @property
    def condition(self) -> Condition | None:
        """What it is told beside its latents; None for nothing."""
        return self.model.spec.condition

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(self.model.spec.image_shape)

    @property
    def latent(self) -> str:
        """Distribution of its latents."""
        return self.model.latent

    @property
    def latent_dim(self) -> int:
        """Numbers in one latent."""
        return self.model.spec.latent_dim

    def labels(self, num: int) -> np.ndarray | None:
        """Return the condition of `num` samples, all classes in turn; None without a condition.

        Args:
            num: how many.
        """
        spec = self.model.spec
        no_default = spec.conditional and spec.num_classes is None and self._rows is not None
        return self.model.check_labels(num, self._rows() if no_default else None)

    def draw(
        self,
        num: int,
        labels: np.ndarray | None = None,
        seed: int = 0,
        progress: Callable[[float], None] | None = None,
    ) -> np.ndarray:
        """Return samples as their data set is kept: uint8 images or float32 points.

        Args:
            num: how many.
            labels: one class id a sample; None for all classes in turn.
            seed: sample i is a function of `seed + i` and its label.
            progress: called with the share done.
        """
        labels = self.labels(num) if labels is None else labels
        parts = []
        for start in range(0, num, _PART):
            stop = min(start + _PART, num)
            ids = None if labels is None else labels[start:stop]
            parts.append(draw(self.model, stop - start, ids, seed + start))
            if progress is not None:
                progress(stop / num)
        return np.concatenate(parts)

    def latents(self, first: int, num: int) -> np.ndarray:
        """Return the latents of seeds `first` and on, float32 `(num, latent_dim)`.

        Args:
            first: first seed.
            num: how many.
        """
        # In a graph: row by row eagerly, 2,000 of them take seconds.
        latents = tf.function(self.model.latents)
        return latents(tf.range(first, first + num, dtype=tf.int64)).numpy()

    def decode(self, latents: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Return the samples of latents, one label each where there are classes, in [0, 1].

        Args:
            latents: float32 `(n, latent_dim)`.
            labels: integers `(n,)`; None where unconditional.
        """
        return self.model.from_latents(latents, labels).numpy()

    def walk(self, first: int, last: int, row: int, frames: int) -> np.ndarray:
        """Return the way from one seed's sample to another's under one row of the condition.

        Args:
            first: seed of the first image.
            last: seed of the last one.
            row: which of the rows that `labels` gives in turn.
            frames: images in all.

        Returns:
            float32 `(frames, *image_shape)` in [0, 1].
        """
        labels = self.labels(row + 1)
        told = None if labels is None else labels[row:]
        return self.model.walk([first, last], told, frames)

    def encode(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the codes of images, each in one row, float32 `(n, d)`.

        Args:
            images: uint8, or floats in [0, 1], `(n, h, w, c)`.
            labels: their labels, which a conditional model is told.
        """
        told = (labels,) if self.model.spec.conditional else ()
        return self.model.encode(images, *told).reshape(len(images), -1)
