"""A condition that is no class, from the data to a served request; and models with a spec alone."""

import json

import httpx
import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.conditions import Vector
from tfgan_survey.data.images import ImageSet
from tfgan_survey.errors import SettingError
from tfgan_survey.export import export_savedmodel
from tfgan_survey.models import GAN, ConditionalGAN, TrainableModel
from tfgan_survey.models.inputs import ImageInputs
from tfgan_survey.models.sampling import SeedSampling
from tfgan_survey.networks import Spec, dcgan, mlp, mlp_generator
from tfgan_survey.networks.initializers import Initializers
from tfgan_survey.objectives.minimax import NonSaturating
from tfgan_survey.zoo import build

SHAPE, SIZE, LATENT = (8, 8, 1), 3, 4
PAIRS = {
    "mlp": (mlp, {"generator_widths": (6,), "discriminator_widths": (6,)}),
    "concat": (dcgan, {"width": 2}),
    "projection": (dcgan, {"width": 2, "label_input": "projection"}),
}


def data(num=16):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (num, *SHAPE), dtype=np.uint8)
    rows = rng.normal(size=(num, SIZE)).astype(np.float32)
    return ImageSet("toy", images, rows, condition=Vector(SIZE))


def make(name="mlp"):
    builder, options = PAIRS[name]
    pair = builder(SHAPE, condition=data().condition, latent_dim=LATENT, **options)
    gan = GAN.assemble(pair, objective=NonSaturating())
    gan.compile("adam", "adam", jit_compile=False, steps_per_execution=2)
    return gan


@pytest.fixture(scope="module", params=PAIRS)
def trained(request):
    """Return a model after two steps, and its weights before them."""
    gan = make(request.param)
    before = [v.numpy() for v in gan.generator.trainable_variables]
    gan.fit(data().stream(8), epochs=1, verbose=0)
    return gan, before


def test_it_trains_and_its_rows_matter(trained):
    gan, before = trained
    assert isinstance(gan, ConditionalGAN) and int(gan.g_updates.numpy()) == 2
    after = [v.numpy() for v in gan.generator.trainable_variables]
    assert all(np.isfinite(a).all() for a in after)
    assert np.mean([(a != b).any() for a, b in zip(after, before, strict=True)]) > 0.5
    one, other = (gan.generate(4, np.full(SIZE, row), seed=3) for row in (1.0, -9.0))
    assert np.abs(one - other).reshape(4, -1).max(axis=1).min() > 1e-6


