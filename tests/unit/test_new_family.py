"""A kind of model that the package does not know goes through every room without an edit there.

One network of its own, a Gaussian code, two optimizers with new names, a log key `kl`. What stands
here is what its author writes: a model file, an axis of networks, and an entry in the zoo.
"""

import json
import shutil
from typing import ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfgan_survey.data import load_arrays
from tfgan_survey.errors import SettingError
from tfgan_survey.evaluation import evaluate, write_report
from tfgan_survey.export import export_run
from tfgan_survey.models import FAMILIES, TrainableModel
from tfgan_survey.models.inputs import ImageInputs
from tfgan_survey.models.optimizers import OPTIMIZERS
from tfgan_survey.models.sampling import SeedSampling
from tfgan_survey.networks.specs import Spec
from tfgan_survey.registry import Axis, Registry
from tfgan_survey.settings import Choice
from tfgan_survey.training import RunFolder, load_run, train
from tfgan_survey.training.callbacks import read_history
from tfgan_survey.training.sample import sample_run
from tfgan_survey.zoo import MODELS, Recipe, resolve


@keras.saving.register_keras_serializable("test_new_family")
class Codec(Spec):
    """An encoder to mean and log variance, a decoder to pixels."""

    def __init__(self, encoder, decoder, spec):
        super().__init__(spec.image_shape, spec.condition, spec.latent_dim, spec.latent)
        object.__setattr__(self, "encoder", encoder)
        object.__setattr__(self, "decoder", decoder)

    def get_config(self):
        networks = {
            role: keras.saving.serialize_keras_object(getattr(self, role))
            for role in ("encoder", "decoder")
        }
        return {**super().get_config(), **networks}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        networks = [
            keras.saving.deserialize_keras_object(config.pop(role))
            for role in ("encoder", "decoder")
        ]
        return cls(*networks, Spec.from_config(config))


def dense(image_shape, num_classes=None, *, seed: int = 0, width: int = 8, code: int = 3):
    spec = Spec(image_shape, num_classes, code, "normal")
    drawn = keras.initializers.GlorotUniform(seed)
    images, z = keras.Input(spec.image_shape), keras.Input((code,))
    x = keras.layers.Flatten()(images)
    x = keras.layers.Dense(width, activation="tanh", kernel_initializer=drawn)(x)
    encoder = keras.Model(images, keras.layers.Dense(2 * code, kernel_initializer=drawn)(x))
    size = int(np.prod(spec.image_shape))
    x = keras.layers.Dense(size, activation="sigmoid", kernel_initializer=drawn)(z)
    return Codec(encoder, keras.Model(z, keras.layers.Reshape(spec.image_shape)(x)), spec)


