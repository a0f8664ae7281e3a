"""A discriminator alone: its ascents in closed form, its kept chains, its training and its run."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.errors import SettingError
from tfgan_survey.evaluation import evaluate
from tfgan_survey.export import export_run
from tfgan_survey.models.energy import DiscriminatorOnly
from tfgan_survey.networks import Scorer, dcgan, dcgan_scorer
from tfgan_survey.objectives.minimax import NonSaturating
from tfgan_survey.objectives.wasserstein import Wasserstein
from tfgan_survey.regularizers.gradient_penalty import GradientPenalty
from tfgan_survey.regularizers.weight_clipping import WeightClipping
from tfgan_survey.training import load_run, train
from tfgan_survey.zoo import build

SHAPE = (3, 2, 1)
TOP = np.array([0.5, -0.5, 0.25, 0.0, -0.75, 0.9], np.float32)  # of the bowl


def bowl(curvature=1.0, num_classes=None):
    """D(x) = -curvature / 2 ||x - TOP||^2; with classes the top of class y is (-1)^y TOP."""
    images = keras.Input(SHAPE)
    x = keras.layers.Flatten()(images)
    inputs = images
    if num_classes:
        labels = keras.Input((), dtype="int32")
        signs = keras.layers.Embedding(num_classes, 1, name="signs")
        x = keras.layers.Multiply()([x, signs(labels)])
        inputs = [images, labels]
    x = keras.layers.Dense(x.shape[-1], name="shift")(x)
    x = keras.layers.Dense(1, name="sum")(keras.layers.Multiply()([x, x]))
    network = keras.Model(inputs, x)
    network.get_layer("shift").set_weights([np.eye(6, dtype=np.float32), -TOP])
    network.get_layer("sum").set_weights(
        [np.full((6, 1), -curvature / 2, np.float32), np.zeros(1, np.float32)]
    )
    if num_classes:
        signs.set_weights([(-1.0) ** np.arange(num_classes)[:, None]])
    return Scorer(network, image_shape=SHAPE, condition=num_classes, output_range=(-1.0, 1.0))


def make(scorer, objective=None, regularizer=None, rate=0.0, jit=False, **options):
    options = {"ema": None, "ascent_steps": 2, "sample_steps": 3, "chains": 8} | options
    model = DiscriminatorOnly(scorer, objective or NonSaturating(), regularizer, **options)
    model.compile(
        keras.optimizers.SGD(rate), run_eagerly=not jit, jit_compile=jit,
        steps_per_execution=2 if jit else None,
    )  # fmt: skip
    return model


def reals(n=4, seed=0):
    return tf.constant(np.random.default_rng(seed).integers(0, 256, (n, *SHAPE), dtype=np.uint8))


def starts(model, seeds):
    return model.latents(tf.constant(seeds, tf.int64)).numpy()


def test_ascent_goes_where_the_equation_says_and_stays_in_range():
    """x_k = TOP + (1 - step_size curvature)^k (x_0 - TOP); one step too long ends at the walls."""
    model = make(bowl(0.5), step_size=0.6, sample_steps=4)
    made = model.generate(5, seed=7) * 2.0 - 1.0
    expected = TOP + (1.0 - 0.3) ** 4 * (starts(model, range(7, 12)) - TOP)
    np.testing.assert_allclose(made.reshape(5, 6), expected, atol=1e-6)
    far = make(bowl(0.5), step_size=1000.0, sample_steps=1)
    start = starts(far, range(3))
    walls = np.where(start < TOP, 1.0, -1.0)
    np.testing.assert_array_equal(far.generate(3, seed=0).reshape(3, 6) * 2.0 - 1.0, walls)


def test_a_sample_of_a_class_climbs_that_class():
    model = make(bowl(1.0, 2), step_size=1.0, sample_steps=1)
    made = model.generate(4, labels=[0, 1], seed=0).reshape(4, 6) * 2.0 - 1.0
    np.testing.assert_allclose(made, [TOP, -TOP, TOP, -TOP], atol=1e-6)


def test_langevin_noise_has_its_variance_and_is_of_the_seed_alone():
    model = make(bowl(1.0), step_size=0.01, noise=0.01, sample_steps=9)
    plain = make(bowl(1.0), step_size=0.01, sample_steps=9)
    made = model.generate(400, seed=5)
    moved = 2.0 * (made - plain.generate(400, seed=5))
    inside = np.all((made > 0.03) & (made < 0.97), axis=(1, 2, 3))
    shares = (1.0 - 0.01) ** np.arange(9)
    variance = 0.01**2 * np.sum(shares**2)
    # Standard error of a variance of n Gaussian numbers: sqrt(2 / n) of it.
    values = moved[inside]
    assert np.var(values) == pytest.approx(variance, rel=5 * np.sqrt(2 / values.size))
    assert abs(values.mean()) < 5 * np.sqrt(variance / values.size)
    np.testing.assert_array_equal(made[2:3], model.generate(1, seed=7))
    np.testing.assert_array_equal(made[:20], model.generate(20, seed=5, batch_size=7))
    latents = starts(model, range(5, 9))
    np.testing.assert_allclose(model.predict(latents, verbose=0), made[:4], atol=1e-6)


def test_a_training_step_is_the_objectives_on_the_chains():
    """The logs and the move of one step, from the chains that it left behind."""
    scorer = bowl(0.5)
    model = make(scorer, regularizer=GradientPenalty(2.0, 0.0), rate=0.1, step_size=0.6, chains=4)
    shift = scorer.discriminator.get_layer("shift")
    before = [value.numpy() for value in shift.weights]
    logs = {key: float(value) for key, value in model.train_step(reals()).items()}
    fake = model._chain_images.numpy()
    real = reals().numpy() / 127.5 - 1.0

    def score(x, bias):
        return -0.25 * np.sum((x.reshape(4, 6) + bias) ** 2, axis=1)

    def d_loss(bias):
        return np.mean(np.log1p(np.exp(-score(real, bias)))) + np.mean(
            np.log1p(np.exp(score(fake, bias)))
        )

    assert logs["d_loss"] == pytest.approx(d_loss(-TOP), rel=1e-5)
    for key, images in (("d_real", real), ("d_fake", fake)):
        assert logs[key] == pytest.approx(np.mean(1 / (1 + np.exp(-score(images, -TOP)))), rel=1e-5)
    slopes = [0.25 * np.sum((x.reshape(4, 6) - TOP) ** 2, axis=1) for x in (real, fake)]
    assert 0.0 < logs["penalty"] < 2.0 * np.maximum(*slopes).max()
    assert not np.array_equal(shift.weights[1].numpy(), before[1])
    bare = make(bowl(0.5), rate=0.1, step_size=0.6, chains=4)
    bare.train_step(reals())
    moved = bare.discriminator.get_layer("shift").weights[1].numpy() + TOP
    tiny = 1e-3 * np.eye(6)
    slope = [(d_loss(-TOP + one) - d_loss(-TOP - one)) / 2e-3 for one in tiny]
    np.testing.assert_allclose(moved, -0.1 * np.array(slope), atol=1e-5)


@pytest.mark.parametrize(("restart", "low", "high"), [(0.0, 0, 0), (0.3, 0.2, 0.4), (1.0, 1, 1)])
def test_chains_begin_in_the_first_round_and_restart_at_their_rate_after_it(restart, low, high):
    """On a level discriminator a chain stays where it is until it restarts."""
    model = make(bowl(0.0), Wasserstein(), restart=restart, chains=600)
    for _ in range(2):
        model.train_step(reals(300))
    first = model._chain_images.numpy()
    assert len(np.unique(first, axis=0)) == 600 and np.ptp(first) > 1.9  # all begun, all apart
    model.train_step(reals(300))
    model.train_step(reals(300))
    changed = np.any(model._chain_images.numpy() != first, axis=(1, 2, 3))
    assert low <= changed.mean() <= high  # 0.3 in more than 5 standard errors
    assert int(model.chain_moves.numpy()) == 1200


def test_a_kept_chain_goes_on_from_where_it_was():
    """In the second round two more steps: four in all, by the equation."""
    model = make(bowl(0.5), step_size=0.6, restart=0.0, chains=8)
    for seed in range(2):
        model.train_step(reals(4, seed))
    first = model._chain_images.numpy().reshape(8, 6)
    model.train_step(reals(4, 2))
    after = model._chain_images.numpy().reshape(8, 6)
    np.testing.assert_allclose(after[:4], TOP + 0.7**2 * (first[:4] - TOP), atol=1e-6)
    np.testing.assert_array_equal(after[4:], first[4:])


def test_a_kept_chain_keeps_its_class_and_a_new_one_takes_the_batches():
    model = make(bowl(1.0, 2), step_size=1.0, restart=0.0, chains=4)
    model.train_step((reals(4), tf.constant([0, 1, 1, 0])))
    model.train_step((reals(4), tf.constant([1, 1, 1, 1])))
    np.testing.assert_array_equal(model._chain_rows.numpy(), [0, 1, 1, 0])
    kept = model._chain_images.numpy().reshape(4, 6)
    np.testing.assert_allclose(kept, [TOP, -TOP, -TOP, TOP], atol=1e-6)
    renewed = make(bowl(1.0, 2), step_size=1.0, restart=1.0, chains=4)
    for labels in ([0, 1, 1, 0], [1, 1, 1, 1]):
        renewed.train_step((reals(4), tf.constant(labels)))
    np.testing.assert_array_equal(renewed._chain_rows.numpy(), [1, 1, 1, 1])


def test_held_out_losses_are_against_samples_and_move_nothing():
    model = make(bowl(1.0), step_size=1.0, sample_steps=1)
    before = [variable.numpy() for variable in model.variables]
    logs = model.evaluate(reals(8), batch_size=4, verbose=0, return_dict=True)
    assert logs["d_fake"] == pytest.approx(0.5, abs=1e-5)  # at the top the score is 0
    for one, other in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(one, other.numpy())


def test_projection_and_average_follow_the_update():
    model = make(
        dcgan_scorer((8, 8, 1), width=2), Wasserstein(), WeightClipping(0.05), 1.0, ema=0.9
    )
    start = [value.numpy() for value in model.ema_discriminator.weights]
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), dtype=np.uint8)
    model.train_step(tf.constant(images))
    now = [value.numpy() for value in model.discriminator.weights]
    assert max(np.abs(value).max() for value in now) == pytest.approx(0.05)
    decay = 2.0 / 11.0  # min(0.9, (1 + n) / (10 + n)) of the first update
    for begun, value, average in zip(start, now, model.ema_discriminator.weights, strict=True):
        np.testing.assert_allclose(average, decay * begun + (1 - decay) * value, atol=1e-6)
    assert model.exported_networks() == [model.ema_discriminator]
    bare = make(Scorer(model.ema_discriminator, image_shape=(8, 8, 1), output_range=(-1, 1)))
    np.testing.assert_array_equal(model.generate(3, seed=1), bare.generate(3, seed=1))


def test_a_compiled_step_computes_what_an_eager_one_does():
    """From chains of the test's own: XLA draws other starts of the same seed."""

    def trained(jit):
        model = make(bowl(0.5), rate=0.05, jit=jit, restart=0.0, step_size=0.6)
        model._chain_images.assign(reals(8, seed=1).numpy() / 127.5 - 1.0)
        model.chain_moves.assign(model.chains)
        data = tf.data.Dataset.from_tensor_slices(reals(24)).batch(4, drop_remainder=True)
        model.fit(data, epochs=1, verbose=0)
        return model

    eager, compiled = trained(False), trained(True)
    assert int(compiled.steps.numpy()) == 6 and int(compiled.chain_moves.numpy()) == 8 + 24
    for one, other in zip(eager.variables, compiled.variables, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-4, atol=1e-5)


