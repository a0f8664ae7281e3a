"""The residual pair: the published shape, who moves its vectors, a run that goes on bit for bit."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.layers.augmentation import Augmentation, DiffAugment
from tfgan_survey.layers.spectral import Spectral
from tfgan_survey.models import GAN, updates
from tfgan_survey.networks import residual
from tfgan_survey.objectives.hinge import Hinge
from tfgan_survey.regularizers.r1 import R1


def trainable(network):
    return sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)


def test_on_32_x_32_it_is_the_published_network():
    """Weights counted by hand from tables 4 and figure 10 of arXiv:1802.05957."""
    g, d = 256, 128
    pair = residual((32, 32, 3), width=g, discriminator_width=d)
    block = 2 * (9 * g * g + g) + (g * g + g) + 2 * 2 * g
    assert trainable(pair.generator) == (
        (128 + 1) * 16 * g + 3 * block + 2 * g + 9 * g * 3 + 3
    )  # 4,276,739
    square = 9 * d * d + d
    first = (9 * 3 * d + d) + square + (3 * d + d)
    second = 2 * square + (d * d + d)
    assert trainable(pair.discriminator) == first + second + 4 * square + d + 1  # 1,053,825
    convolutions = [one for one in pair.discriminator.layers if "conv" in one.name]
    assert len(convolutions) == 10
    assert all(isinstance(one, Spectral) for one in convolutions)


@pytest.mark.parametrize(
    ("size", "channels", "smallest", "halvings"),
    [(8, 1, 4, 1), (28, 1, 7, 2), (32, 3, 8, 2), (64, 1, 8, 3), (128, 3, 8, 4)],
)
def test_sizes(size, channels, smallest, halvings):
    pair = residual((size, size, channels), 3, width=8)
    convolutions = [one for one in pair.discriminator.layers if "conv" in one.name]
    assert min(one.output.shape[1] for one in convolutions) == smallest
    assert sum(one.resample == "down" for one in convolutions) == halvings
    # Maps beyond 32 x 32 have half the channels with each doubling.
    up = [one for one in pair.generator.layers if getattr(one, "resample", "") == "up"]
    widths = {one.output.shape[1]: one.filters for one in up}
    assert max(widths) == size
    assert all(filters == 8 for side, filters in widths.items() if side <= 32)
    assert all(filters == 8 * 32 // side for side, filters in widths.items() if side > 32)
    assert pair.discriminator.output_shape == (None, 1)


@pytest.fixture(scope="module")
def gan():
    pair = residual((8, 8, 3), 3, width=4, latent_dim=5, power_iterations=2)
    made = GAN(pair, Hinge(), R1(every=2), augmentation=DiffAugment(), ema=0.9)
    adam = [keras.optimizers.Adam(1e-3, 0.0, 0.9) for _ in range(2)]
    made.compile(*adam, run_eagerly=True)
    return made


@pytest.fixture(scope="module")
def batch():
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (4, 8, 8, 3)).astype("uint8")
    return tf.constant(images), tf.constant([0, 1, 2, 1])


def vectors(network):
    return [
        (layer, layer.left.numpy(), layer.right.numpy())
        for layer in network.layers
        if isinstance(layer, Spectral)
    ]


def test_only_the_discriminator_s_move_moves_the_vectors_and_by_its_iterations(gan, batch):
    real, labels = gan.unpack(batch)
    latents = gan.random_latents(real)
    before = vectors(gan.discriminator)
    assert len(before) == 7 + 1 + 1  # convolutions, score, rows of the classes
    updates.update_generator(gan, latents, labels, real)
    for layer, left, right in before:
        np.testing.assert_array_equal(layer.left, left)
        np.testing.assert_array_equal(layer.right, right)
    updates.update_discriminator(gan, real, gan.pair.generate(latents, labels), labels)
    for layer, left, _ in before:
        matrix = layer._kernel.numpy().reshape(-1, layer._kernel.shape[-1]).T
        for _ in range(2):
            right = matrix.T @ left
            right /= np.linalg.norm(right)
            left = matrix @ right
            left /= np.linalg.norm(left)
        np.testing.assert_allclose(layer.left, left, rtol=1e-3, atol=1e-5)


def test_a_saved_model_goes_on_bit_for_bit(gan, batch, tmp_path):
    gan.train_step(batch)
    gan.save(tmp_path / "gan.keras")
    copy = keras.models.load_model(tmp_path / "gan.keras")
    assert copy.augmentation.get_config() == gan.augmentation.get_config()
    assert copy.regularizer.get_config() == {"weight": 1.0, "every": 2}
    for one in (gan, copy):
        one.train_step(batch)
    for network in ("generator", "discriminator", "ema_generator"):
        for own, other in zip(
            getattr(gan, network).weights, getattr(copy, network).weights, strict=True
        ):
            np.testing.assert_array_equal(own, other, err_msg=own.path)
    np.testing.assert_array_equal(gan.generate(3, seed=1), copy.generate(3, seed=1))


class Black(Augmentation):
    """Leave nothing to see."""

    name = "black"

    def __call__(self, images, seed):
        return 0.0 * images


def test_both_players_see_augmented_images_and_no_sample_is_augmented(gan, batch):
    real, labels = gan.unpack(batch)
    latents = gan.random_latents(real)
    kept, gan.augmentation = gan.augmentation, Black()
    samples = gan.generate(2, seed=0)
    try:
        fake = gan.pair.generate(latents, labels)
        logs, scores = gan.discriminator_logs(real, fake, labels, training=True)
        with updates.tape(gan.generator) as tape:
            made = gan.pair.generate(latents, labels, training=True)
            loss = gan.generator_loss(made, labels, real)
        slopes = tape.gradient(loss, gan.generator.trainable_variables)
    finally:
        gan.augmentation = kept
    black = gan.pair.score(tf.zeros_like(real), labels, training=True)
    np.testing.assert_allclose(scores, black, rtol=1e-5)
    assert float(logs["d_real"]) == float(logs["d_fake"])
    assert float(loss) == pytest.approx(-float(tf.reduce_mean(black)), rel=1e-5)
    assert not any(np.any(slope) for slope in slopes)
    assert samples.std() > 0
    np.testing.assert_array_equal(gan.generate(2, seed=0), samples)
