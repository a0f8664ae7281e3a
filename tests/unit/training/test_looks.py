"""What is looked at during a training, by what the model can do."""

import numpy as np
import pytest
from PIL import Image

from tfgan_survey import pictures
from tfgan_survey.data import load_arrays
from tfgan_survey.training import RunFolder, train
from tfgan_survey.training.film import CAPTION, captioned, write_film
from tfgan_survey.training.looks import (
    FixedDenoisings,
    FixedReconstructions,
    FixedSamples,
    denoisings,
    fixed_look,
    reconstructions,
)
from tfgan_survey.zoo import build

CODER = {"widths": (), "latent_dim": 2, "jit_compile": False}


@pytest.fixture(scope="module")
def digits():
    return load_arrays("mnist_mini", "train[:60]")


@pytest.fixture(scope="module")
def denoiser():
    return build("autoencoder", corruption="masking", **CODER)


def test_denoising_shows_what_the_model_sees_and_what_it_makes_of_that(denoiser, digits):
    images = digits.images[:20]
    made = denoisings(denoiser, images, seed=3)
    assert list(made) == ["original", "corrupted", "decoded"]
    np.testing.assert_array_equal(made["original"], images)
    corrupted = denoiser.corrupt(images, 3)
    np.testing.assert_array_equal(made["corrupted"], pictures.to_uint8(corrupted))
    expected = pictures.to_uint8(denoiser.reconstruct(corrupted))
    np.testing.assert_array_equal(made["decoded"], expected)
    share = np.mean(made["corrupted"][images > 0] == 0)
    assert share == pytest.approx(denoiser.corruption.share, abs=0.03)


def test_a_conditional_model_is_told_the_labels(digits):
    told = build("vae", num_classes=10, **CODER)
    images, labels = digits.images[:20], digits.labels[:20]
    made = reconstructions(told, images, labels)["decoded"]
    np.testing.assert_array_equal(made, pictures.to_uint8(told.reconstruct(images, labels)))
    look = FixedReconstructions(told, digits.images, digits.labels, columns=4, blocks=2)
    groups = reconstructions(told, images[:8], labels[:8])
    expected = np.asarray(pictures.stacked(groups, 4))
    np.testing.assert_array_equal(np.asarray(look.picture()), expected)


def test_the_look_is_that_of_what_a_model_can_do(denoiser, digits):
    plain, vae = build("autoencoder", **CODER), build("vae", **CODER)
    kinds = [type(fixed_look(model, data=digits)) for model in (denoiser, plain, vae)]
    assert kinds == [FixedDenoisings, FixedReconstructions, FixedSamples]
    assert fixed_look(plain) is None, "without data there is nothing to reconstruct"


def test_a_denoiser_s_training_shows_denoising(tmp_path):
    options = {"dataset": "mnist_mini", "split": "train[:60]", "steps": 2, "batch_size": 20,
               "corruption": "gaussian", **CODER}  # fmt: skip
    model, run = train("autoencoder", tmp_path, overrides=options, verbose=0, log=lambda line: None)
    images = load_arrays("mnist_mini", "train[:60]").images
    with Image.open(run.grid) as picture:
        expected = np.asarray(FixedDenoisings(model, images).picture())
        np.testing.assert_array_equal(np.asarray(picture), expected)
    with Image.open(run.film) as film:
        assert film.size[1] == 5 * 3 * 29 - 1 + CAPTION


def test_every_frame_says_its_step(tmp_path):
    run = RunFolder(tmp_path)
    grey = np.full((20, 100), 96, np.uint8)
    for step in (0, 7, 12_000):
        pictures.save(Image.fromarray(grey), run.frames / f"step_{step:07d}.png")
    (run.frames / "step_0000009.png").write_text("cut")
    said = []
    assert write_film(run, said.append) == run.film and "left out" in said[0]
    frames = []
    with Image.open(run.film) as film:
        for index in range(film.n_frames):
            film.seek(index)
            frames.append(np.asarray(film.convert("L"), int))
    assert [frame.shape for frame in frames] == [(20 + CAPTION, 100)] * 3
    for frame, text in zip(frames, ("step 0", "step 7", "step 12,000"), strict=True):
        assert (frame[:20] == 96).all(), "the picture stays as it is"
        alone = captioned(Image.fromarray(grey), text)
        assert np.abs(frame - np.asarray(alone)).max() <= 2
        margin = frame[20:]
        assert margin.min() < 60 and (margin > 200).mean() > 0.5, "dark on white"
    assert (frames[0] != frames[1]).any()
    narrow = captioned(Image.new("RGB", (10, 10)), "step 12,000")
    assert narrow.width > 60 and np.asarray(narrow)[10:, :2].min() == 255, "nothing is cut"
    assert write_film(RunFolder(tmp_path / "none"), said.append) is None
