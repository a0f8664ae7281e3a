"""Read and write prepared TensorFlow Datasets folders, in the order of the original files.

TensorFlow Datasets sorts a split by the md5 of (split name, example key), and the key of MNIST is
its IDX index: the first image of a prepared MNIST is IDX 16399. Protocols name ranges such as
`train[50000:60000]` of the original order, so that order is computed back from the same hash and
proved by the SHA-256 of the original content. The arrays are kept in `original_order_<version>`
beside the prepared folder; from there a start reads 60,000 images in a tenth of a second instead
of decoding 60,000 PNGs, and needs no TensorFlow.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import logging
import os
import re
import zipfile
from collections.abc import Set
from pathlib import Path

import numpy as np

from tfgan_survey.data.sets.catalogue import DATASETS, DatasetInfo
from tfgan_survey.errors import DataError, SettingError
from tfgan_survey.files import sweep, written_aside

_log = logging.getLogger(__name__)
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_REMEDY = "Delete the folder and prepare the data set again."


def find_prepared(root: Path, name: str) -> Path | None:
    """Return the newest prepared folder of a data set, or `None`.

    Args:
        root: root of prepared folders.
        name: data set, for sets that have configurations with one, as in `"emnist/letters"`.
    """
    versions = []
    if (root / name).is_dir():
        for folder in (root / name).iterdir():
            match = _VERSION.fullmatch(folder.name)
            if match and (folder / "dataset_info.json").is_file():
                versions.append((tuple(int(part) for part in match.groups()), folder))
    return max(versions)[1] if versions else None


def original_positions(split: str, count: int) -> np.ndarray:
    """Return which original index each position of a prepared split holds.

    Formula:
        indices 0..count-1 sorted by md5(split followed by the index in decimal digits).
        `prepared[j] = original[original_positions(split, count)[j]]`.

    Args:
        split: `train` or `test`, as the data set names it.
        count: images in the split.

    Source:
        `tensorflow_datasets/core/hashing.py` and `shuffle.py`, for sets whose example key is
        the index; recomputed here so that reading the kept arrays needs no TensorFlow Datasets.
    """
    salted = hashlib.md5(split.encode(), usedforsecurity=False)
    keys = []
    for index in range(count):
        key = salted.copy()
        key.update(str(index).encode())
        keys.append(key.digest())
    return np.asarray(sorted(range(count), key=keys.__getitem__), np.int64)


class PreparedFolder:
    """One prepared folder: its splits, classes and images in original order.

    Args:
        path: the folder of a version, such as `~/tensorflow_datasets/mnist/3.0.1`.
        info: what its content must be; default: what the catalogue knows of this name, `None` for
            other sets, which keep the order of TensorFlow Datasets.

    Raises:
        DataError: the folder's own description is missing or unreadable.
    """

    def __init__(self, path: str | os.PathLike, info: DatasetInfo | None = None):
        self.path = Path(path)
        description = self._json("dataset_info.json")
        try:
            self.name = description["name"]
            self._splits = {split["name"]: split for split in description["splits"]}
            self.counts = {
                name: sum(int(length) for length in split["shardLengths"])
                for name, split in self._splits.items()
            }
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"{self.path / 'dataset_info.json'} has no usable {error}. {_REMEDY}"
            ) from error
        self.info = DATASETS.get(self.name) if info is None else info

    def _json(self, name: str) -> dict:
        try:
            return json.loads((self.path / name).read_text())
        except (OSError, ValueError) as error:
            raise DataError(f"{self.path / name} cannot be read: {error}. {_REMEDY}") from error

    def _features(self) -> dict:
        """Return the description of each feature."""
        features = self._json("features.json").get("featuresDict", {}).get("features", {})
        if "image" not in features or "label" not in features:
            raise DataError(
                f"{self.path} has the features {', '.join(sorted(features)) or '(none)'}; expected "
                "an image classification set with 'image' and 'label'."
            )
        return features

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; their numbers where the folder has no names."""
        names = self.path / "label.labels.txt"
        if names.is_file():
            return tuple(names.read_text(encoding="utf-8").splitlines())
        label = self._features()["label"].get("classLabel", {})
        if "numClasses" not in label:
            raise DataError(f"{self.path}: its feature 'label' is not a class label.")
        return tuple(str(index) for index in range(int(label["numClasses"])))

    @property
    def image_sizes(self) -> Set[tuple[int, int]] | None:
        """Sizes `(height, width)` that `read` stretches, none known; None where it does not."""
        return None if self._fixed_size() else frozenset()

    def read(
        self, split: str, image_size: int | tuple[int, int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read one whole split in original order.

        Args:
            split: one of `counts`.
            image_size: used only where the images of the set differ in size, and needed there.

        Returns:
            images uint8 `(n, height, width, channels)` and labels int32 `(n,)`.

        Raises:
            DataError: files are missing or altered, or the content is not what it should be.
            SettingError: images of different sizes and no `image_size`.
        """
        kept = self._kept_path(split, image_size)
        arrays = self._read_kept(kept, split)
        if arrays is None:
            arrays = self._decode(split, image_size)
            self.keep(split, *arrays, image_size=image_size)
        images, labels = arrays
        return images, labels.astype(np.int32)

    # Kept arrays

    def _kept_path(self, split: str, image_size=None) -> Path:
        varying = "" if image_size is None or self._fixed_size() else f"-{image_size}"
        file_name = re.sub(r"[^\w-]+", "x", f"{split}{varying}") + ".npz"
        return self.path.parent / f"original_order_{self.path.name}" / file_name

    def _fixed_size(self) -> bool:
        if self.info is not None:
            return True
        shape = self._features()["image"].get("image", {}).get("shape", {}).get("dimensions", [])
        return len(shape) == 3 and all(int(side) > 0 for side in shape)

    def _fingerprint(self, split: str) -> str:
        """Describe the files that the kept arrays were made from."""
        files = [(path.name, path.stat().st_size) for path in self._shards(split)]
        return json.dumps(files)

    def _shards(self, split: str) -> list[Path]:
        shards = sorted(self.path.glob(f"{self.name}-{split}.*-of-*"))
        expected = len(self._splits[split]["shardLengths"])
        if len(shards) != expected:
            raise DataError(
                f"{self.path}: found {len(shards)} files of split {split}, expected {expected}. "
                f"{_REMEDY}"
            )
        return shards

    def _read_kept(self, kept: Path, split: str):
        """Return the kept arrays, or `None` where there are none that are good."""
        if not kept.is_file():
            return None
        try:
            with zipfile.ZipFile(kept) as archive:
                # `keep` compresses nothing; a compressed member could unpack to any size.
                if any(m.compress_type != zipfile.ZIP_STORED for m in archive.infolist()):
                    raise ValueError("its arrays are compressed")
            with np.load(kept, allow_pickle=False) as arrays:
                images, labels = arrays["images"], arrays["labels"]
                fingerprint, digest = str(arrays["fingerprint"]), str(arrays["sha256"])
        except (
            OSError, KeyError, ValueError, EOFError, MemoryError, zipfile.BadZipFile
        ) as error:  # fmt: skip
            _log.warning("%s is unreadable (%s); reading the prepared folder.", kept, error)
            return None
        if fingerprint != self._fingerprint(split):
            _log.warning("%s is older than the prepared folder; reading that.", kept)
            return None
        if digest != _digest(images, labels):
            _log.warning("%s is altered; reading the prepared folder.", kept)
            return None
        return images, labels

    def keep(self, split: str, images: np.ndarray, labels: np.ndarray, image_size=None) -> None:
        """Keep arrays in original order beside the folder; a folder that is read-only stays so.

        Written aside, then renamed. Not being able to write costs time at the next start and
        nothing else, so it is logged, not raised.

        Args:
            split: whose images these are.
            images: uint8 `(n, height, width, channels)`.
            labels: integers `(n,)`.
            image_size: side that they were resized to, None for their own.
        """
        kept = self._kept_path(split, image_size)
        try:
            # As `kept` is made, the folder of the set exists.
            kept.parent.mkdir(exist_ok=True)
            sweep(kept.parent)
            with written_aside(kept) as aside:
                np.savez(
                    aside,
                    images=images,
                    labels=labels,
                    fingerprint=self._fingerprint(split),
                    sha256=_digest(images, labels),
                )
        except OSError as error:
            _log.warning("%s cannot be kept (%s); every start decodes again.", kept, error)

    # The prepared files themselves

    def _decode(self, split: str, image_size) -> tuple[np.ndarray, np.ndarray]:
        """Read a split through TensorFlow Datasets and bring it into original order."""
        import tensorflow as tf
        import tensorflow_datasets as tfds

        self._shards(split)
        self._features()
        fixed = self._fixed_size()
        if not fixed and image_size is None:
            raise SettingError(
                f"the images of {self.name} differ in size; give image_size=SIDE or "
                "(height, width)."
            )
        builder = tfds.builder_from_directory(self.path)
        dataset = builder.as_dataset(
            split=split,
            shuffle_files=False,
            read_config=tfds.ReadConfig(interleave_cycle_length=1),
        ).map(lambda example: {"image": example["image"], "label": example["label"]})
        count = self.counts[split]
        if not fixed:
            side = (image_size, image_size) if np.ndim(image_size) == 0 else tuple(image_size)

            def resize(example):
                image = tf.image.resize(example["image"], side, antialias=True)
                image = tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8)
                return {"image": image, "label": example["label"]}

            dataset = dataset.map(resize, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        images, labels = None, np.empty(count, np.uint8 if self.info else np.int32)
        done = 0
        try:
            for batch in dataset.batch(1000).prefetch(1).as_numpy_iterator():
                if images is None:
                    images = np.empty((count, *batch["image"].shape[1:]), batch["image"].dtype)
                size = len(batch["label"])
                if done + size > count:
                    break
                images[done : done + size] = batch["image"]
                labels[done : done + size] = batch["label"]
                done += size
        except tf.errors.OpError as error:
            reason = str(error.message).split("\n")[0]
            raise DataError(
                f"{self.path}: split {split} is truncated or altered: {reason}. {_REMEDY}"
            ) from error
        if images is None or done != count:
            raise DataError(
                f"{self.path}: split {split} does not hold the {count:,} images that its "
                f"dataset_info.json states. {_REMEDY}"
            )
        return self._original(split, images, labels)

    def _original(self, split: str, images: np.ndarray, labels: np.ndarray):
        """Bring a known set into original order and prove it by its digests."""
        if self.info is None:
            return images, labels
        order = np.empty(len(labels), np.int64)
        order[original_positions(split, len(labels))] = np.arange(len(labels))
        images, labels = images[order], labels[order]
        for kind, array in (("images", images), ("labels", labels)):
            found, expected = self.info.digest(array), self.info.digests[f"{split}_{kind}"]
            if found != expected:
                raise DataError(
                    f"{self.path}: the {kind} of split {split} are not those of {self.name}: "
                    f"found sha256 {found} in original order, expected {expected}. {_REMEDY}"
                )
        return images, labels


def _digest(images: np.ndarray, labels: np.ndarray) -> str:
    content = hashlib.sha256(str((images.shape, labels.dtype)).encode())
    content.update(np.ascontiguousarray(images))
    content.update(np.ascontiguousarray(labels))
    return content.hexdigest()


def write_prepared(info: DatasetInfo, arrays: dict, data_dir: Path) -> Path:
    """Write the ordinary prepared folder of a known data set from arrays in original order.

    TensorFlow Datasets' own builder does the writing, so `tfds.load` reads the result anywhere; a
    subclass only replaces its download.

    Args:
        info: the data set.
        arrays: `{split: (images, labels)}` as `originals.read_originals` gives them.
        data_dir: root under which `<name>/<version>` is written.

    Returns:
        The prepared folder.

    Raises:
        OSError: the disk is full or the folder is not writable.
    """
    import tensorflow_datasets as tfds

    base = tfds.builder_cls(info.name)

    def split_generators(self, dl_manager):
        del dl_manager
        if info.layout == "cifar":
            self.info.features["label"].names = list(info.class_names)
        return {split: examples(self, split) for split in arrays}

    def examples(self, split):
        images, labels = arrays[split]
        has_id = "id" in self.info.features
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            example = {"image": image, "label": int(label)}
            if has_id:
                example["id"] = f"{split}_{index:05d}"
            yield index, example

    with tfds.core.registered.skip_registration():
        # The builder takes its name, and so its folder, from the name of the class.
        builder_class = type(
            base.__name__,
            (base,),
            {"__module__": base.__module__, "_split_generators": split_generators},
        )
    builder = builder_class(data_dir=data_dir)
    download_and_prepare(builder, data_dir / "downloads")
    return Path(builder.data_path)


def download_and_prepare(builder, download_dir: Path) -> None:
    """Run a builder quietly, and give disk errors as `OSError`.

    Its progress bars and prints are left out: they name the temporary folder as the result.

    Args:
        builder: a builder of TensorFlow Datasets.
        download_dir: where it keeps what it downloads.
    """
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare(download_dir=str(download_dir))
    except Exception as error:
        # TensorFlow has its own errors for a full disk, and the builder wraps them once more.
        code = _disk_code(error)
        if code is None:
            raise
        raise OSError(code, os.strerror(code), str(download_dir.parent)) from error


def _disk_code(error: BaseException | None) -> int | None:
    """Return the errno of a full or protected disk among an error and its causes."""
    import tensorflow as tf

    while error is not None:
        if isinstance(error, tf.errors.ResourceExhaustedError):
            return errno.ENOSPC
        if isinstance(error, tf.errors.PermissionDeniedError):
            return errno.EACCES
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return error.errno
        error = error.__cause__ or error.__context__
    return None
