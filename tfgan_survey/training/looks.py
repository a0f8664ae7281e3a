"""What is looked at again and again during a training: samples, images that come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from PIL import Image

from tfgan_survey import pictures
from tfgan_survey.models.tagging import names_tags, tag_shares
from tfgan_survey.models.walking import require_samples

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
        spec = self.model.spec
        names = spec.class_names or [str(row) for row in range(self.rows)]
        names = None if spec.num_classes is None else names[: self.rows]
        return pictures.grid(images, self.columns, names, scale)


def reconstructions(
    model, images: np.ndarray, labels: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Return images, and what a model gives back of them.

    Args:
        model: a model that can reconstruct.
        images: `(n, height, width, channels)`, uint8 or floats in [0, 1].
        labels: one row of the condition an image; not looked at by a model without one.

    Returns:
        uint8 images by name, in the order to be shown: `original`, `decoded`.
    """
    decoded = model.reconstruct(images, *_rows(model, labels))
    return {"original": pictures.to_uint8(images), "decoded": pictures.to_uint8(decoded)}


def denoisings(
    model, images: np.ndarray, labels: np.ndarray | None = None, seed: int = 0
) -> dict[str, np.ndarray]:
    """Return images, their corrupted form, and what a model gives back of that.

    Args:
        model: a model that can denoise.
        images: see `reconstructions`; so is `labels`.
        labels: see `images`.
        seed: of the corruption.

    Returns:
        uint8 images by name, in the order to be shown: `original`, `corrupted`, `decoded`.
    """
    corrupted = model.corrupt(images, seed)
    decoded = model.reconstruct(corrupted, *_rows(model, labels))
    found = {"original": images, "corrupted": corrupted, "decoded": decoded}
    return {name: pictures.to_uint8(one) for name, one in found.items()}


def _rows(model, labels: np.ndarray | None) -> tuple[np.ndarray, ...]:
    """Return the further argument of a model that is told a condition."""
    return (labels,) if model.spec.conditional else ()


class FixedReconstructions:
    """The same examples at every look, each row of them above what the model makes of it.

    Args:
        model: a model that can reconstruct.
        examples: `(n, height, width, channels)`, uint8 or floats in [0, 1].
        labels: one row of the condition an example; None where there is none.
        columns: images in a row.
        blocks: how many times rows that belong together stand under each other, at most.
    """

    compared = staticmethod(reconstructions)

    def __init__(
        self,
        model,
        examples: np.ndarray,
        labels: np.ndarray | None = None,
        columns: int = 10,
        blocks: int = 5,
    ):
        self.model, self.columns = model, columns
        self.examples = examples[: blocks * columns]
        self.labels = None if labels is None else labels[: blocks * columns]

    def picture(self, scale: int = 2) -> Image.Image:
        """Return the grid as a Pillow image, rows named.

        Args:
            scale: whole factor by which pixels are enlarged.
        """
        groups = self.compared(self.model, self.examples, self.labels)
        return pictures.stacked(groups, self.columns, scale)


class FixedDenoisings(FixedReconstructions):
    """The same examples under the same corruption: each row, what the model sees, and makes of it.

    The arguments are those of `FixedReconstructions`; the model is one that can denoise.
    """

    compared = staticmethod(denoisings)


def translations(model, images: np.ndarray, direction: str) -> dict[str, np.ndarray]:
    """Return images, their translations, and those translated back where there is a way back.

    Args:
        model: a model that can translate.
        images: of the source, `(n, height, width, channels)`.
        direction: such as `a2b`.

    Returns:
        uint8 images by name, in the order to be shown.
    """
    source, target = direction.split("2")
    made = model.translate(images, direction)
    found = {source: images, f"{source} as {target}": made}
    back = direction[::-1]
    if back in model.directions:
        found["and back"] = model.translate(made, back)
    return {name: pictures.to_uint8(one) for name, one in found.items()}


def sources(model, data) -> dict[str, np.ndarray]:
    """Return what a model translates from, direction by direction.

    Args:
        model: a model that can translate.
        data: its two domains; of a model that makes its pairs itself, the images.
    """
    if model.domains == 1:
        return {"a2b": model.rows_of(data.images[:1000], None)}
    return {"a2b": data.a.images, "b2a": data.b.images}


