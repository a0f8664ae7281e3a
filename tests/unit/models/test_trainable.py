"""A kind of model from outside: its networks, its losses and its update, and nothing else."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from toy_gan import SHAPE, batch, batches

from tfgan_survey.errors import NonFiniteLossError
from tfgan_survey.export import export_savedmodel, find_export
from tfgan_survey.models import GAN, TrainableModel
from tfgan_survey.networks.specs import Spec

LATENT = 3


@keras.saving.register_keras_serializable("test_trainable")
class Autoencoder(TrainableModel):
    """Two networks, two optimizers with names of their own, a Gaussian code, a log key `kl`."""

    optimizer_names = ("encoder_optimizer", "decoder_optimizer")
    log_names = ("loss", "kl", "reconstruction")
    abilities = frozenset({"encode", "reconstruct"})

    def __init__(self, shape, weight=0.1, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.shape, self.weight, self.seed = shape, weight, seed
        size, drawn = int(np.prod(shape)), keras.initializers.GlorotUniform(seed)
        inputs, code = keras.Input(shape), keras.Input((LATENT,))
        flat = keras.layers.Flatten()(inputs)
        self.encoder = keras.Model(
            inputs, keras.layers.Dense(2 * LATENT, kernel_initializer=drawn)(flat)
        )
        made = keras.layers.Dense(size, activation="sigmoid", kernel_initializer=drawn)(code)
        self.decoder = keras.Model(code, keras.layers.Reshape(shape)(made))
        self._begin(seed)

    @property
    def spec(self):
        return Spec(self.shape)

    def moves(self):
        return {
            "encoder_optimizer": self.encoder.trainable_variables,
            "decoder_optimizer": self.decoder.trainable_variables,
        }

    def losses(self, data):
        images = tf.cast(data, tf.float32) / 255.0
        z_mean, z_log_var = tf.split(self.encoder(images), 2, axis=-1)
        noise = keras.random.normal(tf.shape(z_mean), seed=self.seed_generator)
        made = self.decoder(z_mean + tf.exp(0.5 * z_log_var) * noise)
        kl = 0.5 * tf.reduce_mean(z_mean**2 + tf.exp(z_log_var) - z_log_var - 1.0)
        reconstruction = tf.reduce_mean((made - images) ** 2)
        return {
            "loss": reconstruction + self.weight * kl,
            "kl": kl,
            "reconstruction": reconstruction,
        }

    def update(self, data):
        with tf.GradientTape(persistent=True) as tape:
            logs = self.losses(data)
        for name, variables in self.moves().items():
            values = [variable.value for variable in variables]
            getattr(self, name).apply(tape.gradient(logs["loss"], values), variables)
        return logs

    def call(self, images):
        return self.decoder(self.encoder(images)[:, :LATENT])

    def signatures(self):
        spec = tf.TensorSpec((None, *self.shape), tf.float32, "images")

        def encode(images):
            return {"codes": self.encoder(images)[:, :LATENT]}

        def reconstruct(images):
            return {"images": self(images)}

        return {"encode": (encode, [spec]), "serving_default": (reconstruct, [spec])}

    def exported_networks(self):
        return [self.encoder, self.decoder]

    def export_facts(self):
        return {"image_shape": list(self.shape)}


@keras.saving.register_keras_serializable("test_trainable")
class Single(Autoencoder):
    """The same with one optimizer, under the name that Keras uses itself."""

    optimizer_names = ("optimizer",)

    def __init__(self, shape, more=True, **kwargs):
        super().__init__(shape, **kwargs)
        self.more = more

    def moves(self):
        return {"optimizer": self.trainable_variables}


def compiled(kind=Autoencoder, eager=True, **options):
    model = kind(SHAPE, **options)
    rates = (1e-2, 3e-2)[: len(kind.optimizer_names)]
    model.compile(
        *(keras.optimizers.Adam(rate) for rate in rates),
        run_eagerly=eager,
        jit_compile=False,
        steps_per_execution=None if eager else 2,
    )
    return model


def everything(model):
    parts = [model, *(getattr(model, name) for name in model.optimizer_names)]
    return [variable.numpy() for part in parts for variable in part.variables]


IMAGES = batches().images


@pytest.mark.parametrize("kind", [Autoencoder, Single])
def test_another_kind_saved_in_the_middle_goes_on_to_the_bit(kind, tmp_path):
    data = tf.constant(IMAGES[:16])
    straight = compiled(kind, weight=0.3, seed=4)
    for _ in range(2):
        straight.train_step(data)
    straight.save(tmp_path / "toy.keras")
    loaded = keras.models.load_model(tmp_path / "toy.keras")
    assert type(loaded) is kind and loaded.weight == 0.3 and loaded.seed == 4
    assert loaded.steps_done == 2
    for model in (straight, loaded):
        logs = model.train_step(data)
    assert set(logs) == {"loss", "kl", "reconstruction"} and float(logs["kl"]) > 0
    pairs = list(zip(everything(straight), everything(loaded), strict=True))
    assert all(np.array_equal(a, b) for a, b in pairs)
    for name in kind.optimizer_names:
        assert int(getattr(loaded, name).iterations.numpy()) == 3


def test_another_kind_in_a_compiled_fit_logs_means_of_its_own_names():
    model, single = compiled(eager=False), compiled(eager=False)
    single.compile(*(keras.optimizers.Adam(rate) for rate in (1e-2, 3e-2)), jit_compile=False,
                   steps_per_execution=1)  # fmt: skip
    data = tf.data.Dataset.from_tensor_slices(IMAGES).batch(8)
    histories = [m.fit(data, epochs=3, verbose=0).history for m in (model, single)]
    assert set(histories[0]) == {"loss", "kl", "reconstruction"}
    for key, values in histories[0].items():
        np.testing.assert_allclose(values, histories[1][key], rtol=1e-5)
    assert model.steps_done == 18 and int(model.epochs_seen.numpy()) == 3
    assert histories[0]["reconstruction"][-1] < histories[0]["reconstruction"][0]
    np.testing.assert_allclose(
        histories[0]["loss"],
        np.add(histories[0]["reconstruction"], 0.1 * np.array(histories[0]["kl"])),
        rtol=1e-5,
    )


def test_evaluate_of_another_kind_leaves_it_bitwise_unchanged():
    model = compiled()
    model.train_step(tf.constant(IMAGES[:16]))
    before = everything(model)
    losses = [model.evaluate(IMAGES, verbose=0, return_dict=True) for _ in range(2)]
    assert losses[0] == losses[1] and set(losses[0]) == set(Autoencoder.log_names)
    assert all(np.array_equal(a, b) for a, b in zip(before, everything(model), strict=True))


def test_every_loss_of_another_kind_must_be_finite():
    model = compiled()
    model.decoder.layers[1].kernel.assign(model.decoder.layers[1].kernel * np.nan)
    with pytest.raises(NonFiniteLossError, match="loss became NaN or infinite at step 1"):
        model.fit(IMAGES, batch_size=48, verbose=0)


def test_another_kind_is_exported_as_it_declares(tmp_path):
    model = compiled()
    path = export_savedmodel(model, tmp_path / "toy", log=lambda _: None)
    signatures = tf.saved_model.load(str(path)).signatures
    assert set(signatures) == {"encode", "serving_default"}
    images = tf.cast(IMAGES[:2], tf.float32) / 255.0
    np.testing.assert_allclose(
        signatures["serving_default"](images=images)["images"], model(images), atol=1e-6
    )
    assert signatures["encode"](images=images)["codes"].shape == (2, LATENT)
    assert find_export(model, path.parent) == path
    assert find_export(compiled(seed=9), path.parent) is None


@pytest.mark.parametrize(
    ("given", "named", "error", "message"),
    [
        (2, {"other": "adam"}, TypeError, "encoder_optimizer, decoder_optimizer, each once"),
        (1, {"encoder_optimizer": "adam"}, TypeError, "each once"),
        (3, {}, TypeError, "3 came by place"),
    ],
)
def test_optimizers_that_the_model_does_not_have_are_refused(given, named, error, message):
    with pytest.raises(error, match=message):
        Autoencoder(SHAPE).compile(*(keras.optimizers.Adam() for _ in range(given)), **named)


def test_optimizers_by_name_and_left_out():
    model = Autoencoder(SHAPE)
    model.compile(decoder_optimizer=keras.optimizers.SGD(0.5))
    assert isinstance(model.decoder_optimizer, keras.optimizers.SGD)
    assert isinstance(model.encoder_optimizer, keras.optimizers.Adam)
    one = keras.optimizers.Adam()
    with pytest.raises(ValueError, match="one object"):
        model.compile(one, one)


def test_a_gan_declares_what_the_rooms_above_ask():
    assert GAN.axes["network"].argument == "pair"
    assert GAN.abilities == {"sample", "score"}
    from toy_gan import make

    gan = make(3)
    assert gan.steps_done == 0
    logs = gan.train_step(batch())
    assert gan.steps_done == 1
    assert set(logs) == {*GAN.log_names, *GAN.logged_counters}
    moved = gan.moves()
    assert tuple(moved) == GAN.optimizer_names
    assert {id(v) for v in moved["d_optimizer"]} == {
        id(v) for v in gan.discriminator.trainable_variables
    }
