"""Features to tags through every room: a training that learns, words, figures, pictures, export."""

import csv
import json
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfgan_survey import cli, pictures
from tfgan_survey.conditions import Vector
from tfgan_survey.errors import SettingError
from tfgan_survey.evaluation import Target, tag, write_pictures, write_report
from tfgan_survey.export import export_run
from tfgan_survey.models.tagging import names_tags, tag_shares
from tfgan_survey.networks import Spec
from tfgan_survey.networks.tags import tags as tags_pair
from tfgan_survey.training import load_run, train
from tfgan_survey.training.looks import FixedTags, fixed_look
from tfgan_survey.training.sample import sample_run
from tfgan_survey.zoo import build

WORDS = ("sky", "sea", "bear", "tree", "snow", "sand")
SMALL = {
    "latent_width": 8, "feature_width": 32, "tag_units": 32, "feature_units": 32,
    "joint_units": 16, "latent_dim": 4, "batch_size": 50, "input_dropout": 0,
    "jit_compile": False, "steps_per_execution": 50,
    "n_critic": 1, "mismatched": False,  # every step moves both: few are enough
}  # fmt: skip
STEPS = 400


def toy(num, seed):
    """Return features, and tags that these decide: tag i is feature i, and sky where none is."""
    features = np.random.default_rng(seed).integers(0, 2, (num, 6), np.uint8)
    tags = features.copy()
    tags[~tags.any(axis=1), 0] = 1
    return features, tags


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    (features, tags), (test_features, test_tags) = toy(400, 0), toy(60, 1)
    path = tmp_path_factory.mktemp("tags") / "toy.npz"
    np.savez(
        path, features=features, tags=tags, tag_names=np.array(WORDS),
        test_features=test_features, test_tags=test_tags,
    )  # fmt: skip
    return path


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "tags"
    train(
        "tag_cgan", folder, overrides={"dataset": str(data), "steps": STEPS, **SMALL}, verbose=0,
        log=lambda line: None,
    )  # fmt: skip
    return folder


def invoke(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return stop.value.code or 0, out, err


# ---------------------------------------------------------------------- training


def test_it_learns_which_features_ask_for_which_tags(run):
    features, tags = toy(200, 2)
    shares = tag_shares(load_run(run), features.astype(np.float32))
    assert shares[tags == 1].mean() > 0.8 and shares[tags == 0].mean() < 0.2


def test_a_run_has_looks_and_knows_its_words(run):
    for name in ("samples.png", "film.gif", "curves.png"):
        assert Image.open(run / name).size[0] > 300
    model = load_run(run)
    assert names_tags(model) and model.spec.vocabulary == WORDS
    assert fixed_look(model, data=None) is None  # no features to ask with


def test_shares_are_means_of_samples_of_these_seeds(run):
    model = load_run(run)
    features = toy(3, 5)[0].astype(np.float32)
    shares = tag_shares(model, features, num_votes=7, seed=11)
    for row, found in zip(features, shares, strict=True):
        made = model.generate(7, row, seed=11)
        assert set(np.unique(made)) <= {0, 1}
        np.testing.assert_allclose(found, made.mean(axis=0), atol=1e-6)
    alone = tag_shares(model, features[1:2], num_votes=7, seed=11)
    np.testing.assert_allclose(alone[0], shares[1], atol=1e-6)
    with pytest.raises(SettingError, match="num_votes=0"):
        tag_shares(model, features, num_votes=0)


# ---------------------------------------------------------------------- words


def test_words_are_printed_with_their_shares(capsys, run, tmp_path):
    features, _ = toy(4, 3)
    np.savez(tmp_path / "new.npz", features=features)
    np.savetxt(tmp_path / "new.csv", features, "%d", ",")
    table = tmp_path / "out.csv"
    code, out, _ = invoke(
        capsys, "tag", run, tmp_path / "new.npz", "--num", 2, "--votes", 20, "--output", table
    )
    lines = out.splitlines()
    assert code == 0 and lines[0].split() == ["row", "1", "2"] and lines[-1] == f"wrote {table}"
    shares = tag_shares(load_run(run), features.astype(np.float32), 20)
    found = tag(run, tmp_path / "new.csv", num=2, num_votes=20)
    for i, (line, row) in enumerate(zip(lines[1:], found, strict=False)):
        best = np.argsort(-shares[i], kind="stable")[:2]
        assert [word for word, _ in row] == [WORDS[j] for j in best]
        assert [share for _, share in row] == pytest.approx(shares[i][best])
        assert line.split() == [str(i), *(f for w, s in row for f in (w, f"{s:.2f}"))]
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(one["row"], one["rank"], one["tag"]) for one in rows] == [
        (str(i), str(k), word) for i, row in enumerate(found) for k, (word, _) in enumerate(row, 1)
    ]
    only = tag(run, tmp_path / "new.npz", words=["bear", "snow"])
    assert all(sorted(word for word, _ in row) == ["bear", "snow"] for row in only)