class FixedTranslations:
    """The same examples of each domain at every look: source, translation, the way back.

    Args:
        model: a model that can translate.
        domains: direction to images of its source, `(n, height, width, channels)`.
        columns: images in a row.
        blocks: rows of sources a direction, at most.
    """

    def __init__(self, model, domains: dict[str, np.ndarray], columns: int = 10, blocks: int = 2):
        self.model, self.columns = model, columns
        self.domains = {way: images[: blocks * columns] for way, images in domains.items()}

    def picture(self, scale: int = 2) -> Image.Image:
        """Return the grids of all directions as one Pillow image, rows named.

        Args:
            scale: whole factor by which pixels are enlarged.
        """
        return pictures.column(
            [
                pictures.stacked(translations(self.model, images, way), self.columns, scale)
                for way, images in self.domains.items()
            ]
        )


def completions(
    model, images: np.ndarray, labels: np.ndarray | None = None, seed: int = 0
) -> dict[str, np.ndarray]:
    """Return images, what a model is told of them, and two of the images that it makes of that.

    Args:
        model: a model that is told degraded images, see `models.pix2pix`.
        images: `(n, height, width, channels)`, uint8 or floats in [0, 1].
        labels: not looked at.
        seed: of the first of them.

    Returns:
        uint8 images by name, in the order to be shown: `original`, `told`, `made`, `other`.
    """
    told = model.degrade(images)
    made = (model.generate(len(images), told, seed + k * len(images)) for k in range(2))
    found = dict(zip(("original", "told", "made", "other"), (images, told, *made), strict=True))
    return {name: pictures.to_uint8(one) for name, one in found.items()}


class FixedCompletions(FixedReconstructions):
    """The same examples at every look: each row, what the model is told of it, and makes of that.

    The arguments are those of `FixedReconstructions`; the model is one that is told degraded
    images.
    """

    compared = staticmethod(completions)


class FixedTags:
    """The same images at every look: the tags that the model gives their features, and how sure.

    Args:
        model: a model that names tags, see `tfgan_survey.models.tagging.names_tags`.
        features: float32 `(n, size)`, a row each.
        seed: of the first of the votes.
        rows: how many images, at most.
        num: tags an image.
    """

    def __init__(self, model, features: np.ndarray, seed: int = 0, rows: int = 10, num: int = 5):
        self.model, self.seed = model, seed
        self.features, self.num = features[:rows], min(num, len(model.spec.vocabulary))

    def picture(self, scale: int = 2) -> Image.Image:
        """Return a row an image: its tags by share of the votes, each over a bar of that length.

        Args:
            scale: whole factor of all sizes.
        """
        shares = tag_shares(self.model, self.features, seed=self.seed)
        words = self.model.spec.vocabulary
        order = np.argsort(-shares, axis=1, kind="stable")[:, : self.num]
        rows = [[(words[tag], float(row[tag])) for tag in best]
                for row, best in zip(shares, order, strict=True)]  # fmt: skip
        return pictures.bars(rows, scale)


def fixed_look(model, seed: int = 0, reach: float | None = None, data=None) -> Look | None:
    """Return the look that suits what a model can do; None for one that makes no pictures.

    Args:
        model: a `TrainableModel`.
        seed: of the latents.
        reach: of points: coordinate at the border.
        data: the examples that are trained on; needed where the model only reconstructs.
    """
    if model.domains == 1 and {"sample", "translate"} <= model.abilities and data is not None:
        return FixedCompletions(model, data.images, blocks=3)
    if names_tags(model):
        return None if data is None else FixedTags(model, data.labels, seed)
    if "sample" in model.abilities:
        spec = model.spec
        told = spec.conditional and spec.num_classes is None
        if spec.takes_points and (spec.image_shape != (2,) or told):
            return None  # the plane shows points of two numbers, and asks for them without rows
        conditions = None if data is None else data.labels
        return FixedSamples(model, seed, reach=reach, conditions=conditions)
    if data is None or data.images.ndim != 4:
        return None
    if "translate" in model.abilities:
        return FixedTranslations(model, sources(model, data))
    for ability, look in (("denoise", FixedDenoisings), ("reconstruct", FixedReconstructions)):
        if ability in model.abilities:
            return look(model, data.images, data.labels)
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
    require_samples(model)
    made = model.generate(num, labels, seed)
    return made if model.spec.takes_points else pictures.to_uint8(made)
