"""Exports: same images as `generate`, from TensorFlow alone; versions never overwritten."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfgan_survey.errors import RunError
from tfgan_survey.export import export_savedmodel, find_export, next_version, versions
from tfgan_survey.zoo import build

# A process in which this package cannot be imported.
BARE = """
import sys, numpy as np, tensorflow as tf
sys.modules["tfgan_survey"] = None
model = tf.saved_model.load(sys.argv[1])
inputs = dict(np.load(sys.argv[2]))
outputs = {}
for name in ("serving_default", "sample"):
    wanted = model.signatures[name].structured_input_signature[1]
    given = {key: tf.constant(inputs[key]) for key in wanted}
    outputs[name] = model.signatures[name](**given)["images"].numpy()
np.savez(sys.argv[3], **outputs)
"""


@pytest.fixture(scope="module", params=[None, 3], ids=["plain", "conditional"])
def exported(request, tmp_path_factory):
    gan = build(
        "survey_gan", (8, 8, 1), num_classes=request.param, latent_dim=6, latent="normal", ema=0.9
    )
    output = tmp_path_factory.mktemp("saved") / "toy"
    return gan, export_savedmodel(gan, output, card={"settings": {"seed": 0}})


def inputs(gan, rows=5):
    seeds = np.arange(10, 10 + rows, dtype=np.int64)
    labels = (np.arange(rows) % 3).astype(np.int32)
    latent = np.random.default_rng(0).normal(size=(rows, 6)).astype(np.float32)
    return {"seeds": seeds, "labels": labels, "latent": latent}


def test_bare_tensorflow_gives_the_images_of_generate(exported, tmp_path):
    gan, path = exported
    np.savez(tmp_path / "in.npz", **inputs(gan))
    subprocess.run(
        [sys.executable, "-c", BARE, path, tmp_path / "in.npz", tmp_path / "out.npz"],
        check=True, cwd=tmp_path, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )  # fmt: skip
    given = inputs(gan)
    labels = given["labels"] if gan.pair.conditional else None
    with np.load(tmp_path / "out.npz") as outputs:
        np.testing.assert_allclose(
            outputs["sample"], gan.generate(5, labels, seed=10), rtol=0, atol=1e-6
        )
        latent = given["latent"] if labels is None else [given["latent"], labels]
        np.testing.assert_allclose(outputs["serving_default"], gan(latent), rtol=0, atol=1e-6)


def test_png_and_score_signatures(exported):
    gan, path = exported
    signatures = tf.saved_model.load(str(path)).signatures
    given = {key: tf.constant(value) for key, value in inputs(gan).items()}
    label = {"labels": given["labels"]} if gan.pair.conditional else {}
    png = signatures["sample_png"](seeds=given["seeds"], **label)["image_bytes"].numpy()
    images = gan.generate(5, inputs(gan)["labels"] if label else None, seed=10)
    for data, image in zip(png, images, strict=True):
        decoded = np.asarray(Image.open(io.BytesIO(data)))[..., None]
        assert np.abs(decoded / 255.0 - image).max() <= 0.5 / 255 + 1e-6
    scored = signatures["score"](images=tf.constant(images), **label)
    expected = gan.pair.score(
        gan.pair.from_unit(tf.constant(images)), given["labels"] if label else None
    )
    np.testing.assert_allclose(scored["scores"], expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(scored["probabilities"], tf.sigmoid(expected), rtol=0, atol=1e-6)


@pytest.mark.parametrize("labels", [[0, 17, 2], [0, -1, 2], [99, 0, 1], [3, 0, 1]])
def test_every_signature_refuses_labels_out_of_range(exported, labels):
    """The check is a part of the graph: plain TensorFlow runs it, so a server does."""
    gan, path = exported
    if not gan.pair.conditional:
        names = tf.saved_model.load(str(path)).signatures["sample"].structured_input_signature[1]
        assert set(names) == {"seeds"}
        return
    refuses_labels(path, labels, {"latent": np.zeros((3, 6), np.float32),
                                  "seeds": np.arange(3, dtype=np.int64),
                                  "images": np.zeros((3, 8, 8, 1), np.float32)})  # fmt: skip


def refuses_labels(path, labels, given):
    """Assert that each signature with labels refuses these, and takes the least and greatest."""
    card = json.loads((path / "assets.extra" / "card.json").read_text())
    last = card["num_classes"] - 1
    taking = 0
    for signature in tf.saved_model.load(str(path)).signatures.values():
        names = signature.structured_input_signature[1]
        if "labels" not in names:
            continue
        taking += 1
        inputs = {key: tf.constant(given[key]) for key in names if key != "labels"}
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"class ids 0 to {last}"):
            signature(**inputs, labels=tf.constant(labels, tf.int32))
        signature(**inputs, labels=tf.constant([0, last, last], tf.int32))
    assert taking == 4


def test_the_committed_model_refuses_labels_out_of_range():
    path = Path(__file__).parents[3] / "saved_models" / "cgan_mnist" / "1"
    given = {"latent": np.zeros((3, 100), np.float32), "seeds": np.arange(3, dtype=np.int64),
             "images": np.zeros((3, 28, 28, 1), np.float32)}  # fmt: skip
    for labels in ([17, 0, 1], [0, -1, 9], [0, 1, 99]):
        refuses_labels(path, labels, given)


def test_rows_do_not_depend_on_their_place_or_neighbours(exported):
    gan, path = exported
    sample = tf.saved_model.load(str(path)).signatures["sample"]
    given = inputs(gan, 7)
    order = np.random.default_rng(1).permutation(7)

    def run(rows):
        label = {"labels": tf.constant(given["labels"][rows])} if gan.pair.conditional else {}
        return sample(seeds=tf.constant(given["seeds"][rows]), **label)["images"].numpy()

    whole = run(np.arange(7))
    np.testing.assert_allclose(run(order), whole[order], rtol=0, atol=1e-6)
    parts = np.concatenate([run(np.arange(3)), run(np.arange(3, 7))])
    np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-6)


def test_card_warm_up_and_digest(exported):
    gan, path = exported
    card = json.loads((path / "assets.extra" / "card.json").read_text())
    assert card["settings"] == {"seed": 0} and card["image_shape"] == [8, 8, 1]
    assert find_export(gan, path.parent) == path
    other = build("survey_gan", (8, 8, 1), num_classes=gan.pair.num_classes, seed=9)
    assert find_export(other, path.parent) is None
    from tensorflow_serving.apis import prediction_log_pb2

    records = list(
        tf.data.TFRecordDataset(str(path / "assets.extra" / "tf_serving_warmup_requests"))
    )
    requests = [
        prediction_log_pb2.PredictionLog.FromString(r.numpy()).predict_log.request for r in records
    ]
    names = {request.model_spec.signature_name for request in requests}
    between_classes = {"blend"} if gan.pair.num_classes else set()
    expected = {"serving_default", "sample", "sample_png", "latents", "score"} | between_classes
    assert names == expected
    signatures = tf.saved_model.load(str(path)).signatures
    for request in requests:
        given = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        signatures[request.model_spec.signature_name](
            **{key: tf.constant(value) for key, value in given.items()}
        )


def test_versions_count_up_and_are_never_overwritten(exported):
    gan, path = exported
    output = path.parent
    (output / "notes").mkdir(exist_ok=True)
    (output / "00000007").mkdir(exist_ok=True)
    assert [number for number, _ in versions(output)] == [1, 7]
    assert next_version(output) == 8
    with pytest.raises(RunError, match="never overwritten"):
        export_savedmodel(gan, output, version=1)
    with pytest.raises(RunError, match="version 0: expected 1 to"):
        export_savedmodel(gan, output, version=0)


def test_a_failed_export_leaves_no_version(exported, tmp_path):
    gan, _ = exported
    with pytest.raises(TypeError):
        export_savedmodel(gan, tmp_path / "toy", card={"unserialisable": object()})
    assert list(Path(tmp_path / "toy").iterdir()) == []