BAD = {
    "short.npz": ({"features": np.ones((2, 5))}, r"expected numbers \(n, 6\)"),
    "nan.npz": ({"features": np.full((2, 6), np.nan)}, "NaN or infinite values in 2 of 2 rows"),
    "none.npz": ({"tags": np.ones((2, 6))}, "expected arrays called features"),
    "short.csv": ("1,2,3\n", r"\(1, 3\); expected numbers \(n, 6\)"),
    "nan.csv": ("1,2,3,4,5,nan\n", "NaN"),
    "head.csv": ("a,b\n1,2\n", "line 1: could not convert .* no heading"),
    "uneven.csv": ("1,2\n1\n", "line 2 has 1 numbers, the first 2"),
    "empty.csv": ("\n", "no row"),
    "features.txt": ("1", r"expected an \.npz"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_are_no_features_is_one_line(name, capsys, run, tmp_path):
    held, message = BAD[name]
    path = tmp_path / name
    np.savez(path, **held) if isinstance(held, dict) else path.write_text(held)
    code, out, err = invoke(capsys, "tag", run, path, "--output", tmp_path / "tags.csv")
    assert code == 1 and out == "" and err.count("\n") == 1
    assert re.search(message, err), err
    assert not (tmp_path / "tags.csv").exists()


def test_a_word_that_the_model_does_not_know_is_named(capsys, run, data):
    code, _, err = invoke(capsys, "tag", run, data, "--among", "sky,baer")
    assert code == 2 and "unknown tag 'baer'" in err and "did you mean bear?" in err
    code, _, err = invoke(capsys, "tag", run, data, "--num", 7)
    assert code == 2 and "num=7: expected 1 to the 6 tags" in err


def test_a_model_of_pictures_makes_no_tags(capsys, data, tmp_path):
    gan = build("survey_gan", (8, 8, 1), generator_widths=(4,), discriminator_widths=(4,))
    gan.save(tmp_path / "gan.keras")
    code, _, err = invoke(capsys, "tag", tmp_path / "gan.keras", data)
    assert code == 1 and "makes no tags: it can sample and score" in err


# ---------------------------------------------------------------------- other rooms


def test_it_is_evaluated_beside_other_ways_and_reported(run, tmp_path):
    target = Target(run)
    found = {one.name: one for one in target.evaluate()}
    assert list(found) == ["tag_precision", "tag_recall", "tag_f1", "tags_recalled"]
    assert 0.5 < found["tag_recall"].value <= 1 and found["tags_recalled"].value == 6
    beside = {one.name: one.value for one in found["tag_f1"].reference}
    assert list(beside) == ["prior", "2 nearest neighbours", "logistic regression"]
    assert beside["prior"] < found["tag_f1"].value + 0.01
    page = write_report(tmp_path / "page.html", target, list(found.values()))
    text = page.read_text(encoding="utf-8")
    assert "tags_recalled" in text and "tags of test images with their shares" in text
    (path,) = write_pictures([target], tmp_path, log=lambda line: None)
    assert path.name == "samples.png" and Image.open(path).size[0] > 300


def test_what_is_asked_for_in_vain_is_said(capsys, run, tmp_path):
    code, _, err = invoke(capsys, "sample", run, "--output", tmp_path / "a.npz")
    assert code == 2 and "tfgan-survey tag RUN FEATURES" in err
    code, _, err = invoke(capsys, "retrieve", run, "--output", tmp_path / "a.png")
    assert code == 2 and "retrieval needs a model that can encode" in err
    code, _, err = invoke(capsys, "evaluate", run, "--metrics", "frechet_distance")
    assert code == 2 and "frechet_distance needs images" in err


def test_other_tags_than_the_models_are_refused(run, data, tmp_path):
    with np.load(data) as arrays:
        given = dict(arrays)
    given["tag_names"] = np.array((*WORDS[:5], "lake"))
    np.savez(tmp_path / "other.npz", **given)
    with pytest.raises(ValueError, match="unknown tag 'lake'"):
        Target(run, str(tmp_path / "other.npz")).evaluate(["tagging"])


def test_an_export_has_the_words_on_its_card_and_answers(run, tmp_path):
    path = export_run(run, tmp_path / "exported", log=lambda line: None)
    card = json.loads((path / "assets.extra" / "card.json").read_text(encoding="utf-8"))
    assert card["vocabulary"] == list(WORDS) and card["condition"] == {"kind": "vector", "size": 6}
    features = toy(5, 4)[0].astype(np.float32)
    signatures = tf.saved_model.load(str(path)).signatures
    assert "sample_png" not in signatures
    made = signatures["sample"](
        seeds=tf.range(3, 8, dtype=tf.int64), condition=tf.constant(features)
    )["images"]
    np.testing.assert_allclose(made, load_run(run).generate(5, features, seed=3), atol=1e-6)


def test_a_set_without_features_as_condition_trains_and_shows_nothing(data, tmp_path):
    overrides = {
        "dataset": str(data),
        "steps": 2,
        **SMALL,
        "conditional": False,
        "mismatched": False,
    }
    model, folder = train("tag_cgan", tmp_path / "run", overrides=overrides, verbose=0, log=str)
    assert model.spec.vocabulary == WORDS and not names_tags(model)
    assert fixed_look(model, data=None) is None and not folder.grid.exists()
    with pytest.raises(SettingError, match="samples of 6 numbers are no picture"):
        sample_run(folder.path, tmp_path / "a.png")


# ---------------------------------------------------------------------- words of a spec


def test_a_vocabulary_is_one_name_a_number_and_is_saved():
    spec = Spec((3,), Vector(2), 4)
    assert spec.vocabulary == () and "vocabulary" not in spec.get_config()
    spec.learn_vocabulary(["a", "b", "c"])
    again = Spec.from_config(spec.get_config())
    assert again == spec and again.vocabulary == ("a", "b", "c")
    assert spec.facts()["vocabulary"] == ["a", "b", "c"]
    for shape in ((2,), (3, 1, 1)):
        with pytest.raises(ValueError, match="3 names came"):
            Spec(shape).learn_vocabulary(["a", "b", "c"])


# ---------------------------------------------------------------------- the networks


def test_the_pair_has_the_published_branches():
    pair = tags_pair((5,), condition=Vector(7))
    found = {
        role: [layer.output.shape[-1] for layer in network.layers if layer.weights]
        for role, network in (("g", pair.generator), ("d", pair.discriminator))
    }
    assert sorted(found["g"]) == [5, 500, 2000] and sorted(found["d"]) == [1, 500, 1000, 1200]
    assert pair.latent_dim == 100 and pair.latent == "uniform_01"
    maxout = next(one for one in pair.discriminator.layers if "maxout" in one.name)
    assert maxout.pieces == 3 and maxout.input.shape[-1] == 1700


@pytest.mark.parametrize(("output", "hard"), [("bits", True), ("probabilities", False)])
def test_bits_are_hard_and_their_slope_is_the_sigmoids(output, hard):
    pair = tags_pair((5,), condition=Vector(2), output=output, latent_width=8, feature_width=4,
                     tag_units=4, feature_units=4, joint_units=4)  # fmt: skip
    latents, rows = tf.random.stateless_uniform((20, 100), (0, 1)), tf.ones((20, 2))
    made = pair.generate(latents, rows).numpy()
    assert (set(np.unique(made)) == {0, 1}) == hard
    last = next(one for one in pair.generator.layers[::-1] if one.weights)
    scores = keras.Model(pair.generator.inputs, last.output)([latents, rows]).numpy()
    soft = 1 / (1 + np.exp(-scores))
    np.testing.assert_allclose(made, scores > 0 if hard else soft, atol=1e-6)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(pair.generate(latents, rows))
    slope = tape.gradient(total, last.bias.value)
    np.testing.assert_allclose(slope, (soft * (1 - soft)).sum(axis=0), rtol=1e-4)


def test_a_picture_of_tags_names_the_likeliest_first(run, monkeypatch):
    drawn = []
    monkeypatch.setattr(pictures, "bars", lambda rows, scale: drawn.append(rows))
    features = toy(3, 5)[0].astype(np.float32)
    model = load_run(run)
    FixedTags(model, features, rows=2, num=3).picture()
    (rows,) = drawn
    shares = tag_shares(model, features[:2])
    assert [len(row) for row in rows] == [3, 3]
    for row, found in zip(rows, shares, strict=True):
        assert [share for _, share in row] == pytest.approx(np.sort(found)[::-1][:3])
