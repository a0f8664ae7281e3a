"""Metrics during training: what is trained stays, rows and the best model survive a stop."""

import json
import math

import keras
import numpy as np
import pytest
from PIL import Image

from tfgan_survey import cli
from tfgan_survey.data import ring
from tfgan_survey.errors import RunError, SettingError, UnknownNameError
from tfgan_survey.evaluation import evaluate_run, evaluate_samples
from tfgan_survey.evaluation.samples import NUM
from tfgan_survey.export import export_run
from tfgan_survey.metrics import METRICS, Given, Measurement
from tfgan_survey.metrics.choice import choose_outcomes
from tfgan_survey.pictures import to_uint8
from tfgan_survey.training import MetricProbe, RunFolder, load_run, train
from tfgan_survey.training.probe import SEED, Judge, read_best, read_probe

TINY = {
    "dataset": "mnist_mini", "split": "train[:640]", "batch_size": 32, "jit_compile": False,
    "steps_per_execution": 4, "generator_widths": (8,), "discriminator_widths": (8,),
}  # fmt: skip
EXPENSIVE = ("gan_train", "parzen_log_likelihood", "inception_fid")
PROBE = {
    "probe": ["classifier_score", "recall"], "probe_every": 16, "probe_num": 100,
    "keep_best": "classifier_score",
}  # fmt: skip


def run(folder, *, resume=False, model="survey_cgan", steps=50, callbacks=(), **probing):
    return train(
        model, folder, resume=resume, overrides=TINY | {"steps": steps}, verbose=0,
        log=lambda line: None, extra_callbacks=list(callbacks), **probing,
    )  # fmt: skip


def state(path):
    gan = load_run(path)
    parts = (gan, gan.d_optimizer, gan.g_optimizer)
    return [v.numpy() for part in parts for v in part.variables] + list(gan._own_state().values())


def same(left, right):
    return all(np.array_equal(a, b) for a, b in zip(state(left), state(right), strict=True))


class Watch(keras.callbacks.Callback):
    """Fail after a step, as a crash would, and remember the logs."""

    def __init__(self, step=math.inf):
        super().__init__()
        self.step, self.logs = step, []

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.d_updates.numpy()) >= self.step:
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append(dict(logs))


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "plain"
    run(folder)
    return folder


@pytest.fixture(scope="module")
def probed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "probed"
    watch = Watch()
    run(folder, callbacks=[watch], tensorboard=True, **PROBE)
    return RunFolder(folder), watch.logs


def test_what_is_trained_is_the_same_with_and_without_the_probe(plain, probed):
    assert same(plain, probed[0].path)


def test_a_checkpoint_is_not_chosen_by_the_samples_that_evaluation_draws():
    asked = set(range(SEED, SEED + 2000))
    assert not asked & set(range(NUM)), "first seed 0, the default of evaluate"


def test_rows_are_the_metrics_of_the_model_at_that_step(probed):
    rows = read_probe(probed[0].probe)
    assert [row["steps"] for row in rows] == [0, 16, 32, 48, 50], "start, every 16, end"
    gan = load_run(probed[0].path)
    images = to_uint8(gan.generate(100, seed=SEED))
    found = evaluate_samples(
        images, gan.check_labels(100, None), "mnist_mini", ["classifier_score", "precision_recall"]
    )
    wanted = {one.name: one for one in found}
    assert set(rows[-1]) == {
        "steps", "num", "classifier_score", "classifier_score_error", "recall", "recall_error",
    }  # fmt: skip
    for name in ("classifier_score", "recall"):
        assert rows[-1][name] == wanted[name].value
        assert rows[-1][f"{name}_error"] == wanted[name].standard_error
    assert rows[0]["classifier_score"] != rows[-1]["classifier_score"]


def test_the_logs_and_tensorboard_have_the_latest_values(probed):
    folder, logs = probed
    rows = {row["steps"]: row for row in read_probe(folder.probe)}
    got = [one["classifier_score"] for one in logs]
    assert got == [rows[step]["classifier_score"] for step in (16, 32, 50)]
    written = b"".join(path.read_bytes() for path in (folder.path / "tensorboard").iterdir())
    assert b"probe/recall" in written
    with Image.open(folder.curves) as curves:
        assert curves.height > curves.width, "a panel for each measurement"


def test_the_best_model_is_the_best_row_s(probed):
    folder, _ = probed
    record = json.loads((folder.path / "best.json").read_text())
    best = max(read_probe(folder.probe), key=lambda row: row["classifier_score"])
    assert record == read_best(folder.best_probed)
    assert (record["steps"], record["value"]) == (best["steps"], best["classifier_score"])
    assert (record["metric"], record["better"], record["num"]) == (
        "classifier_score",
        "higher",
        100,
    )
    gan = load_run(folder.best_probed)
    assert int(gan.d_updates.numpy()) == best["steps"]
    again = Judge("mnist_mini", ["classifier_score"], labelled=True)(
        to_uint8(gan.generate(100, seed=SEED)), gan.check_labels(100, None)
    )
    assert again[0].value == best["classifier_score"]


