"""What is evaluated: any image set, the run's own size, flags that arrive, a model left alone."""

import contextlib
import json
import os
import pty
import re
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from tfgan_survey.cli import cli
from tfgan_survey.data import load_arrays
from tfgan_survey.errors import SettingError, UnknownNameError
from tfgan_survey.evaluation import Target, evaluate, evaluate_samples, write_report
from tfgan_survey.metrics import METRICS, Metric, sliced_wasserstein
from tfgan_survey.metrics.base import HIGHER, yields
from tfgan_survey.metrics.choice import better_direction
from tfgan_survey.metrics.needs import ability, has_images
from tfgan_survey.training.callbacks import save_model
from tfgan_survey.training.folder import RunFolder
from tfgan_survey.training.run import load_run
from tfgan_survey.zoo import build_from_settings, resolve


@pytest.fixture(scope="module")
def small_run(tmp_path_factory):
    """A run on digits of half the side, never trained."""
    settings = resolve(
        "survey_cgan", {"dataset": "mnist_mini", "steps": 1, "seed": 5, "image_size": 14}
    )
    folder = RunFolder(tmp_path_factory.mktemp("small"))
    folder.begin(settings, {})
    save_model(build_from_settings(settings, (14, 14, 1), 10), folder.model)
    folder.mark_finished()
    return folder


def invoke(*arguments):
    return CliRunner().invoke(cli, ["evaluate", *map(str, arguments)], catch_exceptions=False)


def test_any_image_set_has_metrics_and_says_which_are_left_out(photos, tmp_path):
    test = load_arrays("tiny_photos", "test", data_dir=photos)
    np.savez(tmp_path / "made.npz", images=test.images, labels=test.labels)
    page, output = tmp_path / "page.html", tmp_path / "out.json"
    result = invoke(tmp_path / "made.npz", "--dataset", "tiny_photos", "--data-dir", photos,
                    "--report", page, "--output", output)  # fmt: skip
    assert result.exit_code == 0
    found = {one["name"]: one for one in json.loads(output.read_text())["measurements"]}
    assert list(found) == ["sliced_wasserstein", "class_diversity", "worst_class_diversity"]
    references = {one["name"]: one["value"] for one in found["sliced_wasserstein"]["reference"]}
    assert found["sliced_wasserstein"]["value"] < 1e-6, "the test images themselves"
    assert 0 < 2 * references["real images"] < references["untrained survey_gan"]
    (left,) = [line for line in result.stdout.splitlines() if line.startswith("left out")]
    assert left.startswith(
        "left out: frechet_distance, kernel_distance, classifier_score, precision_recall, "
        "density_coverage, gan_test: needs a classifier of these images"
    )
    assert "tiny_photos in 16x16x3" in left and "data prepare inception_v3" in left
    text = page.read_text()
    assert "<h3>Left out</h3>" in text and "a classifier of these images" in text
    assert "&lt;b&gt;red" in text and "<b>" not in text, "names of classes are words of others"


def test_what_is_named_is_not_left_out_in_silence(photos, tmp_path):
    images = load_arrays("tiny_photos", "test", data_dir=photos).images
    for name in ("frechet_distance", "gan_test", "inception_fid"):
        with pytest.raises(SettingError, match=f"{name} needs .*data prepare inception_v3"):
            evaluate_samples(images, np.arange(60) % 3, "tiny_photos", [name], data_dir=photos)
    np.savez(tmp_path / "made.npz", images=images)
    target = Target(tmp_path / "made.npz", "tiny_photos", data_dir=photos)
    target.evaluate(["sliced_wasserstein"])
    assert target.left_out == {}


def test_the_run_s_image_size_is_that_of_the_real_images(small_run, tmp_path):
    target = Target(small_run.path, seed=3)
    (found,) = target.evaluate(["sliced_wasserstein"], num=60)
    real = load_arrays("mnist_mini", "test", image_size=14).images
    real = real[np.random.default_rng(3).permutation(len(real))[:60]]
    assert real.shape[1:] == (14, 14, 1)
    samples, labels = target.samples(60)
    assert samples.dtype == np.uint8 and labels.tolist() == [i % 10 for i in range(60)]
    assert found.value == sliced_wasserstein(samples, real, seed=3).value
    assert (
        "Nearest training images" in write_report(tmp_path / "x.html", target, [found]).read_text()
    )


