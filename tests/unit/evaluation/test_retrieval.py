"""Test images beside their nearest training images: table, picture, command and report."""

import re

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from tfgan_survey.cli import cli
from tfgan_survey.data import load_arrays
from tfgan_survey.errors import SettingError
from tfgan_survey.evaluation import Target, retrieve, write_report
from tfgan_survey.metrics import default_metrics
from tfgan_survey.training.callbacks import save_model
from tfgan_survey.training.folder import RunFolder
from tfgan_survey.zoo import build_from_settings, resolve


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run on digits of half the side, never trained."""
    settings = resolve("survey_cgan", {"dataset": "mnist_mini", "steps": 1, "image_size": 14})
    made = RunFolder(tmp_path_factory.mktemp("runs") / "run")
    made.begin(settings, {})
    save_model(build_from_settings(settings, (14, 14, 1), 10), made.model)
    made.mark_finished()
    return made.path


@pytest.fixture
def target(folder):
    """Its code is the upper half of an image; being conditional, it is told the label."""
    made = Target(folder)

    def encode(images, labels):
        made.told.append(labels)
        return images[:, :7] / 255.0

    def decode(codes, labels):
        return np.concatenate([codes, codes], axis=1)

    made.told, model = [], made.subject.model
    model.abilities, model.encode, model.decode = frozenset({"encode"}), encode, decode
    return made


def by_hand(query, images, num):
    far = np.sqrt(((images - query) ** 2).reshape(len(images), -1).sum(axis=1))
    order = np.argsort(far, kind="stable")[:num]
    return far[order], order


def test_the_nearest_are_those_by_hand(target):
    found = retrieve(target, query=7, num=4)
    train, test = (load_arrays("mnist_mini", s, image_size=14).images / 255.0
                   for s in ("train", "test"))  # fmt: skip
    wanted = {
        "pixels": by_hand(test[7], train, 4),
        "code": by_hand(test[7, :7], train[:, :7], 4),
    }
    assert list(found.found) == ["pixels", "code"] and found.queries.tolist() == [7]
    for side, (distances, indices) in found.found.items():
        np.testing.assert_allclose(distances[0], wanted[side][0], rtol=1e-6)
        assert indices[0].tolist() == wanted[side][1].tolist()
    assert found.found["pixels"][1][0].tolist() != found.found["code"][1][0].tolist()
    asked, searched = target.told
    assert asked.tolist() == [target.test.labels[7]]
    assert np.array_equal(searched, target.train.labels)


def test_the_table_names_index_label_and_distance(target):
    found = retrieve(target, num=3)
    heading, *lines = found.rows()
    assert heading == ("query", "label", "rank", "by pixels", "label", "distance", "by code",
                       "label", "distance")  # fmt: skip
    test, train = target.test.labels, target.train.labels
    firsts = [int(np.flatnonzero(test == one)[0]) for one in range(10)]
    assert [(int(one[0]), one[1], one[2]) for one in lines] == [
        (first, str(label), str(rank)) for label, first in enumerate(firsts) for rank in (1, 2, 3)
    ]
    for line in lines:
        assert line[4] == str(train[int(line[3])]) and line[7] == str(train[int(line[6])])
    distances, indices = found.found["code"]
    assert (lines[5][6], lines[5][8]) == (str(indices[1, 2]), f"{distances[1, 2]:.4g}")


def test_the_picture_has_two_rows_a_query(target, tmp_path):
    path = tmp_path / "deep" / "found.png"
    found = retrieve(target, query=3, num=5, output=path)
    sheet = np.asarray(Image.open(path))[::2, ::2]
    right = sheet[:, -(6 * 15 - 1) :]
    assert right.shape == (2 * 15 - 1, 6 * 15 - 1) and sheet.shape[1] > right.shape[1]
    for row, (side, images) in enumerate(found.strips()):
        assert np.array_equal(images[0], target.test.images[3])
        assert np.array_equal(images[1:], target.train.images[found.found[side][1][0]])
        for column, image in enumerate(images):
            tile = right[15 * row : 15 * row + 14, 15 * column : 15 * column + 14]
            assert np.array_equal(tile, image[..., 0])


def test_sets_without_classes_show_the_first_images(target):
    for split in ("train", "test"):
        one = getattr(target, split)
        object.__setattr__(one, "class_names", ("image",))
    found = retrieve(target, num=2)
    assert found.queries.tolist() == list(range(10))
    heading, *lines = found.rows()
    assert heading == ("query", "rank", "by pixels", "distance", "by code", "distance")
    assert {len(line) for line in lines} == {6} and len(lines) == 20


def test_what_cannot_be_shown_is_refused(target, folder, tmp_path):
    for options, message in (
        ({"query": 2000}, "query=2000: expected 0 to 1999"),
        ({"query": -1}, "query=-1"),
        ({"num": 0}, "num=0: expected 1 to the 10000 training images"),
        ({"num": 10_001}, "num=10001"),
    ):
        with pytest.raises(SettingError, match=message):
            retrieve(target, **options)
    with pytest.raises(SettingError, match="can sample and score; retrieval needs a model that"):
        retrieve(folder)
    np.savez(tmp_path / "made.npz", images=target.test.images[:5])
    with pytest.raises(SettingError, match=r"made.npz can sample; retrieval needs"):
        retrieve(tmp_path / "made.npz", dataset="mnist_mini")


def test_the_report_shows_a_pair_of_rows_a_query(target, tmp_path):
    text = write_report(tmp_path / "x.html", target, []).read_text(encoding="utf-8")
    section = text[text.index('id="retrieval"') :]
    section = section[: section.index("</section>")]
    assert section.count('class="one"') == section.count('class="five"') == 20
    found = retrieve(target, num=5).found
    after = re.findall(r'class="after">(\w+) ([\d.]+)<', section)
    assert after[:2] == [(side, f"{found[side][0][0, 0]:.2f}") for side in ("pixels", "code")]
    assert after[18:] == [(side, f"{found[side][0][9, 0]:.2f}") for side in ("pixels", "code")]


@pytest.fixture(scope="module")
def autoencoder(tmp_path_factory):
    """A run of a real, small autoencoder, never trained; it is told no labels."""
    settings = resolve("autoencoder", {"dataset": "mnist_mini", "steps": 1, "image_size": 14,
                                       "widths": "16", "latent_dim": 4})  # fmt: skip
    made = RunFolder(tmp_path_factory.mktemp("coded") / "run")
    made.begin(settings, {})
    save_model(build_from_settings(settings, (14, 14, 1), None), made.model)
    made.mark_finished()
    return made


def test_the_command_s_options_arrive(autoencoder, tmp_path):
    def invoke(*arguments):
        words = ["retrieve", *map(str, arguments)]
        return CliRunner().invoke(cli, words, catch_exceptions=False)

    for path, arguments, picture, options in (
        (autoencoder.path, [], autoencoder.path / "retrieval.png", {}),
        (autoencoder.model, ["--query", 5, "--num", 3, "--output", tmp_path / "a.png"],
         tmp_path / "a.png", {"query": 5, "num": 3}),
    ):  # fmt: skip
        result = invoke(path, *arguments)
        wanted = retrieve(path, **options)
        lines = result.stdout.splitlines()
        assert [re.split(r"  +", line) for line in lines[:-1]] == [list(r) for r in wanted.rows()]
        assert lines[-1] == f"wrote {picture}"
        num = options.get("num", 10)
        rows = 2 * len(wanted.queries)
        assert Image.open(picture).height == 2 * (15 * rows - 1)
        assert wanted.found["code"][1].shape == (rows // 2, num)
    model = Target(autoencoder.path)
    code = model.subject.model.encode(model.test.images[[5]])
    far = by_hand(code, model.subject.model.encode(model.train.images), 3)
    np.testing.assert_allclose(wanted.found["code"][0][0], far[0], rtol=1e-5)


def test_a_real_autoencoder_is_measured_by_its_code(autoencoder):
    target = Target(autoencoder.path)
    found = target.evaluate(["retrieval", "reconstruction_error"])
    assert [one.name for one in found] == ["precision_at_10", "retrieval_map",
                                           "reconstruction_error"]  # fmt: skip
    pixels = found[0].reference[0]
    assert 0.1 < found[0].value < pixels.value < 0.95, "an untrained code of 4 numbers"
    assert target.left_out == {}
    assert default_metrics(target.given) == ["reconstruction_error", "retrieval"]


def test_samples_of_codes_stand_beside_those_of_an_untrained_model(tmp_path):
    """What an autoencoder samples by is fitted after its training, so to an untrained one too."""
    settings = resolve("autoencoder", {"dataset": "mnist_mini", "steps": 1, "image_size": 14,
                                       "widths": "16", "latent_dim": 4,
                                       "mixture_components": 2})  # fmt: skip
    made = RunFolder(tmp_path / "run")
    made.begin(settings, {})
    model = build_from_settings(settings, (14, 14, 1), None)
    model.conclude(load_arrays("mnist_mini", "train[:500]", image_size=14).images)
    save_model(model, made.model)
    made.mark_finished()
    target = Target(made.path)
    (found,) = target.evaluate(["sliced_wasserstein"], num=40)
    real, untrained = found.reference
    assert untrained.name == "untrained autoencoder"
    assert real.value < found.value == pytest.approx(untrained.value, rel=0.2)
    assert {"retrieval", "sliced_wasserstein"} < set(default_metrics(target.given))


def test_the_command_refuses_before_it_works(tmp_path):
    result = CliRunner().invoke(cli, ["retrieve", str(tmp_path), "--output", "x.gif"])
    assert result.exit_code == 2 and "expected a name ending in .png" in result.stderr
