"""ONNX and LiteRT files: the images of `generate` in their own runtimes, or no file."""

import importlib.util
import json
import shutil

import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from tfgan_survey.errors import RunError, SettingError, UnknownNameError
from tfgan_survey.export import (
    FORMATS,
    export_model,
    export_savedmodel,
    find_export,
    next_version,
)
from tfgan_survey.export.portable import TOLERANCE, largest_difference, portable_function
from tfgan_survey.models import GAN
from tfgan_survey.networks import NETWORKS
from tfgan_survey.objectives.minimax import NonSaturating

PORTABLE = ["onnx", "litert"]


def make(classes=3):
    """Convolutions, transposed ones, batch norm and labels, with weights that are not the first."""
    pair = NETWORKS["dcgan"]((8, 8, 1), classes, latent_dim=4, width=2)
    for number, weight in enumerate(pair.generator.weights):
        noise = np.random.default_rng(number).uniform(0.1, 0.6, weight.shape)
        weight.assign(weight + noise)
    return GAN(pair, NonSaturating(), truncation=0.7)


def ask(path, inputs):
    """Run a file by its runtime alone, by the names of inputs and outputs."""
    if path.suffix == ".onnx":
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        assert [one.shape[0] for one in session.get_inputs()] == ["batch"] * len(inputs)
        return session.run(["images"], inputs)[0]
    runner = Interpreter(model_path=str(path)).get_signature_runner("serving_default")
    return runner(**inputs)["images"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    gan, said = make(), []
    output = tmp_path_factory.mktemp("portable") / "toy"
    paths = export_model(gan, output, PORTABLE, card={"settings": {"é": 1}}, log=said.append)
    return gan, output, paths, said


@pytest.mark.parametrize("name", PORTABLE)
def test_a_file_gives_the_images_of_generate_and_nan_for_labels_that_are_none(exported, name):
    gan, _, paths, _ = exported
    seeds, labels = np.arange(40, 47), np.array([2, 0, 1, 1, 2, 0, 2], np.int32)
    latent = gan.latents(tf.constant(seeds)).numpy()
    wanted = gan.generate(7, labels, seed=40)
    assert np.ptp(wanted) > 0.2 and np.abs(wanted[2] - wanted[3]).max() > 0.01
    made = ask(paths[name], {"latent": latent, "labels": labels})
    assert np.abs(made - wanted).max() < 1e-5
    one = ask(paths[name], {"latent": latent[:1], "labels": labels[:1]})
    assert np.abs(one - wanted[:1]).max() < 1e-5
    for wrong in (-1, 3, 99):
        bad = np.where(np.arange(7) == 4, wrong, labels).astype(np.int32)
        assert np.isnan(ask(paths[name], {"latent": latent, "labels": bad})).all()


def test_versions_and_cards_are_those_of_one_export(exported):
    gan, output, paths, said = exported
    assert sorted(path.name for path in output.iterdir()) == ["1.onnx", "1.tflite"]
    assert [line.split(":")[0] for line in said] == PORTABLE
    for name in PORTABLE:
        card = FORMATS[name].card(paths[name])
        assert card["num_classes"] == 3 and card["settings"] == {"é": 1}
        assert find_export(gan, output, name) == paths[name]
        assert find_export(make(None), output, name) is None
    assert next_version(output) == 2
    with pytest.raises(RunError, match=r"1\.tflite exists and is never overwritten"):
        export_model(gan, output, ["litert"], version=1)


def test_a_file_beside_its_saved_model_gets_its_number_and_no_other_gets_it(tmp_path):
    gan = make(None)
    (tmp_path / "1").mkdir()
    shutil.copytree(export_savedmodel(gan, tmp_path, log=str), tmp_path / "9")
    (tmp_path / "9.onnx").touch()
    made = export_model(gan, tmp_path, ["onnx"], log=str)
    assert made["onnx"].name == "2.onnx"
    assert json.loads((tmp_path / "2" / "assets.extra" / "card.json").read_text()) == (
        FORMATS["onnx"].card(made["onnx"])
    )


def test_what_answers_otherwise_is_measured_and_not_written(tmp_path, exported):
    gan, _, paths, _ = exported
    _, specs = portable_function(gan)
    run = FORMATS["onnx"].runtime(paths["onnx"].read_bytes())
    assert 0 < largest_difference(gan, specs, run) < 1e-5 < TOLERANCE
    for fault in (0.03, float("nan")):
        # Of the first row when it comes alone.
        def wrong(inputs, fault=fault):
            shift = fault if len(inputs["latent"]) == 1 else 0.0
            return {"images": run(inputs)["images"] + np.float32(shift)}

        found = largest_difference(gan, specs, wrong)
        assert np.isnan(found) if np.isnan(fault) else abs(found - fault) < 1e-4
    # A model whose answers no runtime can give: a weight that is no number.
    broken = make(None)
    broken.generator.weights[0].assign(broken.generator.weights[0] + np.nan)
    with pytest.raises(RunError, match="answers up to nan beside the model's own"):
        export_model(broken, tmp_path / "a", ["onnx"], log=str)
    # Operations that the form lacks: a gradient.
    lacking = make(None)
    lacking.from_latents = lambda latents, labels=None: tf.reshape(
        tf.raw_ops.LeakyReluGrad(gradients=latents, features=latents), (-1, 2, 2, 1)
    )
    with pytest.raises(RunError, match=r"cannot be written as onnx: No Op .*LeakyReluGrad"):
        export_model(lacking, tmp_path / "a", ["onnx"], log=str)
    assert list((tmp_path / "a").iterdir()) == []


def test_names_and_extras_are_checked_before_anything_is_written(tmp_path, monkeypatch):
    with pytest.raises(UnknownNameError, match="unknown format 'onx'; did you mean onnx"):
        export_model(make(None), tmp_path, ["saved_model", "onx"])
    find = importlib.util.find_spec
    absent = {"tf2onnx", "ai_edge_litert"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n in absent else find(n))
    for name, module in (("onnx", "tf2onnx"), ("litert", "ai_edge_litert")):
        line = f"{name} needs {module}: pip install 'tfgan-survey\\[{name}\\]'"
        with pytest.raises(SettingError, match=line):
            export_model(make(None), tmp_path, ["saved_model", name])
    assert list(tmp_path.iterdir()) == []


def test_a_decoder_is_what_cannot_sample_gets(tmp_path):
    from tfgan_survey.zoo import build

    model = build("autoencoder", (6, 6, 1), widths=(8,))
    path = export_model(model, tmp_path, ["onnx"], log=str)["onnx"]
    images = np.random.default_rng(5).random((3, 6, 6, 1), np.float32)
    code = model.encode(images)
    assert np.abs(ask(path, {"code": code}) - model.decode(code)).max() < 1e-5