@pytest.mark.parametrize("stop", [28, 37])
def test_stopped_and_resumed_has_the_same_rows_and_best(probed, tmp_path, stop):
    folder = RunFolder(tmp_path / "stopped")
    with pytest.raises(KeyboardInterrupt):
        run(folder.path, callbacks=[Watch(stop)], **PROBE)
    # Rows and a record of steps behind the last checkpoint, and one that a kill left old.
    (folder.path / "best.json").write_text("{}")
    run(folder.path, resume=True, **PROBE)
    assert folder.probe.read_text() == probed[0].probe.read_text()
    assert (folder.path / "best.json").read_text() == (probed[0].path / "best.json").read_text(), (
        "in agreement with the model beside it"
    )
    assert same(folder.best_probed, probed[0].best_probed) and same(folder.path, probed[0].path)


class Scripted:
    """A judge that gives planned values, so that each case of "best" occurs."""

    def __init__(self, name, values):
        self.outcomes, self.values = {name: name}, list(values)

    def __call__(self, images, labels):
        (name,) = self.outcomes
        return [Measurement(name, self.values.pop(0), None, len(images), 0, "planned")]


@pytest.mark.parametrize(
    ("name", "values", "kept"),
    [
        ("frechet_distance", [5.0, 3.0, 3.0, math.nan, 4.0], 4),
        ("classifier_score", [5.0, 3.0, 5.5, math.inf, 5.2], 8),
        ("reverse_kl", [math.inf, 3.0, 2.0, 1.0, 1.5], 12),
    ],
)
def test_best_follows_the_direction_of_the_metric(plain, tmp_path, name, values, kept):
    gan = load_run(plain)
    gan.d_updates.assign(0)
    probe = MetricProbe(
        Scripted(name, values), tmp_path / "probe.csv", every=4, num=2, keep_best=name
    )
    probe.set_model(gan)
    probe.on_train_begin()
    for step in range(1, 19):
        gan.d_updates.assign(step)
        probe.on_train_batch_end(step)
        known = read_best(tmp_path / "best.keras")
        assert known is None or known == json.loads((tmp_path / "best.json").read_text())
    assert probe.judge.values == [] and known["steps"] == kept
    assert int(load_run(tmp_path / "best.keras").d_updates.numpy()) == kept
    # Read back: a worse value later does not replace it, a better one does.
    worse, better = (known["value"] + 1, known["value"] - 1)
    worse, better = (better, worse) if known["better"] == "higher" else (worse, better)
    again = MetricProbe(
        Scripted(name, [worse, better]), tmp_path / "probe.csv", every=4, num=2, keep_best=name
    )
    again.set_model(gan)
    again.on_train_begin()
    for step, wanted in ((20, kept), (24, 24)):
        gan.d_updates.assign(step)
        again.on_train_batch_end(step)
        assert read_best(tmp_path / "best.keras")["steps"] == wanted
    assert [row["steps"] for row in read_probe(tmp_path / "probe.csv")] == [0, 4, 8, 12, 16, 20, 24]


def test_a_stop_while_the_best_is_written_leaves_the_one_before(plain, tmp_path, monkeypatch):
    gan = load_run(plain)
    best = tmp_path / "best.keras"
    probe = MetricProbe(
        Scripted("recall", [0.1, 0.9]), tmp_path / "probe.csv", every=4, num=2, keep_best="recall"
    )
    probe.set_model(gan)
    gan.d_updates.assign(0)
    probe.on_train_begin()
    before = best.read_bytes()

    def half(model, path):
        path.write_bytes(before[:1000])
        raise KeyboardInterrupt

    monkeypatch.setattr(keras.Model, "save", half)
    gan.d_updates.assign(4)
    with pytest.raises(KeyboardInterrupt):
        probe.on_train_batch_end(0)
    assert best.read_bytes() == before and read_best(best)["steps"] == 0
    assert not list(tmp_path.glob(".writing-*"))


def test_a_resumed_run_may_probe_something_else(plain, tmp_path):
    path = tmp_path / "probe.csv"
    gan = load_run(plain)
    for name, step in (("recall", 0), ("modes", 4)):
        gan.d_updates.assign(step)
        probe = MetricProbe(Scripted(name, [1.0]), path, every=4, num=2, keep_best=name)
        probe.set_model(gan)
        probe.on_train_begin()
        gan.d_updates.assign(step + 4 if step else 0)
        probe.on_train_batch_end(0)
    assert read_probe(path) == [
        {"steps": 0, "num": 2, "recall": 1.0, "recall_error": None, "modes": None,
         "modes_error": None},
        {"steps": 8, "num": 2, "recall": None, "recall_error": None, "modes": 1.0,
         "modes_error": None},
    ]  # fmt: skip
    assert read_best(tmp_path / "best.keras")["metric"] == "modes", "values do not compare"


