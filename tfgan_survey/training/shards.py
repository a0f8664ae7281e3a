"""Samples by the million: files of a fixed share each, at constant memory, by several workers."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_survey.errors import RunError, SettingError, unknown_name
from tfgan_survey.files import sweep, write_json, written_aside
from tfgan_survey.models.digest import weights_digest
from tfgan_survey.models.walking import require_samples
from tfgan_survey.settings import check_whole
from tfgan_survey.training.looks import draw
from tfgan_survey.training.sample import load_sampler

MANIFEST = "manifest.json"
# Images a call of the generator. Calls begin at multiples of it, whatever the shards: a matrix
# product may round differently in a batch of another size, and an image must not depend on that.
_BATCH = 256
# The last batch may reach beyond the last seed, the first below the first.
_LEAST_SEED, _LARGEST_SEED = -(2**63) + _BATCH, 2**63 - 1 - _BATCH


def sample_shards(
    run: str | Path,
    output: str | Path,
    num: int,
    shards: int,
    format: str = "npz",
    labels: int | Sequence[int] | None = None,
    seed: int = 0,
    worker: tuple[int, int] = (0, 1),
    log: Callable[[str], None] = print,
) -> Path:
    """Sample a run folder or a `.keras` file into a folder of shards.

    Why:
        Memory is that of one batch, whatever `num` is. A shard is written aside and renamed, so
        one that is there is whole; after a kill the same call makes those that are missing.
        Image i is the same to the bit in any number of shards, by any number of workers.

    Args:
        run: run folder or `.keras` file.
        output: the folder; `manifest.json` in it says what each shard holds.
        num: number of images in all shards.
        shards: number of files, of shares that differ by at most one image.
        format: `npz` with `images` uint8 `(n, height, width, channels)` (points: float32) and,
            where conditional, `labels`; or `tfrecord`, a `tf.train.Example` an image: `image`, the
            bytes of the same array, `seed` and `label` (of another condition than classes:
            `condition`).
        labels: class ids; image i gets `labels[i mod len]`, all classes in turn by default.
        seed: image i is a function of `seed + i` and its label alone.
        worker: `(k, n)`, the k-th of n workers, from 0; each makes its own range of the shards.
        log: gets a line a shard.

    Returns:
        `output`.

    Raises:
        UnknownNameError: no such format.
        SettingError: numbers that are none, more shards than images, or more workers than shards;
            a model of tags.
        RunError: there is no model, or one that cannot sample; or the folder holds other samples.

    Example:
        >>> sample_shards("runs/cgan_mnist", "digits", 10_000_000, 100, worker=(0, 4))
    """
    if format not in _WRITERS:
        raise unknown_name("format of shards", format, _WRITERS)
    seed = _check(num, shards, seed, worker)
    output, model = Path(output), load_sampler(run)
    require_samples(model)
    told = model.spec.conditional
    given = 1 if labels is None or np.ndim(labels) == 0 else len(labels)
    turns = model.spec.num_classes if told and labels is None else given
    cycle = model.check_labels(turns or 1, labels)
    samples = _Samples(model, seed, cycle)
    plan = [num * place // shards for place in range(shards + 1)]
    names = [f"samples-{place:05d}-of-{shards:05d}.{format}" for place in range(shards)]
    listed = [{"file": name, "start": start, "num": stop - start}
              for name, start, stop in zip(names, plan, plan[1:], strict=False)]  # fmt: skip
    _claim(output, {**samples.facts(), "num": num, "format": format, "shards": listed})
    place, workers = worker
    for shard in listed[shards * place // workers : shards * (place + 1) // workers]:
        if (path := output / shard["file"]).exists():
            log(f"{path} is there already")
            continue
        with written_aside(path) as aside:
            _WRITERS[format](aside, samples, shard["start"], shard["num"])
        log(f"wrote {path}")
    there = sum((output / name).exists() for name in names)
    log(f"{there} of {shards} shards are in {output}")
    return output


@dataclass(frozen=True)
class _Samples:
    """All images that a model has for consecutive seeds; any range of them can be asked for."""

    model: Any
    seed: int
    cycle: np.ndarray | None

    @property
    def dtype(self) -> np.dtype:
        return np.dtype("float32" if self.model.spec.takes_points else "uint8")

    def facts(self) -> dict[str, Any]:
        """Return what the images follow from, for the manifest."""
        return {
            "model": self.model.name,
            "weights": weights_digest(self.model),
            "truncation": self.model.truncation,
            "seed": self.seed,
            "labels": None if self.cycle is None else self.cycle.tolist(),
            "image_shape": list(self.model.spec.image_shape),
            "dtype": self.dtype.name,
        }

    def rows(self, places: np.ndarray) -> np.ndarray | None:
        """Return the condition's rows of images."""
        return None if self.cycle is None else self.cycle[places % len(self.cycle)]

    def batches(self, start: int, num: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield places and images of a range, from calls that begin at multiples of a batch."""
        first, last = self.seed + start, self.seed + start + num
        for lowest in range(first // _BATCH * _BATCH, last, _BATCH):
            places = np.arange(_BATCH, dtype=np.int64) + (lowest - self.seed)
            images = draw(self.model, _BATCH, self.rows(places), lowest)
            kept = slice(max(first - lowest, 0), last - lowest)
            yield places[kept], images[kept]


def _check(num: int, shards: int, seed: int, worker: tuple[int, int]) -> int:
    """Refuse numbers that are none; return the seed."""
    check_whole("num", num)
    check_whole("shards", shards)
    if shards > num:
        raise SettingError(f"{shards} shards of {num} images: expected at most one an image.")
    place, workers = worker
    check_whole("workers", workers)
    check_whole("worker", place, smallest=0, largest=workers - 1)
    if workers > shards:
        raise SettingError(
            f"{workers} workers for {shards} shards: expected at least a shard a worker."
        )
    return check_whole("seed", seed, smallest=_LEAST_SEED, largest=_LARGEST_SEED - num)


def _claim(output: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest, or refuse a folder that holds the shards of another one."""
    path = output / MANIFEST
    if not path.exists():
        if any(output.glob("samples-*")):
            raise RunError(f"{output} holds shards without {MANIFEST}: choose an empty folder.")
        write_json(path, manifest)
        return
    sweep(output)
    there = json.loads(path.read_text(encoding="utf-8"))
    if there != manifest:
        other = [key for key in manifest if there.get(key) != manifest[key]]
        told = [f"{key}={there.get(key)!r:.40}" for key in other if key != "shards"]
        told += [f"shards={len(there.get('shards', ()))}"] if "shards" in other else []
        raise RunError(
            f"{output} holds samples with {', '.join(told)}; other ones are asked for. Ask for the "
            "same, or choose an empty folder."
        )


def _write_npz(path: Path, samples: _Samples, start: int, num: int) -> None:
    """Write what `numpy.load` reads, piece by piece; equal content gives equal bytes."""
    shape = samples.model.spec.image_shape
    with zipfile.ZipFile(path, "w") as archive:
        images = (images for _, images in samples.batches(start, num))
        _write_member(archive, "images", (num, *shape), samples.dtype, images)
        if (cycle := samples.cycle) is not None:
            places = (np.arange(first, min(first + _BATCH, start + num))
                      for first in range(start, start + num, _BATCH))  # fmt: skip
            rows = (samples.rows(one) for one in places)
            _write_member(archive, "labels", (num, *cycle.shape[1:]), cycle.dtype, rows)


def _write_member(
    archive: zipfile.ZipFile,
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype,
    pieces: Iterable[np.ndarray],
) -> None:
    """Write one array of known shape from its pieces."""
    member = zipfile.ZipInfo(f"{name}.npy")
    member.compress_type = zipfile.ZIP_DEFLATED
    descr = np.lib.format.dtype_to_descr(dtype)
    with archive.open(member, "w", force_zip64=True) as file:
        header = {"descr": descr, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for piece in pieces:
            file.write(np.ascontiguousarray(piece, dtype).tobytes())


def _write_tfrecord(path: Path, samples: _Samples, start: int, num: int) -> None:
    """Write one `tf.train.Example` an image."""
    classes = samples.model.spec.num_classes is not None
    with tf.io.TFRecordWriter(str(path)) as writer:
        for places, images in samples.batches(start, num):
            rows = samples.rows(places)
            for place, image in enumerate(images):
                feature = {
                    "image": tf.train.Feature(
                        bytes_list=tf.train.BytesList(value=[image.tobytes()])
                    ),
                    "seed": _numbers([samples.seed + int(places[place])]),
                }
                if rows is not None:
                    name = "label" if classes else "condition"
                    feature[name] = _numbers(np.ravel(rows[place]).tolist())
                example = tf.train.Example(features=tf.train.Features(feature=feature))
                writer.write(example.SerializeToString())


def _numbers(values: list) -> tf.train.Feature:
    if isinstance(values[0], int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


_WRITERS = {"npz": _write_npz, "tfrecord": _write_tfrecord}
