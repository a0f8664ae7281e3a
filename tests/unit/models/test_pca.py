"""Principal components: scikit-learn's own numbers, and a linear autoencoder that finds them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA as Fitted

from tfgan_survey.data import load_arrays
from tfgan_survey.errors import SettingError
from tfgan_survey.export import export_savedmodel
from tfgan_survey.models.pca import PCA
from tfgan_survey.networks.codec import CODECS, POSTERIORS
from tfgan_survey.training import load_run, train
from tfgan_survey.training.callbacks import read_history
from tfgan_survey.zoo import MODELS, build, resolve

RUN = {
    "dataset": "mnist_mini", "split": "train[:320]", "batch_size": 32, "latent_dim": 6,
    "jit_compile": False, "steps_per_execution": 5,
}  # fmt: skip


def run(folder, resume=False, **overrides):
    return train("pca", folder, resume=resume, overrides=RUN | overrides, verbose=0,
                 log=lambda line: None)  # fmt: skip


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "straight"
    run(folder, steps=20)
    return folder


@pytest.fixture(scope="module")
def model(straight):
    return load_run(straight)


@pytest.fixture(scope="module")
def fitted():
    """Return scikit-learn's components of the same images, all of their digits float64."""
    images = load_arrays("mnist_mini", "train[:320]").images
    return Fitted(6, svd_solver="full").fit(images.reshape(320, -1) / 255.0)


@pytest.fixture(scope="module")
def unseen():
    return load_arrays("mnist_mini", "test[:100]").images


def test_codes_are_scikit_learn_s_up_to_each_component_s_sign(model, fitted, unseen):
    codes, wanted = model.encode(unseen), fitted.transform(unseen.reshape(100, -1) / 255.0)
    signs = np.sign((codes * wanted).sum(axis=0))
    np.testing.assert_allclose(codes, wanted * signs, rtol=0, atol=1e-3)
    assert model.code_shape == (6,)


def test_reconstructions_are_scikit_learn_s_cut_to_what_pixels_can_be(model, fitted, unseen):
    flat = unseen.reshape(100, -1) / 255.0
    wanted = fitted.inverse_transform(fitted.transform(flat))
    assert wanted.min() < 0 < 1 < wanted.max()
    cut = np.clip(wanted, 0.0, 1.0).reshape(unseen.shape)
    np.testing.assert_allclose(model.reconstruct(unseen), cut, rtol=0, atol=1e-3)
    np.testing.assert_allclose(model.decode(model.encode(unseen)), cut, rtol=0, atol=1e-3)


def test_its_loss_is_scikit_learn_s_error_on_either_set(model, fitted, unseen, straight):
    for images in (unseen, load_arrays("mnist_mini", "train[:320]").images):
        flat = images.reshape(len(images), -1) / 255.0
        apart = fitted.inverse_transform(fitted.transform(flat)) - flat
        logs = model.evaluate(images, batch_size=20, verbose=0, return_dict=True)
        assert logs["loss"] == pytest.approx((apart**2).sum(axis=1).mean(), rel=1e-4)
    # and over the training set it is what the other components would explain
    every = np.var(flat, axis=0).sum()
    kept = fitted.explained_variance_.sum() * 319 / 320
    assert logs["loss"] == pytest.approx(every - kept, rel=1e-4)
    assert [row["loss"] for row in read_history(straight / "history.csv")] == pytest.approx(
        [logs["loss"]] * 2, rel=1e-4
    )


def test_components_are_orthonormal(model):
    components = model.encoder.get_weights()[0]
    np.testing.assert_allclose(components.T @ components, np.eye(6), atol=1e-5)
    np.testing.assert_array_equal(model.decoder.get_weights()[0], components.T)


def test_steps_move_nothing_and_a_stopped_run_goes_on_to_the_bit(straight, tmp_path):
    run(tmp_path / "parts", steps=13)
    begun = load_run(tmp_path / "parts").encoder.get_weights()
    run(tmp_path / "parts", resume=True, steps=20)
    ends = [load_run(folder) for folder in (straight, tmp_path / "parts")]
    for left, right in zip(*(one.variables for one in ends), strict=True):
        np.testing.assert_array_equal(left.numpy(), right.numpy(), err_msg=left.path)
    np.testing.assert_array_equal(ends[1].encoder.get_weights()[0], begun[0])
    rows = [read_history(folder / "history.csv") for folder in (straight, tmp_path / "parts")]
    assert [row["loss"] for row in rows[0]] == [row["loss"] for row in rows[1]]


