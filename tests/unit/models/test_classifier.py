"""Classifiers: loss, average, what they start from, and how an autoencoder is stacked before."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.data import load_arrays
from tfgan_survey.errors import SettingError
from tfgan_survey.evaluation import evaluate, write_report
from tfgan_survey.export import export_run
from tfgan_survey.networks.classifier import dense_layers
from tfgan_survey.training import load_run, train
from tfgan_survey.zoo import build

SHAPE = (4, 3, 1)
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, *SHAPE)).astype(np.uint8)
LABELS = (np.arange(12) % 3).astype(np.int32)
FAST = {"jit_compile": False, "steps_per_execution": 1}


def classifier(seed=1, **options):
    options = {"widths": (5, 4, 3), "ema": None, **FAST, **options}
    return build("classifier", SHAPE, 3, seed=seed, **options)


def stacked(**options):
    options = {"widths": (5, 4), "latent_dim": 3, "stack_steps": 2, **FAST, **options}
    model = build("stacked_autoencoder", SHAPE, seed=2, **options)
    model.adapt(IMAGES)
    return model


def values(variables):
    return [variable.numpy().copy() for variable in variables]


def equal(ours, theirs):
    return len(ours) == len(theirs) and all(map(np.array_equal, ours, theirs))


def forward(network, images):
    """Return the scores by hand: affine, ReLU, affine."""
    x = images.reshape(len(images), -1) / np.float64(255.0)
    *hidden, last = [layer.get_weights() for layer in dense_layers(network)]
    for kernel, bias in hidden:
        x = np.maximum(x @ kernel + bias, 0.0)
    return x @ last[0] + last[1]


def softmax(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


# ---------------------------------------------------------------------- loss, classes


def test_probabilities_are_the_softmax_of_the_stack():
    model = classifier()
    wanted = softmax(forward(model.classifier, IMAGES))
    for images in (IMAGES, IMAGES / 255.0):
        np.testing.assert_allclose(model.classify(images, batch_size=5), wanted, rtol=1e-5)
    np.testing.assert_allclose(model.predict(IMAGES, verbose=0), wanted, rtol=1e-5)
    with pytest.raises(ValueError, match=r"classify takes \(n, 4, 3, 1\); \(12, 4, 3\) came"):
        model.classify(IMAGES[..., 0])


def test_loss_and_error_are_those_of_the_probabilities():
    model = classifier()
    found = model.evaluate(IMAGES, LABELS, batch_size=12, verbose=0, return_dict=True)
    right = softmax(forward(model.classifier, IMAGES))[np.arange(12), LABELS]
    wrong = forward(model.classifier, IMAGES).argmax(axis=1) != LABELS
    assert found["loss"] == pytest.approx(-np.log(right).mean(), rel=1e-5)
    assert found["error"] == pytest.approx(wrong.mean(), rel=1e-6)
    assert 0 < wrong.mean() < 1


def test_without_weights_to_the_scores_the_loss_is_the_logarithm_of_the_classes():
    model = classifier()
    dense_layers(model.classifier)[-1].set_weights([np.zeros((3, 3)), np.zeros(3)])
    logs = model.update((tf.constant(IMAGES), tf.constant(LABELS)))
    assert float(logs["loss"]) == pytest.approx(math.log(3), rel=1e-6)
    assert float(logs["error"]) == pytest.approx(2 / 3, rel=1e-6)  # the first of equal ones


def test_dropout_is_of_training_alone():
    model = classifier(dropout=0.6, input_dropout=0.3)
    images = model.spec.to_network(tf.constant(IMAGES))
    plain = model.scores_of(images)
    np.testing.assert_allclose(plain, forward(model.classifier, IMAGES), rtol=1e-4, atol=1e-6)
    once, again = (model.scores_of(images, training=True) for _ in range(2))
    assert np.abs(once - plain).max() > 1e-2
    assert np.abs(once - again).max() > 1e-2


def test_the_average_follows_and_classifies():
    model = classifier(ema=0.5, learning_rate=0.1)
    means = values(model.classifier.weights)
    for step in range(1, 4):
        model.train_step((tf.constant(IMAGES), tf.constant(LABELS)))
        decay = min(0.5, (1 + step) / (10 + step))
        now = values(model.classifier.weights)
        means = [decay * m + (1 - decay) * w for m, w in zip(means, now, strict=True)]
    for mean, variable in zip(means, model.ema_classifier.weights, strict=True):
        np.testing.assert_allclose(variable, mean, rtol=1e-4, atol=1e-6)
    wanted = softmax(forward(model.ema_classifier, IMAGES))
    np.testing.assert_allclose(model.classify(IMAGES), wanted, rtol=1e-4)
    assert np.abs(wanted - softmax(forward(model.classifier, IMAGES))).max() > 1e-3


def test_without_classes_there_is_no_classifier():
    with pytest.raises(SettingError, match="no labels came; set conditional=true"):
        build("classifier", SHAPE, None)
    with pytest.raises(ValueError, match="only images came"):
        classifier().fit(IMAGES, verbose=0)
    with pytest.raises(ValueError, match=r"labels 0..3: expected 0 to 2"):
        classifier().fit(IMAGES, np.arange(12, dtype=np.int32) % 4, batch_size=12, verbose=0)


# ---------------------------------------------------------------------- what it starts from


@pytest.mark.parametrize(
    ("widths", "taken"), [((5, 4, 3), 3), ((5, 4), 2), ((5, 4, 3, 6), 3)], ids=str
)
def test_it_starts_from_the_encoders_layers_to_the_bit(widths, taken):
    model, other = classifier(widths=widths, ema=0.9), stacked()
    before = [layer.get_weights() for layer in dense_layers(model.classifier)]
    model.start_from(other)
    for network in (model.classifier, model.ema_classifier):
        found = [layer.get_weights() for layer in dense_layers(network)]
        sources = [layer.get_weights() for layer in dense_layers(other.encoder)]
        assert all(map(equal, found[:taken], sources))
        assert all(map(equal, found[taken:], before[taken:]))
    assert not np.array_equal(before[0][0], dense_layers(other.encoder)[0].kernel.numpy())


def test_of_an_averaged_encoder_the_average_is_taken():
    other = stacked(ema=0.9, stack_steps=0)
    for _ in range(3):
        other.train_step(tf.constant(IMAGES))
    model = classifier()
    model.start_from(other)
    first = dense_layers(model.classifier)[0].kernel.numpy()
    assert np.array_equal(first, dense_layers(other.ema_encoder)[0].kernel.numpy())
    assert not np.array_equal(first, dense_layers(other.encoder)[0].kernel.numpy())


@pytest.mark.parametrize(
    ("widths", "activation", "message"),
    [
        ((5, 6, 3), "relu", "layer 2 of stacked_autoencoder's encoder is 5-4 relu, here it is 5-6"),
        (
            (5, 4, 2),
            "relu",
            "layer 3 of stacked_autoencoder's encoder is 4-3 linear, here it is 4-2",
        ),
        ((5, 4, 3), "tanh", "layer 1 of stacked_autoencoder's encoder is 12-5 relu, here it is 12"),
    ],
)
def test_layers_that_do_not_fit_are_refused_and_nothing_is_copied(widths, activation, message):
    model = classifier(widths=widths, activation=activation)
    before = values(model.classifier.weights)
    with pytest.raises(SettingError, match=message):
        model.start_from(stacked())
    assert equal(before, values(model.classifier.weights))


def test_what_has_no_dense_encoder_is_refused():
    with pytest.raises(SettingError, match="classifier has no encoder"):
        classifier().start_from(classifier())
    conv = build("autoencoder", (4, 4, 1), codec="conv", channels=(2,), hidden=3, latent_dim=2)
    with pytest.raises(SettingError, match="layers of the kind Conv2D"):
        build("classifier", (4, 4, 1), 3, widths=(3,)).start_from(conv)


# ---------------------------------------------------------------------- one layer after the other


def test_each_stage_moves_its_layer_and_its_mirror_and_nothing_else():
    model = stacked(stack_steps=3)
    stages = model.codec.stages()
    moved = model.moves()["optimizer"]
    assert len(stages) == 3
    for step in range(12):
        before, moments = values(moved), values(model.optimizer.variables)
        model.train_step(tf.constant(IMAGES))
        due = moved
        if step < 9:
            layer, mirror = stages[step // 3]
            due = layer.trainable_variables + mirror.trainable_variables
        paths = {variable.path for variable in due}
        changed = {
            variable.path
            for variable, old in zip(moved, before, strict=True)
            if not np.array_equal(variable.numpy(), old)
        }
        assert changed == paths, f"step {step}"
        # Adam's: its count and rate, and the moments of what is due.
        for variable, old in zip(model.optimizer.variables, moments, strict=True):
            of_due = any(path.replace("/", "_") in variable.path for path in paths)
            if variable.shape == () or of_due:
                continue
            assert np.array_equal(variable.numpy(), old), f"step {step}: {variable.path}"


def test_a_stages_loss_is_of_what_the_layers_below_give():
    """Equations of the three stages, with ReLU below and at the code, without corruption."""
    model = stacked(corruption="none", reconstruction="squared_error", stack_steps=1)
    stages = model.codec.stages()
    for index in range(3):
        x = IMAGES.reshape(12, -1) / 255.0
        weights = [[layer.get_weights() for layer in pair] for pair in stages]
        for (kernel, bias), _ in weights[:index]:
            x = np.maximum(x @ kernel + bias, 0.0)
        (kernel, bias), (back, offset) = weights[index]
        made = np.maximum(x @ kernel + bias, 0.0) @ back + offset
        if index == 0:
            made = 1.0 / (1.0 + np.exp(-(made + model.decoder.layers[-2].get_weights()[0])))
        else:
            made = np.maximum(made, 0.0)
        wanted = np.square(made - x).sum(axis=1).mean()
        model.steps.assign_add(1)
        logs = model.update(tf.constant(IMAGES))
        assert float(logs["loss"]) == pytest.approx(wanted, rel=1e-4), f"stage {index}"


def test_a_stage_in_half_precision_is_trained_too():
    model = stacked(precision="bfloat16", stack_steps=1)
    for _ in range(4):
        assert np.isfinite(model.train_step(tf.constant(IMAGES))["loss"])


# ---------------------------------------------------------------------- runs

MINI = {"dataset": "mnist_mini", "batch_size": 32, "jit_compile": False, "steps_per_execution": 2}
STACK = {**MINI, "split": "train[:320]", "widths": "6,5", "latent_dim": 4, "stack_steps": 6}
CLASSIFY = {**MINI, "split": "train[:320]", "widths": "6,5,4", "learning_rate": 1e-2}


def run(model, folder, resume=False, **overrides):
    train(model, folder, resume=resume, overrides=overrides, verbose=0, log=lambda line: None)
    return folder


def state(folder):
    model = load_run(folder)
    own = [variable.numpy() for variable in model._own_state().values()]
    return [*values(model.variables), *values(model.optimizer.variables), *own]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Return the runs of a stack, and of a classifier that starts from it."""
    root = tmp_path_factory.mktemp("runs")
    stack = run("stacked_autoencoder", root / "stack", **STACK, steps=22)
    tuned = run("classifier", root / "tuned", **CLASSIFY, steps=22, start_from=str(stack))
    return stack, tuned


