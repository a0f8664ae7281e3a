"""Pretrained models: the weights of the export, found by name, proved by digest, with a card."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import tfgan_survey
from tfgan_survey import PRETRAINED, load_pretrained
from tfgan_survey.errors import RunError, UnknownNameError
from tfgan_survey.evaluation import Target
from tfgan_survey.export import versions, weights_digest
from tfgan_survey.export.saved_model import CARD
from tfgan_survey.files import write_json
from tfgan_survey.metrics.features import Features
from tfgan_survey.pretrained import load_weights
from tfgan_survey.training import load_run
from tfgan_survey.training.sample import sample_run

ROOT = Path(tfgan_survey.__file__).parents[1]
EXPORT = versions(ROOT / "saved_models" / "cgan_mnist")[-1][1]


@pytest.fixture(scope="module")
def gan():
    return load_pretrained("cgan_mnist")


def test_it_is_the_export_s_model(gan):
    """`python tools/make_pretrained.py saved_models/cgan_mnist/N` after another export."""
    facts = json.loads((EXPORT / CARD).read_text())
    assert weights_digest(gan) == facts["weights"] and gan.steps_done == facts["steps"]
    seeds = np.array([0, 1, 7, 2**40])
    inputs = {"seeds": tf.constant(seeds), "labels": tf.constant([7, 0, 3, 9])}
    served = tf.saved_model.load(str(EXPORT)).signatures
    images = served["sample"](**inputs)["images"].numpy()
    ours = np.concatenate(
        [gan.generate(1, int(label), int(seed))
         for seed, label in zip(seeds, inputs["labels"], strict=True)]
    )  # fmt: skip
    np.testing.assert_allclose(ours, images, atol=1e-5)
    # It is no constant, and both generators hold the average.
    assert np.abs(ours[0] - ours[1]).max() > 0.5
    for a, b in zip(gan.generator.get_weights(), gan.ema_generator.get_weights(), strict=True):
        assert np.array_equal(a, b)


def test_sevens_in_one_call_are_sevens(gan):
    read = Features("mnist").probabilities(gan.generate(50, labels=7, seed=0))
    assert (read.argmax(-1) == 7).sum() >= 47


def test_a_name_stands_wherever_a_run_does_and_a_path_hides_it(gan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sample_run("cgan_mnist", "s.npz", 3, 7)
    with np.load("s.npz") as found:
        assert np.array_equal(found["images"], np.rint(gan.generate(3, 7, 0) * 255))
    target = Target("cgan_mnist")
    assert target.dataset == "mnist" and target.settings.batch_size == 64
    Path("cgan_mnist").mkdir()
    with pytest.raises(RunError, match="no model in cgan_mnist"):
        load_run("cgan_mnist")
    with pytest.raises(RunError, match=r"name of a pretrained model \(.*cgan_mnist"):
        load_run("cgan_mnits")
    with pytest.raises(UnknownNameError, match="did you mean cgan_mnist"):
        load_pretrained("cgan_mnits")


def test_damage_and_other_versions_are_told(tmp_path):
    folder = Path(shutil.copytree(PRETRAINED["cgan_mnist"], tmp_path / "model"))
    weights, record = folder / "weights.npz", json.loads((folder / "settings.json").read_text())
    content = weights.read_bytes()
    weights.write_bytes(content[:-9] + b"x" + content[-8:])
    with pytest.raises(RunError, match="is damaged: SHA-256"):
        load_weights(folder)
    weights.write_bytes(content)
    for change, message in (
        ({"num_classes": 9}, "weights of the shapes"),
        ({"settings": {**record["settings"], "wdth": 3}}, "unknown setting 'wdth'"),
    ):
        write_json(folder / "settings.json", {**record, **change})
        with pytest.raises(RunError, match=message):
            load_weights(folder)


def test_all_are_small_packaged_and_have_a_card():
    sizes = [f.stat().st_size for folder in PRETRAINED.values() for f in folder.iterdir()]
    assert 1e5 < sum(sizes) < 3e6
    assert '"tfgan_survey.pretrained": ["*/*"]' in (ROOT / "setup.py").read_text()
    for name, folder in PRETRAINED.items():
        card = (folder / "card.md").read_text()
        heads = re.findall(r"^#+ (.*)$", card, re.M)
        assert heads == [name, "Data", "Settings", "Figures", "Limits", "Licence"]
        scores = json.loads((folder / "metrics.json").read_text())["measurements"]
        assert all(f"| {one['name']} | " in card for one in scores) and len(scores) >= 3
        assert f"tfgan-survey evaluate {name}" in card