def test_it_is_saved_to_the_bit_and_an_export_answers_like_it(model, unseen, tmp_path):
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.reconstruct(unseen), model.reconstruct(unseen))
    path = export_savedmodel(model, tmp_path / "pca")
    signatures = tf.saved_model.load(str(path)).signatures
    assert set(signatures) == {"serving_default", "encode", "decode", "reconstruct"}
    images, codes = tf.constant(unseen / 255.0, tf.float32), model.encode(unseen)
    for name, given, key, wanted in (
        ("encode", {"images": images}, "code", codes),
        ("decode", {"code": tf.constant(codes)}, "images", model.decode(codes)),
        ("serving_default", {"images": images}, "images", model.reconstruct(unseen)),
    ):
        np.testing.assert_allclose(signatures[name](**given)[key], wanted, rtol=0, atol=1e-4)


def test_what_pca_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"Components see no condition"):
        build("pca", (4, 4, 1), num_classes=3, latent_dim=2)
    with pytest.raises(ValueError, match=r"latent_dim=9: 20 images of 8 pixels have 8 compon"):
        build("pca", (4, 2, 1), latent_dim=9).adapt(np.zeros((20, 4, 2, 1), np.uint8))
    with pytest.raises(ValueError, match=r"latent_dim=9: 5 images of 16 pixels have 5 compon"):
        build("pca", (4, 4, 1), latent_dim=9).adapt(np.zeros((5, 4, 4, 1), np.uint8))
    with pytest.raises(ValueError, match="gives 2 numbers a unit of the code, 1 are needed"):
        PCA(POSTERIORS["linear"]((4, 4, 1), latent_dim=2))
    with pytest.raises(SettingError, match=r"learning_rate.* does nothing in pca"):
        resolve("pca", {"learning_rate": "0.1"})
    assert MODELS["pca"].family == "pca" and resolve("pca", {"codec.latent_dim": "4"})


# ---------------------------------------------------------------------- the linear autoencoder


@pytest.fixture(scope="module")
def spread():
    """Return points of 12 pixels with two directions of much variance and ten of little."""
    generator = np.random.default_rng(0)
    turned = np.linalg.qr(generator.normal(size=(12, 12)))[0]
    deviations = np.array([0.3, 0.25, *[0.05] * 10])
    flat = 0.5 + (generator.normal(size=(256, 12)) * deviations) @ turned
    return np.clip(flat, 0.0, 1.0).reshape(256, 3, 4, 1).astype(np.float32)


def test_a_linear_autoencoder_comes_to_the_subspace_and_the_discarded_eigenvalues(spread):
    model = build(
        "autoencoder", (3, 4, 1), codec="linear", latent_dim=2, learning_rate=0.03,
        jit_compile=False, **{"reconstruction.output": "linear"},
    )  # fmt: skip
    model.fit(tf.data.Dataset.from_tensors(spread).repeat(1200), epochs=1, verbose=0)
    flat = spread.reshape(256, 12).astype(np.float64)
    eigenvalues = np.linalg.eigvalsh(np.cov(flat.T, bias=True))
    components = Fitted(2, svd_solver="full").fit(flat).components_
    error = model.evaluate(spread, batch_size=256, verbose=0, return_dict=True)["loss"]
    # no linear code of two numbers has less; this one has hardly more
    assert 1.0 - 1e-4 < error / eigenvalues[:-2].sum() < 1.005
    angles = subspace_angles(model.decoder.get_weights()[0].T, components.T)
    assert np.degrees(angles).max() < 1.0
    pca = PCA(CODECS["linear"]((3, 4, 1), latent_dim=2))
    pca.adapt(np.round(spread * 255.0).astype(np.uint8))
    assert np.degrees(subspace_angles(pca.encoder.get_weights()[0], components.T)).max() < 1.0
