"""Settings -> data and model -> fit -> run folder; resume from any moment."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from tfgan_survey import pictures
from tfgan_survey.data.images import ImageSet
from tfgan_survey.data.loading import load_arrays
from tfgan_survey.errors import RunError
from tfgan_survey.files import sweep
from tfgan_survey.models import GAN
from tfgan_survey.networks import adapt
from tfgan_survey.settings import BUDGET, Settings
from tfgan_survey.training import callbacks as training_callbacks
from tfgan_survey.training import probe as training_probe
from tfgan_survey.training.folder import RunFolder
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
    verbose: int | str = "auto",
    log: Callable[[str], None] = print,
) -> tuple[GAN, RunFolder]:
    """Train a named GAN into a run folder.

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
        verbose: Keras' progress display.
        log: gets one line per milestone.

    Returns:
        The trained model and its folder.

    Raises:
        RunError: the folder holds a run and `resume` is off, or a run with other settings.
        SettingError: a metric that cannot be probed here, or `keep_best` not among them.
    """
    overrides = dict(overrides or {})
    run = RunFolder(output or Path("runs") / model)
    settings = _settings(run, model, overrides, resume, log)
    judge = None
    if not probe:
        training_probe.check_keep_best(keep_best, ())
    else:
        judge = training_probe.Judge(
            settings.dataset,
            probe,
            labelled=settings.conditional,
            image_size=settings.image_size,
            data_dir=data_dir,
            source=source,
        )
        training_probe.check_keep_best(keep_best, judge.outcomes)
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()
    data = load_arrays(
        settings.dataset,
        settings.split,
        image_size=settings.image_size,
        data_dir=data_dir,
        source=source,
    )
    total = total_steps(settings, data)
    gan = _model(run, settings, data)
    done = int(gan.d_updates.numpy())
    if run.finished and complete(run.settings()) == settings:
        log(f"{run.path} is finished: {done} of {total} steps; nothing to train.")
        return gan, run
    if done > total:
        raise RunError(f"{run.path} has {done} steps already, {total} were asked; ask for more.")
    probing = []
    if judge is not None:
        log(f"probing {', '.join(judge.outcomes)}: {probe_num} samples every {probe_every} steps")
        probing.append(
            training_probe.MetricProbe(
                judge,
                run.probe,
                probe_every,
                probe_num,
                keep_best=keep_best,
                best=run.best_probed,
                last=total,
                tensorboard=run.path / "tensorboard" if tensorboard else None,
            )
        )
        probing[0].prepare(gan)
    run.begin(settings, _versions())
    sweep(run.path / "checkpoints")
    log(
        f"{settings.model}: {settings.dataset} {settings.split}, {len(data)} images, "
        f"steps {done} to {total}, seed {settings.seed}, into {run.path}"
    )
    # All pictures of points show the plane that the data take.
    reach = 1.2 * float(np.abs(data.images).max()) if data.images.ndim == 2 else None
    own = [
        training_callbacks.History(run.history),
        training_callbacks.SampleGrid(run.samples, reach=reach),
        training_callbacks.FilmFrames(run.frames, max(1, total // _FILM_FRAMES), reach=reach),
        *(
            [training_callbacks.TensorBoardImages(run.path / "tensorboard", reach=reach)]
            if tensorboard
            else []
        ),
        *probing,
        *(extra_callbacks or []),
        training_callbacks.Checkpoint(run.checkpoint),
    ]
    _fit(gan, data, settings, total, own, verbose)
    finish(gan, run, settings, log, reach)
    return gan, run


def total_steps(settings: Settings, data: ImageSet) -> int:
    """Return the number of training steps that the budget means on this data."""
    per_epoch = data.steps_per_epoch(settings.batch_size)
    return settings.steps if settings.steps is not None else settings.epochs * per_epoch


def finish(
    gan: GAN,
    run: RunFolder,
    settings: Settings,
    log: Callable[[str], None],
    reach: float | None = None,
) -> None:
    """Write the finished model and the pictures: last grid, film, curves."""
    training_callbacks.save_model(gan, run.model)
    final = training_callbacks.FixedSamples(gan, reach=reach).picture()
    pictures.save(final, run.grid)
    frames = []
    for path, _ in training_callbacks.frame_files(run.frames):
        with Image.open(path) as frame:
            frames.append(frame.copy())
    pictures.save_film(frames, run.film)
    written = [run.model, run.grid, run.film]
    rows = training_callbacks.read_history(run.history)
    try:
        columns = {key: [row[key] for row in rows] for key in rows[0]}
        probes = training_probe.read_probe(run.probe) if run.probe.exists() else []
        curves = training_probe.probe_curves(probes)
        written.append(pictures.save_curves(columns, run.curves, settings.model, curves))
    except ImportError as error:
        log(f"no curves.png: {error}")
    run.mark_finished()
    for path in written:
        log(f"wrote {path}")


def _settings(run: RunFolder, model: str, overrides: dict, resume: bool, log) -> Settings:
    """Resolve the settings, against those of an earlier start where there is one."""
    asked = resolve(model, overrides)
    if not run.started:
        if resume:
            log(f"no run in {run.path} yet: starting from the beginning.")
        return asked
    stored = complete(run.settings())
    if stored.model != model:
        raise RunError(
            f"{run.path} holds a run of {stored.model}, not {model}; choose another --output."
        )
    if not any(key in overrides for key in BUDGET):
        overrides |= {key: getattr(stored, key) for key in BUDGET}
    # What was not asked for is the run's own; what was asked must agree with it.
    merged = resolve(model, _stored_overrides(stored) | overrides)
    stored.check_same_run(merged)
    if not resume and not (run.finished and merged == stored):
        state = "a finished run with another budget" if run.finished else "an unfinished run"
        raise RunError(
            f"{run.path} holds {state}; add --resume to go on, or choose another --output."
        )
    return merged


def _stored_overrides(stored: Settings) -> dict[str, Any]:
    """Return the overrides that resolve to `stored`."""
    left_out = ("model", "family", *BUDGET)
    return {key: value for key, value in stored.flat().items() if key not in left_out}


def _model(run: RunFolder, settings: Settings, data: ImageSet) -> GAN:
    """Load the last checkpoint, or build the model."""
    if run.checkpoint.exists():
        return load_run(run.checkpoint)
    gan = build_from_settings(settings, data.image_shape, data.num_classes)
    adapt(gan.pair, data.images)
    return gan


def load_run(path: str | Path) -> GAN:
    """Load a GAN from a run folder or a `.keras` file, optimizers and generators included.

    Raises:
        RunError: there is nothing to load, or the file cannot be read.
    """
    path = Path(path)
    file = RunFolder(path).best if path.is_dir() else path
    if not file.is_file():
        raise RunError(f"no model in {path}: expected a run folder or a .keras file.")
    try:
        model = keras.models.load_model(file)
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise RunError(f"{file} cannot be loaded as a GAN: {error}") from error
    if not isinstance(model, GAN):
        raise RunError(f"{file} holds a {type(model).__name__}, not a GAN of this package.")
    return model


def _fit(gan: GAN, data: ImageSet, settings: Settings, total: int, own, verbose) -> None:
    """Call `fit` for the rest of a begun epoch, the whole epochs, and a last partial one."""
    batch, seed = settings.batch_size, settings.seed
    per_epoch = data.steps_per_epoch(batch)
    while (done := int(gan.d_updates.numpy())) < total:
        epoch, start = divmod(done, per_epoch)
        gan.epochs_seen.assign(epoch)
        whole = total // per_epoch
        callbacks = list(own)
        if start == 0 and epoch < whole:
            dataset, until = data.stream(batch, seed=seed), whole
        else:
            stop = min(per_epoch, total - epoch * per_epoch)
            dataset = data.epoch(epoch, batch, seed=seed, start=start, stop=stop)
            until = epoch + 1
            if start:
                callbacks.insert(0, _CarryMeans(gan))
        gan.fit(
            dataset,
            initial_epoch=epoch,
            epochs=until,
            callbacks=callbacks,
            verbose=verbose,
        )


class _CarryMeans(keras.callbacks.Callback):
    """Keep the means of an epoch's first part, which Keras resets when `fit` begins."""

    def __init__(self, gan: GAN):
        super().__init__()
        self._kept = [np.array(v) for v in (gan.loss_means.totals, gan.loss_means.counts)]

    def on_epoch_begin(self, epoch, logs=None):
        means = self.model.loss_means
        for variable, value in zip((means.totals, means.counts), self._kept, strict=True):
            variable.assign(value)


def _versions() -> dict[str, str]:
    packages = ("tfgan-survey", "tensorflow", "keras", "numpy", "tensorflow-datasets", "pillow")
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found
