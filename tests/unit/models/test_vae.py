"""Bounds on the likelihood, where the likelihood is known: a linear decoder with Gaussian noise."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.data import load_arrays
from tfgan_survey.errors import SettingError
from tfgan_survey.export import export_savedmodel
from tfgan_survey.layers.sampling import random_normal
from tfgan_survey.models.vae import VAE, gaussian_kl, importance_bound, log_normal
from tfgan_survey.networks.codec import CODECS, POSTERIORS
from tfgan_survey.objectives.reconstruction import RECONSTRUCTIONS
from tfgan_survey.training import load_run, train
from tfgan_survey.zoo import build, resolve

generator = np.random.default_rng(0)
SHAPE, STDDEV = (2, 3, 1), 0.3
# Rows at right angles: the posterior is then diagonal, as the encoder's is.
LOADINGS = np.array([[0.3, 0.3, 0.0, -0.3, 0.2, 0.0], [0.2, -0.2, 0.4, 0.0, 0.0, 0.3]])
BIAS = np.array([0.5, 0.4, 0.6, 0.5, 0.3, 0.5])
IMAGES = generator.uniform(size=(6, *SHAPE)).astype(np.float32)
SHIFT, STRETCH = np.array([0.5, -0.3]), np.array([0.8, -0.6])


def exact():
    """Return log N(x; b, W'W + s^2 I) of the images, float64."""
    covariance = LOADINGS.T @ LOADINGS + STDDEV**2 * np.eye(6)
    apart = IMAGES.reshape(-1, 6).astype(np.float64) - BIAS
    squares = np.einsum("ni,ij,nj->n", apart, np.linalg.inv(covariance), apart)
    return -0.5 * (6 * math.log(2 * math.pi) + np.linalg.slogdet(covariance)[1] + squares)


def linear_gaussian(shift=0.0, stretch=0.0, num_samples=1):
    """Return a VAE whose encoder is the exact posterior, moved by a shift and a log variance."""
    codec = POSTERIORS["mlp"](SHAPE, widths=(), bias="zeros", latent_dim=2)
    gaussian = RECONSTRUCTIONS["gaussian"](stddev=STDDEV, output="linear")
    model = VAE(codec, gaussian, num_samples=num_samples, seed=3)
    variance = 1.0 / (1.0 + (LOADINGS**2).sum(axis=1) / STDDEV**2)
    to_mean = (LOADINGS * variance[:, None] / STDDEV**2).T
    kernel = np.concatenate([to_mean, np.zeros((6, 2))], axis=1)
    bias = np.concatenate([-BIAS @ to_mean + shift, np.log(variance) + stretch])
    model.encoder.set_weights([kernel, bias])
    model.decoder.set_weights([LOADINGS, BIAS])
    return model


@pytest.fixture(scope="module")
def at_posterior():
    return linear_gaussian()


@pytest.fixture(scope="module")
def beside():
    return linear_gaussian(SHIFT, STRETCH)


def gap_of_the_bound():
    """KL(q || p(z | x)), which the evidence bound lacks."""
    variance = 1.0 / (1.0 + (LOADINGS**2).sum(axis=1) / STDDEV**2)
    return 0.5 * (np.exp(STRETCH) - 1.0 - STRETCH + SHIFT**2 / variance).sum()


def standard_error(values):
    return np.std(values, ddof=1) / math.sqrt(len(values))


# ---------------------------------------------------------------------- formulas


def test_the_divergence_is_the_formula_twice_of_it_the_lecture_s_c():
    m, e = generator.normal(size=(2, 7, 5))
    found = gaussian_kl(tf.constant(m, tf.float32), tf.constant(e, tf.float32)).numpy()
    c = (np.exp(e) - (1.0 + e) + m**2).sum(axis=-1)
    np.testing.assert_allclose(2.0 * found, c, rtol=1e-5)
    assert gaussian_kl(tf.zeros((1, 3)), tf.zeros((1, 3))).numpy() == 0.0


def test_the_divergence_is_the_mean_log_ratio_of_draws():
    m, e = np.array([0.7, -1.2, 0.0]), np.array([-1.0, 0.5, 0.3])
    z = m + np.exp(0.5 * e) * np.random.default_rng(5).normal(size=(40_000, 3))
    z, mean, log_var = (tf.constant(one, tf.float32) for one in (z, m, e))
    ratios = (log_normal(z, mean, log_var) - log_normal(z)).numpy().astype(np.float64)
    found = float(gaussian_kl(mean[None], log_var[None])[0])
    assert abs(ratios.mean() - found) <= 4.0 * standard_error(ratios)


def test_the_log_density_is_the_formula():
    z, m, e = generator.normal(size=(3, 4, 6))
    each = np.log(2 * np.pi) + e + (z - m) ** 2 / np.exp(e)
    found = log_normal(*(tf.constant(one, tf.float32) for one in (z, m, e)))
    np.testing.assert_allclose(found, -0.5 * each.sum(axis=-1), rtol=1e-5)


def test_the_importance_bound_is_the_log_of_the_mean_weight():
    weights = generator.normal(size=(9, 4)) * 3.0
    found = importance_bound(tf.constant(weights, tf.float32)).numpy()
    np.testing.assert_allclose(found, np.log(np.exp(weights).mean(axis=0)), rtol=1e-5)
    np.testing.assert_allclose(importance_bound(tf.constant([[-900.0], [-900.0]])), [-900.0])


# ---------------------------------------------------------------------- bounds


def test_at_the_exact_posterior_every_bound_is_the_likelihood(at_posterior):
    """The weights p(x, z) / q(z | x) are then p(x), whatever z was drawn."""
    for num_samples in (1, 7):
        found = at_posterior.log_likelihood(IMAGES, num_samples=num_samples)
        np.testing.assert_allclose(found, exact(), rtol=0, atol=1e-4)
    losses = linear_gaussian(num_samples=4).bound(tf.constant(IMAGES), None, training=True)
    assert float(losses["loss"]) == pytest.approx(-exact().mean(), abs=1e-4)


@pytest.mark.parametrize("moved", [False, True])
def test_the_evidence_bound_is_the_likelihood_less_the_divergence_from_the_posterior(
    moved, at_posterior, beside
):
    """num_samples=1 draws the error and has the divergence in closed form: equal in the mean."""
    model = beside if moved else at_posterior
    copies = tf.constant(np.repeat(IMAGES, 500, axis=0))
    bounds = [-float(model.bound(copies, None, training=True)["loss"]) for _ in range(20)]
    wanted = exact().mean() - (gap_of_the_bound() if moved else 0.0)
    assert abs(np.mean(bounds) - wanted) <= 4.0 * standard_error(bounds)
    assert standard_error(bounds) < 0.05 < gap_of_the_bound()


def test_the_importance_bound_grows_with_k_from_the_evidence_bound_to_the_likelihood(beside):
    copies, gaps, errors = np.repeat(IMAGES[:1], 1000, axis=0), [], []
    for k in (1, 10, 100):
        found = beside.log_likelihood(copies, num_samples=k, batch_size=1000)
        gaps.append(exact()[0] - found.mean())
        errors.append(standard_error(found))
    assert abs(gaps[0] - gap_of_the_bound()) <= 4.0 * errors[0]
    assert gaps[0] > 2.0 * gaps[1] and gaps[1] > 2.0 * gaps[2]
    assert -4.0 * errors[2] <= gaps[2] < 0.1


@pytest.mark.parametrize("k", [1, 5])
def test_the_loss_of_a_step_is_the_bound_by_hand(k, beside):
    """In float64, with the noise that the model's generator gives next."""
    model = linear_gaussian(SHIFT, STRETCH, num_samples=k)
    model.kl_weight = 0.7
    before = model.seed_generator.state.numpy()
    logs = {name: float(value) for name, value in
            model.bound(tf.constant(IMAGES), None, training=True).items()}  # fmt: skip
    model.seed_generator.state.assign(before)
    shape = (6, 2) if k == 1 else (k, 6, 2)
    noise = random_normal(shape, model.seed_generator).numpy().astype(np.float64)
    noise = noise.reshape(k, 6, 2)
    mean, log_var = (one.numpy().astype(np.float64) for one in model.posterior(IMAGES))
    z = mean + np.exp(0.5 * log_var) * noise
    apart = IMAGES.reshape(6, 6) - (z @ LOADINGS + BIAS)
    each = apart**2 / (2 * STDDEV**2) + math.log(STDDEV * math.sqrt(2 * math.pi))
    error = each.sum(axis=-1)
    kl = 0.5 * (np.exp(log_var) - 1.0 - log_var + mean**2).sum(axis=-1)
    if k == 1:
        loss = error[0] + 0.7 * kl
    else:
        log_p = -0.5 * (math.log(2 * math.pi) + z**2).sum(axis=-1)
        log_q = -0.5 * (math.log(2 * math.pi) + log_var + noise**2).sum(axis=-1)
        loss = -np.log(np.exp(-error + 0.7 * (log_p - log_q)).mean(axis=0))
    assert logs["loss"] == pytest.approx(loss.mean(), rel=1e-4)
    assert logs["reconstruction_loss"] == pytest.approx(error.mean(), rel=1e-4)
    assert logs["kl_loss"] == pytest.approx(kl.mean(), rel=1e-4)


def test_the_prior_s_part_rises_in_a_line_in_training_and_is_whole_elsewhere():
    model = linear_gaussian(SHIFT, STRETCH)
    model.kl_weight, model.warm_up_steps = 0.8, 10

    def weight(training):
        logs = model.bound(tf.constant(IMAGES), None, training)
        return float((logs["loss"] - logs["reconstruction_loss"]) / logs["kl_loss"])

    for steps, wanted in ((0, 0.0), (4, 0.32), (10, 0.8), (25, 0.8)):
        model.steps.assign(steps)
        assert weight(training=True) == pytest.approx(wanted, abs=1e-5)
        assert weight(training=False) == pytest.approx(0.8, abs=1e-5)


# ---------------------------------------------------------------------- log-likelihood


def test_the_estimate_agrees_with_the_exact_value_within_its_error(beside):
    runs = np.array([beside.log_likelihood(IMAGES, num_samples=1000, seed=s) for s in range(15)])
    errors = runs.std(axis=0, ddof=1) / math.sqrt(15)
    assert (np.abs(runs.mean(axis=0) - exact()) <= 4.0 * errors).all()
    assert errors.max() < 0.05


def test_the_estimate_is_a_function_of_the_seed_the_image_s_place_and_k_alone(beside):
    found = beside.log_likelihood(IMAGES, num_samples=20, seed=4)
    assert found.shape == (6,) and found.dtype == np.float64
    np.testing.assert_array_equal(found, beside.log_likelihood(IMAGES, num_samples=20, seed=4))
    for batch_size in (1, 4):
        again = beside.log_likelihood(IMAGES, num_samples=20, seed=4, batch_size=batch_size)
        np.testing.assert_allclose(again, found, rtol=0, atol=1e-4)
    np.testing.assert_allclose(
        beside.log_likelihood(IMAGES[:3], num_samples=20, seed=4), found[:3], rtol=0, atol=1e-4
    )
    assert np.abs(beside.log_likelihood(IMAGES, num_samples=20, seed=5) - found).min() > 1e-3
    copies = beside.log_likelihood(np.repeat(IMAGES[:1], 3, axis=0), num_samples=20, seed=4)
    assert len(set(copies.round(3))) == 3


def test_draws_of_one_image_are_fresh_beyond_what_is_decoded_at_once(beside):
    """500 draws are two parts of 250; the same numbers in both would give the estimate of 250."""
    half = beside.log_likelihood(IMAGES, num_samples=250)
    assert np.abs(beside.log_likelihood(IMAGES, num_samples=500) - half).min() > 1e-4
    assert np.isfinite(beside.log_likelihood(IMAGES[:1], num_samples=251)).all()


# ---------------------------------------------------------------------- training


SMALL = {
    "dataset": "mnist_mini", "split": "train[:320]", "batch_size": 32, "jit_compile": False,
    "steps_per_execution": 5, "codec": "mlp", "widths": "24", "latent_dim": 3, "ema": "0.9",
    "warm_up_steps": 10,
}  # fmt: skip


def run(folder, resume=False, model="vae", **overrides):
    return train(
        model, folder, resume=resume, overrides=SMALL | overrides, verbose=0,
        log=lambda line: None,
    )  # fmt: skip


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "straight"
    run(folder, steps=25, num_samples=3)
    return folder


def test_a_stopped_training_goes_on_to_the_bit(straight, tmp_path):
    run(tmp_path / "parts", steps=13, num_samples=3)
    run(tmp_path / "parts", resume=True, steps=25)
    ends = [load_run(folder) for folder in (straight, tmp_path / "parts")]
    for left, right in zip(*(model.variables for model in ends), strict=True):
        np.testing.assert_array_equal(left.numpy(), right.numpy(), err_msg=left.path)
    for left, right in zip(*(model.optimizer.variables for model in ends), strict=True):
        np.testing.assert_array_equal(left.numpy(), right.numpy(), err_msg=left.path)
    assert ends[0].num_samples == 3 and ends[0].steps_done == 25


def test_the_average_and_not_the_last_weights_encode_and_decode(straight):
    model = load_run(straight)
    images = load_arrays("mnist_mini", "test[:8]").images
    before = model.reconstruct(images)
    for network in (model.encoder, model.decoder):
        network.set_weights([0.0 * one for one in network.get_weights()])
    np.testing.assert_array_equal(model.reconstruct(images), before)
    model.ema_decoder.set_weights([0.0 * one for one in model.ema_decoder.get_weights()])
    assert np.allclose(model.reconstruct(images), 0.5)


def test_without_the_prior_s_part_the_variances_shrink_and_samples_fail():
    """The lecture's examination set by oneself: easy questions, and nothing learnt of the others.

    Measured: variances 0.0006 and 0.07, codes' spread 7 and 1.4, and 100 nats between the two.
    """
    test, train_set = (load_arrays("mnist_mini", split).images for split in ("test", "train"))
    found = {}
    for weight in (0.0, 1.0):
        model = build(
            "vae", (28, 28, 1), codec="mlp", widths=(24,), latent_dim=3, ema=None, warm_up_steps=0,
            kl_weight=weight, reconstruction="bernoulli", learning_rate=3e-3, jit_compile=False,
        )  # fmt: skip
        model.adapt(train_set)
        model.fit(train_set, batch_size=64, epochs=300 * 64 // len(train_set) + 1, verbose=0)
        mean, log_var = model.posterior(model.spec.to_network(tf.constant(test)))
        found[weight] = {
            "variance": float(tf.reduce_mean(tf.exp(log_var))),
            "spread": float(tf.math.reduce_std(mean)),
            "nats": model.log_likelihood(test[:100], num_samples=50, batch_size=50).mean(),
        }
    free, bound = found[0.0], found[1.0]
    assert free["variance"] < 0.02 < bound["variance"] < 0.5
    assert 1.0 < bound["spread"] < 2.0 and 3.0 < free["spread"] < 30.0
    assert 20.0 < bound["nats"] - free["nats"] < 400.0


# ---------------------------------------------------------------------- saving, exports


@pytest.fixture(scope="module")
def conditional():
    model = build(
        "vae", (8, 8, 1), num_classes=3, widths=(9,), latent_dim=2, jit_compile=False, seed=5
    )
    pictures = generator.integers(0, 256, size=(12, 8, 8, 1)).astype(np.uint8)
    labels = (np.arange(12) % 3).astype(np.int32)
    model.adapt(pictures)
    model.fit(pictures, labels, batch_size=6, epochs=2, verbose=0)
    return model, pictures, labels


def test_a_conditional_model_is_saved_to_the_bit(conditional, tmp_path):
    model, pictures, labels = conditional
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for left, right in zip(model.variables, again.variables, strict=True):
        np.testing.assert_array_equal(left.numpy(), right.numpy(), err_msg=left.path)
    for answer in (
        lambda one: one.encode(pictures, labels),
        lambda one: one.reconstruct(pictures, labels),
        lambda one: one.generate(6, [0, 2], seed=3),
        lambda one: one.log_likelihood(pictures, labels, num_samples=5),
    ):
        np.testing.assert_array_equal(answer(model), answer(again))


def test_labels_matter_and_are_asked_for(conditional):
    model, pictures, labels = conditional
    for answer in (
        lambda rows: model.encode(pictures, rows),
        lambda rows: model.reconstruct(pictures, rows),
        lambda rows: model.decode(np.zeros((12, 2)), rows),
        lambda rows: model.log_likelihood(pictures, rows, num_samples=2),
    ):
        assert not np.allclose(answer(labels), answer(np.roll(labels, 1)))
        with pytest.raises(ValueError, match="takes labels beside images or codes"):
            answer(None)
        with pytest.raises(ValueError, match=r"labels 0\.\.3: expected 0 to 2"):
            answer(np.append(labels[:-1], 3))
        with pytest.raises(ValueError, match="5 labels came for 12 images or codes"):
            answer(labels[:5])


def test_an_export_answers_like_the_model_and_refuses_bad_labels(conditional, tmp_path):
    model, pictures, labels = conditional
    path = export_savedmodel(model, tmp_path / "vae")
    signatures = tf.saved_model.load(str(path)).signatures
    images = tf.constant(pictures / 255.0, tf.float32)
    codes = generator.normal(size=(12, 2)).astype(np.float32)
    seeds = np.arange(4, 16, dtype=np.int64)
    given = {
        "encode": {"images": images}, "decode": {"code": codes}, "reconstruct": {"images": images},
        "sample": {"seeds": seeds}, "serving_default": {"latent": codes},
    }  # fmt: skip
    wanted = {
        "encode": {"code": model.encode(pictures, labels)},
        "decode": {"images": model.decode(codes, labels)},
        "reconstruct": {"images": model.reconstruct(pictures, labels)},
        "sample": {"images": model.generate(12, labels, seed=4)},
        "serving_default": {"images": model.decode(codes, labels)},
    }
    for name, inputs in given.items():
        inputs = {key: tf.constant(value) for key, value in inputs.items()}
        answer = signatures[name](**inputs, labels=tf.constant(labels))
        for key, value in wanted[name].items():
            np.testing.assert_allclose(answer[key], value, rtol=0, atol=1e-5, err_msg=name)
        for bad in (3, -1):
            wrong = tf.constant(np.append(labels[:-1], bad), tf.int32)
            with pytest.raises(tf.errors.InvalidArgumentError, match="class ids 0 to 2"):
                signatures[name](**inputs, labels=wrong)
    answer = signatures["encode"](images=images, labels=tf.constant(labels))
    mean, log_var = model.posterior(images, tf.constant(labels))
    np.testing.assert_allclose(answer["z_mean"], mean, atol=1e-5)
    np.testing.assert_allclose(answer["z_log_var"], log_var, atol=1e-5)
    np.testing.assert_array_equal(answer["code"], answer["z_mean"])


# ---------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reconstruction": "squared_error"},
         "a bound needs a likelihood, one of bernoulli, gaussian"),
        ({"codec": "conv", "channels": (2,), "spatial": True}, "choose spatial=false"),
        ({"codec": "conv", "channels": (2, 2, 2, 2)}, "8x8 cannot be halved 4 times"),
        ({"kl_weight": -1.0}, "kl_weight=-1.0: expected at least 0"),
        ({"num_samples": 0}, "num_samples=0: expected int at least 1"),
        ({"warm_up_steps": -1}, "warm_up_steps=-1: expected 0 to"),
        ({"ema": 1.0}, "ema=1.0: expected float above 0 and below 1"),
        ({"truncation": 0.0}, "truncation=0.0: expected float above 0"),
    ],
)  # fmt: skip
def test_wrong_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build("vae", (8, 8, 1), **{"codec": "mlp", **options})


