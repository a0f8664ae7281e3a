"""pix2pix: what is lost, the term for the pair, and that a picture decides the completion."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.conditions import Classes
from tfgan_survey.conditions.picture import Picture
from tfgan_survey.errors import SettingError
from tfgan_survey.layers.degradation import DEGRADATIONS, CentralMask, Edges, Grey, LowResolution
from tfgan_survey.models.pix2pix import Pix2Pix
from tfgan_survey.networks import mlp
from tfgan_survey.networks.unet import unet
from tfgan_survey.objectives.minimax import NonSaturating
from tfgan_survey.training import load_run, train

SMALL = {"width": 2, "latent_dim": 3, "depth": 2, "patch_width": 2, "patch_layers": 1}


def images(count=4, shape=(8, 8, 1), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype(np.uint8)


def small(degradation=None, **options):
    model = Pix2Pix(
        unet((8, 8, 1), dropout=0.0, norm="none", patch_norm="none", **SMALL), NonSaturating(),
        degradation=degradation or CentralMask(4), **options,
    )  # fmt: skip
    model.compile("adam", "adam", jit_compile=False, run_eagerly=True)
    return model


def test_a_central_mask_fills_its_square_and_nothing_else():
    x = tf.constant(images(2, (8, 10, 3)) / 255.0, tf.float32)
    found, wanted = CentralMask(4, fill=0.25)(x).numpy(), x.numpy().copy()
    wanted[:, 2:6, 3:7] = 0.25
    np.testing.assert_array_equal(found, wanted)
    with pytest.raises(SettingError, match="take a smaller hole"):
        CentralMask(9)(x)


def test_grey_is_the_brightness_in_every_channel():
    x = images(2, (4, 4, 3)) / np.float32(255)
    wanted = (x * [0.299, 0.587, 0.114]).sum(-1, keepdims=True).repeat(3, -1)
    np.testing.assert_allclose(Grey()(tf.constant(x, tf.float32)), wanted, rtol=1e-5)
    with pytest.raises(SettingError, match="grey already"):
        Grey()(tf.zeros((1, 4, 4, 1)))


def test_low_resolution_gives_each_square_its_mean():
    x = images(1, (4, 4, 1)).astype(np.float32)
    found = LowResolution(2)(tf.constant(x)).numpy()
    for i in (0, 2):
        for j in (0, 2):
            square = np.s_[0, i : i + 2, j : j + 2, 0]
            np.testing.assert_allclose(found[square], x[square].mean(), rtol=1e-6)
    with pytest.raises(SettingError, match="no multiples"):
        LowResolution(3)(tf.constant(x))


def test_edges_are_the_slope_of_a_ramp_and_nothing_where_it_is_flat():
    ramp = np.tile(np.linspace(0, 0.7, 8, dtype=np.float32)[None, :, None], (1, 8, 1, 1))
    found = Edges(strength=1.0)(tf.constant(ramp.reshape(1, 8, 8, 1))).numpy()
    # Sobel's positive weights sum to 4, over two pixels: twice the step of 0.1.
    np.testing.assert_allclose(found[0, 1:-1, 1:-1, 0], 0.2, rtol=1e-5)
    assert np.all(Edges()(tf.ones((1, 8, 8, 1))).numpy() == 0)


def test_the_generators_loss_has_the_term_for_the_pair():
    model = small(l1_weight=10.0)
    real, rows = model.unpack(tf.constant(images()))
    fake = tf.random.stateless_uniform(real.shape, (1, 2), -1.0, 1.0)
    scores = model.pair.score(fake, rows)
    wanted = np.mean(np.log1p(np.exp(-scores))) + 10 * np.mean(np.abs(fake.numpy() - real.numpy()))
    for known in (None, scores):
        np.testing.assert_allclose(model.generator_loss(fake, rows, real, known), wanted, rtol=1e-5)
    logs = model.losses(tf.constant(images()))
    assert float(logs["g_loss"]) > 10 * 0.2  # held-out losses have it too


def test_the_picture_is_what_the_model_is_told():
    model = small()
    digits = images()
    told = model.degrade(digits)
    wanted = CentralMask(4)(tf.constant(digits / 255.0, tf.float32))
    np.testing.assert_allclose(told, wanted, rtol=1e-5)
    np.testing.assert_array_equal(model.rows_of(digits, None), told)
    one = model.generate(2, told, seed=5)
    np.testing.assert_allclose(model.generate(1, told[1:], seed=6), one[1:], atol=1e-6)
    assert not np.allclose(model.generate(2, told[::-1], seed=5), one, atol=1e-4)
    bytes_told = np.rint(told * 255).astype(np.uint8)
    np.testing.assert_allclose(model.generate(2, bytes_told, seed=5), one, atol=1e-2)
    assert model.translate(told).shape == (4, 8, 8, 1)
    with pytest.raises(SettingError, match="translates a2b"):
        model.cycle(told)


def test_wrong_pictures_and_pairs_are_refused():
    model = small()
    with pytest.raises(ValueError, match=r"expected pictures \(n, 8, 8, 1\)"):
        model.generate(1, np.zeros((1, 4, 4, 1), np.float32))
    with pytest.raises(ValueError, match="condition from 0 to 2"):
        model.generate(1, 2 * np.eye(8, dtype=np.float32)[None, ..., None])
    with pytest.raises(SettingError, match="told pictures"):
        Pix2Pix(mlp((8, 8, 1), num_classes=3), NonSaturating())
    with pytest.raises(SettingError, match="conditioned on pictures"):
        unet((8, 8, 1), condition=Classes(3))
    with pytest.raises(SettingError, match="cannot be halved that often"):
        unet((8, 8, 1), depth=4)
    with pytest.raises(SettingError, match="grey already"):
        small(Grey())


def test_a_picture_is_a_condition_that_is_saved_and_checked():
    picture = Picture((2, 2, 1))
    assert Picture(**{k: v for k, v in picture.get_config().items() if k != "kind"}) == picture
    pixels = np.array([[[[0], [255]], [[51], [102]]]], np.uint8)
    np.testing.assert_allclose(picture.checked(pixels)[0, 1, 0, 0], 0.2)
    np.testing.assert_allclose(picture.encode(picture.checked(pixels))[0, 0, 1, 0], 1.0)
    for wrong in (np.nan, -0.1, 1.1):
        with pytest.raises(ValueError, match="condition from"):
            picture.checked(np.full((1, 2, 2, 1), wrong, np.float32))


SETTINGS = {
    "dataset": "mnist_mini", "split": "train[:48]", "batch_size": 4, "jit_compile": False,
    "width": 2, "latent_dim": 3, "patch_width": 2, "patch_layers": 1, "dropout": 0.5,
}  # fmt: skip


def run(folder, steps, resume=False):
    return train(
        "inpainting", folder, resume=resume, overrides={**SETTINGS, "steps": steps}, verbose=0,
        log=lambda line: None,
    )[0]  # fmt: skip


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "straight"
    run(folder, 9)
    return folder


def test_a_training_resumes_to_the_bit_and_keeps_its_degradation(straight, tmp_path):
    run(tmp_path / "parts", 4)
    run(tmp_path / "parts", 9, resume=True)
    ends = [load_run(folder) for folder in (straight, tmp_path / "parts")]
    assert ends[0].degradation.get_config() == {"size": 12, "fill": 0.5}
    for left, right in zip(*(model.variables for model in ends), strict=True):
        assert np.array_equal(left.numpy(), right.numpy()), left.path


def test_it_is_evaluated_and_exported(straight, tmp_path):
    from tfgan_survey.evaluation import evaluate
    from tfgan_survey.export import export_run

    found = evaluate(straight, metrics=["sliced_wasserstein"], num=40)
    assert np.isfinite(found[0].value)
    path = export_run(straight, tmp_path / "exported", log=lambda line: None)
    served = tf.saved_model.load(str(path)).signatures
    model = load_run(straight)
    told = model.degrade(images(2, (28, 28, 1)))
    answer = served["sample"](seeds=tf.constant([3, 4], tf.int64), condition=tf.constant(told))
    np.testing.assert_allclose(answer["images"], model.generate(2, told, seed=3), atol=1e-5)
    answer = served["a_to_b"](images=tf.constant(told))["images"]
    np.testing.assert_allclose(answer, model.translate(told), atol=1e-5)


# Kernels 4 and strides 2 down and up: 18 pixels; a convolution 3 at the bottom adds 2 strides of 4.
@pytest.mark.parametrize(("blocks", "sees"), [(0, 18), (1, 18 + 3 * 8)])
def test_blocks_at_the_bottom_widen_what_a_pixel_is_drawn_from(blocks, sees):
    pair = unet((48, 48, 1), depth=2, width=8, latent_dim=2, norm="none", blocks=blocks)
    picture = tf.constant(np.random.default_rng(0).uniform(size=(1, 48, 48, 1)).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(picture)
        pixel = pair.generator([tf.ones((1, 2)), picture])[0, 22, 22, 0]
    touched = np.argwhere(tape.gradient(pixel, picture).numpy()[0, :, :, 0] != 0)
    assert (touched.max(axis=0) - touched.min(axis=0) + 1).tolist() == [sees, sees]


def test_every_degradation_can_be_saved():
    for name, kind in DEGRADATIONS.items():
        one = kind()
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(one))
        assert again.get_config() == one.get_config() and again.name == name
