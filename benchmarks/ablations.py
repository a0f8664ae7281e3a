"""Answer the survey's four "???" by measurement: smoothing, flips, batch norm, sparse gradients.

    python benchmarks/ablations.py                     run what is missing, write docs/ablations.md
    python benchmarks/ablations.py --runs flip_5       only some of it
    python benchmarks/ablations.py --render            only the table, from what is there

Every run is `dcgan` on MNIST, made small enough for a minute on one core (width 16, batch 64, 2,000
steps), with a few settings changed; the mlp pair takes its place where D's own activation matters,
or its scores are normalised. One JSON file a run: a run that is there is not run again, one that
was made with other settings is refused. Two processes with different --seeds share the work.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from kept_runs import parser, read_runs, run_missing

from tfgan_survey.files import write_text

MODEL, BATCH, STEPS, SAMPLES = "dcgan", 64, 2000, 10_000
# The mlp pair learns more slowly and costs less a step.
MLP = {
    "network": "mlp",
    "generator_widths": "256,512",
    "discriminator_widths": "512,256",
    "norm": "none",
    "steps": 4000,
}

# question -> row -> settings. "base" is shared: it is measured once.
QUESTIONS: dict[str, dict[str, dict[str, Any]]] = {
    "How much label smoothing?": {
        "base": {},
        "real_0.9": {"real_target": 0.9},
        "real_0.7": {"real_target": 0.7},
        "real_1.3": {"real_target": 1.3},
        "both_0.9_0.1": {"real_target": 0.9, "fake_target": 0.1},
        "both_0.7_0.3": {"real_target": 0.7, "fake_target": 0.3},
    },
    "What flip ratio?": {
        "base": {},
        "flip_1": {"flip_probability": 0.01},
        "flip_5": {"flip_probability": 0.05},
        "flip_10": {"flip_probability": 0.1},
        "flip_30": {"flip_probability": 0.3},
    },
    "When does batch norm fail?": {
        "base": {},
        "layer_norm": {"norm": "layer"},
        "no_norm": {"norm": "none"},
        "no_norm_in_d": {"discriminator_norm": "none"},
        "batch_4": {"batch_size": 4},
        "batch_4_layer_norm": {"batch_size": 4, "norm": "layer"},
        "batch_4_no_norm": {"batch_size": 4, "norm": "none"},
        "mlp_leaky": {**MLP, "activation": "leaky_relu"},
        "mlp_norm_in_d": {**MLP, "activation": "leaky_relu", "discriminator_norm": "batch"},
        "mlp_norm_on_scores": {
            **MLP,
            "activation": "leaky_relu",
            "discriminator_norm": "batch",
            "discriminator_output_norm": True,
        },
    },
    "Why do sparse gradients hurt?": {
        "mlp_leaky": {**MLP, "activation": "leaky_relu"},
        "mlp_relu": {**MLP, "activation": "relu"},
        "mlp_elu": {**MLP, "activation": "elu"},
        "base": {},
        "leaky_in_g": {"activation": "leaky_relu"},
        "average_pooling": {"downsampling": "average_pooling"},
        "pixel_shuffle": {"upsampling": "pixel_shuffle"},
    },
}
SETTINGS = {name: changed for rows in QUESTIONS.values() for name, changed in rows.items()}


def train(asked: Mapping[str, Any], data_dir: Path | None) -> dict[str, Any]:
    """Train once and measure; a training that ends in NaN is a result too."""
    from tfgan_survey.data import load_arrays
    from tfgan_survey.errors import NonFiniteLossError
    from tfgan_survey.metrics import Features, classifier_score, frechet_distance
    from tfgan_survey.zoo import build

    train = load_arrays("mnist", "train", data_dir=data_dir)
    test = load_arrays("mnist", "test", data_dir=data_dir)
    settings, seed = {"width": 16, "batch_size": BATCH, **asked["settings"]}, asked["seed"]
    if settings.get("network") == "mlp":
        settings.pop("width")
    gan = build(MODEL, train.image_shape, seed=seed, **settings)
    batches = train.stream(settings["batch_size"], seed=seed).repeat()
    start = time.perf_counter()
    try:
        history = gan.fit(batches, steps_per_epoch=asked["steps"], epochs=1, verbose=0).history
    except NonFiniteLossError as error:
        return {"failed": str(error)}
    seconds = time.perf_counter() - start
    features = Features("mnist")
    made, probabilities = features.both(gan.generate(SAMPLES, seed=0))
    return {
        "frechet_distance": frechet_distance(made, features.both(test.images)[0]),
        "classifier_score": classifier_score(probabilities).value,
        "d_loss": float(history["d_loss"][-1]),
        **gradient_flow(gan),
        "training_seconds": round(seconds, 1),
    }


def gradient_flow(gan, num: int = 512) -> dict[str, float]:
    """Measure on generated images how much of the discriminator's gradient reaches them.

    Returns:
        `silent`: share of the discriminator's hidden activations with derivative 0 (ReLU at 0),
        mean over images; `dead`: share of its hidden units silent on every image; `zero_slope`:
        share of images at which the score's gradient is 0 in every pixel; `slope`: median norm
        of that gradient.
    """
    import keras
    import tensorflow as tf

    discriminator = gan.discriminator
    kinds = (keras.layers.Activation, keras.layers.LeakyReLU)
    hidden = [layer for layer in discriminator.layers if isinstance(layer, kinds)]
    outputs = keras.Model(discriminator.input, [layer.output for layer in hidden])
    images = tf.constant(gan.pair.from_unit(gan.generate(num, seed=1)))
    found = outputs(images, training=False)
    found = found if isinstance(found, list) else [found]
    silent = np.concatenate([value.numpy().reshape(num, -1) == 0 for value in found], axis=1)
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(gan.pair.score(images))
    norms = np.linalg.norm(tape.gradient(total, images).numpy().reshape(num, -1), axis=1)
    return {
        "silent": float(silent.mean()),
        "dead": float(silent.all(axis=0).mean()),
        "zero_slope": float(np.mean(norms == 0)),
        "slope": float(np.median(norms)),
    }


def render(results: Path, report: Path) -> None:
    """Write the table from the files that are there."""
    found = read_runs(results)
    lines = [
        "# Ablations",
        "",
        'The survey leaves four questions as "???". Each row is `dcgan` of width 16 on MNIST at',
        f"batch {BATCH}, or the mlp pair, with the settings named; {SAMPLES:,} samples against the",
        "10,000 test images, features of the shipped MNIST classifier; mean ± standard deviation",
        "over seeds. `silent`: share of the discriminator's hidden activations that pass no",
        "gradient on generated images; `dead`: share of its units that are silent on all of them;",
        "`slope`: median norm of the score's gradient by the image.",
        "Written by `python benchmarks/ablations.py` from `benchmarks/results/ablations/`; what",
        "theory says of the rows is in [theory.md](theory.md#the-surveys-four-questions).",
    ]
    for question, rows in QUESTIONS.items():
        lines += ["", f"## {question}", "", _HEAD, "|---|---|" + "---:|" * 8]
        lines += [_row(name, changed, found.get(name, [])) for name, changed in rows.items()]
    write_text(report, "\n".join(lines) + "\n")
    print(f"wrote {report}")


_HEAD = (
    "| run | changed | steps | seeds | Frechet distance | classifier score | d_loss | silent "
    "| dead | slope |"
)


def _row(name: str, changed: dict[str, Any], records: list[dict]) -> str:
    done = [record for record in records if "failed" not in record]
    count = str(len(records)) if len(done) == len(records) else f"{len(done)} of {len(records)}"
    shown = {key: value for key, value in changed.items() if key not in MLP or key == "norm"}
    shown = {"network": "mlp", **shown} if "network" in changed else shown
    settings = ", ".join(f"`{key}={value}`" for key, value in shown.items()) or "nothing"
    steps = "/".join(f"{number:,}" for number in sorted({r["steps"] for r in records})) or "none"
    cells = [
        _mean([record[key] for record in done], digits)
        for key, digits in (
            ("frechet_distance", 1),
            ("classifier_score", 2),
            ("d_loss", 3),
            ("silent", 2),
            ("dead", 2),
            ("slope", 2),
        )
    ]
    return "| " + " | ".join([name, settings, steps, count, *cells]) + " |"


def _mean(values: list[float], digits: int) -> str:
    if not values:
        return "none"
    spread = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{spread}"


def main() -> None:
    arguments = parser(__doc__.splitlines()[0], "ablations", SETTINGS, (0, 1, 2)).parse_args()
    if not arguments.render:
        # One whole table after the other, so that an early stop is readable.
        wanted = [
            (name, _asked(SETTINGS[name], seed, arguments.steps))
            for seed in arguments.seeds
            for name in arguments.runs or SETTINGS
        ]
        run_missing(arguments.results, wanted, lambda asked: train(asked, arguments.data_dir))
    render(arguments.results, arguments.report)


def _asked(settings: dict[str, Any], seed: int, steps: int | None) -> dict[str, Any]:
    changed = dict(settings)
    own = changed.pop("steps", STEPS)
    return {"settings": changed, "seed": seed, "steps": steps or own}


if __name__ == "__main__":
    main()