def test_more_examples_than_chains_are_refused():
    with pytest.raises(SettingError, match="batches of 9 examples with chains=8"):
        make(bowl()).train_step(reals(9))


@pytest.mark.parametrize(
    ("option", "value"),
    [("restart", 1.5), ("step_size", 0.0), ("noise", -0.1), ("chains", 0), ("ema", 1.0)],
)
def test_options_outside_their_range_are_refused(option, value):
    with pytest.raises(SettingError, match=f"{option}={value}: expected"):
        make(bowl(), **{option: value})


def test_the_network_is_the_pairs_discriminator_with_a_hidden_layer():
    alone = dcgan_scorer((28, 28, 1), 10, width=4, initializer="normal_002")
    pair = dcgan((28, 28, 1), 10, width=4, discriminator_norm="none", label_input="projection")
    found, expected = (
        [
            (type(layer).__name__, layer.output.shape)
            for layer in one.discriminator.layers
            if not isinstance(layer, keras.layers.InputLayer)
        ]
        for one in (alone, pair)
    )
    hidden = [("Dense", (None, 128)), ("LeakyReLU", (None, 128))]
    assert expected[4][0] == "Flatten" and found == expected[:5] + hidden + expected[5:]
    assert alone.latent_dim == 784 and alone.output_range == (-1.0, 1.0)
    with pytest.raises(ValueError, match="image_shape"):
        dcgan_scorer((10, 10, 1))
    with pytest.raises(ValueError, match="needs 2"):
        Scorer(bowl().discriminator, image_shape=SHAPE, condition=2)
    with pytest.raises(ValueError, match="last axis of 1"):
        Scorer(dcgan((8, 8, 3)).generator, image_shape=(8, 8, 3))


