"""The tracked `saved_models/cgan_mnist/1`: small, repeats its samples, sevens are sevens."""

import json
from pathlib import Path

import httpx
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfgan_survey import pictures
from tfgan_survey.metrics.features import Features

MODEL = Path(__file__).parents[4] / "saved_models" / "cgan_mnist"
# Made by `pictures.save(pictures.grid(images(sample, 20)[0], columns=10, scale=1), REFERENCE)`.
REFERENCE = Path(__file__).parent / "cgan_mnist_samples.png"


@pytest.fixture(scope="module")
def sample():
    return tf.saved_model.load(str(MODEL / "1")).signatures["sample"]


def images(sample, num):
    labels = np.arange(num, dtype=np.int32) % 10
    made = sample(seeds=tf.range(num, dtype=tf.int64), labels=tf.constant(labels))["images"]
    return made.numpy(), labels


def test_it_is_small_and_tells_where_it_comes_from():
    size = sum(path.stat().st_size for path in (MODEL / "1").rglob("*") if path.is_file())
    assert size <= 3_000_000
    card = json.loads((MODEL / "1" / "assets.extra" / "card.json").read_text())
    assert card["settings"]["model"] == "cgan_mnist" and card["scores"]


def test_samples_repeat(sample):
    sheet = np.asarray(pictures.grid(images(sample, 20)[0], columns=10, scale=1), np.int16)
    with Image.open(REFERENCE) as reference:
        # one grey level: a rounding of 1e-6 on another CPU may fall the other way
        assert np.abs(sheet - np.asarray(reference, np.int16)).max() <= 1


def test_digits_are_recognised_as_their_labels(sample):
    """99.2 % of 10,000 when it was exported; an untrained generator has 10 %."""
    made, labels = images(sample, 500)
    accuracy = (Features("mnist").predict(made) == labels).mean()
    assert 0.97 <= accuracy <= 1.0


@pytest.mark.parametrize("pixels", [1, [1.0, 2.0], [[1.0]]])
def test_images_of_a_wrong_rank_are_answered_and_the_server_lives(start, pixels):
    """A convolution kernel aborts the process on such a rank."""
    server = start(models=(MODEL,))
    url = f"http://127.0.0.1:{server.rest_port}/v1/models/cgan_mnist"
    body = {"signature_name": "score", "inputs": {"images": pixels, "labels": [7]}}
    answer = httpx.post(f"{url}:predict", json=body, timeout=30)
    assert answer.status_code == 400 and "rank 4" in answer.json()["error"]
    assert httpx.get(url).status_code == 200


@pytest.fixture(scope="module")
def labelled(start):
    server = start(models=(MODEL,))
    given = {"latent": [0.0] * 100, "seeds": 3, "images": np.zeros((28, 28, 1)).tolist()}
    return f"http://127.0.0.1:{server.rest_port}/v1/models/cgan_mnist", given


@pytest.mark.parametrize("labels", [[17], [-1], [3, 99]])
@pytest.mark.parametrize("signature", ["serving_default", "sample", "sample_png", "score"])
def test_labels_out_of_range_are_400_from_the_graph_itself(labelled, signature, labels):
    url, given = labelled
    names = {"serving_default": "latent", "score": "images"}
    first = names.get(signature, "seeds")
    inputs = {first: [given[first]] * len(labels), "labels": labels}
    body = {"signature_name": signature, "inputs": inputs}
    answer = httpx.post(f"{url}:predict", json=body, timeout=30)
    assert answer.status_code == 400, answer.text[:300]
    assert "class ids 0 to 9" in answer.json()["error"]
    inputs["labels"] = [9] * len(labels)
    assert httpx.post(f"{url}:predict", json=body, timeout=30).status_code == 200
