"""The error of reconstructions: a sum over pixels, a mean over images."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.decomposition import PCA

from tfgan_survey.metrics import METRICS, Bench, reconstruction_error
from tfgan_survey.metrics.bench import PRINCIPAL


def test_it_is_the_sum_over_pixels_and_the_mean_over_images():
    images = np.zeros((4, 2, 3, 1), np.uint8)
    made = np.zeros((4, 2, 3, 1))
    made[0], made[1, 0, 0] = 0.5, 1.0
    found = reconstruction_error(images, made)
    each = np.array([6 * 0.25, 1.0, 0.0, 0.0])
    assert found.value == pytest.approx(each.mean(), rel=1e-12)
    assert found.standard_error == pytest.approx(each.std(ddof=1) / 2, rel=1e-12)
    assert reconstruction_error(images + 255, np.ones((4, 2, 3, 1))).value == 0.0


def test_what_is_no_reconstruction_is_refused():
    images = np.zeros((4, 2, 3, 1), np.uint8)
    with pytest.raises(ValueError, match="3 reconstructions of 4 images"):
        reconstruction_error(images, images[:3])
    with pytest.raises(ValueError, match=r"made has images of shape \(3, 2, 1\)"):
        reconstruction_error(images, images.reshape(4, 3, 2, 1))
    with pytest.raises(ValueError, match="made are floats in"):
        reconstruction_error(images, images - 1.0)


@pytest.mark.parametrize("conditional", [False, True])
def test_the_metric_stands_between_the_mean_image_and_components(digits, conditional):
    train, test = (
        SimpleNamespace(images=images[:n], labels=labels[:n], num_classes=10)
        for n, (images, labels) in ((500, digits["train"]), (200, digits["test"]))
    )

    def reconstruct(images, *told):
        # Each pixel halfway to grey; a conditional model is told the labels.
        assert [list(one) for one in told] == [list(test.labels)] * conditional
        return images / 510.0 + 0.25

    model = SimpleNamespace(reconstruct=reconstruct, spec=SimpleNamespace(conditional=conditional))
    (found,) = METRICS["reconstruction_error"]().measure(
        Bench(None, None, train, test, "mnist_mini", model=model)
    )
    rows, seen = (one.images.reshape(-1, 784) / 255.0 for one in (test, train))
    each = ((rows - 0.5) ** 2).sum(axis=1) / 4
    assert found.value == pytest.approx(each.mean(), rel=1e-6)
    assert found.standard_error == pytest.approx(each.std(ddof=1) / 200**0.5, rel=1e-6)
    assert (found.num, found.seed) == (200, None)
    pca = PCA(30, svd_solver="full").fit(seen)
    wanted = {
        "mean image": ((rows - seen.mean(axis=0)) ** 2).sum(axis=1).mean(),
        PRINCIPAL: ((rows - pca.inverse_transform(pca.transform(rows))) ** 2).sum(axis=1).mean(),
    }
    references = {one.name: one.value for one in found.reference}
    assert references == pytest.approx(wanted, rel=2e-3)
    assert 10 < references[PRINCIPAL] < references["mean image"] < 60


def test_components_of_few_or_tiny_images_are_no_reference():
    for shape in ((25, 8, 8, 1), (100, 5, 5, 1)):
        images = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
        data = SimpleNamespace(images=images, labels=np.arange(len(images)) % 2, num_classes=2)
        model = SimpleNamespace(
            reconstruct=lambda images: images / 255.0, spec=SimpleNamespace(conditional=False)
        )
        bench = Bench(None, None, data, data, "made", model=model)
        (found,) = METRICS["reconstruction_error"]().measure(bench)
        assert found.value == pytest.approx(0.0, abs=1e-10)
        assert [one.name for one in found.reference] == ["mean image"]