def test_it_learns_to_make_what_it_is_shown():
    """Squares at one of two places; mean distance of samples to the nearer of the two."""
    kinds = np.zeros((2, 8, 8, 1), np.uint8)
    kinds[0, 1:4, 1:4], kinds[1, 4:7, 4:7] = 255, 255
    model = build(
        "discriminator_only", (8, 8, 1), width=8, chains=64, sample_steps=40, ema=0.9,
        learning_rate=3e-3, steps_per_execution=25,
    )  # fmt: skip

    def distance():
        made = model.generate(64, seed=0)
        apart = np.abs(made[:, None] - kinds / 255.0).mean(axis=(2, 3, 4))
        return apart.min(axis=1).mean(), np.bincount(apart.argmin(axis=1), minlength=2).min()

    untrained, _ = distance()
    model.fit(kinds[np.arange(32 * 400) % 2], batch_size=32, epochs=1, verbose=0)
    trained, fewest = distance()
    # Measured: 0.58, 0.08 and 20 of 64.
    assert untrained > 0.4
    assert trained < 0.12
    assert fewest >= 8


# ---------------------------------------------------------------------- a run

SETTINGS = {
    "dataset": "mnist_mini", "split": "train[:320]", "batch_size": 16, "width": 2,
    "ascent_steps": 2, "sample_steps": 3, "chains": 48, "noise": 0.01, "steps_per_execution": 4,
}  # fmt: skip


