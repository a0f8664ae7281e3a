"""What is looked at again and again during a training: the same samples, or reconstructions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from PIL import Image

from tfgan_survey import pictures
from tfgan_survey.errors import RunError

_POINTS = 1000


class Look(Protocol):
    """A picture of the model as it is now, always of the same latents or the same examples."""

    def picture(self, scale: int = 2) -> Image.Image:
        """Return it, enlarged by a whole factor.

        Args:
            scale: pixels a pixel, at least 1; default 2.
        """


class FixedSamples:
    """The same latents at every look: ten a class, or a hundred; of points a thousand.

    Args:
        model: a model that can sample.
        seed: first of the consecutive seeds.
        columns: images in a row.
        rows: rows; a model with classes has one a class, at most ten.
        reach: of points: coordinate at the border; None for as far as they go.
        conditions: rows `(n, ...)` of a condition that is no class; they are taken in turn.
    """

    def __init__(
        self,
        model,
        seed: int = 0,
        columns: int = 10,
        rows: int = 10,
        reach: float | None = None,
        conditions: np.ndarray | None = None,
    ):
        self.model, self.seed, self.columns, self.reach = model, seed, columns, reach
        classes = model.spec.num_classes
        self.rows = rows if classes is None else min(rows, classes)
        self.conditions = None
        if classes is not None:
            self.conditions = np.repeat(np.arange(self.rows), columns)
        elif model.spec.conditional:
            self.conditions = conditions

    def picture(self, scale: int = 2) -> Image.Image:
        """Return the grid as a Pillow image, rows labelled where there are classes.

        Points are drawn in the plane.

        Args:
            scale: whole factor by which pixels are enlarged.
        """
        if self.model.spec.takes_points:
            points = self.model.generate(_POINTS, seed=self.seed)
            return pictures.scatter(points, self.reach, scale)
        images = self.model.generate(self.rows * self.columns, self.conditions, self.seed)
        classes = self.model.spec.num_classes
        names = None if classes is None else [str(row) for row in range(self.rows)]
        return pictures.grid(images, self.columns, names, scale)


class FixedReconstructions:
    """The same examples at every look, each row of them above what the model makes of it.

    Args:
        model: a model that can reconstruct.
        examples: `(n, height, width, channels)`, uint8 or floats in [0, 1].
        columns: images in a row.
        rows: pairs of rows at most.
    """

    def __init__(self, model, examples: np.ndarray, columns: int = 10, rows: int = 5):
        self.model, self.columns = model, columns
        self.examples = examples[: rows * columns]

    def picture(self, scale: int = 2) -> Image.Image:
        """Return the grid as a Pillow image.

        Args:
            scale: whole factor by which pixels are enlarged.
        """
        sheets = []
        made = pictures.to_uint8(self.model.reconstruct(self.examples))
        given = pictures.to_uint8(self.examples)
        for start in range(0, len(given), self.columns):
            row = slice(start, start + self.columns)
            sheets += [given[row], made[row]]
        names = ["x", "made"] * (len(sheets) // 2)
        return pictures.grid(np.concatenate(sheets), self.columns, names, scale)


def fixed_look(
    model, seed: int = 0, reach: float | None = None, data=None
) -> FixedSamples | FixedReconstructions | None:
    """Return the look that suits what a model can do; None for one that makes no pictures.

    Args:
        model: a `TrainableModel`.
        seed: of the latents.
        reach: of points: coordinate at the border.
        data: the examples that are trained on; needed where the model only reconstructs.
    """
    if "sample" in model.abilities:
        conditions = None if data is None else data.labels
        return FixedSamples(model, seed, reach=reach, conditions=conditions)
    if "reconstruct" in model.abilities and data is not None and data.images.ndim == 4:
        return FixedReconstructions(model, data.images)
    return None


def draw(model, num: int, labels: int | Sequence[int] | None = None, seed: int = 0) -> np.ndarray:
    """Sample a model as its data set is kept: uint8 images, or float32 points.

    Args:
        model: a `TrainableModel` that can sample.
        num: how many.
        labels: as in `GAN.generate`; so is `seed`.
        seed: see `labels`.

    Returns:
        uint8 `(num, height, width, channels)`, or float32 `(num, features)`.

    Raises:
        RunError: the model cannot sample.
    """
    if "sample" not in model.abilities:
        able = " and ".join(sorted(model.abilities)) or "nothing that is asked for by name"
        raise RunError(f"{model.name} cannot sample: what it can do is {able}.")
    made = model.generate(num, labels, seed)
    return made if model.spec.takes_points else pictures.to_uint8(made)
