"""The FID of the literature: Frechet distance on features of the Inception network of 2015.

Cost: about 9 images a second and core, so 10,000 images take 20 minutes and the first evaluation
of a model (samples, test images and training images) an hour. Features are kept every 1,000 images
and reference sets keep their statistics, so an interrupted run goes on and the next model pays for
its samples only. 10,000 images keep 82 MB of features, in `inception_v3/features` beside the data
sets; that folder may be removed at any time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from tfgan_survey.metrics.base import LOWER, Metric, yields
from tfgan_survey.metrics.bench import Bench
from tfgan_survey.metrics.common import Measurement, check_images, warn
from tfgan_survey.metrics.frechet import gaussian_frechet_distance
from tfgan_survey.metrics.inception_cache import FeatureCache, InceptionStatistics
from tfgan_survey.metrics.inception_weights import (
    FEATURE_DIM,
    FILE,
    SHA256,
    inception_folder,
    load_inception,
)
from tfgan_survey.metrics.needs import Given, has_images
from tfgan_survey.pictures import to_uint8

Progress = Callable[[int, int], None]

BLOCK, BATCH = 1000, 50
STANDARD_NUM = 10_000
"""Samples of the protocol of Lucic et al. 2018, arXiv:1711.10337, section 4."""
# Part of every key: raise it when the equations of the network change.
_VERSION = 1
PROTOCOL = (
    f"Inception-v3 of 2015 (weights {SHA256[:8]}), layer pool_3, images as bytes, resized "
    "bilinearly as in TensorFlow 1"
)


class Inception:
    """The network with its prepared weights, read when the first image comes.

    Args:
        data_dir: root under which `prepare_inception` put the weights.
    """

    digest = SHA256

    def __init__(self, data_dir: str | os.PathLike | None = None):
        self._data_dir = data_dir
        self._network = None

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return features float32 `(n, 2048)` of images 0..255, `(n, height, width, 3)`."""
        if self._network is None:
            from tfgan_survey.metrics.networks.inception import InceptionNetwork

            self._network = InceptionNetwork(load_inception(self._data_dir))
        return self._network(images)


