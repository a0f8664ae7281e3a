"""Copies of folders of pictures: checked once, kept as rows of one file, read by memory map."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfgan_survey.data.picture_files import attempted, decoded, first_of, header
from tfgan_survey.data.rows import map_rows
from tfgan_survey.data.sets.own import with_test
from tfgan_survey.data.sets.pictures import Picture, PictureFolder
from tfgan_survey.errors import DataError
from tfgan_survey.files import open_folder, sweep, try_lock, write_json, written_aside

FOLDER = "own_pictures"
"""Where copies are kept, below the root of prepared data sets."""
_IMAGES, _LABELS, _ABOUT = "images.bin", "labels.npy", "about.json"
_FORMAT = 1
_BLOCK = 512  # pictures that are decoded before they are written
_NEWS_SECONDS = 15.0  # between two lines that say how far it is
_log = logging.getLogger(__name__)


class Form(NamedTuple):
    """What pictures are made into.

    Args:
        size: height and width; None where they are all of one size.
        channels: 1 or 3; None for grey if every one of them is, else RGB.
        crop: see `images.fitted`.
    """

    size: tuple[int, int] | None = None
    channels: int | None = None
    crop: bool = False


class PictureCopy:
    """A copy of a folder of pictures in one form.

    Why:
        It answers as a prepared folder does (`counts`, `class_names`, `image_sizes`, `read`), and
        says what it was made of: `source` is the folder, `files` its pictures in the order of the
        images, `left_out` those that could not be used with the reasons, `notes` what was changed
        in the others.

    Args:
        path: of the copy.

    Raises:
        OSError: it is incomplete or not there; ValueError or KeyError: it is no such copy.
    """

    def __init__(self, path: Path):
        self.path = path
        about = json.loads((path / _ABOUT).read_text(encoding="utf-8"))
        if about["format"] != _FORMAT:
            raise ValueError(f"it is of format {about['format']}; expected {_FORMAT}")
        self._about = about
        self.source, self.domain = Path(about["source"]), about["domain"]
        self.class_names = tuple(about["class_names"])
        self.counts: dict[str, int] = about["counts"]
        self.image_sizes = {tuple(size) for size in about["image_sizes"]}
        self.left_out: dict[str, str] = about["left_out"]
        self.notes: list[str] = about["notes"]
        self.files: list[str] = about["files"]
        shape = (sum(self.counts.values()), *about["image_shape"])
        if (path / _IMAGES).stat().st_size != np.prod(shape, dtype=np.int64):
            raise ValueError(f"{_IMAGES} is not of shape {shape}")
        self._images = map_rows(path / _IMAGES, shape)
        self._labels = np.load(path / _LABELS, allow_pickle=False)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width, channels."""
        return self._images.shape[1:]

    def read(
        self, split: str, image_size: int | tuple[int, int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return one whole split in original order; images stay in the file until looked at.

        Args:
            split: one of `counts`.
            image_size: not used: the copy has the size that was asked for.

        Returns:
            images uint8 `(n, height, width, channels)` and labels int32 `(n,)`.
        """
        splits = list(self.counts)
        start = sum(self.counts[before] for before in splits[: splits.index(split)])
        rows = slice(start, start + self.counts[split])
        return self._images[rows], self._labels[rows]

    def changes(self, found: dict[str, tuple[int, int]]) -> str:
        """Return in words what is no longer as it was copied; an empty text where all is.

        Args:
            found: pictures to their bytes and times of change, in ns.
        """
        then = {name: tuple(known[:2]) for name, known in self._about["seen"].items()}
        altered = {name for name in then.keys() & found.keys() if then[name] != found[name]}
        # A folder that was copied or fetched anew has other times and the same content.
        touched = {name for name in altered if then[name][0] == found[name][0]}
        same = {
            name for name in touched
            if (digest := self._about["seen"][name][2]) and digest == _digest(self.source / name)
        }  # fmt: skip
        if same:
            self._about["seen"].update((n, [*found[n], self._about["seen"][n][2]]) for n in same)
            write_json(self.path / _ABOUT, self._about)
        counts = {
            "new": len(found.keys() - then.keys()),
            "gone": len(then.keys() - found.keys()),
            "altered": len(altered - same),
        }
        return ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)


def open_copy(
    root: Path,
    folder: PictureFolder,
    form: Form,
    log: Callable[[str], None] | None = None,
) -> PictureCopy:
    """Return the copy of a folder in a form; it is made where there is none or pictures changed.

    Args:
        root: of prepared data sets.
        folder: of pictures.
        form: what they are made into.
        log: called with a line for each step; default: the logger of this module.

    Raises:
        DataError: no picture can be used, they differ in size and no size is asked for, or the
            copy cannot be written.
    """
    say = log or _log.info
    path = root / FOLDER / _name(folder, form)
    seen = folder.seen()
    if made := (copy := _usable(path, seen, say)) is None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(path.parent, say):
                copy = _usable(path, seen, lambda line: None)
                if copy is None:
                    sweep(path.parent)
                    _make(folder, seen, form, path, say)
                    copy = PictureCopy(path)
        except OSError as error:
            raise DataError(
                f"the copy of {folder.path} cannot be kept: {error} Another place is chosen with "
                "--data-dir DIR (data_dir=)."
            ) from error
    if copy.left_out and (made or log):
        (log or _log.warning)(left_out_line(copy))
    return copy


def left_out_line(copy: PictureCopy) -> str:
    """Return one line that counts the pictures that were left out, and names the first.

    Args:
        copy: with some left out.
    """
    named = [f"{name} ({reason})" for name, reason in copy.left_out.items()]
    total = len(named) + len(copy.files)
    return f"{copy.source}: {len(named):,} of {total:,} pictures are left out: {first_of(named)}"


def kept_copies(root: Path) -> list[PictureCopy]:
    """Return the copies below a root, in the order of their names; what is none is not listed.

    Args:
        root: of prepared data sets.
    """
    found = []
    for path in sorted((root / FOLDER).glob("*")):
        try:
            found.append(PictureCopy(path))
        except (OSError, ValueError, KeyError):
            continue
    return found


def _name(folder: PictureFolder, form: Form) -> str:
    """Return the name of a copy: the folder's own, and a digest of what else tells it apart."""
    key = json.dumps([str(folder.path), folder.domain, form])
    short = re.sub(r"[^\w-]+", "_", folder.path.name)[:40] + (folder.domain and f"-{folder.domain}")
    return f"{short}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"


def _usable(path: Path, seen: dict[str, tuple[int, int]], say) -> PictureCopy | None:
    """Return a copy that is complete and still true, None where there is none."""
    if not path.is_dir():
        return None
    try:
        copy = PictureCopy(path)
    except (OSError, ValueError, KeyError) as error:
        say(f"{path} cannot be used ({error}): made again")
        return None
    if changes := copy.changes(seen):
        say(f"{copy.source} has changed since it was copied ({changes}): copied again")
        return None
    return copy


class _locked:
    """One process at a time makes copies; a kill releases the lock."""

    def __init__(self, folder: Path, say):
        self._folder, self._say = folder, say

    def __enter__(self):
        self._handle = open_folder(self._folder)
        if self._handle is not None and try_lock(self._handle) is False:
            self._say(f"another process is copying pictures in {self._folder}; waiting for it")
            try_lock(self._handle, wait=True)

    def __exit__(self, *_):
        if self._handle is not None:
            os.close(self._handle)


def _make(folder: PictureFolder, seen: dict, form: Form, path: Path, say) -> None:
    """Check every picture, and write the copy."""
    say(f"{folder.path}: checking {len(folder.pictures):,} pictures")
    heads, left_out = {}, {}
    found = attempted(header, [folder.path / one.file for one in folder.pictures])
    for one, (head, reason) in zip(folder.pictures, found, strict=True):
        if reason is None:
            heads[one] = head
        else:
            left_out[one.file] = reason
    _check_some(folder, heads, left_out)
    size = form.size or _only_size(folder, heads)
    channels = form.channels or (1 if all(head.grey for head in heads.values()) else 3)
    shape, digests = (*size, channels), {}

    def decode(one: Picture) -> np.ndarray:
        data = (folder.path / one.file).read_bytes()
        digests[one.file] = hashlib.sha256(data).hexdigest()
        return decoded(io.BytesIO(data), size, channels, form.crop)

    with written_aside(path) as aside:
        aside.mkdir()
        # As it comes out if every picture can be decoded.
        planned = _flat(_splits(folder, heads))
        kept: list[Picture] = []
        told = time.monotonic()
        with open(aside / _IMAGES, "wb") as file:
            for start in range(0, len(planned), _BLOCK):
                block = planned[start : start + _BLOCK]
                for one, (pixels, reason) in zip(block, attempted(decode, block), strict=True):
                    if reason is None:
                        file.write(pixels.tobytes())
                        kept.append(one)
                    else:
                        left_out[one.file] = reason
                if time.monotonic() - told > _NEWS_SECONDS:
                    told = time.monotonic()
                    say(f"{folder.path}: {start + len(block):,} of {len(planned):,} copied")
        _check_some(folder, kept, left_out)
        good = {*kept}
        splits = _splits(folder, [one for one in heads if one in good])
        order = _flat(splits)
        if order != kept:
            _rearrange(aside / _IMAGES, shape, kept, order)
        names = sorted({one.label for one in order})
        np.save(aside / _LABELS, np.searchsorted(names, [one.label for one in order]).astype("i4"))
        about = {
            "format": _FORMAT,
            "source": str(folder.path),
            "domain": folder.domain,
            "image_shape": shape,
            "crop": form.crop,
            "counts": {split: len(pictures) for split, pictures in splits.items()},
            "class_names": names if names != [""] else ["image"],
            "image_sizes": sorted({heads[one].size for one in order}),
            "left_out": dict(sorted(left_out.items())),
            "notes": _notes(order, heads, digests, size),
            "files": [one.file for one in order],
            "seen": {name: [*known, digests.get(name)] for name, known in seen.items()},
        }
        write_json(aside / _ABOUT, about)
        if path.is_dir():
            shutil.rmtree(path)
    say(f"{folder.path}: {len(order):,} pictures of {'x'.join(map(str, shape))} are kept in {path}")


def _check_some(folder: PictureFolder, good: Iterable[Picture], left_out: dict[str, str]) -> None:
    """Refuse a folder of which nothing is left to train on."""
    if not any(one.split == "train" for one in good):
        files = (one.file for one in folder.pictures if one.split == "train")
        named = [f"{file} ({left_out[file]})" for file in files]
        raise DataError(
            f"{folder.path}: none of its {len(named):,} training pictures can be used: "
            f"{first_of(named)}."
        )


def _only_size(folder: PictureFolder, heads: dict[Picture, Any]) -> tuple[int, int]:
    """Return the size that all pictures have."""
    sizes = Counter(head.size for head in heads.values())
    height, width = size = sizes.most_common(1)[0][0]
    odd = [
        f"{one.file} ({head.size[1]}x{head.size[0]})"
        for one, head in heads.items()
        if head.size != size
    ]
    if odd:
        raise DataError(
            f"{folder.path}: not every picture is {width}x{height} as most are: {first_of(odd)}. "
            f"Give image_size (--set image_size={min(size)}; data prepare: --image-size) to "
            "stretch all to it, or image_crop as well to cut out their middle."
        )
    return size


def _splits(folder: PictureFolder, pictures: Sequence[Picture]) -> dict[str, list[Picture]]:
    """Return the pictures of each split, training pictures first; see `with_test`."""
    stored: dict[str, list[Picture]] = {}
    for one in sorted(pictures, key=lambda one: one.split != "train"):
        stored.setdefault(one.split, []).append(one)
    names = sorted({one.label for one in pictures})
    labels = {
        split: np.searchsorted(names, [one.label for one in some]) for split, some in stored.items()
    }
    places = with_test(folder.path, labels)
    return {split: [stored[key][row] for row in rows] for split, (key, rows) in places.items()}


def _flat(splits: dict[str, list[Picture]]) -> list[Picture]:
    return [one for pictures in splits.values() for one in pictures]


def _rearrange(path: Path, shape: tuple[int, ...], now: list[Picture], wanted: list[Picture]):
    """Write the rows of a file anew in another order."""
    places = {one: place for place, one in enumerate(now)}
    before = path.with_suffix(".before")
    path.rename(before)
    rows = map_rows(before, (len(now), *shape))
    with open(path, "wb") as file:
        for one in wanted:
            file.write(rows[places[one]].tobytes())
    before.unlink()


def _notes(order, heads, digests: dict[str, str], size: tuple[int, int]) -> list[str]:
    """Return what was changed, with the number of pictures."""
    counts = Counter(note for one in order for note in heads[one].notes)
    larger = sum(any(a < b for a, b in zip(heads[one].size, size, strict=True)) for one in order)
    twice = len(order) - len({digests[one.file] for one in order})
    counts["were smaller and are enlarged"] = larger
    counts["are exact copies of others"] = twice
    return [f"{count:,} of {len(order):,}: {note}" for note, count in counts.items() if count]


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
