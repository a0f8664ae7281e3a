"""The metric's bookkeeping with a small network: counts, kept files, interrupted runs, warnings."""

import sys
import warnings

import numpy as np
import pytest

from tfgan_survey.data.home import DataHome
from tfgan_survey.metrics.bench import Bench
from tfgan_survey.metrics.common import MetricWarning
from tfgan_survey.metrics.frechet import frechet_distance
from tfgan_survey.metrics.inception_fid import (
    InceptionStatistics,
    inception_features,
    inception_fid,
    inception_statistics,
    measure_inception_fid,
)


class Means:
    """Mean and deviation of each colour, 6 features; counts the images and may break down."""

    def __init__(self, digest="means", break_after=None):
        self.digest, self.break_after, self.seen = digest, break_after, 0

    def __call__(self, images):
        assert images.dtype == np.uint8 and images.shape[-1] == 3
        self.seen += len(images)
        if self.break_after is not None and self.seen > self.break_after:
            raise KeyboardInterrupt
        flat = images.reshape(len(images), -1, 3).astype(np.float32)
        return np.concatenate([flat.mean(axis=1), flat.std(axis=1)], axis=1)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (2300, 4, 5, 3), np.uint8)


def test_features_of_bytes_floats_and_grey_images(images, tmp_path):
    network = Means()
    expected = network(images)
    some = {"network": network, "cache": tmp_path}
    assert (inception_features(images, **some) == expected).all()
    assert (inception_features(images / 255.0, **some) == expected).all()
    grey = images[:3, ..., :1]
    found = inception_features(grey, **some)
    assert (found == network(np.concatenate([grey] * 3, axis=-1))).all()


def test_an_interrupted_run_goes_on_at_the_last_thousand(images, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        inception_features(images, network=Means(break_after=1900), cache=tmp_path)
    assert len(list((tmp_path / "features").iterdir())) == 1
    rest, reported = Means(), []
    found = inception_features(
        images, network=rest, cache=tmp_path, progress=lambda *done: reported.append(done)
    )
    assert rest.seen == 1300
    assert (found == Means()(images)).all()
    assert reported[0] == (1000, 2300) and reported[-1] == (2300, 2300)
    assert reported == sorted(reported)


def test_other_images_and_other_weights_have_files_of_their_own(images, tmp_path):
    inception_features(images[:100], network=Means(), cache=tmp_path)
    changed = images[:100].copy()
    changed[50, 1, 2, 0] ^= 1
    for network, pixels in ((Means("other"), images[:100]), (Means(), changed)):
        inception_features(pixels, network=network, cache=tmp_path)
        assert network.seen == 100
    reshaped = Means()
    inception_features(images[:100].reshape(100, 5, 4, 3), network=reshaped, cache=tmp_path)
    assert reshaped.seen == 100


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"no array"])
def test_a_broken_file_is_computed_again(content, images, tmp_path):
    inception_features(images[:100], network=Means(), cache=tmp_path)
    (kept,) = (tmp_path / "features").iterdir()
    kept.write_bytes(content)
    again = Means()
    found = inception_features(images[:100], network=again, cache=tmp_path)
    assert again.seen == 100 and (found == Means()(images[:100])).all()
    assert (np.load(kept) == found).all()


