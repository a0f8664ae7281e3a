"""Settings -> data and model -> fit -> run folder; resume from any moment."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_survey.data.home import DataHome, recorded_name
from tfgan_survey.data.images import ImageSet
from tfgan_survey.data.sets.tagged import TaggedSet
from tfgan_survey.errors import RunError, SettingError
from tfgan_survey.files import sweep
from tfgan_survey.models import TrainableModel, replication
from tfgan_survey.settings import BUDGET, Settings
from tfgan_survey.training import callbacks as training_callbacks
from tfgan_survey.training import probe as training_probe
from tfgan_survey.training import recovery
from tfgan_survey.training.finishing import finish, save_curves
from tfgan_survey.training.folder import RunFolder, record_of, versions
from tfgan_survey.training.loading import load_run
from tfgan_survey.training.looks import fixed_look
from tfgan_survey.training.losses import Losses
from tfgan_survey.training.progress import Progress
from tfgan_survey.training.team import Team, assembled
from tfgan_survey.training.validation import Validation
from tfgan_survey.zoo import build_from_settings, complete, resolve

_FILM_FRAMES = 60


def train(
    model: str,
    output: str | Path | None = None,
    *,
    resume: bool = False,
    overrides: Mapping[str, Any] | None = None,
    data_dir: str | Path | None = None,
    source: str = "auto",
    tensorboard: bool = False,
    extra_callbacks: list[keras.callbacks.Callback] | None = None,
    probe: Sequence[str] = (),
    probe_every: int = 1000,
    probe_num: int = 2000,
    keep_best: str | None = None,
    validate: str | None = None,
    strategy: str | None = None,
    verbose: int | str = "auto",
    log: Callable[[str], None] = print,
) -> tuple[TrainableModel, RunFolder]:
    """Train a named model into a run folder.

    Args:
        model: name in the zoo.
        output: run folder; `runs/<model>` by default.
        resume: go on from the last checkpoint; settings that are not given are the run's own.
        overrides: flat settings, see `tfgan_survey.zoo.resolve`.
        data_dir: root of prepared data sets.
        source: where data may come from, see `tfgan_survey.data.prepare`.
        tensorboard: also log scalars and grids for TensorBoard.
        extra_callbacks: Keras callbacks beside the run's own.
        probe: metrics to measure during the training into `probe.csv`, see
            `tfgan_survey.training.probe.Judge`; what is trained does not depend on it.
        probe_every: steps between probes.
        probe_num: samples a probe.
        keep_best: one of the probed measurements, by which `best.keras` is kept.
        validate: split of held-out examples, such as `train[50000:]`, whose losses join the history
            after every epoch; `best.keras` is then the model with the least of them.
        strategy: replicas that train together and end as one would: `mirrored` for all devices of
            this machine, `mirrored:N` for N of them, `multi_worker` for the processes of the
            environment variable TF_CONFIG, each started with these same arguments. Of these only
            the first writes, measures and reports; `extra_callbacks` run in all.
        verbose: progress display: 0 none, 1 one line drawn over and over, 2 one line an epoch;
            "auto" 1 on a terminal and 2 elsewhere.
        log: gets one line per milestone.

    Returns:
        The trained model and its folder.

    Raises:
        RunError: the folder holds a run and `resume` is off, a run with other settings, files that
            no training can go on from, or is being trained by another process; a process of
            `strategy` is missing, was asked for something else, or is lost meanwhile.
        SettingError: a metric that cannot be probed here, `keep_best` not among them or beside
            `validate`, or settings from which nothing can be built.
    """
    overrides = dict(overrides or {})
    for key in {"dataset", "run.dataset"} & {*overrides}:
        overrides[key] = recorded_name(overrides[key])
    if output is not None and not str(output):
        raise SettingError("output is empty; name a folder, or leave it out for runs/MODEL.")
    if validate is not None and keep_best is not None:
        raise SettingError(
            f"keep_best={keep_best} and validate={validate}: both keep best.keras; give one."
        )
    if strategy is not None and validate is not None:
        raise SettingError(
            f"strategy={strategy} and validate={validate}: held-out losses are not measured while "
            "replicas train; give one, or probe=."
        )
    run, home = RunFolder(output or Path("runs") / model), DataHome(data_dir, source)
    asked = {"model": model, "settings": overrides, "resume": resume, "versions": versions()}

    def decided() -> dict[str, Any]:
        settings = _settings(run, model, dict(overrides), resume, log)
        start = recovery.best_checkpoint(run, settings, log)
        return {"settings": settings.to_dict(), "start": start and str(start.resolve())}

    with contextlib.ExitStack() as held:
        team = held.enter_context(assembled(strategy, asked, log))
        if team.chief:
            held.enter_context(run.locked(log))
        decision = team.agree(decided)
        settings = Settings.from_dict(decision["settings"])
        replication.check_batches(settings.batch_size, team.replicas)
        if not team.chief:
            return _follow(settings, decision["start"], home, team, extra_callbacks, log), run
        judge = _judge(settings, probe, keep_best, home)
        if settings.deterministic:
            tf.config.experimental.enable_op_determinism()
        data = home.load_arrays(settings.dataset, settings.split, **settings.form, log=log)
        total = total_steps(settings, data)
        trained = _model(decision["start"], settings, data, team)
        done = trained.steps_done
        if done > total:
            raise RunError(
                f"{run.path} has {done} steps already, {total} were asked; ask for more."
            )
        notes = {recovery.NOTE: record_of(settings, versions())}
        probing = []
        if judge is not None:
            names = ", ".join(judge.outcomes)
            log(f"probing {names}: {probe_num} samples every {probe_every} steps")
            recovery.check_best_probed(run, settings, keep_best, log)
            probing.append(
                training_probe.MetricProbe(
                    judge,
                    run.probe,
                    probe_every,
                    probe_num,
                    keep_best=keep_best,
                    best=run.best_probed,
                    last=total,
                    tensorboard=run.tensorboard if tensorboard else None,
                    notes=notes,
                )
            )
            probing[0].prepare(trained)
        finished = _is_finished(run, settings)
        if finished and (bad := recovery.flaw(run.model, settings)) is not None:
            log(f"{run.model} {bad}: written again")
            finished = False
        if not finished or probing:
            recovery.repair(run, log)
        if done == total:
            # No step is left in which a probe would be due.
            for one in probing:
                one.set_model(trained)
                one.on_train_begin()
        if finished:
            log(f"{run.path} is finished: {done} of {total} steps; nothing to train.")
            if probing:
                save_curves(run, settings, log)
            trained.conclude(data.images, data.labels)  # the last checkpoint is of before that
            return trained, run
        run.begin(settings, versions())
        for folder in (run.path, run.checkpoint.parent, run.samples, run.frames):
            sweep(folder)
        log(
            f"{settings.model}: {settings.dataset} {settings.split}, {data.extent}, "
            f"steps {done} to {total}, seed {settings.seed}, into {run.path}"
        )
        # All pictures of points show the plane that the data take.
        reach = 1.2 * float(np.abs(data.images).max()) if trained.spec.takes_points else None
        look = {"reach": reach, "data": data}
        losses = Losses(run.losses)
        own = [
            *([_validation(settings, validate, home, run, notes)] if validate else []),
            training_callbacks.History(run.history),
            losses,
            training_callbacks.SampleGrid(run.samples, **look),
            training_callbacks.FilmFrames(run.frames, max(1, total // _FILM_FRAMES), **look),
            *([training_callbacks.TensorBoardImages(run.tensorboard, **look)] * tensorboard),
            *probing,
            *(extra_callbacks or []),
            training_callbacks.Checkpoint(run.checkpoint, notes=notes, before=losses.flush),
        ]
        if validate and "loss" not in trained.log_names:
            log(
                f"{settings.model} has no single loss that says how good it is: held-out losses "
                "join the history, no best.keras is kept (--probe and --keep-best keep one)"
            )
        if verbose:
            own.append(
                Progress(
                    total,
                    data.steps_per_epoch(settings.batch_size),
                    lambda: trained.steps_done,
                    live={1: True, 2: False}.get(verbose),
                )
            )
        _fit(trained, data, settings, total, own, team)
        trained.conclude(data.images, data.labels)
        finish(trained, run, settings, notes, log, fixed_look(trained, **look))
    return trained, run


def _follow(settings: Settings, start: str | None, home: DataHome, team: Team, callbacks, log):
    """Train beside the chief: the same steps on other rows, and nothing written."""
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()
    data = home.load_arrays(settings.dataset, settings.split, **settings.form, log=log)
    trained = _model(start, settings, data, team)
    index, count = team.share
    log(f"{settings.model}: worker {index} of {count}, from step {trained.steps_done}")
    _fit(trained, data, settings, total_steps(settings, data), list(callbacks or []), team)
    trained.conclude(data.images, data.labels)
    return trained


def _validation(settings: Settings, split: str, home: DataHome, run: RunFolder, notes):
    held_out = home.load_arrays(settings.dataset, split, **settings.form)
    batches = held_out.epoch(0, settings.batch_size, shuffle=False, drop_remainder=False)
    return Validation(batches, len(held_out), run.best_probed, notes)


def _judge(settings: Settings, probe, keep_best, home: DataHome) -> training_probe.Judge | None:
    if not probe:
        training_probe.check_keep_best(keep_best, ())
        return None
    judge = training_probe.Judge(
        settings.dataset,
        probe,
        labelled=settings.conditional,
        **settings.form,
        home=home,
    )
    training_probe.check_keep_best(keep_best, judge.outcomes)
    return judge


def total_steps(settings: Settings, data: ImageSet) -> int:
    """Return the number of training steps that the budget means on this data.

    Args:
        settings: settings of the run.
        data: the training set.
    """
    per_epoch = data.steps_per_epoch(settings.batch_size)
    return settings.steps if settings.steps is not None else settings.epochs * per_epoch


def _settings(run: RunFolder, model: str, overrides: dict, resume: bool, log) -> Settings:
    """Resolve the settings, against those of an earlier start where there is one."""
    asked = resolve(model, overrides)
    stored = recovery.stored_settings(run, log)
    if stored is None:
        if resume:
            log(f"no run in {run.path} yet: starting from the beginning.")
        return asked
    if stored.model != model:
        raise RunError(
            f"{run.path} holds a run of {stored.model}, not {model}; choose another --output."
        )
    if not any(key in overrides for key in BUDGET):
        overrides |= {key: getattr(stored, key) for key in BUDGET}
    # What was not asked for is the run's own; what was asked must agree with it.
    merged = resolve(model, stored.overrides() | overrides)
    stored.check_same_run(merged)
    if not resume and not (run.finished and merged == stored):
        state = "a finished run with another budget" if run.finished else "an unfinished run"
        raise RunError(
            f"{run.path} holds {state}; add --resume to go on, or choose another --output."
        )
    return merged


def _is_finished(run: RunFolder, settings: Settings) -> bool:
    try:
        return run.finished and complete(run.settings()) == settings
    except RunError:
        return False  # restored from a checkpoint, which does not know: settings.json comes anew


def _model(start: str | None, settings: Settings, data: ImageSet, team: Team) -> TrainableModel:
    """Load the checkpoint to start from, or build the model."""
    with team.scope():
        return _built(settings, data) if start is None else load_run(start)


def _built(settings: Settings, data: ImageSet) -> TrainableModel:
    try:
        model = build_from_settings(settings, data.image_shape, data.condition)
    except SettingError:
        raise
    except ValueError as error:
        raise SettingError(f"{settings.model} cannot be built so: {error}") from error
    if isinstance(data, TaggedSet):
        model.spec.learn_vocabulary(data.vocabulary)
    if model.spec.num_classes is not None:
        model.spec.learn_class_names(data.class_names)
    model.adapt((data.a.images, data.b.images) if model.domains == 2 else data.images)
    if settings.start_from is not None:
        model.start_from(load_run(settings.start_from))
    return model


def _fit(model, data: ImageSet, settings: Settings, total: int, own, team: Team) -> None:
    """Call `fit` for the rest of a begun epoch, the whole epochs, and a last partial one."""
    batch, given = settings.batch_size, {"seed": settings.seed, "share": team.share}
    per_epoch = data.steps_per_epoch(batch)
    whole = total // per_epoch
    while (done := model.steps_done) < total:
        epoch, start = divmod(done, per_epoch)
        model.epochs_seen.assign(epoch)
        callbacks = list(own)
        if start == 0 and epoch < whole:
            dataset, until = data.stream(batch, epochs=whole, **given), whole
        else:
            stop = min(per_epoch, total - epoch * per_epoch)
            dataset = data.epoch(epoch, batch, start=start, stop=stop, **given)
            until = epoch + 1
            if start:
                callbacks.insert(0, _CarryMeans(model))
        # What is shown is `Progress`'s.
        model.fit(dataset, initial_epoch=epoch, epochs=until, callbacks=callbacks, verbose=0)


class _CarryMeans(keras.callbacks.Callback):
    """Keep the means of an epoch's first part, which Keras resets when `fit` begins."""

    def __init__(self, model: TrainableModel):
        super().__init__()
        self._kept = [np.array(v) for v in (model.loss_means.totals, model.loss_means.counts)]

    def on_epoch_begin(self, epoch, logs=None):
        means = self.model.loss_means
        for variable, value in zip((means.totals, means.counts), self._kept, strict=True):
            variable.assign(value)
