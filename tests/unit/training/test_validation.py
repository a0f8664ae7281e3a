"""Held-out losses: in the history, never in what is trained; the least of them keeps a model."""

import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.data import load_arrays
from tfgan_survey.errors import SettingError
from tfgan_survey.training import RunFolder, load_run, train
from tfgan_survey.training.callbacks import read_history
from tfgan_survey.training.probe import read_best
from tfgan_survey.training.validation import Validation
from tfgan_survey.zoo import build

TINY = {
    "dataset": "mnist_mini", "split": "train[:320]", "batch_size": 32, "jit_compile": False,
    "steps_per_execution": 2, "widths": (8,), "latent_dim": 4, "learning_rate": 0.05,
}  # fmt: skip
HELD_OUT = "train[9000:9100]"


def run(folder, *, steps=30, **options):
    return train(
        "autoencoder", folder, overrides=TINY | {"steps": steps}, verbose=0,
        log=lambda line: None, **options,
    )  # fmt: skip


def weights(model):
    return np.concatenate([variable.numpy().ravel() for variable in model.variables])


@pytest.fixture(scope="module")
def validated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "validated"
    model, _ = run(folder, validate=HELD_OUT)
    return model, RunFolder(folder)


def test_what_is_trained_does_not_depend_on_it(validated, tmp_path):
    plain, _ = run(tmp_path / "plain")
    np.testing.assert_array_equal(weights(plain), weights(validated[0]))
    assert "val_loss" not in read_history(RunFolder(tmp_path / "plain").history)[0]


def test_the_history_has_the_losses_of_the_held_out_images(validated):
    model, folder = validated
    rows = read_history(folder.history)
    assert len(rows) == 3
    images = load_arrays("mnist_mini", HELD_OUT).images
    error = np.mean(np.sum((model.reconstruct(images) - images / 255.0) ** 2, axis=(1, 2, 3)))
    # Means over batches of 32, 32, 32 and 4: not those over images, to within the small batch.
    assert rows[-1]["val_reconstruction_loss"] == pytest.approx(error, rel=0.1)
    assert rows[-1]["val_loss"] == pytest.approx(rows[-1]["val_reconstruction_loss"], rel=1e-5)


def test_the_model_with_the_least_loss_is_kept(validated, tmp_path):
    _, folder = validated
    values = {row["steps"]: row["val_loss"] for row in read_history(folder.history)}
    record = read_best(folder.best_probed)
    assert record["metric"] == "val_loss" and record["num"] == 100
    assert record["value"] == pytest.approx(min(values.values()), rel=1e-6)
    assert values[record["steps"]] == min(values.values())
    assert load_run(folder.best_probed).steps_done == record["steps"]


def test_a_stopped_training_keeps_the_same_best(tmp_path):
    """The second callback stands for a process that goes on with a model that got worse."""
    images = load_arrays("mnist_mini", HELD_OUT).images
    batches = tf.data.Dataset.from_tensor_slices(images).batch(50)
    still = {key: TINY[key] for key in ("widths", "latent_dim", "jit_compile")}
    model = build("autoencoder", learning_rate=1e-9, steps_per_execution=1, **still)
    best = tmp_path / "best.keras"
    for spoilt in (1.0, 50.0):
        model.decoder.layers[-2].bias.assign(spoilt * np.ones(784, "float32"))
        model.fit(batches, verbose=0, callbacks=[Validation(batches, 100, best)])
        kept = read_best(best)
        assert kept["steps"] == 2
    assert model.steps_done == 4


def test_two_reasons_to_keep_a_model_are_refused(tmp_path):
    with pytest.raises(SettingError, match="both keep"):
        run(tmp_path / "two", validate=HELD_OUT, probe=["recall"], keep_best="recall")
    assert not (tmp_path / "two").exists()


def test_a_training_starts_from_another_model(validated, tmp_path):
    model, folder = validated
    fresh, _ = train(
        "autoencoder", tmp_path / "next", verbose=0, log=lambda line: None,
        overrides=TINY | {"steps": 1, "start_from": str(folder.path), "learning_rate": 1e-9},
    )  # fmt: skip
    # Adam's first step is the rate's size, whatever the gradient.
    for ours, theirs in zip(fresh.encoder.weights, model.encoder.weights, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-7)
    with pytest.raises(SettingError, match="choose the same codec"):
        train(
            "autoencoder", tmp_path / "other", verbose=0, log=lambda line: None,
            overrides=TINY | {"steps": 1, "start_from": str(folder.path), "latent_dim": 5},
        )  # fmt: skip
    with pytest.raises(SettingError, match="takes no other model"):
        train(
            "survey_gan", tmp_path / "gan", verbose=0, log=lambda line: None,
            overrides={"dataset": "mnist_mini", "steps": 1, "start_from": str(folder.path)},
        )  # fmt: skip


def test_a_model_of_two_players_says_that_no_best_is_kept(tmp_path):
    said = []
    overrides = {"dataset": "mnist_mini", "split": "train[:64]", "steps": 2, "jit_compile": False,
                 "batch_size": 32}  # fmt: skip
    train("survey_gan", tmp_path / "run", overrides=overrides, validate="train[9000:9064]",
          verbose=0, log=said.append)  # fmt: skip
    folder = RunFolder(tmp_path / "run")
    assert any("no best.keras is kept" in line for line in said)
    assert not folder.best_probed.exists()
    assert np.isfinite(read_history(folder.history)[0]["val_d_loss"])