def test_without_cache_nothing_is_kept(images, tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    inception_features(images[:10], network=Means(), cache=False)
    assert list(tmp_path.iterdir()) == []
    inception_features(images[:10], network=Means())
    assert len(list((tmp_path / "inception_v3" / "features").iterdir())) == 1


def test_statistics_are_moments_and_are_kept(images, tmp_path):
    first = inception_statistics(images, "made", network=Means(), cache=tmp_path)
    features = Means()(images).astype(np.float64)
    assert first.mean == pytest.approx(features.mean(axis=0), rel=1e-9)
    assert first.covariance == pytest.approx(np.cov(features, rowvar=False), rel=1e-6, abs=1e-8)
    assert (first.num, first.split) == (2300, "made")
    assert "weights 7ff4a85c" in first.protocol
    for kept in (tmp_path / "features").iterdir():
        kept.unlink()
    again = Means()
    second = inception_statistics(images, network=again, cache=tmp_path)
    assert again.seen == 0
    assert second.split == "made" and (second.covariance == first.covariance).all()
    (kept,) = (tmp_path / "statistics").iterdir()
    kept.write_bytes(b"PK broken")
    assert inception_statistics(images, network=again, cache=tmp_path).num == 2300
    assert again.seen == 2300


def test_distance_is_the_frechet_distance_of_the_features(images, tmp_path):
    a, b = images[:1200], (images[1200:] // 2)
    expected = frechet_distance(Means()(a), Means()(b))
    reported = []
    with pytest.warns(MetricWarning, match="1,200 images against 1,100: fewer than 2,049"):
        found = inception_fid(
            a, b, network=Means(), cache=tmp_path, progress=lambda *done: reported.append(done)
        )
    assert found == pytest.approx(expected, rel=1e-5)
    assert reported[-1] == (2300, 2300) and reported == sorted(reported)
    known = inception_statistics(b, network=Means(), cache=tmp_path)
    with pytest.warns(MetricWarning):
        assert inception_fid(a, known, network=Means(), cache=tmp_path) == pytest.approx(found)


def made(num, shift=0.0, width=6):
    return InceptionStatistics(np.full(width, shift), np.eye(width), num, "", "p")


def test_counts_that_papers_do_not_use_are_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert inception_fid(made(10_000, 2.0), made(10_000)) == pytest.approx(6 * 4.0)
        assert inception_fid(made(10_000), made(50_000)) == pytest.approx(0.0, abs=1e-9)
    with pytest.warns(MetricWarning, match="usual number of samples is 10,000"):
        inception_fid(made(50_000), made(10_000))
    with pytest.warns(MetricWarning, match="fewer than 2,049"):
        inception_fid(made(10_000), made(2_048))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((3, 8, 8, 4), np.uint8), "4 channels"),
        (np.full((3, 8, 8, 3), np.nan), "NaN"),
        (np.full((3, 8, 8, 3), 2.0), r"expected \[0, 1\]"),
        (np.zeros((3, 8, 8), np.uint8), "channel axis"),
        (np.zeros((1, 8, 8, 3), np.uint8), "at least 2"),
    ],
)
def test_bad_images_are_refused(bad, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        inception_fid(bad, made(10), network=Means(), cache=tmp_path)


def test_a_bad_second_set_costs_no_time(images, tmp_path):
    network = Means()
    with pytest.raises(ValueError, match="images has 4 channels"):
        inception_fid(np.zeros((3, 8, 8, 4), np.uint8), images, network=network, cache=tmp_path)
    assert network.seen == 0


def test_statistics_of_other_networks_do_not_compare():
    with pytest.raises(ValueError, match="same network"):
        inception_fid(made(10), made(10, width=5))


class Set:
    num_classes = 10

    def __init__(self, images):
        self.images = images


def test_statistics_of_another_protocol_are_computed_again(images, tmp_path, monkeypatch):
    inception_statistics(images, network=Means(), cache=tmp_path)
    monkeypatch.setattr(sys.modules[inception_statistics.__module__], "PROTOCOL", "another")
    for kept in (tmp_path / "features").iterdir():
        kept.unlink()
    again = Means()
    found = inception_statistics(images, network=again, cache=tmp_path)
    assert (found.protocol, again.seen) == ("another", 2300)


def test_the_suite_measures_as_many_real_images_as_samples(images, tmp_path):
    network = Means()
    bench = Bench(
        images[:300] // 3,
        None,
        Set(images[300:1300]),
        Set(images[1300:]),
        "made",
        home=DataHome(tmp_path),
    )
    shares = []
    bench.progress = lambda share, step: shares.append(share)
    with pytest.warns(MetricWarning, match="300 images against 300"):
        (found,) = measure_inception_fid(bench, network)
    assert network.seen == 900
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1.0)
    assert (found.name, found.num) == ("inception_fid", 300)
    assert "weights 7ff4a85c" in found.protocol
    (real,) = found.reference
    assert real.value < found.value / 10
    again = bench.with_samples(images[:300] // 2, None)
    with pytest.warns(MetricWarning):
        measure_inception_fid(again, network)
    assert network.seen == 1200


def test_real_images_are_drawn_from_all_of_a_set_whatever_its_order(images, tmp_path):
    # Sorted by brightness: the first 250 of 1,000 would all be dark.
    order = np.linspace(20, 235, 1000).astype(np.uint8)
    by_light = np.broadcast_to(order[:, None, None, None], (1000, 4, 5, 3))
    made = by_light[::4]
    bench = Bench(made, None, Set(by_light), Set(by_light), "made", home=DataHome(tmp_path))
    with pytest.warns(MetricWarning):
        (found,) = measure_inception_fid(bench, Means())
    with pytest.warns(MetricWarning):
        dark = inception_fid(by_light[:250], made, network=Means(), cache=False)
    assert found.value < 0.1 * dark
