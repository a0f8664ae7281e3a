"""Every picture that trained models can make, as PNG files: one function a picture, by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfgan_survey import pictures
from tfgan_survey.errors import SettingError
from tfgan_survey.evaluation.arithmetic import arithmetic, lacks_classes, tiled
from tfgan_survey.evaluation.codes import STEPS, Coded, check_shape, interpolations
from tfgan_survey.evaluation.target import Target
from tfgan_survey.registry import Registry
from tfgan_survey.training.looks import (
    FixedDenoisings,
    FixedReconstructions,
    FixedTranslations,
    Look,
    fixed_look,
    sources,
)

TOGETHER = "interpolation"
"""The picture in which every model that encodes has a row."""


class Kind(NamedTuple):
    """A picture that a model with an ability can make.

    Args:
        ability: what the model must be able to do.
        draw: gets the target and the file to be, writes it.
        lacks: gets the target, and says why this one cannot for all its ability, or None.
    """

    ability: str
    draw: Callable[[Target, Path], Path]
    lacks: Callable[[Target], str | None] = lambda target: None


def _look(target: Target) -> Look | None:
    return fixed_look(target.subject.model, target.seed, data=target.test)


def _samples(target: Target, path: Path) -> Path:
    return pictures.save(_look(target).picture(), path)


def _not_seen(target: Target) -> str | None:
    return None if _look(target) is not None else "samples that are images, tags or in the plane"


def _compared(look: type[FixedReconstructions]) -> Callable[[Target, Path], Path]:
    def draw(target: Target, path: Path) -> Path:
        made = look(target.subject.model, target.test.images, target.test.labels)
        return pictures.save(made.picture(), path)

    return draw


def _translations(target: Target, path: Path) -> Path:
    model = target.subject.model
    look = FixedTranslations(model, sources(model, target.test))
    return pictures.save(look.picture(), path)


def _codes(target: Target, path: Path) -> Path:
    coded = Coded(target.subject.model, target.test)
    points, said = coded.plane
    title = f"{target.title}: {len(points):,} test examples\n{said}"
    if coded.region is not None:
        title += "; frame: the region of the decoded plane"
    return pictures.save_classes(
        points, path, coded.classes, coded.data.class_names, title, coded.region
    )


def _plane(target: Target, path: Path) -> Path:
    sheet = Coded(target.subject.model, target.test).decoded_plane()
    return pictures.save(pictures.grid(sheet), path)


def _arithmetic(target: Target, path: Path) -> Path:
    blocks = arithmetic(target).blocks
    names = [
        "{} - {} + {}".format(*(target.train.class_names[label] for label in equation))
        for equation in blocks
    ]
    squares = tiled(np.concatenate(list(blocks.values())))
    return pictures.save(pictures.grid(squares, 4, names), path)


def _not_two(target: Target) -> str | None:
    shape = tuple(target.subject.model.code_shape)
    return (
        None if shape == (2,) else f"codes of 2 numbers; these are of {'x'.join(map(str, shape))}"
    )


KINDS = Registry(
    "picture",
    {
        "samples": Kind("sample", _samples, _not_seen),
        "arithmetic": Kind("sample", _arithmetic, lacks_classes),
        "reconstructions": Kind("reconstruct", _compared(FixedReconstructions)),
        "denoised": Kind("denoise", _compared(FixedDenoisings)),
        "translations": Kind("translate", _translations),
        "codes": Kind("encode", _codes),
        "plane": Kind("encode", _plane, _not_two),
    },
)
"""Pictures of one model by name; `interpolation` is of all models."""


def write_pictures(
    targets: Sequence[Target],
    folder: str | os.PathLike,
    only: Sequence[str] | None = None,
    log: Callable[[str], None] = print,
) -> list[Path]:
    """Write the pictures that models can make.

    Args:
        targets: run folders or `.keras` files; their test sets are pictured.
        folder: gets `NAME.png`; of several targets `TARGET-NAME.png`, and one
            `interpolation.png` with a row for each that encodes, over the first one's test set.
        only: names of pictures, `KINDS` and `interpolation`; default: all that can be made.
        log: gets a line for each file, and one for each picture that cannot be made.

    Returns:
        The files.

    Raises:
        UnknownNameError: no picture of that name.
        SettingError: a file of samples, the same run twice, a picture asked for by name that a
            model cannot make, or images of different shapes in one picture.
        RunError: there is no model to load.
        ImportError: matplotlib is missing; the message names the extra.
    """
    wanted = list(dict.fromkeys(only or [*KINDS, TOGETHER]))
    for name in wanted:
        _ = name == TOGETHER or KINDS[name]  # before minutes of work
    named, folder = _named(targets), Path(folder)
    # Whoever lacks something is known before a file is written.
    lacking = {
        (name, label): _lack(Kind("encode", _plane) if name == TOGETHER else KINDS[name], target)
        for label, target in named.items()
        for name in wanted
    }
    makers = {name: [label for label in named if lacking[name, label] is None] for name in wanted}
    if not any(makers.values()) or (only and not all(makers.values())):
        (name, label), reason = next(one for one in lacking.items() if not makers[one[0][0]])
        raise SettingError(f"no picture {name} of {label}: it needs {reason}.")
    _check_shapes(named, makers)
    made = []
    for name, labels in makers.items():
        if name == TOGETHER:
            rows = {label: named[label] for label in labels}
            drawn = [_interpolation(rows, folder / f"{name}.png")] if rows else []
        else:
            prefix = "" if len(named) == 1 else "{}-"
            drawn = [
                KINDS[name].draw(named[label], folder / f"{prefix.format(label)}{name}.png")
                for label in labels
            ]
        for path in drawn:
            log(f"wrote {path}")
        made += drawn
    for (name, label), reason in lacking.items():
        if reason is not None:
            log(f"no {name} of {label}: it needs {reason}")
    return made


def _check_shapes(named: Mapping[str, Target], makers: Mapping[str, list[str]]) -> None:
    """Refuse test images that a model does not take: its own, or those that all are shown by."""
    for name, labels in makers.items():
        for label in labels:
            source = named[labels[0] if name == TOGETHER else label]
            if name == TOGETHER or KINDS[name].ability not in ("sample", "translate"):
                check_shape(label, named[label].subject.model, source.test)


def _lack(kind: Kind, target: Target) -> str | None:
    subject = target.subject
    if kind.ability not in subject.abilities:
        return f"a model that can {kind.ability}"
    if subject.model.spec.takes_points and kind.ability != "sample":
        return "images instead of points"
    return kind.lacks(target)


def _named(targets: Sequence[Target]) -> dict[str, Target]:
    """Give each target a name of its own: its path below the folder that all lie in."""
    paths = [one.path.resolve() for one in targets]
    for one, path in zip(targets, paths, strict=True):
        if one.is_file:
            raise SettingError(
                f"{one.path} holds samples; pictures are made by a model: give a run folder or a "
                ".keras file."
            )
        if paths.count(path) > 1:
            raise SettingError(f"{one.path} is given twice.")
    common = os.path.commonpath([path.parent for path in paths])
    names = [os.path.relpath(path, common).replace(os.sep, "-") for path in paths]
    return dict(zip(names, targets, strict=True))


def _interpolation(targets: Mapping[str, Target], path: Path) -> Path:
    data = next(iter(targets.values())).test
    rows = interpolations([(label, one.subject.model) for label, one in targets.items()], data)
    return pictures.save(pictures.stacked(rows, STEPS), path)