def test_parts_of_a_sampling_equal_one_call(small_run):
    gan = load_run(small_run.path)
    told = []
    made = Target(small_run.path).subject.draw(1100, seed=9, progress=told.append)
    whole = np.rint(gan.generate(1100, seed=9) * 255).astype(np.uint8)
    assert np.array_equal(made, whole)
    assert told == [1024 / 1100, 1.0]


def test_evaluation_and_report_leave_the_model_bitwise_unchanged(small_run, tmp_path):
    def state(gan):
        parts = (gan, gan.d_optimizer, gan.g_optimizer)
        return [v.numpy() for part in parts for v in part.variables] + [
            np.asarray(value) for value in gan._own_state().values()
        ]

    bytes_before = small_run.model.read_bytes()
    target = Target(small_run.path)
    model = target.subject.model
    before = state(model)
    write_report(tmp_path / "page.html", target, target.evaluate(["sliced_wasserstein"], num=40))
    assert target.subject.model is model, "loaded once"
    for one, other in zip(before, state(model), strict=True):
        assert np.array_equal(one, other)
    assert small_run.model.read_bytes() == bytes_before


def test_progress_begins_with_loading_and_names_the_sampling(small_run):
    told = []
    evaluate(small_run.path, metrics=["sliced_wasserstein"], num=30,
             progress=lambda step, done: told.append((step, done)))  # fmt: skip
    steps = list(dict.fromkeys(step for step, _ in told))
    assert steps == [f"loading {small_run.path.name}", "loading mnist_mini", "sampling",
                     "sampling an untrained generator", "sliced_wasserstein"]  # fmt: skip
    shares = [done for _, done in told]
    assert shares[0] == 0.0 and shares == sorted(shares)
    assert dict(told) == pytest.approx(dict(zip(steps, [0.0, 0.02, 0.2, 0.25, 0.25], strict=True)))


def test_a_terminal_says_what_is_done_from_the_start(photos, tmp_path):
    images = load_arrays("tiny_photos", "test", data_dir=photos).images
    np.savez(tmp_path / "made.npz", images=images)
    command = [sys.executable, "-m", "tfgan_survey.cli", "evaluate", str(tmp_path / "made.npz"),
               "--dataset", "tiny_photos", "--data-dir", str(photos)]  # fmt: skip
    reader, writer = pty.openpty()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=writer) as process:
        os.close(writer)
        shown = b""
        # The other end of a terminal that has closed is an error on Linux, not an empty read.
        with contextlib.suppress(OSError):
            while part := os.read(reader, 4096):
                shown += part
    os.close(reader)
    assert process.returncode == 0
    steps = ["starting TensorFlow", "loading made.npz", "loading tiny_photos",
             "sampling an untrained generator", "sliced_wasserstein", "done"]  # fmt: skip
    places = [shown.decode().find(step) for step in steps]
    assert places[0] >= 0 and places == sorted(places), shown


def test_every_flag_arrives(photos, tmp_path):
    test = load_arrays("tiny_photos", "test", data_dir=photos)
    np.savez(tmp_path / "made.npz", images=test.images[::-1], labels=test.labels[::-1])
    page, output = tmp_path / "page.html", tmp_path / "deep" / "out.json"
    done = invoke(tmp_path / "made.npz", "--dataset", "tiny_photos", "--data-dir", photos,
                  "--metrics", "sliced_wasserstein, nearest_neighbours", "--num", 20, "--seed", 7,
                  "--output", output, "--report", page)  # fmt: skip
    assert done.exit_code == 0
    record = json.loads(output.read_text())
    assert (record["seed"], record["target"]) == (7, str(tmp_path / "made.npz"))
    names = ["sliced_wasserstein", "nearest_neighbours"]
    wanted = evaluate(tmp_path / "made.npz", "tiny_photos", names, 20, 7, data_dir=photos)
    assert record["measurements"] == [one.to_dict() for one in wanted]
    assert [one.num for one in wanted] == [20, 20] and wanted[0].seed == 7
    text = page.read_text()
    assert "20 samples of" in text and "data set tiny_photos, first seed 7" in text
    with pytest.raises(UnknownNameError, match="unknown source"):
        invoke(tmp_path / "made.npz", "--dataset", "tiny_photos", "--source", "nowhere",
               "--data-dir", tmp_path)  # fmt: skip