@keras.saving.register_keras_serializable("test_new_family")
class GaussianCode(ImageInputs, SeedSampling, TrainableModel):
    """Squared error and the code's divergence from a Gaussian."""

    axes: ClassVar = {
        "codec": Axis(Registry("codec", {"dense": dense}), "codec", "network"),
        "encoder_optimizer": Axis(OPTIMIZERS, "encoder_optimizer", "optimizer"),
        "decoder_optimizer": Axis(OPTIMIZERS, "decoder_optimizer", "optimizer"),
    }
    optimizer_names = ("encoder_optimizer", "decoder_optimizer")
    log_names = ("loss", "kl", "reconstruction_loss")
    abilities = frozenset({"sample", "reconstruct"})

    def __init__(self, codec, *, weight: float = 0.01, truncation: float = 1.0, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.codec, self.weight, self.truncation, self.seed = codec, weight, truncation, seed
        self.encoder, self.decoder = codec.encoder, codec.decoder
        self._begin(seed)

    @property
    def spec(self):
        return self.codec

    def moves(self):
        return {
            "encoder_optimizer": self.encoder.trainable_variables,
            "decoder_optimizer": self.decoder.trainable_variables,
        }

    def losses(self, data):
        images, _ = self.unpack(data)
        mean, log_variance = tf.split(self.encoder(images), 2, axis=-1)
        z = mean + tf.exp(0.5 * log_variance) * self.random_latents(images)
        kl = 0.5 * tf.reduce_mean(mean**2 + tf.exp(log_variance) - log_variance - 1.0)
        error = tf.reduce_mean((self.decoder(z) - images) ** 2)
        return {"loss": error + self.weight * kl, "kl": kl, "reconstruction_loss": error}

    def update(self, data):
        moved = self.moves()
        with tf.GradientTape(persistent=True) as tape:
            logs = self.losses(data)
        for name, variables in moved.items():
            gradients = tape.gradient(logs["loss"], [variable.value for variable in variables])
            getattr(self, name).apply(gradients, variables)
        return logs

    def run_generator(self, latents, labels, training=False):
        return self.decoder(latents, training=training)

    def reconstruct(self, images):
        scaled = self.spec.to_network(tf.convert_to_tensor(images))
        return self.decoder(self.encoder(scaled)[:, : self.spec.latent_dim]).numpy()

    def exported_networks(self):
        return [self.encoder, self.decoder]

    def export_facts(self):
        return self.spec.facts()

    def signatures(self):
        seeds = tf.TensorSpec((None,), tf.int64, "seeds")
        return {
            "serving_default": (lambda seeds: {"images": self.sample(seeds)}, [seeds]),
            "sample": (lambda seeds: {"images": self.sample(seeds)}, [seeds]),
        }


SETTINGS = {
    "dataset": "mnist_mini", "split": "train[:640]", "batch_size": 32, "jit_compile": False,
    "steps_per_execution": 4,
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def known():
    """Enter the family and its recipe, as its file and one entry in the zoo would."""
    recipe = Recipe(
        summary="a Gaussian code",
        source="a test",
        parts={"codec": Choice("dense"), "optimizer": Choice("adam", {"learning_rate": 3e-3})},
        quick=30,
        paper="-",
        family="gaussian_code",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GaussianCode, "family", "gaussian_code", raising=False)
        patch.setitem(FAMILIES._values, "gaussian_code", GaussianCode)
        patch.setitem(MODELS._values, "gaussian_code", recipe)
        yield


def run(folder, resume=False, **overrides):
    return train(
        "gaussian_code", folder, resume=resume, overrides=SETTINGS | overrides, verbose=0,
        log=lambda line: None,
    )  # fmt: skip


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "straight"
    run(folder, steps=50)
    return folder


def test_settings_are_those_of_its_axes():
    settings = resolve("gaussian_code", {"width": "5", "decoder_optimizer.beta_1": "0.5"})
    assert list(settings.parts) == ["codec", "encoder_optimizer", "decoder_optimizer"]
    assert settings.codec.options == {"width": 5, "code": 3}
    assert settings.encoder_optimizer.options["beta_1"] == 0.9
    assert settings.decoder_optimizer.options["beta_1"] == 0.5
    assert settings.loop == {"weight": 0.01, "truncation": 1.0}
    with pytest.raises(SettingError, match="does nothing in gaussian_code"):
        resolve("gaussian_code", {"n_critic": 2})


def test_training_leaves_history_curves_film_and_a_falling_loss(straight):
    folder = RunFolder(straight)
    rows = read_history(folder.history)
    assert [row["steps"] for row in rows] == [20, 40, 50]
    assert {"loss", "kl", "reconstruction_loss"} <= set(rows[0])
    assert rows[-1]["reconstruction_loss"] < 0.8 * rows[0]["reconstruction_loss"]
    for picture in (folder.grid, folder.curves):
        assert Image.open(picture).size[0] > 300
    assert Image.open(folder.film).n_frames >= 10


def test_a_stopped_training_goes_on_to_the_bit(straight, tmp_path):
    run(tmp_path / "parts", steps=33)
    run(tmp_path / "parts", resume=True, steps=50)
    ends = [load_run(folder) for folder in (straight, tmp_path / "parts")]
    for left, right in zip(*(model.variables for model in ends), strict=True):
        assert np.array_equal(left.numpy(), right.numpy())
    for name in GaussianCode.optimizer_names:
        for left, right in zip(*(getattr(m, name).variables for m in ends), strict=True):
            assert np.array_equal(left.numpy(), right.numpy())


def test_it_is_sampled_evaluated_and_reported(straight, tmp_path):
    sample_run(straight, tmp_path / "samples.png", num=9)
    assert Image.open(tmp_path / "samples.png").size[0] > 50
    found = evaluate(straight, metrics=["sliced_wasserstein"], num=50)
    assert np.isfinite(found[0].value)
    page = write_report(tmp_path / "page.html", straight, found).read_text(encoding="utf-8")
    assert "kl, mean over an epoch" in page and "gaussian_code on mnist_mini" in page


def test_it_is_exported_and_answers(straight, tmp_path):
    path = export_run(straight, tmp_path / "exported", log=lambda line: None)
    card = json.loads((path / "assets.extra" / "card.json").read_text())
    assert card["latent_dim"] == 3 and card["steps"] == 50
    seeds = tf.constant([4, 5], tf.int64)
    answer = tf.saved_model.load(str(path)).signatures["sample"](seeds=seeds)["images"]
    made = load_run(straight).generate(2, seed=4)
    np.testing.assert_allclose(answer, made, atol=1e-6)


def test_a_model_that_only_reconstructs_shows_reconstructions(straight, tmp_path, monkeypatch):
    monkeypatch.setattr(GaussianCode, "abilities", frozenset({"reconstruct"}))
    shutil.copytree(straight, tmp_path / "run")
    run(tmp_path / "run", resume=True, steps=60)
    rows = 10 * 28 + 9
    assert Image.open(RunFolder(tmp_path / "run").grid).size[1] == 2 * rows
    images = load_arrays("mnist_mini", "train[:50]").images
    made = load_run(tmp_path / "run").reconstruct(images)
    assert np.mean((made - images / 255.0) ** 2) < np.mean((images / 255.0) ** 2)


def test_it_is_served_and_asked_by_the_client(straight, tmp_path):
    from tfgan_survey.serving import Client, ModelServer, ServerOptions

    folder = tmp_path / "gaussian_code"
    export_run(straight, folder, log=lambda line: None)
    server = ModelServer(ServerOptions(models=(folder,), rest_port=0, grpc_port=0))
    server.start()
    try:
        with Client(f"http://127.0.0.1:{server.rest_port}", "gaussian_code") as client:
            made = client.sample(num=2, seed=4)
    finally:
        server.stop()
    np.testing.assert_allclose(made, load_run(straight).generate(2, seed=4), atol=1e-5)
