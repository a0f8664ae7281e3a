"""The check: agreement is seen, and so is every kind of disagreement."""

import io
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from tfgan_survey.cli import cli
from tfgan_survey.errors import RunError
from tfgan_survey.serving.client.comparison import TOLERANCE, _finding, check


def url(server, protocol="http"):
    port = server.rest_port if protocol == "http" else server.grpc_port
    return f"{protocol}://127.0.0.1:{port}"


def png(pixels):
    stream = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(stream, "png")
    return stream.getvalue()


@pytest.fixture(scope="module")
def other(digits, tmp_path_factory):
    """The same version number with other weights and a signature less."""
    from tfgan_survey.zoo import build

    import tensorflow as tf  # isort: skip

    gan = build("survey_gan", (28, 28, 1), num_classes=10, latent_dim=8, seed=5)
    path = tmp_path_factory.mktemp("other") / "cgan_mnist" / "1"
    module = tf.Module()
    module.generator = [weight.value for weight in gan.sampling_generator.weights]
    spec = [tf.TensorSpec((None, 8), name="latent"), tf.TensorSpec((None,), tf.int32, "labels")]
    generate = tf.function(lambda latent, labels: {"images": gan([latent, labels])})
    extra = tf.function(lambda latent, labels: {"images": gan([latent, labels])})
    signatures = {
        "serving_default": generate.get_concrete_function(*spec),
        "extra": extra.get_concrete_function(*spec),
    }
    tf.saved_model.save(module, str(path), signatures)
    return path.parent


@pytest.mark.parametrize("protocol", ["http", "grpc"])
@pytest.mark.parametrize("name", ["cgan_mnist", "plain"])
def test_a_server_agrees_with_what_it_serves(digits, digit_server, protocol, name):
    report = check(url(digit_server, protocol), digits[1] / name)
    assert report.ok, str(report)
    between_classes = {"blend.images"} if name == "cgan_mnist" else set()
    assert {f"{found.signature}.{found.output}" for found in report.findings} == {
        "serving_default.images", "sample.images", "sample_png.image_bytes", "score.scores",
        "score.probabilities", "latents.latent", *between_classes,
    }  # fmt: skip
    assert all(found.shape[0] == 16 for found in report.findings)
    assert "agrees with" in str(report)


def test_one_version_can_be_named_and_the_model_too(digits, digit_server, tmp_path):
    assert check(url(digit_server), digits[1] / "cgan_mnist" / "1").ok
    shutil.copytree(digits[1] / "cgan_mnist", tmp_path / "renamed")
    assert check(url(digit_server), tmp_path / "renamed", model="cgan_mnist").ok


def test_other_weights_and_other_signatures_are_found(digit_server, other):
    report = check(url(digit_server), other)
    problems = {found.signature: found.problem for found in report.findings}
    assert not report.ok
    assert problems["serving_default"].startswith("max difference")
    assert problems["extra"] == "in the SavedModel, but not served"
    for name in ("sample", "sample_png", "latents", "score"):
        assert problems[name] == "served, but not in the SavedModel"


def test_a_version_that_is_not_here(digit_server, tmp_path):
    with pytest.raises(RunError, match="holds no SavedModel"):
        check(url(digit_server), tmp_path, model="cgan_mnist")


def test_the_command_ends_with_1_when_something_differs(digits, digit_server, other):
    def run(folder):
        return CliRunner().invoke(cli, ["check", "--url", url(digit_server), str(folder)])

    good, bad = run(digits[1] / "cgan_mnist"), run(other)
    assert (good.exit_code, bad.exit_code) == (0, 1)
    assert "DIFFERS from" in bad.output and "DIFFERS" not in good.output


@pytest.mark.parametrize(
    ("local", "served", "difference"),
    [
        ([1.0, 0.5], [1.0, 0.5 + 2e-5], 2e-5),
        ([1.0, 0.5], [1.0, 0.5 + 5e-6], None),
        ([100.0], [100.0005], None),  # relative above 1: six printed digits are enough
        ([100.0], [100.002], 2e-5),
        ([np.nan, np.inf], [np.nan, np.inf], None),
        ([np.nan], [0.0], np.inf),
        ([0.0], [np.nan], np.inf),
        ([np.inf], [-np.inf], np.inf),
        ([np.inf], [1.0], np.inf),
    ],
)
def test_numbers(local, served, difference):
    found = _finding("s", "o", np.array(local), np.array(served))
    assert bool(found.problem) == (difference is not None)
    if difference is None:
        assert found.difference <= TOLERANCE
    else:
        np.testing.assert_allclose(found.difference, difference, rtol=1e-3)


@pytest.mark.parametrize(
    ("local", "served", "ok"),
    [
        (png([[0, 100]]), png([[1, 99]]), True),
        (png([[0, 100]]), png([[0, 98]]), False),
        (png([[200]]), png([[3]]), False),  # no wrap-around of uint8
        (png([[0, 0]]), png([[0], [0]]), False),
        (b"text", b"text", True),
        (b"text", b"Text", False),
    ],
)
def test_strings(local, served, ok):
    found = _finding("s", "o", np.array([local], object), np.array([served], object))
    assert (not found.problem) == ok


def test_shapes_and_missing_outputs():
    local = np.zeros((2, 3))
    assert "shape (3, 2)" in _finding("s", "o", local, np.zeros((3, 2))).problem
    assert "missing" in _finding("s", "o", local, None).problem
