"""The reconstruction loop: its loss by hand, sparsity, corruption, stacking, saving, resuming."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.data import load_arrays
from tfgan_survey.errors import SettingError
from tfgan_survey.export import export_savedmodel
from tfgan_survey.layers.codes import CODES
from tfgan_survey.layers.corruption import CORRUPTIONS
from tfgan_survey.models.autoencoder import Autoencoder
from tfgan_survey.networks.codec import POSTERIORS
from tfgan_survey.objectives.reconstruction import RECONSTRUCTIONS
from tfgan_survey.training import RunFolder, load_run, train
from tfgan_survey.zoo import build, resolve

SHAPE = (8, 8, 1)
generator = np.random.default_rng(0)
PICTURES = generator.integers(0, 256, size=(64, *SHAPE)).astype(np.uint8)
LABELS = (np.arange(64) % 3).astype(np.int32)
CODE_OPTIONS = {
    "continuous": {"activation": "tanh"},
    "k_sparse": {"k": 2},
    "binary": {},
    "vector_quantised": {"num_codes": 5},
}


def small(num_classes=None, **options):
    given = {"codec": "mlp", "widths": (7,), "latent_dim": 4, "jit_compile": False, **options}
    return build("autoencoder", SHAPE, num_classes, **given)


@pytest.fixture
def graphs_as_written():
    """Leave TensorFlow's graph rewriting out.

    With it, 4 of 50 trainings from one file differed from the others in the last bit, which the
    book's steps then enlarge; without it, none of 50.
    """
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})


def same(left, right):
    for a, b in zip(left.variables, right.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)
    for a, b in zip(left.optimizer.variables, right.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)


# ---------------------------------------------------------------------- the loss


@pytest.mark.parametrize("training", [True, False])
def test_the_loss_compares_the_clean_image_with_what_came_of_the_corrupted_one(training):
    """By hand: c(x) as the generator draws it next, two matrices, the error of x, w |z|^2."""
    model = build(
        "autoencoder", SHAPE, codec="linear", latent_dim=4, corruption="masking",
        penalty="l2", jit_compile=False,
        **{"corruption.share": 0.5, "penalty.weight": 0.3, "reconstruction.output": "linear"},
    )  # fmt: skip
    images = tf.constant(PICTURES / 255.0, tf.float32)
    before = model.seed_generator.state.numpy()
    logs = model.reconstruction_logs(images, None, training)
    model.seed_generator.state.assign(before)
    seen = model.corruption(images, model.seed_generator) if training else images
    (down, shift), (up, bias) = model.encoder.get_weights(), model.decoder.get_weights()
    flat, seen = (one.numpy().reshape(64, 64).astype(np.float64) for one in (images, seen))
    codes = seen @ down + shift
    error = ((codes @ up + bias - flat) ** 2).sum(axis=1).mean()
    penalty = 0.3 * (codes**2).sum(axis=1).mean()
    assert float(logs["reconstruction_loss"]) == pytest.approx(error, rel=1e-4)
    assert float(logs["penalty"]) == pytest.approx(penalty, rel=1e-4)
    assert float(logs["code_loss"]) == 0.0
    assert float(logs["loss"]) == pytest.approx(error + penalty, rel=1e-4)
    assert 0.4 < (seen == 0).mean() < 0.6 if training else (seen == flat).all()


def test_the_code_s_own_loss_is_a_part_and_its_book_moves():
    model = small(code="vector_quantised", num_codes=5)
    model.adapt(PICTURES)
    logs = model.reconstruction_logs(tf.constant(PICTURES / 255.0, tf.float32), None, True)
    parts = sum(float(logs[name]) for name in ("reconstruction_loss", "penalty", "code_loss"))
    assert float(logs["loss"]) == pytest.approx(parts, rel=1e-6)
    assert float(logs["code_loss"]) > 0
    before = model.code.book.numpy().copy()
    # In this order every entry of the book is the nearest to some picture.
    model.fit(PICTURES, batch_size=32, epochs=1, verbose=0, shuffle=False)
    assert (model.code.book.numpy() != before).any(axis=-1).all()


def test_the_average_reconstructs_and_follows():
    model = small(ema=0.9)
    model.fit(PICTURES, batch_size=32, epochs=2, verbose=0)
    last, mean = (one.get_weights()[0] for one in (model.encoder, model.ema_encoder))
    assert 0 < np.abs(last - mean).max() < 0.1
    before = model.reconstruct(PICTURES)
    model.decoder.set_weights([0.0 * one for one in model.decoder.get_weights()])
    np.testing.assert_array_equal(model.reconstruct(PICTURES), before)


# ---------------------------------------------------------------------- codes


@pytest.mark.parametrize("side", [-3.0, 1.0], ids=["from below", "from above"])
def test_units_come_to_the_target_rate(side):
    """Rates start at 0.05 or 0.73 and come to 0.2 within a short training."""
    model = build(
        "autoencoder", SHAPE, codec="linear", latent_dim=6, penalty="target_rate", rate=0.2,
        learning_rate=0.02, jit_compile=False,
        **{"code.activation": "sigmoid", "penalty.weight": 50.0},
    )  # fmt: skip
    kernel, bias = model.encoder.get_weights()
    model.encoder.set_weights([0.1 * kernel, bias + side])
    start = model.encode(PICTURES).mean(axis=0)
    assert (start < 0.1).all() if side < 0 else (start > 0.6).all()
    model.fit(tf.data.Dataset.from_tensors(PICTURES).repeat(160), epochs=1, verbose=0)
    rates = model.encode(PICTURES).mean(axis=0)
    np.testing.assert_allclose(rates, 0.2, atol=0.02)


def test_k_sparse_codes_have_k_units_and_bits_are_bits():
    for code, options in CODE_OPTIONS.items():
        model = small(code=code, **{f"code.{key}": value for key, value in options.items()})
        model.adapt(PICTURES)
        model.fit(PICTURES, batch_size=32, epochs=1, verbose=0)
        codes = model.encode(PICTURES)
        assert codes.shape == (64, 4) and model.code_shape == (4,)
        if code == "k_sparse":
            np.testing.assert_array_equal((codes != 0).sum(axis=1), 2)
        elif code == "binary":
            assert set(np.unique(codes)) == {0.0, 1.0}
        elif code == "vector_quantised":
            book = model.code.book.numpy()
            apart = np.abs(codes[:, None] - book).max(axis=-1)
            assert (apart.min(axis=1) < 1e-6).all() and len(set(apart.argmin(axis=1))) > 1


@pytest.mark.parametrize("num_classes", [None, 3])
def test_the_book_starts_from_data_with_labels_and_without(num_classes):
    model = small(num_classes, code="vector_quantised", num_codes=5)
    assert not model.code.book.numpy().any()
    model.adapt(PICTURES)
    assert len(np.unique(model.code.book.numpy(), axis=0)) == 5


@pytest.mark.parametrize("code", list(CODES))
def test_every_code_trains_in_low_precision(code):
    options = {f"code.{key}": value for key, value in CODE_OPTIONS[code].items()}
    model = small(code=code, precision="bfloat16", penalty="l1", mixture_components=2, **options)
    model.adapt(PICTURES)
    history = model.fit(PICTURES, batch_size=32, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"][0]) and history["penalty"][0] > 0
    model.conclude(PICTURES)
    images = model.generate(3, seed=1)
    assert images.dtype == np.float32 and np.isfinite(images).all()


# ---------------------------------------------------------------------- corruption


def test_corrupt_shows_the_stated_share_and_repeats_with_its_seed():
    model = small(corruption="masking", share=0.3)
    grey = np.full((200, *SHAPE), 128, np.uint8)
    seen = model.corrupt(grey, seed=4)
    num = grey.size
    assert abs((seen == 0).sum() - 0.3 * num) <= 4.0 * np.sqrt(0.3 * 0.7 * num)
    np.testing.assert_allclose(np.unique(seen), [0.0, 128 / 255], rtol=1e-6)
    np.testing.assert_array_equal(seen, model.corrupt(grey, seed=4))
    assert not np.array_equal(seen, model.corrupt(grey, seed=5))
    noisy = small(corruption="gaussian", stddev=2.0).corrupt(grey)
    assert noisy.min() == 0.0 and noisy.max() == 1.0
    with pytest.raises(ValueError, match="from 128 to 128 came"):
        model.corrupt(grey.astype(np.float32))


def test_abilities_follow_from_the_parts():
    assert small().abilities == {"encode", "reconstruct"}
    assert small(corruption="gaussian").abilities == {"encode", "reconstruct", "denoise"}
    model = small(mixture_components=2)
    assert model.abilities == {"encode", "reconstruct"}
    assert "sample" not in model.signatures()
    model.conclude(PICTURES)
    assert model.abilities == {"encode", "reconstruct", "sample"}
    assert "sample" in model.signatures()


# ---------------------------------------------------------------------- stacking


def test_stacking_trains_one_layer_and_its_mirror_and_freezes_the_others():
    model = small(widths=(7, 5), stack_steps=2, corruption="masking", ema=0.9)
    batches = tf.data.Dataset.from_tensors(PICTURES).repeat(2)
    stages = model.codec.stages()
    bias = next(one for one in model.decoder.layers if hasattr(one, "adapt"))
    for index in range(4):  # three layers, then all
        before = [[one.get_weights() for one in pair] for pair in stages]
        output = bias.get_weights()[0].copy()
        model.fit(batches, epochs=1, verbose=0)
        for number, pair in enumerate(stages):
            for layer, old in zip(pair, before[number], strict=True):
                moved = [(a != b).any() for a, b in zip(layer.get_weights(), old, strict=True)]
                assert all(moved) if index in (number, 3) else not any(moved), (index, number)
        assert (bias.get_weights()[0] != output).any() == (index == 3)
    assert model.steps_done == 8


def test_a_layer_s_loss_is_the_error_of_what_the_layers_below_give():
    model = small(widths=(7, 5), stack_steps=2)
    (first, _), (second, mirror), _ = model.codec.stages()
    model.steps.assign(3)  # the second stage's first step
    below = first(tf.constant(PICTURES.reshape(64, 64) / 255.0, tf.float32))
    back = mirror(second(below))
    wanted = float(tf.reduce_mean(tf.reduce_sum(tf.square(back - below), axis=-1)))
    logs = model.update(tf.constant(PICTURES))
    assert float(logs["reconstruction_loss"]) == pytest.approx(wanted, rel=1e-4)
    assert float(logs["loss"]) == float(logs["reconstruction_loss"])


# ---------------------------------------------------------------------- the loop


DISCRETE = {
    "dataset": "mnist_mini", "split": "train[:160]", "batch_size": 32, "jit_compile": False,
    "steps_per_execution": 5, "channels": "2,2", "latent_dim": 2, "num_codes": 8, "ema": "0.9",
    "corruption": "masking", "mixture_components": 2,
}  # fmt: skip


def run(folder, resume=False, **overrides):
    return train(
        "discrete_autoencoder", folder, resume=resume, overrides=DISCRETE | overrides, verbose=0,
        log=lambda line: None,
    )  # fmt: skip


@pytest.fixture
def straight(finished_run, graphs_as_written):
    return finished_run


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "straight"
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    run(folder, steps=12)
    return folder


def test_a_stopped_training_goes_on_to_the_bit(straight, tmp_path):
    run(tmp_path / "parts", steps=7)
    run(tmp_path / "parts", resume=True, steps=12)
    ends = [load_run(folder) for folder in (straight, tmp_path / "parts")]
    same(*ends)
    assert ends[0].code.book.numpy().any() and ends[0].mixture.fitted
    np.testing.assert_array_equal(*(one.generate(3, seed=2) for one in ends))


def test_a_finished_run_gives_the_model_that_samples(straight):
    model, _ = run(straight, steps=12)
    assert RunFolder(straight).finished and model.steps_done == 12
    np.testing.assert_array_equal(model.generate(2, seed=3), load_run(straight).generate(2, seed=3))


def test_training_and_test_losses_have_the_same_names(straight):
    model = load_run(straight)
    images = load_arrays("mnist_mini", "test[:64]").images
    before = [one.numpy().copy() for one in model.variables]
    logs = model.evaluate(images, batch_size=32, verbose=0, return_dict=True)
    assert set(logs) == set(model.log_names)
    made = ((model.reconstruct(images) - images / 255.0) ** 2).sum(axis=(1, 2, 3)).mean()
    assert logs["reconstruction_loss"] == pytest.approx(made, rel=1e-4)
    for one, kept in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(one.numpy(), kept)


@pytest.mark.parametrize("code", list(CODES))
def test_every_code_is_saved_to_the_bit(code, tmp_path, graphs_as_written):
    options = {f"code.{key}": value for key, value in CODE_OPTIONS[code].items()}
    model = small(code=code, corruption="salt_and_pepper", penalty="l1", ema=0.9,
                  mixture_components=2, seed=3, **options)  # fmt: skip
    model.adapt(PICTURES)
    model.fit(PICTURES, batch_size=32, epochs=1, verbose=0)
    model.conclude(PICTURES)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    same(model, again)
    for answer in (
        lambda one: one.encode(PICTURES),
        lambda one: one.reconstruct(PICTURES),
        lambda one: one.corrupt(PICTURES, seed=2),
        lambda one: one.generate(4, seed=1),
    ):
        np.testing.assert_array_equal(answer(model), answer(again))
    for one in (model, again):
        one.fit(PICTURES, batch_size=32, epochs=1, verbose=0, shuffle=False)
    same(model, again)


# ---------------------------------------------------------------------- samples, exports


@pytest.fixture(scope="module")
def sampling():
    model = small(mixture_components=3)
    model.adapt(PICTURES)
    model.fit(PICTURES, batch_size=32, epochs=1, verbose=0)
    model.conclude(PICTURES)
    return model


def test_a_sample_is_the_decoded_draw_of_its_own_seed(sampling):
    made = sampling.generate(4, seed=7)
    codes = sampling.latents(tf.constant([7, 8, 9, 10], tf.int64))
    np.testing.assert_allclose(made, sampling.decode(codes), atol=1e-6)
    np.testing.assert_allclose(sampling.generate(1, seed=9), made[2:3], atol=1e-6)
    assert len({row.tobytes() for row in made}) == 4
    with pytest.raises(ValueError, match="seeds are float32; expected integers"):
        sampling.latents(tf.constant([1.0]))


def test_the_mixture_is_of_the_codes(sampling):
    codes = sampling.encode(PICTURES)
    weights = np.diff(sampling.mixture.cumulative.numpy(), prepend=0.0)
    mean = weights @ sampling.mixture.means.numpy()
    np.testing.assert_allclose(mean, codes.mean(axis=0), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("components", [0, 2])
def test_without_a_fitted_mixture_nothing_is_sampled(components):
    with pytest.raises(ValueError, match="nothing to sample from: train it to the end with"):
        small(mixture_components=components).generate(2, seed=0)


def test_an_export_answers_like_the_model(sampling, tmp_path):
    path = export_savedmodel(sampling, tmp_path / "autoencoder")
    signatures = tf.saved_model.load(str(path)).signatures
    images = tf.constant(PICTURES / 255.0, tf.float32)
    codes = sampling.encode(PICTURES)
    seeds = tf.constant(np.arange(5, 9), tf.int64)
    for name, given, key, wanted in (
        ("encode", {"images": images}, "code", codes),
        ("decode", {"code": tf.constant(codes)}, "images", sampling.decode(codes)),
        ("reconstruct", {"images": images}, "images", sampling.reconstruct(PICTURES)),
        ("sample", {"seeds": seeds}, "images", sampling.generate(4, seed=5)),
        ("latents", {"seeds": seeds}, "latent", sampling.latents(seeds)),
    ):
        answer = signatures[name](**given)[key]
        np.testing.assert_allclose(answer, wanted, rtol=0, atol=1e-5, err_msg=name)


def test_an_export_without_samples_reconstructs_by_default(tmp_path):
    model = small(code="vector_quantised", num_codes=5)
    model.adapt(PICTURES)
    path = export_savedmodel(model, tmp_path / "autoencoder")
    signatures = tf.saved_model.load(str(path)).signatures
    assert set(signatures) == {"serving_default", "encode", "decode", "reconstruct"}
    images = tf.constant(PICTURES / 255.0, tf.float32)
    answer = signatures["serving_default"](images=images)["images"]
    np.testing.assert_allclose(answer, model.reconstruct(PICTURES), rtol=0, atol=1e-5)


def test_labels_are_a_part_of_both_ways():
    model = small(3)
    model.fit(PICTURES, LABELS, batch_size=32, epochs=1, verbose=0)
    other = np.roll(LABELS, 1)
    assert not np.allclose(model.encode(PICTURES, LABELS), model.encode(PICTURES, other))
    codes = np.zeros((64, 4))
    assert not np.allclose(model.decode(codes, LABELS), model.decode(codes, other))
    parts = model.reconstruct(PICTURES, LABELS, batch_size=10)
    np.testing.assert_allclose(parts, model.reconstruct(PICTURES, LABELS), atol=1e-6)


# ---------------------------------------------------------------------- refusals, settings


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"penalty": "target_rate"}, "target_rate needs codes between 0 and 1"),
        ({"code": "k_sparse", "k": 5}, "k=5: a code of 4 numbers has no more"),
        ({"codec": "conv", "channels": (2,) * 4, "widths": None}, "cannot be halved 4 times"),
        ({"codec": "conv", "channels": (2,), "widths": None, "stack_steps": 3},
         "choose codec=mlp"),
        ({"decoder_widths": (5,), "stack_steps": 3}, "leave decoder_widths out"),
        ({"stack_steps": -1}, "stack_steps=-1: expected 0 to"),
        ({"mixture_components": -1}, "mixture_components=-1: expected 0 to"),
        ({"ema": 0.0}, "ema=0.0: expected float above 0 and below 1"),
        ({"corruption": "masking", "share": 2.0}, "share=2.0: expected float"),
    ],
)  # fmt: skip
def test_wrong_settings_are_refused(options, message):
    options = {"widths": (7,), **options}
    options = {key: value for key, value in options.items() if value is not None}
    with pytest.raises(ValueError, match=message):
        build("autoencoder", SHAPE, **{"codec": "mlp", "latent_dim": 4, **options})


def test_parts_that_do_not_fit_are_refused():
    codec = POSTERIORS["mlp"](SHAPE, widths=(), latent_dim=4)
    with pytest.raises(ValueError, match="gives 2 numbers a unit of the code, 1 are needed"):
        Autoencoder(codec, RECONSTRUCTIONS["squared_error"]())
    model = small(code="vector_quantised", num_codes=65)
    with pytest.raises(ValueError, match="num_codes=65: the training set gives 64 outputs only"):
        model.adapt(PICTURES)


def test_options_are_addressed_by_their_axes():
    given = {
        "code": "k_sparse", "code.k": "3", "corruption": "masking", "corruption.share": "0.4",
        "penalty": "l1", "penalty.weight": "0.2", "reconstruction.output": "linear",
        "codec": "mlp", "codec.widths": ",", "loop.stack_steps": "7",
    }  # fmt: skip
    settings = resolve("autoencoder", given)
    assert settings.code.options == {"k": 3}
    assert settings.corruption.options == {"share": 0.4}
    assert settings.penalty.options == {"weight": 0.2}
    assert settings.reconstruction.options == {"output": "linear"}
    assert settings.codec.options["widths"] == () and settings.loop["stack_steps"] == 7
    with pytest.raises(SettingError, match=r"code\.k=0: expected int at least 1"):
        resolve("autoencoder", {**given, "code.k": "0"})
    with pytest.raises(SettingError, match="does nothing in autoencoder"):
        resolve("autoencoder", {"kl_weight": "1"})
    model = build("autoencoder", SHAPE, jit_compile=False, latent_dim=4, **given)
    assert len(model.encoder.weights) == 2 and isinstance(model.code, CODES["k_sparse"])
    assert isinstance(model.corruption, CORRUPTIONS["masking"]) and model.stack_steps == 7
