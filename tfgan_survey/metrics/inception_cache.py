"""What the FID keeps between evaluations: features of images, and statistics of sets of them."""

from __future__ import annotations

import logging
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfgan_survey.errors import DataError
from tfgan_survey.files import written_aside
from tfgan_survey.metrics.inception_weights import inception_folder

_log = logging.getLogger(__name__)


class InceptionStatistics(NamedTuple):
    """What the FID needs to know of a set of images.

    Args:
        mean: float64 `(d,)`.
        covariance: float64 `(d, d)`, unbiased.
        num: number of images.
        split: which images these are, for people.
        protocol: how their features were computed.
    """

    mean: np.ndarray
    covariance: np.ndarray
    num: int
    split: str
    protocol: str


class FeatureCache:
    """Files by key; what cannot be read is computed again.

    Args:
        folder: True for the folder of the weights, another folder, or False to keep nothing.
        data_dir: root of prepared data sets.
        protocol: how features are computed; statistics of another are not taken up.

    Raises:
        DataError: what was computed cannot be written.
    """

    def __init__(
        self, folder: bool | str | os.PathLike, data_dir: str | os.PathLike | None, protocol: str
    ):
        self._protocol = protocol
        self._folder: Path | None = None
        if folder is True:
            self._folder = inception_folder(data_dir)
        elif folder is not False:
            self._folder = Path(folder)

    def read_features(self, key: str, num: int) -> np.ndarray | None:
        """Return the features of `num` images, None where they are not kept.

        Args:
            key: of the images and the network.
            num: rows that they must have.
        """
        found = self._read(f"features/{key}.npy")
        if found is not None and not (found.ndim == 2 and len(found) == num):
            found = None
        return found

    def write_features(self, key: str, features: np.ndarray) -> None:
        """Keep features.

        Args:
            key: of the images and the network.
            features: `(n, d)`.
        """
        self._write(f"features/{key}.npy", lambda file: np.save(file, features))

    def read_statistics(self, key: str) -> InceptionStatistics | None:
        """Return statistics, None where they are not kept or of another protocol.

        Args:
            key: of the images and the network.
        """
        found = self._read(f"statistics/{key}.npz")
        if found is None or set(found) != set(InceptionStatistics._fields):
            return None
        found = InceptionStatistics(
            found["mean"],
            found["covariance"],
            int(found["num"]),
            str(found["split"]),
            str(found["protocol"]),
        )
        return found if found.protocol == self._protocol else None

    def write_statistics(self, key: str, statistics: InceptionStatistics) -> None:
        """Keep statistics.

        Args:
            key: of the images and the network.
            statistics: what is kept.
        """
        self._write(f"statistics/{key}.npz", lambda file: np.savez(file, **statistics._asdict()))

    def _read(self, name: str):
        if self._folder is None or not (path := self._folder / name).is_file():
            return None
        try:
            found = np.load(path, allow_pickle=False)
            if isinstance(found, np.ndarray):
                return found
            with found:
                return dict(found)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            _log.warning("%s is unreadable (%s); computing it again.", path, error)
            return None

    def _write(self, name: str, write: Callable) -> None:
        if self._folder is None:
            return
        try:
            with written_aside(self._folder / name) as aside, open(aside, "wb") as file:
                write(file)
        except OSError as error:
            raise DataError(
                f"features cannot be kept: {error} Choose a folder with cache= (or --data-dir), or "
                "pass cache=False."
            ) from error
