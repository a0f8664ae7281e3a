"""A user's own pictures through a trained translator: files in, files out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from tfgan_survey import pictures
from tfgan_survey.data.images import ImageSet
from tfgan_survey.data.picture_files import ENDINGS, below, first_of, look, read
from tfgan_survey.data.sets.own import checked_images, read_npz
from tfgan_survey.errors import DataError, RunError, SettingError
from tfgan_survey.files import written_aside
from tfgan_survey.models import TrainableModel
from tfgan_survey.training.run import load_run


@dataclass
class _Source:
    """Images in the shape of a translator's source, and the names of the files that they were."""

    images: np.ndarray
    names: list[Path] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    labels: np.ndarray | None = None


def translate_run(run: str | Path, *args, **kwargs) -> Path:
    """Translate files with the model of a run, see `translate_files`.

    Args:
        run: run folder or `.keras` file.
        *args: of `translate_files`.
        **kwargs: of `translate_files`.

    Raises:
        RunError: there is no model to load, or it cannot translate.

    Example:
        >>> translate_run("runs/cyclegan", ["holiday.jpg"], "painted", "b2a", fit=True)
    """
    return translate_files(load_run(run), *args, **kwargs)


def translate_files(
    model: TrainableModel,
    images: Sequence[str | Path],
    output: str | Path,
    direction: str | None = None,
    fit: bool = False,
    log: Callable[[str], None] = print,
) -> Path:
    """Translate picture files, folders of them, or an `.npz`.

    Nothing is written before every image has been read and translated.

    Args:
        model: one that can translate.
        images: pictures (PNG, JPEG, WebP) and folders, or one `.npz` with `images` uint8
            `(n, h, w)` or `(n, h, w, channels)`.
        output: a folder, which gets a PNG of the same name for each picture, below the same
            subfolders; a `.png` of each source above its translation; or an `.npz` with `images`
            uint8 and, where the one read has some, `labels`.
        direction: one of the model's; None for its first.
        fit: stretch images of another size and make them grey or coloured, which is logged;
            otherwise they are refused.
        log: gets notes.

    Returns:
        `output`.

    Raises:
        RunError: the model cannot translate.
        SettingError: a direction that the model does not have, an output that does not suit the
            images.
        DataError: images that are missing, cannot be read, or are of another size.
    """
    if "translate" not in model.abilities:
        able = " and ".join(sorted(model.abilities)) or "nothing that is asked for by name"
        raise RunError(f"{model.name} cannot translate: what it can do is {able}.")
    direction = model.check_direction(direction or model.directions[0])
    output, paths = Path(output), [Path(one) for one in images]
    as_file = output.suffix in (".png", ".npz")
    _check_output(paths, output, as_file)
    shape = tuple(model.source(direction).image_shape)
    source = _joined([_read(path, shape, fit, log) for path in paths])
    targets = [] if as_file else _targets(source, output)
    made = pictures.to_uint8(model.translate(source.images, direction))
    if output.suffix == ".png":
        a, b = direction.split("2")
        return pictures.save(pictures.stacked({a: source.images, f"{a} as {b}": made}), output)
    if output.suffix == ".npz":
        labels = {} if source.labels is None else {"labels": source.labels}
        with written_aside(output) as aside:
            np.savez_compressed(aside, images=made, **labels)
        return output
    for image, target in zip(made, targets, strict=True):
        pictures.save(Image.fromarray(image[..., 0] if image.shape[2] == 1 else image), target)
    return output


def _check_output(paths: Sequence[Path], output: Path, as_file: bool) -> None:
    """Refuse an `.npz` beside other images, or one that is to become a folder of pictures."""
    arrays = [path for path in paths if path.suffix == ".npz"]
    if arrays and len(paths) > 1:
        raise SettingError(f"{arrays[0]} is translated alone; other images came beside it.")
    if arrays and not as_file:
        raise SettingError(
            f"--output {output}: the images of {arrays[0]} have no names for files of their own; "
            "expected a name ending in .npz or .png."
        )


def _joined(sources: list[_Source]) -> _Source:
    """Return what was read in one."""
    if len(sources) == 1:
        return sources[0]
    return _Source(
        np.concatenate([one.images for one in sources]),
        [name for one in sources for name in one.names],
        [file for one in sources for file in one.files],
    )


def _targets(source: _Source, output: Path) -> list[Path]:
    """Return where each picture's translation goes; none of them over another or over a source."""
    targets = [output / name.with_suffix(".png") for name in source.names]
    twice = [str(path) for path, count in Counter(targets).items() if count > 1]
    if twice:
        raise SettingError(
            f"{len(twice)} names stand for several pictures: {first_of(twice)}. Translate them "
            "into folders of their own."
        )
    sources = {file.resolve() for file in source.files}
    if over := [str(path) for path in targets if path.resolve() in sources]:
        raise SettingError(
            f"--output {output} would overwrite what is translated: {first_of(over)}; choose "
            "another folder."
        )
    return targets


def _read(path: Path, shape: tuple[int, ...], fit: bool, log: Callable[[str], None]) -> _Source:
    """Read a picture, a folder of them or an `.npz` as images of a shape."""
    if path.suffix == ".npz" and not path.is_dir():
        return _arrays(path, shape, fit, log)
    if path.is_dir():
        place, names = path, [Path(*parts) for parts in below(path)]
    elif path.is_file() and path.name.lower().endswith(ENDINGS):
        place, names = path.parent, [Path(path.name)]
    else:
        found = "is none of these" if path.exists() else "does not exist"
        raise DataError(
            f"{path} {found}; expected pictures ({', '.join(ENDINGS)}), folders of pictures, or "
            "an .npz with images."
        )
    files = [place / name for name in names]
    height, width, channels = shape
    kinds = Counter()
    odd = []
    for name, ((rows, columns), grey, _) in zip(names, look(place, files), strict=True):
        found = (rows, columns, 1 if grey else 3)
        kinds[found] += 1
        if found != shape:
            odd.append(f"{name} ({_text(found)})")
    _check_fit(path, odd, kinds, shape, fit, log)
    return _Source(read(place, files, (height, width), channels), names, files)


def _arrays(path: Path, shape: tuple[int, ...], fit: bool, log: Callable[[str], None]) -> _Source:
    """Read an `.npz` as images of a shape."""
    arrays = read_npz(path, ("images",), ("labels",))
    images = checked_images(path, "images", arrays["images"])
    found = tuple(images.shape[1:])
    odd = [] if found == shape else [f"images ({_text(found)})"]
    _check_fit(path, odd, {found: len(images)}, shape, fit, log)
    if odd:
        unclassed = ImageSet(str(path), images, np.zeros(len(images), np.int32), 1, ("image",))
        images = unclassed.resized(shape[:2]).with_channels(shape[2]).images
    return _Source(images, labels=arrays.get("labels"))


def _check_fit(path: Path, odd: Sequence[str], kinds, shape, fit: bool, log) -> None:
    """Refuse images of another shape, or say what is done to them."""
    if odd and not fit:
        raise DataError(
            f"{path}: {_text(shape)} is expected; this came: {first_of(odd)}. Give --fit to "
            "stretch pictures and to make them grey or coloured as is needed."
        )
    if odd:
        count = sum(kinds[kind] for kind in kinds if kind != shape)
        texts = [_text(kind) for kind in kinds if kind != shape]
        log(f"{path}: {count} images of {first_of(texts)} are made {_text(shape)}")


def _text(shape: Sequence[int]) -> str:
    height, width, channels = shape
    return f"{width}x{height} {'grey' if channels == 1 else 'colour'}"