def test_a_codec_of_one_number_a_unit_is_refused():
    codec = CODECS["mlp"](SHAPE, widths=(), latent_dim=2)
    with pytest.raises(ValueError, match="gives 1 numbers a unit of the code, 2 are needed"):
        VAE(codec, RECONSTRUCTIONS["bernoulli"]())


def test_options_are_addressed_by_their_axes():
    given = {
        "codec.widths": ",", "reconstruction": "gaussian", "reconstruction.stddev": "0.5",
        "optimizer.learning_rate": "0.01", "loop.num_samples": "5", "codec.latent_dim": "4",
    }  # fmt: skip
    settings = resolve("vae", {"codec": "mlp", **given})
    assert settings.codec.options["widths"] == () and settings.codec.options["latent_dim"] == 4
    assert settings.reconstruction.options == {"stddev": 0.5, "output": "sigmoid"}
    assert settings.optimizer.options["learning_rate"] == 0.01
    assert settings.loop["num_samples"] == 5
    with pytest.raises(SettingError, match=r"reconstruction\.stddev=0: expected float above 0"):
        resolve("vae", {**given, "reconstruction.stddev": "0"})
    with pytest.raises(SettingError, match="does nothing in vae"):
        resolve("vae", {"stack_steps": "5"})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((2, 3, 2, 1), np.uint8), r"Images \(n, 2, 3, 1\) are expected"),
        (np.zeros((0, *SHAPE), np.uint8), "are expected"),
        (np.full((2, *SHAPE), 200.0, np.float32), "from 200 to 200 came"),
        (np.full((2, *SHAPE), np.nan, np.float32), "NaN"),
        (np.zeros((2, *SHAPE), np.int32), "int32 images came"),
    ],
)
def test_images_that_are_none_are_refused(given, message, beside):
    for answer in (beside.encode, beside.reconstruct, beside.log_likelihood):
        with pytest.raises(ValueError, match=message):
            answer(given)
    with pytest.raises(ValueError, match=r"Codes \(n, 2\) are expected; \(2, 3\) came"):
        beside.decode(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="batch_size=0: expected 1 to"):
        beside.encode(IMAGES, batch_size=0)
    with pytest.raises(ValueError, match="takes no labels"):
        beside.encode(IMAGES, np.zeros(6, np.int32))