def run(folder, resume=False, **overrides):
    return train(
        "discriminator_only", folder, resume=resume, overrides=SETTINGS | overrides, verbose=0,
        log=lambda line: None,
    )  # fmt: skip


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "straight"
    run(folder, steps=30)
    return folder


def test_a_stopped_training_goes_on_to_the_bit(straight, tmp_path):
    run(tmp_path / "parts", steps=13)
    run(tmp_path / "parts", resume=True, steps=30)
    ends = [load_run(folder) for folder in (straight, tmp_path / "parts")]
    rings = [model._chain_images.numpy() for model in ends]
    assert rings[0].std() > 0.1 and np.array_equal(*rings)
    for left, right in zip(*(model.variables for model in ends), strict=True):
        assert np.array_equal(left.numpy(), right.numpy()), left.path
    for left, right in zip(*(model.d_optimizer.variables for model in ends), strict=True):
        assert np.array_equal(left.numpy(), right.numpy()), left.path


def test_it_is_evaluated_and_answers_as_an_export(straight, tmp_path):
    found = evaluate(straight, metrics=["sliced_wasserstein"], num=50)
    assert np.isfinite(found[0].value)
    path = export_run(straight, tmp_path / "exported", log=lambda line: None)
    card = json.loads((path / "assets.extra" / "card.json").read_text())
    assert card["latent_dim"] == 784 and card["steps"] == 30
    signatures = tf.saved_model.load(str(path)).signatures
    model = load_run(straight)
    made = model.generate(3, seed=4)
    answer = signatures["sample"](seeds=tf.constant([4, 5, 6], tf.int64))["images"]
    np.testing.assert_allclose(answer, made, atol=1e-5)
    alone = signatures["sample"](seeds=tf.constant([6], tf.int64))["images"]
    np.testing.assert_allclose(alone[0], made[2], atol=1e-5)
    latent = signatures["latents"](seeds=tf.constant([4], tf.int64))["latent"]
    climbed = signatures["serving_default"](latent=latent)["images"]
    np.testing.assert_allclose(climbed[0], made[0], atol=1e-5)
    scores = signatures["score"](images=tf.constant(made))["scores"]
    own = model.spec.score(2.0 * made - 1.0, network=model.sampling_discriminator)
    np.testing.assert_allclose(scores, own, atol=1e-5)