@pytest.mark.parametrize(
    ("probing", "error", "message"),
    [
        ({"probe": ["frechet"]}, UnknownNameError, "did you mean frechet_distance"),
        ({"probe": ["gan_test"], "model": "survey_gan"}, SettingError, "unconditional"),
        ({"probe": ["worst_class_diversity"], "model": "survey_gan"}, SettingError, "labels"),
        ({"probe": ["recall", "precision_recall"]}, SettingError, "recall is given twice"),
        ({"probe": ["recall"], "keep_best": "precision"}, SettingError, "not among the probed"),
        ({"keep_best": "recall"}, SettingError, "not among the probed"),
        ({"probe": ["near_copies"], "keep_best": "near_copies"}, SettingError, "not better the"),
        ({"probe": ["recall"], "probe_num": 0}, SettingError, "num=0"),
        ({"probe": ["parzen_log_likelihood"]}, SettingError, r"train\[50000:60000\]"),
        ({"probe": ["frechet_distance"], "probe_num": 1}, ValueError, "1 rows"),
    ],
)
def test_what_cannot_be_probed_is_said_before_training(tmp_path, probing, error, message):
    with pytest.raises(error, match=message):
        run(tmp_path / "run", **probing)
    assert not (tmp_path / "run").exists()


def test_command_line_names_what_is_missing(capsys):
    for flags, message in (
        (["--probe-every", "5", "--probe-num", "5"], "--probe-every and --probe-num without"),
        (["--keep-best", "recall"], "not among the probed"),
        (["--probe", "recal"], "did you mean recall"),
    ):
        with pytest.raises(SystemExit) as stop:
            cli.main(["train", "survey_gan", "--dataset", "mnist_mini", *flags])
        assert stop.value.code == 2 and message in capsys.readouterr().err


def test_the_real_data_is_judged_once(monkeypatch):
    from tfgan_survey.metrics.features import Features

    seen = []
    both = Features.both
    monkeypatch.setattr(
        Features, "both", lambda self, x, *more: (seen.append(len(x)), both(self, x))[1]
    )
    judge = Judge("mnist_mini", ["classifier_score", "precision"], labelled=False)
    rng = np.random.default_rng(0)
    for size in (50, 50):
        judge(rng.random((size, 28, 28, 1), np.float32), None)
    assert sorted(seen) == [50, 50, 2000]


def test_points_are_judged_by_modes():
    judge = Judge("ring", ["high_quality", "modes"], labelled=False)
    points = ring().sample(500, seed=3)
    found = judge(np.where(points[:, :1] > 0.5, points, points + 9), None)
    assert [one.name for one in found] == ["high_quality", "modes"]
    assert found[1].value == 3.0 and found[0].value == pytest.approx(3 / 8, abs=0.07)
    with pytest.raises(SettingError, match="frechet_distance needs images; grid has points"):
        Judge("grid", ["frechet_distance"], labelled=False)
    with pytest.raises(SettingError, match="modes needs points of a known density"):
        Judge("mnist_mini", ["modes"], labelled=False)


def test_every_metric_says_what_it_yields():
    """Outcomes against what is measured, on metrics that take no training."""
    rng = np.random.default_rng(0)
    images, labels = rng.random((80, 28, 28, 1)), np.arange(80) % 10
    left = (*EXPENSIVE, "mode_coverage")
    cheap = [name for name, one in METRICS.items() if name not in left and one.judges == "sample"]
    found = evaluate_samples(images, labels, "mnist_mini", cheap)
    assert [one.name for one in found] == [name for one in cheap for name in METRICS[one].outcomes]
    points = evaluate_samples(ring().sample(50), None, "ring")
    assert [one.name for one in points] == list(METRICS["mode_coverage"].outcomes)
    given = Given("mnist", (28, 28, 1), True, 60_000)
    assert choose_outcomes(["density_coverage", "recall"], given) == {
        "density": "density_coverage", "coverage": "density_coverage",
        "recall": "precision_recall",
    }  # fmt: skip


def test_the_best_model_is_evaluated_and_exported_as_part_of_its_run(probed, tmp_path, monkeypatch):
    folder, _ = probed
    found = evaluate_run(folder.best_probed, metrics=["classifier_score"], num=60)
    assert [one.name for one in found[0].reference] == ["real images", "untrained survey_cgan"]
    monkeypatch.chdir(tmp_path)
    target = export_run(folder.best_probed, log=lambda line: None)
    assert target.parts == ("saved_models", folder.path.name, "1")
    card = json.loads((target / "assets.extra" / "card.json").read_text())
    assert card["settings"]["model"] == "survey_cgan" and "scores" not in card
    assert card["steps"] == read_best(folder.best_probed)["steps"]
    with pytest.raises(RunError, match="no model in"):
        load_run(folder.path / "worst.keras")