def test_a_stack_goes_on_over_the_border_of_its_layers_to_the_bit(folders, tmp_path):
    # Layers change after 6, 12 and 18 steps.
    for stop in (5, 12, 22):
        run("stacked_autoencoder", tmp_path / "parts", resume=True, **STACK, steps=stop)
    assert equal(state(tmp_path / "parts"), state(folders[0]))


def test_a_classifier_goes_on_to_the_bit(folders, tmp_path):
    stack, tuned = folders
    for stop in (7, 22):
        run(
            "classifier", tmp_path / "parts", resume=True, **CLASSIFY, steps=stop,
            start_from=str(stack),
        )  # fmt: skip
    assert equal(state(tmp_path / "parts"), state(tuned))


def test_it_is_evaluated_reported_and_exported(folders, tmp_path):
    _, tuned = folders
    found = evaluate(tuned)
    assert [one.name for one in found] == ["classification_error"]
    test = load_arrays("mnist_mini", "test")
    wrong = load_run(tuned).classify(test.images).argmax(axis=1) != test.labels
    assert found[0].value == pytest.approx(wrong.mean(), abs=1e-12)
    assert found[0].reference[0].value == pytest.approx(0.883)
    page = write_report(tmp_path / "page.html", tuned, found).read_text(encoding="utf-8")
    assert "classification_error" in page and "classifier on mnist_mini" in page
    path = export_run(tuned, tmp_path / "exported", log=lambda line: None)
    images = RNG.random((3, 28, 28, 1)).astype(np.float32)
    signatures = tf.saved_model.load(str(path)).signatures
    assert set(signatures) == {"serving_default", "classify"}
    for signature in signatures.values():
        answer = signature(images=tf.constant(images))
        np.testing.assert_allclose(
            answer["probabilities"], load_run(tuned).classify(images), rtol=1e-5
        )
        np.testing.assert_allclose(
            keras.activations.softmax(answer["scores"]), answer["probabilities"], rtol=1e-5
        )
