"""The log-likelihood as a metric: the model's own estimate, and no number where there is none."""

from types import SimpleNamespace

import numpy as np
import pytest

from tfgan_survey.errors import SettingError
from tfgan_survey.metrics import METRICS, Bench
from tfgan_survey.zoo import build

generator = np.random.default_rng(0)
BITS = (255 * generator.integers(0, 2, size=(30, 4, 4, 1))).astype(np.uint8)
GREY = generator.integers(0, 256, size=(30, 4, 4, 1)).astype(np.uint8)
LABELS = (np.arange(30) % 3).astype(np.int32)


def measure(images, num_classes=None, reconstruction="bernoulli"):
    model = build(
        "vae", (4, 4, 1), num_classes, codec="mlp", widths=(5,), latent_dim=2, jit_compile=False,
        reconstruction=reconstruction,
    )  # fmt: skip
    test = SimpleNamespace(images=images, labels=LABELS, num_classes=3)
    bench = Bench(None, None, test, test, "toy", seed=3, model=model)
    (found,) = METRICS["negative_log_likelihood"]().measure(bench)
    return model, found


@pytest.mark.parametrize("num_classes", [None, 3])
def test_it_is_the_mean_of_the_model_s_estimate_with_the_error_over_images(num_classes):
    model, found = measure(BITS, num_classes)
    labels = LABELS if num_classes else None
    each = -model.log_likelihood(BITS, labels, num_samples=200, seed=3)
    assert found.value == pytest.approx(each.mean(), rel=1e-9)
    assert found.standard_error == pytest.approx(each.std(ddof=1) / np.sqrt(30), rel=1e-9)
    assert found.num == 30 and "200 samples" in found.protocol
    # sixteen fair coins, which an untrained decoder is near
    assert found.value == pytest.approx(16 * np.log(2.0), rel=0.2)


def test_grey_values_have_no_likelihood_under_a_bernoulli_decoder():
    with pytest.raises(SettingError, match="toy has grey values"):
        measure(GREY)
    _, found = measure(GREY, reconstruction="gaussian")
    assert np.isfinite(found.value)
