"""Arithmetic of latents: means by class, sums, neighbours, the picture and the page's section."""

import re

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfgan_survey import pictures
from tfgan_survey.errors import SettingError
from tfgan_survey.evaluation import Target, write_pictures, write_report
from tfgan_survey.evaluation.arithmetic import (
    EQUATIONS,
    Arithmetic,
    arithmetic,
    class_means,
    lacks_arithmetic,
    neighbourhood,
    tiled,
)
from tfgan_survey.metrics.features import Features
from tfgan_survey.training import train


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """An autoencoder that samples digits well enough to be recognised, after seconds."""
    folder = tmp_path_factory.mktemp("runs") / "digits"
    overrides = {
        "dataset": "mnist_mini", "split": "train[:3000]", "steps": 250, "batch_size": 100,
        "jit_compile": False, "widths": (128,), "latent_dim": 24, "mixture_components": 20,
    }  # fmt: skip
    train("autoencoder", folder, overrides=overrides, verbose=0, log=lambda line: None)
    return folder


@pytest.fixture(scope="module")
def target(run):
    return Target(run)


@pytest.fixture(scope="module")
def made(target):
    return arithmetic(target)


def test_means_are_those_of_confident_latents_in_their_order():
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(60, 5))
    labels = rng.integers(0, 3, 60)
    best = rng.uniform(0.8, 1.0, 60)
    probabilities = np.repeat((1 - best)[:, None] / 2, 3, axis=1)
    probabilities[np.arange(60), labels] = best
    found = class_means(latents, probabilities, exemplars=2, num=3, confident=0.9)
    for label in range(3):
        sure = [z for z, one, p in zip(latents, labels, best, strict=True)
                if one == label and p >= 0.9]  # fmt: skip
        expected = [(sure[2 * i] + sure[2 * i + 1]) / 2 for i in range(3)]
        np.testing.assert_allclose(found[label], expected, atol=1e-6)
        assert found[label].dtype == np.float32
    fewest = min(int(((labels == one) & (best >= 0.9)).sum()) for one in range(3))
    some = class_means(latents, probabilities, exemplars=fewest + 1, num=1, confident=0.9)
    assert 0 < len(some) < 3, "a class with too few is left out"


def test_the_result_is_in_the_middle_of_its_neighbours():
    latent = np.linspace(-1, 1, 400)
    found = neighbourhood(latent, seed=3)
    np.testing.assert_allclose(found[4], latent, atol=1e-6)
    noise = np.delete(found, 4, axis=0) - latent
    assert np.abs(noise).max() == pytest.approx(0.25, abs=0.005), "uniform within +-0.25"
    assert noise.mean() == pytest.approx(0, abs=0.01)
    assert noise.std() == pytest.approx(0.25 / np.sqrt(3), abs=0.005)
    np.testing.assert_array_equal(neighbourhood(latent, seed=3), found)
    assert np.abs(neighbourhood(latent, seed=4) - found).max() > 0.1


def test_nine_images_become_a_square():
    blocks = np.arange(2 * 9 * 2 * 3).reshape(2, 9, 2, 3, 1)
    found = tiled(blocks)
    assert found.shape == (2, 6, 9, 1)
    for tile in range(9):
        row, column = divmod(tile, 3)
        np.testing.assert_array_equal(
            found[1, 2 * row : 2 * row + 2, 3 * column : 3 * column + 3], blocks[1, tile]
        )


def test_equations_have_each_class():
    assert (7, 1, 4) in EQUATIONS
    assert {label for equation in EQUATIONS for label in equation} == set(range(10))
    assert all(len(set(equation)) == 3 for equation in EQUATIONS)


def test_a_picture_is_what_the_equation_says(target, made):
    """From the seeds on, by NumPy: the latents, the classifier's word, means, A - B + C."""
    assert set(made.blocks) == {one for one in EQUATIONS if set(one) <= set(made.means)}
    assert made.blocks, "the fixture shows too few classes"
    model, judge = target.subject.model, Features("mnist")
    latents = tf.function(model.latents)(tf.range(2_000)).numpy()
    probabilities = judge.probabilities(model.from_latents(latents).numpy())
    for equation, blocks in made.blocks.items():
        a, b, c = (
            latents[(probabilities.argmax(axis=1) == one) & (probabilities.max(axis=1) >= 0.9)]
            for one in equation
        )
        a, b, c = (one[12:15].mean(axis=0) for one in (a, b, c))
        images = model.from_latents(np.stack([a, b, c, a - b + c])).numpy()
        np.testing.assert_allclose(blocks[:, 4], images, atol=1e-4)
        assert made.result(equation) == judge.predict(images[3:])[0]
    own = [made.means[label] for label in made.means]
    images = model.from_latents(np.concatenate(own)).numpy()
    share = (judge.predict(images) == np.repeat(list(made.means), 9)).mean()
    assert made.recognised() == pytest.approx(share) and 0.5 < share <= 1.0


def test_the_album_and_the_page_show_it(target, made, tmp_path):
    (path,) = write_pictures([target], tmp_path, ["arithmetic"], log=lambda line: None)
    names = [f"{a} - {b} + {c}" for a, b, c in made.blocks]
    squares = tiled(np.concatenate(list(made.blocks.values())))
    with Image.open(path) as found:
        np.testing.assert_array_equal(
            np.asarray(found), np.asarray(pictures.grid(squares, 4, names))
        )
    text = write_report(tmp_path / "page.html", target, []).read_text(encoding="utf-8")
    section = re.search('<section id="arithmetic">(.*?)</section>', text, re.S)[1]
    assert section.count("<img") == len(made.blocks)
    assert f"{made.recognised():.0%} are taken for their class" in section
    results = ", ".join(str(made.result(one)) for one in made.blocks)
    assert f"Results are taken for {results}." in section
    a, b, c = next(iter(made.blocks))
    assert f"{a} \N{MINUS SIGN} {b} + {c}" in section


def test_what_it_needs(target, run, photos):
    assert lacks_arithmetic(target) is None
    other = Target(run, dataset="tiny_photos", data_dir=photos)
    assert "a classifier of these images" in lacks_arithmetic(other)
    with pytest.raises(SettingError, match="arithmetic of latents needs a classifier"):
        Arithmetic(other)
