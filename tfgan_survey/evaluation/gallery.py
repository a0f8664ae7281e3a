"""The pictures of a report: samples and what is near them, walks, codes, reconstructions."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from tfgan_survey import pictures
from tfgan_survey.data.sets.mixtures import MIXTURES
from tfgan_survey.evaluation import charts
from tfgan_survey.evaluation.arithmetic import arithmetic, lacks_arithmetic, tiled
from tfgan_survey.evaluation.codes import STEPS, Coded, ends, interpolations
from tfgan_survey.evaluation.retrieval import retrieve
from tfgan_survey.evaluation.target import Target
from tfgan_survey.metrics import nearest_neighbours, neighbour_rows
from tfgan_survey.metrics.nearest_neighbours import THRESHOLD_IMAGES
from tfgan_survey.training.looks import (
    FixedTags,
    denoisings,
    reconstructions,
    sources,
    translations,
)

_ROWS = COLUMNS = 10
_WALKS, _WALK_STEPS, _NEIGHBOURS = 6, 11, 5  # walks: where there are no classes
_BLOCKS = 3  # of reconstructions, ten images each
POINTS = 2500
"""As many as the published protocol of ring and grid scores."""

Section = dict[str, Any]
"""What the template lays out; empty where the target has nothing to show."""


class Picture(NamedTuple):
    """An image that the page holds itself; `kind` is its class in the style sheet."""

    source: str
    alt: str
    width: int
    height: int
    kind: str


class Figure(NamedTuple):
    """A picture with a caption, beside charts."""

    title: str
    picture: Picture


class Row(NamedTuple):
    """Pictures side by side, a name before them and a text behind."""

    name: str
    pictures: Sequence[Picture]
    after: str = ""
    near: bool = False


def picture(images: np.ndarray, columns: int, alt: str, kind: str = "strip") -> Picture:
    """Lay images out in a grid and hold it as a data URI.

    Args:
        images: `(n, height, width, channels)`, see `tfgan_survey.pictures.grid`.
        columns: images in a row.
        alt: the same in words.
        kind: class in the style sheet.
    """
    return held(pictures.grid(images, columns, scale=1), alt, kind)


def held(sheet: Image.Image, alt: str, kind: str) -> Picture:
    """Hold a picture as a data URI.

    Args:
        sheet: the picture.
        alt: the same in words.
        kind: class in the style sheet.
    """
    file = io.BytesIO()
    sheet.save(file, "PNG", optimize=True)
    data = base64.b64encode(file.getvalue()).decode()
    return Picture(f"data:image/png;base64,{data}", alt, sheet.width, sheet.height, kind)


class Gallery:
    """The sections of a report that are pictures.

    Args:
        target: whose samples are shown; its seed is the first of theirs.
    """

    def __init__(self, target: Target):
        self.target = target

    @cached_property
    def labels(self) -> np.ndarray | None:
        """One label for each row of pictures; None without classes."""
        if self.target.subject is None:
            known = self.target.file[1]
            return None if known is None else np.unique(known)[:_ROWS]
        classes = self.target.subject.num_classes
        return None if classes is None else np.arange(min(classes, _ROWS))

    def class_name(self, label: int) -> str:
        """Return the name of a class.

        Args:
            label: class id.
        """
        names = self.target.train.class_names
        return names[label] if label < len(names) else str(label)

    @cached_property
    def pictured(self) -> np.ndarray:
        """Return uint8 images `(rows, columns, h, w, c)`, one row a class where there are any."""
        labels = self.labels
        if self.target.subject is not None:
            num = _ROWS * COLUMNS if labels is None else len(labels) * COLUMNS
            ids = None if labels is None else np.repeat(labels, COLUMNS)
            images = self.target.subject.draw(num, ids, self.target.seed)
            return images.reshape(-1, COLUMNS, *images.shape[1:])
        images, known = self.target.file
        columns = COLUMNS
        if labels is None:
            chosen = list(images[: _ROWS * COLUMNS])
            columns = min(COLUMNS, len(chosen))
            groups = [chosen[i : i + columns] for i in range(0, len(chosen), columns)]
        else:
            groups = [list(images[known == label][:COLUMNS]) for label in labels]
        blank = np.zeros_like(images[0])
        return pictures.to_uint8(
            np.array([group + [blank] * (columns - len(group)) for group in groups])
        )

    def _pictures_of(self, ability: str) -> bool:
        """Whether the target can do something, and what comes of it are images."""
        return self.target.can(ability) and not self.target.given.points

    def samples(self) -> Section:
        """Show samples, not chosen: one row a class, a sheet, or a plane."""
        if not self.target.can("sample"):
            return {}
        if self.target.can("tag"):
            return self._tags()
        if self.target.given.points:
            return self._planes() if self.target.dataset in MIXTURES else {}
        rows, labels = self.pictured, self.labels
        if labels is None:
            num = rows.shape[0] * rows.shape[1]
            num = num if self.target.subject is not None else min(num, len(self.target.file[0]))
            note = (
                "in the file's order"
                if self.target.subject is None
                else f"seeds from {self.target.seed}"
            )
            images = rows.reshape(-1, *rows.shape[2:])
            return {
                "note": f"The first {num} samples, {note}: not chosen.",
                "sheet": picture(images, rows.shape[1], f"grid of {num} samples", "sheet"),
            }
        names = [self.class_name(label) for label in labels]
        return {
            "note": "One row a class, not chosen.",
            "rows": [
                Row(name, [picture(row, COLUMNS, f"ten samples of class {name}")])
                for name, row in zip(names, rows, strict=True)
            ],
        }

    def _tags(self) -> Section:
        """Show what test images are tagged with, beside the tags that they have."""
        target = self.target
        look = FixedTags(target.subject.model, target.test.labels, target.seed)
        words = target.subject.model.spec.vocabulary
        tagged = [
            ", ".join(words[i] for i in np.flatnonzero(row))
            for row in target.test.images[: len(look.features)]
        ]
        return {
            "note": f"The first {len(tagged)} test images, a row each, not chosen: the tags with "
            f"most of the votes, bars as long as their share. What the images have: "
            f"{'; '.join(tagged)}.",
            "sheet": held(look.picture(), "tags of test images with their shares", "sheet"),
        }

    def _planes(self) -> Section:
        """Show points beside as many of their mixture."""
        mixture = MIXTURES[self.target.dataset]()
        if self.target.subject is None:
            points = np.asarray(self.target.file[0][:POINTS], np.float64)
        else:
            points = self.target.subject.draw(POINTS, None, self.target.seed)
        radius = 3 * float(mixture.sigma[0])
        real = mixture.sample(len(points), seed=self.target.seed)
        return {
            "note": "Rings mark the modes; a point within three deviations of one is good.",
            "kind": "plane",
            "charts": [
                charts.scatter(points, "generated", mixture.modes, radius),
                charts.scatter(real, "drawn from the true mixture", mixture.modes, radius),
            ],
        }

    def neighbours(self) -> Section:
        """Show samples beside their nearest training images."""
        if not self._pictures_of("sample"):
            return {}
        train, test = self.target.train.images, self.target.test.images
        pictured = self.pictured
        # One of each class, or the first ten.
        chosen = pictured[0] if self.labels is None else pictured[:, 0]
        found = nearest_neighbours(chosen, train, test[:THRESHOLD_IMAGES], _NEIGHBOURS)
        rows = []
        for images, distances, near in zip(
            neighbour_rows(chosen, train, found.indices), found.distances, found.near, strict=True
        ):
            nearest = f"{distances[0]:.2f}"
            beside = f"its {_NEIGHBOURS} nearest training images, the nearest at {nearest}"
            pair = [
                picture(images[:1], 1, "a sample", "one"),
                picture(images[1:], _NEIGHBOURS, beside, "five"),
            ]
            rows.append(Row("", pair, nearest, bool(near)))
        return {
            "note": f"Left a sample, right its {_NEIGHBOURS} nearest of {len(train):,} training "
            f"images by pixel distance, and the distance to the nearest. Up to "
            f"{found.threshold:.2f}, where 1 % of test images lie, a sample counts as a near copy.",
            "halves": True,
            "rows": rows,
        }

    def walks(self) -> Section:
        """Show walks between latents."""
        subject = self.target.subject
        if subject is None or not self._pictures_of("sample"):
            return {}
        labels, seed = self.labels, self.target.seed
        rows = _WALKS if labels is None else len(labels)
        ways = [subject.walk(seed + k, seed + rows + k, k, _WALK_STEPS) for k in range(rows)]
        frames = [pictures.to_uint8(way) for way in ways]
        names = [""] * rows if labels is None else [self.class_name(one) for one in labels]
        whose = [f" of class {name}" if name else "" for name in names]
        way = "along the sphere" if subject.latent == "normal" else "in a straight line"
        under = "" if labels is None else " under one label"
        return {
            "note": f"Each row leads {way} from one latent ({subject.latent}, {subject.latent_dim} "
            f"numbers) to another{under}.",
            "rows": [
                Row(name, [picture(row, _WALK_STEPS, f"walk between two samples{of}")])
                for name, of, row in zip(names, whose, frames, strict=True)
            ],
        }

    def arithmetic(self) -> Section:
        """Show means of latents by class, and what A - B + C gives."""
        subject = self.target.subject
        if subject is None or not self._pictures_of("sample") or lacks_arithmetic(self.target):
            return {}
        made = arithmetic(self.target)
        if not made.blocks:
            return {"note": f"Left out: it needs {made.too_few}."}
        rows = []
        for equation, blocks in made.blocks.items():
            a, b, c = map(self.class_name, equation)
            alt = f"means of {a}, {b} and {c}, and {a} - {b} + {c} with its neighbours"
            strip = picture(tiled(pictures.to_uint8(blocks)), len(blocks), alt)
            rows.append(Row(f"{a} \u2212 {b} + {c}", [strip]))
        results = [self.class_name(made.result(equation)) for equation in made.blocks]
        return {"note": f"{made.said} Results are taken for {', '.join(results)}.", "rows": rows}

    def retrieval(self) -> Section:
        """Show test images beside their nearest training images, by pixels and by code."""
        if not self._pictures_of("encode"):
            return {}
        shown = retrieve(self.target, num=_NEIGHBOURS)
        rows = []
        for i, (side, images) in enumerate(shown.strips()):
            nearest = f"{shown.found[side][0][i // len(shown.found), 0]:.2f}"
            beside = (
                f"its {_NEIGHBOURS} nearest training images by {side}, the nearest at {nearest}"
            )
            pair = [
                picture(images[:1], 1, "a test image", "one"),
                picture(images[1:], _NEIGHBOURS, beside, "five"),
            ]
            rows.append(Row("", pair, f"{side} {nearest}"))
        return {
            "note": f"A test image and its {_NEIGHBOURS} nearest of {len(shown.train):,} training "
            "images, by pixels and by the model's code, and the distance to the nearest.",
            "halves": True,
            "rows": rows,
        }

    # ------------------------------------------------------------------ codes

    def codes(self) -> Section:
        """Show where test examples' codes lie, and the plane decoded where it is one."""
        if not self._pictures_of("encode"):
            return {}
        coded = Coded(self.target.subject.model, self.target.test)
        points, said = coded.plane
        note = f"The first {len(points):,} test examples: {said}."
        figures = []
        if coded.region is not None:
            images = pictures.to_uint8(coded.decoded_plane())
            side = int(len(images) ** 0.5)
            note += f" Beside them {coded.said}, decoded; the frame is what they span."
            figures = [Figure("decoded", picture(images, side, "the plane decoded", "sheet"))]
        scatter = charts.class_scatter(
            points, "codes by class", coded.classes, coded.data.class_names, coded.region
        )
        return {"note": note, "kind": "chart", "charts": [scatter], "figures": figures}

    def between(self) -> Section:
        """Show the way from one test example's code to another's, below the blend of pixels."""
        if not self._pictures_of("encode"):
            return {}
        test = self.target.test
        rows = interpolations([("code", self.target.subject.model)], test)
        first, last = ends(test).names
        return {
            "note": f"From {first} of the test set to {last}: the blend of their pixels, and codes "
            "on the line between theirs, decoded.",
            "rows": [
                Row(name, [picture(pictures.to_uint8(row), STEPS, f"the way by {name}")])
                for name, row in rows.items()
            ],
        }

    def reconstructions(self) -> Section:
        """Show test images above what comes back from their codes."""
        if not self._pictures_of("reconstruct"):
            return {}
        made = reconstructions(self.target.subject.model, *self._examples())
        return {"note": "The first test images, and what comes back of them.", "rows": _rows(made)}

    def denoised(self) -> Section:
        """Show test images, what a corruption leaves of them, and what comes back of that."""
        if not self._pictures_of("denoise"):
            return {}
        made = denoisings(self.target.subject.model, *self._examples())
        note = "The first test images, corrupted as in the training, and what comes back of that."
        return {"note": note, "rows": _rows(made)}

    def translations(self) -> Section:
        """Show test images of each domain, translated, and what comes back of that."""
        if not self._pictures_of("translate"):
            return {}
        model, test, rows = self.target.subject.model, self.target.test, []
        for way, images in sources(model, test).items():
            rows += _rows(translations(model, images[: _BLOCKS * COLUMNS], way))
        told = " as the model is told them" if model.domains == 1 else " of each domain"
        return {"note": f"The first test images{told}, and their translations.", "rows": rows}

    def _examples(self) -> tuple[np.ndarray, np.ndarray]:
        test = self.target.test
        return test.images[: _BLOCKS * COLUMNS], test.labels[: _BLOCKS * COLUMNS]


def _rows(groups: dict[str, np.ndarray]) -> list[Row]:
    """Lay sets that belong together in named rows, block by block."""
    num = len(next(iter(groups.values())))
    return [
        Row(name, [picture(images[start : start + COLUMNS], COLUMNS, f"{name} images")])
        for start in range(0, num, COLUMNS)
        for name, images in groups.items()
    ]