def coder(folder):
    """A run whose model encodes and reconstructs, and cannot sample."""
    target = Target(folder.path)
    model = target.subject.model
    model.abilities = frozenset({"encode", "reconstruct"})
    model.encode = lambda images, labels: images[:, ::2, ::2] / 255.0
    model.decode = lambda codes, labels: np.clip(codes, 0, 1).repeat(2, 1).repeat(2, 2)
    model.code_shape = (7, 7, 1)
    model.reconstruct = lambda images, labels: 0.5 * images / 255.0

    def never(*arguments):
        raise AssertionError("sampled")

    model.generate = never
    return target


def test_a_model_that_cannot_sample_is_judged_without_samples(small_run, tmp_path):
    target, told = coder(small_run), []
    (found,) = target.evaluate(progress=lambda step, done: told.append((step, done)))
    images = load_arrays("mnist_mini", "test", image_size=14).images / 255.0
    assert (found.name, found.num) == ("reconstruction_error", len(images))
    assert found.value == pytest.approx(((images / 2) ** 2).sum((1, 2, 3)).mean(), rel=1e-6)
    names = [one.name for one in found.reference]
    assert names == ["mean image", "PCA with 30 components"], "and no untrained generator"
    steps = [step for step, _ in told]
    assert not [step for step in steps if "sampling" in step]
    assert told[2] == ("reconstruction_error", 0.05)
    reason = target.left_out["sliced_wasserstein"]
    assert reason == ("needs samples; this model cannot sample. It can encode and reconstruct.")
    assert "told the label" in target.left_out["retrieval"], "it is conditional"
    with pytest.raises(SettingError, match="sliced_wasserstein needs samples; this model cannot"):
        target.evaluate(["sliced_wasserstein"])
    text = write_report(tmp_path / "x.html", target, [found]).read_text()
    assert "samples of" not in text and "first seed" not in text
    assert 'id="samples"' not in text and 'id="walks"' not in text and 'id="neighbours"' not in text
    assert 'id="retrieval"' in text


def test_what_other_models_can_do_is_not_said_to_be_left_out(small_run):
    target = Target(small_run.path)
    target.evaluate(num=60)
    assert not {"retrieval", "reconstruction_error"} & set(target.left_out)
    with pytest.raises(SettingError, match="retrieval needs a model that can encode"):
        target.evaluate(["retrieval"])
    target.subject.model.abilities = frozenset({"score"})
    del target.given
    with pytest.raises(SettingError, match=r"nothing that is measured by default: .*It can score"):
        target.evaluate()


def test_samples_and_model_are_judged_together(small_run):
    target = coder(small_run)
    model = target.subject.model
    model.abilities = frozenset({"sample", "reconstruct"})
    del model.generate
    found = target.evaluate(["reconstruction_error", "sliced_wasserstein"], num=30)
    assert [(one.name, one.num) for one in found] == [
        ("reconstruction_error", 2000), ("sliced_wasserstein", 30),
    ]  # fmt: skip
    assert [one.name for one in found[1].reference] == ["real images", "untrained survey_cgan"]


def test_a_new_metric_is_one_class(monkeypatch, small_run, tmp_path):
    """What a class says of itself is all that choice, help, arrows and refusals need."""

    class Brightness(Metric):
        """Mean pixel of what the model makes of images."""

        name = "brightness"
        outcomes = yields(mean_pixel=HIGHER)
        needs = (has_images, ability("reconstruct"))
        default = 5
        cost = "an hour"

        def measure(self, bench):
            value = float(bench.model.reconstruct(bench.images).mean())
            return [bench.measured("mean_pixel", (value, None), "mean of all pixels")]

    monkeypatch.setitem(METRICS._values, "brightness", Brightness)
    text = re.sub(r"\s+", " ", CliRunner().invoke(cli, ["evaluate", "--help"]).stdout)
    assert "brightness Mean pixel of what the model makes of images" in text
    assert "yields mean_pixel; takes an hour" in text
    assert better_direction("mean_pixel") == "higher"
    target = Target(small_run.path)
    assert "brightness" not in {one.name for one in target.evaluate(num=100)}
    assert target.left_out["brightness"].startswith("needs a model that can reconstruct")
    with pytest.raises(SettingError, match="brightness needs a model that can reconstruct"):
        target.evaluate(["brightness"], num=30)
    able = Target(small_run.path)
    able.subject.model.abilities = ("sample", "reconstruct")
    able.subject.model.reconstruct = lambda images, labels=None: 0 * images + 0.25
    (found,) = able.evaluate(["brightness"], num=30)
    assert (found.name, found.value) == ("mean_pixel", 0.25)
    assert (
        'title="higher is better"' in write_report(tmp_path / "x.html", able, [found]).read_text()
    )