def inception_features(
    images: np.ndarray,
    *,
    data_dir: str | os.PathLike | None = None,
    cache: bool | str | os.PathLike = True,
    progress: Progress | None = None,
    network: Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """Return the features by which the FID compares images.

    Every 1,000 images are kept in a file named by a hash of the images and the weights, so the
    same images are never computed twice and an interrupted run goes on.

    Args:
        images: uint8 0..255 or floats in [0, 1], shape `(n, height, width, channels)` with 1
            channel (repeated three times) or 3. Floats are rounded to bytes first.
        data_dir: root of prepared data sets, which holds the weights and kept features.
        cache: True for the folder `inception_v3` there, another folder, or False to keep nothing.
        progress: called with the number of images done and of all images.
        network: another network than the prepared one: a callable with a `digest` of its weights.

    Returns:
        float32 `(n, 2048)`.

    Raises:
        DataError: the weights are not prepared (`tfgan-survey data prepare inception_v3`) or are
            altered.
        ValueError: wrong shape, channels, range or type, NaN values.
    """
    images = _to_bytes(images, "images")
    network = Inception(data_dir) if network is None else network
    cache = FeatureCache(cache, data_dir, PROTOCOL)
    blocks, done = [], 0
    for start in range(0, len(images), BLOCK):
        block = images[start : start + BLOCK]
        key = _key(block, network)
        features = cache.read_features(key, len(block))
        if features is None:
            parts = []
            for i in range(0, len(block), BATCH):
                batch = block[i : i + BATCH]
                colour = np.repeat(batch, 3, axis=-1) if batch.shape[-1] == 1 else batch
                parts.append(network(colour))
                if progress is not None:
                    progress(done + i + len(batch), len(images))
            features = np.concatenate(parts)
            cache.write_features(key, features)
        done += len(block)
        if progress is not None:
            progress(done, len(images))
        blocks.append(features)
    return np.concatenate(blocks)


def inception_statistics(
    images: np.ndarray,
    split: str = "",
    *,
    data_dir: str | os.PathLike | None = None,
    cache: bool | str | os.PathLike = True,
    progress: Progress | None = None,
    network: Callable[[np.ndarray], np.ndarray] | None = None,
) -> InceptionStatistics:
    """Return mean and covariance of the features of a set of images, kept once computed.

    Args:
        images: at least 2, see `inception_features`.
        split: which images these are, for people; kept beside the numbers.
        data_dir: see `inception_features`.
        cache: see `inception_features`; the statistics are kept in its folder `statistics`.
        progress: see `inception_features`.
        network: see `inception_features`.

    Raises:
        DataError: see `inception_features`.
        ValueError: see `inception_features`, or fewer than 2 images.
    """
    images = _to_bytes(images, "images")
    if len(images) < 2:
        raise ValueError("images has 1 row; a covariance needs at least 2.")
    network = Inception(data_dir) if network is None else network
    kept = FeatureCache(cache, data_dir, PROTOCOL)
    key = _key(images, network)
    statistics = kept.read_statistics(key)
    if statistics is None:
        features = inception_features(
            images, data_dir=data_dir, cache=cache, progress=progress, network=network
        )
        statistics = InceptionStatistics(*_moments(features), len(features), split, PROTOCOL)
        kept.write_statistics(key, statistics)
    elif progress is not None:
        progress(len(images), len(images))
    return statistics._replace(split=split or statistics.split)


def inception_fid(
    images: np.ndarray | InceptionStatistics,
    reference: np.ndarray | InceptionStatistics,
    *,
    progress: Progress | None = None,
    **options: Any,
) -> float:
    """Frechet Inception distance between samples and reference images.

    Formula:
        see `gaussian_frechet_distance`, on the 2,048 features of `inception_features`
    Why:
        the number that papers report. Its features were learnt on photographs: for digits and
        clothes `frechet_distance` with the package's own features sees more, in seconds.
        Biased upwards by about 1/n: only values from equal counts compare, usually 10,000.
        Verified: the features agree with the package that the weights come from, and all
        50,000 training against all 10,000 test images of CIFAR-10 give 3.1508, published as
        3.15 (`benchmarks/inception_cifar10.py`).

    Args:
        images: samples, see `inception_features`, or their `inception_statistics`.
        reference: real images, or their `inception_statistics`.
        progress: called with the number of images done and of all images of both sets.
        **options: `data_dir`, `cache` and `network`, see `inception_features`.

    Returns:
        The squared distance, at least 0. Fewer than 2,049 images or another number than 10,000
        give a `MetricWarning`.

    Raises:
        DataError: see `inception_features`.
        ValueError: see `inception_features`; statistics of different networks.

    Example:
        >>> real = inception_statistics(test.images, "mnist test")
        >>> fid = inception_fid(samples, real)

    Source:
        Heusel et al. 2017, arXiv:1706.08500, Eq. 6 and section 2.
    """
    total = sum(0 if _known(one) else len(one) for one in (images, reference))
    found, before = [], 0
    # Sets that are wrong are refused before the first of them costs half an hour.
    sets = [
        one if _known(one) else _to_bytes(one, name)
        for one, name in ((images, "images"), (reference, "reference"))
    ]
    for one in reversed(sets):
        if _known(one):
            found.insert(0, one)
            continue

        def report(done, _, before=before):
            if progress is not None:
                progress(before + done, total)

        found.insert(0, inception_statistics(one, progress=report, **options))
        before += len(one)
    a, b = found
    if a.mean.shape != b.mean.shape or a.protocol != b.protocol:
        raise ValueError(
            f"images have {a.mean.shape[0]} features ({a.protocol}), reference has "
            f"{b.mean.shape[0]} ({b.protocol}); both must come from the same network."
        )
    _warn_of_counts(a.num, b.num)
    return gaussian_frechet_distance(a.mean, a.covariance, b.mean, b.covariance)


def measure_inception_fid(
    bench: Bench, network: Callable[[np.ndarray], np.ndarray] | None = None
) -> list[Measurement]:
    """Measure a bench's samples against test images; reference: training images, likewise.

    Both real sets are as many images as the samples (or all there are), the first of one fixed
    permutation that depends on neither seed nor count, so their features are computed once.

    Args:
        bench: samples and real data.
        network: see `inception_features`.

    Returns:
        One measurement, without standard error: a bootstrap would take minutes.

    Raises:
        DataError: see `inception_features`.
        ValueError: images of neither 1 nor 3 channels.
    """
    network = Inception(bench.home.data_dir) if network is None else network
    num = len(bench.images)
    real = _drawn(bench.test.images, num)
    training = _drawn(bench.train.images, num) if bench.with_references else real[:0]
    total, done = num + len(real) + len(training), 0
    found = []
    sets = {"test": real, "train": training, "samples": bench.images}
    for split, images in sets.items():
        if not len(images):
            continue

        def report(part, _, done=done, split=split):
            if bench.progress is not None:
                bench.progress((done + part) / total, f"Inception features, {split}")

        found.append(
            inception_statistics(
                images,
                f"{bench.dataset} {split}",
                data_dir=bench.home.data_dir,
                progress=report,
                network=network,
            )
        )
        done += len(images)
    against, *references, fake = found
    judged = bench.judge(
        lambda one: (inception_fid(one, against), None), (fake,), tuple(references) or None
    )
    return [
        bench.measured(
            "inception_fid",
            judged,
            f"{num} samples against {len(real)} test images, {PROTOCOL}; reference: "
            f"{min(num, len(bench.train.images))} training images against the same",
        )
    ]


def has_network(given: Given) -> str | None:
    """Need the network's weights on disk.

    Args:
        given: what is at hand.
    """
    if (inception_folder(given.home.data_dir) / FILE).is_file():
        return None
    return "its network, 81 MB: tfgan-survey data prepare inception_v3."


class InceptionFIDMetric(Metric):
    """The FID of the literature, for any image set; its network has to be prepared once."""

    name = "inception_fid"
    cost = "20 minutes, the first time an hour"
    outcomes = yields(inception_fid=LOWER)
    needs = (has_images, has_network)

    def measure(self, bench: Bench) -> list[Measurement]:
        """Measure all samples against as many test images."""
        return measure_inception_fid(bench)


def _drawn(images: np.ndarray, num: int) -> np.ndarray:
    return images[np.random.default_rng(0).permutation(len(images))[:num]]


def _known(one) -> bool:
    return isinstance(one, InceptionStatistics)


def _to_bytes(images: np.ndarray, name: str) -> np.ndarray:
    images = check_images(images, name)
    if images.shape[-1] not in (1, 3):
        raise ValueError(
            f"{name} has {images.shape[-1]} channels; the Inception network sees colour images (3 "
            "channels) and grey ones (1)."
        )
    return to_uint8(images)


def _moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and unbiased covariance in float64, block by block: 60,000 rows fit then."""
    mean = features.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((len(mean), len(mean)))
    for start in range(0, len(features), BLOCK):
        centred = features[start : start + BLOCK] - mean
        covariance += centred.T @ centred
    return mean, covariance / (len(features) - 1)


def _warn_of_counts(num: int, reference: int) -> None:
    counts = f"FID of {num:,} images against {reference:,}"
    if min(num, reference) <= FEATURE_DIM:
        warn(
            f"{counts}: fewer than {FEATURE_DIM + 1:,} leave the covariance singular, and the "
            "value is mostly bias. It says nothing beside values of other counts."
        )
    elif num != STANDARD_NUM:
        warn(
            f"{counts}: the usual number of samples is {STANDARD_NUM:,}; fewer give a higher "
            "value, more a lower one. Compare only values of equal counts."
        )


def _key(images: np.ndarray, network) -> str:
    digest = hashlib.sha256(f"{_VERSION} {network.digest} {images.shape} ".encode())
    digest.update(np.ascontiguousarray(images))
    return digest.hexdigest()[:40]