def test_a_saved_model_gives_the_same_samples_of_the_same_rows(trained, tmp_path):
    gan, _ = trained
    gan.save(tmp_path / "gan.keras")
    again = keras.models.load_model(tmp_path / "gan.keras")
    assert again.spec.condition == Vector(SIZE)
    rows = data().labels[:3]
    wanted = gan.generate(5, rows, seed=1)
    np.testing.assert_array_equal(again.generate(5, rows, seed=1), wanted)
    np.testing.assert_allclose(gan.generate(1, rows[1], seed=2)[0], wanted[1], atol=1e-6)
    with pytest.raises(ValueError, match="no default"):
        again.generate(5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_wrong_rows_are_refused_wherever_they_come_in(bad):
    gan, images, rows = make(), data().images, data().labels.copy()
    rows[3, 1] = bad
    latents = np.zeros((16, LATENT), np.float32)
    for run in (
        lambda: gan.fit(images, rows, batch_size=8, verbose=0),
        lambda: gan.evaluate(images, rows, batch_size=8, verbose=0),
        lambda: gan.predict([latents, rows], batch_size=8, verbose=0),
        lambda: gan([latents, rows]),
        lambda: gan.generate(16, rows),
    ):
        with pytest.raises(ValueError, match=f"to {bad}: expected finite float32 rows of 3"):
            run()


def test_rows_that_do_not_fit_the_model_are_named():
    gan, images, rows = make(), data().images, data().labels
    latents = np.zeros((16, LATENT), np.float32)
    with pytest.raises(ValueError, match=r"needs \(images, condition\), only images came"):
        gan.fit(images, batch_size=8, verbose=0)
    with pytest.raises(ValueError, match=r"float32 \(8, 2\); expected finite float32 rows of 3"):
        gan.fit(images, rows[:, :2], batch_size=8, verbose=0)
    gan.fit(images, rows, batch_size=8, verbose=0)
    # Keras' function takes other widths from here on, the model does not.
    with pytest.raises(ValueError, match=r"float32 \(8, None\); expected finite float32 rows of 3"):
        gan.fit(images, rows[:, :2], batch_size=8, verbose=0)
    with pytest.raises(ValueError, match=r"maps \[latents, condition\] to images; one input"):
        gan(latents)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    gan = make()
    return gan, export_savedmodel(gan, tmp_path_factory.mktemp("saved") / "vector", log=str)


def test_an_export_has_the_condition_in_every_signature_and_on_its_card(exported):
    gan, path = exported
    card = json.loads((path / "assets.extra" / "card.json").read_text())
    assert card["condition"] == {"kind": "vector", "size": SIZE}
    signatures = tf.saved_model.load(str(path)).signatures
    rows = data().labels[:3]
    given = {"latent": np.zeros((3, LATENT), np.float32), "seeds": np.arange(3, dtype=np.int64),
             "images": np.zeros((3, *SHAPE), np.float32)}  # fmt: skip
    taking = 0
    for signature in signatures.values():
        names = set(signature.structured_input_signature[1])
        if "condition" in names:
            taking += 1
            inputs = {key: tf.constant(given[key]) for key in names - {"condition"}}
            signature(**inputs, condition=tf.constant(rows))
            for bad in (np.nan, np.inf):
                wrong = np.where(np.arange(SIZE) == 1, bad, rows).astype(np.float32)
                with pytest.raises(tf.errors.InvalidArgumentError, match="finite float32 rows"):
                    signature(**inputs, condition=tf.constant(wrong))
    assert taking == 4
    made = signatures["sample"](seeds=tf.constant(given["seeds"]), condition=tf.constant(rows))
    np.testing.assert_allclose(made["images"], gan.generate(3, rows, seed=0), atol=1e-6)


def test_a_server_answers_right_rows_and_refuses_wrong_ones(exported):
    from tfgan_survey.serving import Client, ModelServer, ServerOptions

    gan, path = exported
    rows = data().labels[:2]
    server = ModelServer(ServerOptions(rest_port=0, grpc_port=0, models=(path.parent,)))
    server.start()
    try:
        url = f"http://127.0.0.1:{server.rest_port}/v1/models/vector:predict"

        def ask(body_rows):
            body = {"signature_name": "sample",
                    "inputs": {"seeds": [5, 6], "condition": body_rows}}  # fmt: skip
            return httpx.post(url, content=json.dumps(body), timeout=30)

        answer = ask(rows.tolist())
        assert answer.status_code == 200
        wanted = gan.generate(2, rows, seed=5)
        np.testing.assert_allclose(answer.json()["outputs"], wanted, atol=1e-5)
        answer = ask([[0.0, float("nan"), 1.0], [0.0, 0.0, 0.0]])
        assert answer.status_code == 400 and "finite float32 rows of 3" in answer.text
        answer = ask([[0.0, 1.0], [0.0, 1.0]])
        assert answer.status_code == 400 and "condition" in answer.text
        with Client(f"http://127.0.0.1:{server.rest_port}", "vector") as client:
            np.testing.assert_allclose(client.sample(rows, seed=5), wanted, atol=1e-5)
            again = client.sample(rows, num=3, seed=5)
            np.testing.assert_allclose(again, gan.generate(3, rows, seed=5), atol=1e-5)
            with pytest.raises(SettingError, match="no default condition"):
                client.sample(num=2)
    finally:
        server.stop()


def test_named_models_take_a_vector():
    gan = build("survey_gan", SHAPE, Vector(2), latent_dim=3)
    assert gan.spec.condition == Vector(2)


# ---------------------------------------------------------------------- a spec, and no pair


@keras.saving.register_keras_serializable("test_vector_condition")
class Decoder(ImageInputs, SeedSampling, TrainableModel):
    """One network from latents to images, fitted to the images that it is given."""

    spec = None  # of each model; the constructor sets it

    def __init__(self, spec, truncation=1.0, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.spec, self.truncation, self.seed = spec, truncation, seed
        self.decoder = mlp_generator(spec, Initializers("he_normal", seed), (6,), norm="none")
        self._begin(seed)

    def moves(self):
        return {"optimizer": self.decoder.trainable_variables}

    def run_generator(self, latents, labels, training=False):
        inputs = latents if labels is None else [latents, labels]
        return self.decoder(inputs, training=training)

    def losses(self, data):
        real, labels = self.unpack(data)
        made = self.run_generator(self.random_latents(real), labels, training=True)
        return {"loss": tf.reduce_mean((made - real) ** 2)}

    def update(self, data):
        variables = self.decoder.trainable_variables
        with tf.GradientTape() as tape:
            logs = self.losses(data)
        self.optimizer.apply(tape.gradient(logs["loss"], [v.value for v in variables]), variables)
        return logs

    def signatures(self):
        return self.sampling_signatures()

    def exported_networks(self):
        return [self.decoder]

    def export_facts(self):
        return self.spec.facts()


@pytest.mark.parametrize("condition", [None, 3, Vector(SIZE)], ids=str)
def test_a_model_with_a_spec_samples_and_checks_its_inputs(condition, tmp_path):
    model = Decoder(Spec(SHAPE, condition, LATENT), truncation=0.5)
    model.compile("adam", jit_compile=False, steps_per_execution=1)
    rows = {None: None, 3: np.arange(16, dtype=np.int32) % 3}.get(condition, data().labels)
    given = (data().images,) if rows is None else (data().images, rows)
    model.fit(*given, batch_size=8, verbose=0)
    assert model.steps_done == 2
    wanted = model.generate(2, None if rows is None else rows[:2], seed=1)
    assert wanted.shape == (2, *SHAPE) and 0 <= wanted.min() < wanted.max() <= 1
    latents = np.array(model.latents(tf.constant([1, 2])))
    assert 0.1 < np.abs(latents).max() <= 0.5  # truncated
    made = model(latents if rows is None else [latents, rows[:2]])
    np.testing.assert_allclose(made, wanted, atol=1e-6)
    model.save(tmp_path / "decoder.keras")
    again = keras.models.load_model(tmp_path / "decoder.keras")
    np.testing.assert_array_equal(
        again.generate(2, None if rows is None else rows[:2], seed=1), wanted
    )
    row = "labels" if condition == 3 else "condition"
    declared = model.signatures().items()
    names = [name for name, (_, specs) in declared if row in {one.name for one in specs}]
    asked = [] if condition is None else ["serving_default", "sample", "sample_png"]
    blends = condition == 3  # between classes
    assert names == asked and len(declared) == 4 + blends
    sample, _ = model.signatures()["sample"]
    made = sample(tf.constant([1, 2]), *([] if rows is None else [tf.constant(rows[:2])]))
    np.testing.assert_allclose(made["images"], wanted, atol=1e-6)
    with pytest.raises(ValueError, match="from 0 to 255 came"):
        model.fit(255.0 * (given[0] > 9), *given[1:], batch_size=8, verbose=0)
