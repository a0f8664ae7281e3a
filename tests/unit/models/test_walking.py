"""Walks: the ends are samples, the ways keep to the sphere, and mixed classes to their layers."""

import numpy as np
import pytest
from PIL import Image
from toy_gan import make

import tfgan_survey
from tfgan_survey.errors import RunError, SettingError
from tfgan_survey.models.walking import between
from tfgan_survey.pictures import to_uint8
from tfgan_survey.training.callbacks import save_model
from tfgan_survey.training.sample import walk_run
from tfgan_survey.zoo import build

T = np.linspace(0, 1, 9)


def test_ways_end_where_they_lead_and_keep_to_the_sphere():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 100))
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    arc, line = between(a, b, T, True), between(a, b, T, False)
    for way in (arc, line):
        np.testing.assert_allclose(way[[0, -1]], [a, b], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(arc, axis=1), 1.0, atol=1e-6)
    angles = np.arccos(np.clip((arc[1:] * arc[:-1]).sum(axis=1), -1, 1))
    np.testing.assert_allclose(angles, np.arccos(a @ b) / 8, atol=1e-3)
    np.testing.assert_allclose(np.diff(line, axis=0), np.tile((b - a) / 8, (8, 1)), atol=1e-6)
    np.testing.assert_allclose(between(a, 2 * a, [0.5], True)[0], 1.5 * a, atol=1e-6)


@pytest.fixture(scope="module")
def gan():
    return make(num_classes=3, seed=1)


@pytest.mark.parametrize("truncation", [1.0, 0.7])
def test_stations_are_samples_and_the_middle_is_between_them(gan, truncation):
    gan.truncation = truncation
    frames = gan.walk([5, 9, 2], 2, frames=5)
    np.testing.assert_allclose(frames[::2], _samples(gan, [5, 9, 2], [2, 2, 2]), atol=1e-6)
    latents = gan.latents(np.array([5, 9])).numpy()
    way = between(*latents, [0.5], gan.latent == "normal")
    np.testing.assert_allclose(frames[1], gan([way, np.array([2])]).numpy()[0], atol=1e-6)
    gan.truncation = 1.0


def test_a_class_that_is_held_is_the_same_in_every_frame():
    """7 (1 - 2/11) + 7 2/11 is a little below 7, and was a six as a whole number."""
    ten = make(num_classes=10, seed=1)
    latents = between(*ten.latents(np.array([0, 1])).numpy(), np.linspace(0, 1, 12),
                      ten.latent == "normal")  # fmt: skip
    expected = ten.from_latents(latents, np.full(12, 7)).numpy()
    np.testing.assert_allclose(ten.walk([0, 1], 7, frames=12), expected, atol=1e-6)


def test_from_class_to_class_the_one_hot_vector_moves_and_the_latent_stays(gan):
    frames = tfgan_survey.walk(gan, seeds=4, labels=[0, 1, 2], frames=5)
    np.testing.assert_allclose(frames[::2], _samples(gan, [4, 4, 4], [0, 1, 2]), atol=1e-6)
    # The first layer is linear in the code: so is what its activation sees of a mixture.
    generator = gan.generator
    (first,) = [one for one in generator.layers if getattr(one, "units", None) == 8]
    z = gan.latents(np.array([4])).numpy()
    seen = np.concatenate([z, [[0.5, 0.5, 0.0]]], axis=1).astype(np.float32)
    hidden = seen @ first.kernel.numpy() + (0 if first.bias is None else first.bias.numpy())
    for layer in generator.layers[generator.layers.index(first) + 1 :]:
        hidden = layer(hidden)
    made = gan.spec.to_unit(hidden).numpy()
    np.testing.assert_allclose(frames[1], made[0], atol=1e-5)
    assert np.abs(frames[1] - frames[0]).max() > 1e-3
    assert "blend" in gan.signatures() and "blend" not in make().signatures()
    with pytest.raises(ValueError, match="knows nothing between two classes"):
        make().from_blend(z, np.ones((1, 3), np.float32))


@pytest.mark.parametrize(("name", "options"), [
    ("vae", {"widths": (8,), "latent_dim": 2}),
    ("discriminator_only", {"ascent_steps": 1, "sample_steps": 2}),
])  # fmt: skip
def test_every_family_with_classes_blends_them(name, options):
    model = build(name, (8, 8, 1), 3, jit_compile=False, **options)
    frames = model.walk(1, [0, 2], frames=3)
    np.testing.assert_allclose(frames[[0, -1]], _samples(model, [1, 1], [0, 2]), atol=1e-5)
    way = between(*model.latents(np.array([1, 2])).numpy(), [0.5], model.latent == "normal")
    middle = model.from_latents(way, np.array([2], np.int32))
    np.testing.assert_allclose(model.walk([1, 2], 2, frames=3)[1], middle[0], atol=1e-5)
    latent = model.latents(np.array([1]))
    mixed = model.from_blend(latent, np.array([[0.5, 0.0, 0.5]], np.float32))
    np.testing.assert_allclose(frames[1], mixed[0], atol=1e-5)


def test_walks_that_cannot_be_are_told(gan):
    with pytest.raises(ValueError, match="two seeds or two labels"):
        gan.walk([3], [1])
    with pytest.raises(ValueError, match=r"frames=2: expected 3 to"):
        gan.walk([0, 1, 2], 0, frames=2)
    with pytest.raises(ValueError, match=r"seeds \[0.5\]: expected one integer"):
        gan.walk([0.5], [1, 2])
    with pytest.raises(ValueError, match="trained without labels"):
        make().walk([0, 1], [1, 2])
    with pytest.raises(RunError, match="cannot sample: what it can do is"):
        tfgan_survey.walk(build("autoencoder", (8, 8, 1), widths=(), latent_dim=2), [0, 1])


def test_a_film_or_a_grid_of_a_walk(gan, tmp_path):
    save_model(gan, tmp_path / "gan.keras")
    walk_run(tmp_path / "gan.keras", tmp_path / "walk.gif", [0, 1], 1, frames=4)
    frames = to_uint8(gan.walk([0, 1], 1, 4))
    with Image.open(tmp_path / "walk.gif") as film:
        assert film.n_frames == 4 and film.size == (24, 24)
        film.seek(3)
        last = np.asarray(film.convert("L"), int)[::4, ::4]
    assert np.abs(last - frames[3, ..., 0]).max() <= 4, "up to a palette of 256"
    walk_run(tmp_path / "gan.keras", tmp_path / "walk.png", 3, [0, 2], frames=4, columns=2)
    with Image.open(tmp_path / "walk.png") as sheet:
        assert sheet.size == (2 * (2 * 6 + 1), 2 * (2 * 6 + 1))
    save_model(build("mixture_gan", (2,), seed=0), tmp_path / "points.keras")
    with pytest.raises(SettingError, match="makes points"):
        walk_run(tmp_path / "points.keras", tmp_path / "walk.png", [0, 1])


def _samples(model, seeds, labels):
    return model.sample(np.array(seeds), np.array(labels, np.int32)).numpy()
