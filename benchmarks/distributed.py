"""Training over several workers: the weights they end with, and what a second one is worth.

    python benchmarks/distributed.py weights [--workers 1 2 4] [--steps 200]
    python benchmarks/distributed.py scaling [--steps 120] [--rounds 5]
    python benchmarks/distributed.py page

`weights` trains each composition alone and over several processes on this machine (`tfgan-survey
train --strategy multi_worker`, each process with its own share of the same global batches) and
takes the largest difference between any two weights. In float64 it should be rounding; in float32
it is put beside what another order of summation (XLA on and off) does to one worker.

`scaling` trains one worker on one core and two on one core each, with equal batches a worker, in
turn, and times their steps by plain `fit`. It wants a quiet machine with a core a worker.

`page` writes docs/scaling.md from what both measured: see there for the model on paper.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "distributed.json"
PAGE = ROOT / "docs" / "scaling.md"
# Small enough that rounding is all that differs after so few steps, with every part that replicas
# must share: batch norm, gradient penalty, a generator that moves every fifth step, an average.
COMPOSITIONS = {
    "MLP, batch norm": ("survey_gan", {"generator_widths": "32", "discriminator_widths": "32"}),
    "dcgan, batch norm": ("dcgan", {"width": "8"}),
    "wgan_gp, n_critic 5": ("wgan_gp", {"width": "8", "ema": "0.99"}),
}
TINY = {"dataset": "mnist_mini", "split": "train[:2048]", "batch_size": "64"}
# Of the scaling: the published pair at a worker's batch of 64.
SCALED, SHARE, EXECUTION = ("dcgan", {"width": 32}), 64, 4
FLOAT32_FACTOR, FLOAT64_BOUND = 10.0, 1e-5


def free_ports(count: int) -> list[int]:
    """Return ports of this machine that nobody listens on."""
    with contextlib.ExitStack() as held:
        servers = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in servers]


def run(command: list[str], environment: dict, core=None):
    """Start this Python with a command; `core` pins it."""
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    return subprocess.Popen(
        [*pinned, sys.executable, *command],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def worker(model: str, output: Path, settings: dict, environment: dict, more=()):
    """Start one process of a training."""
    command = ["-m", "tfgan_survey.cli", "train", model, "--output", str(output)]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    if "TF_CONFIG" in environment:
        command += ["--strategy", "multi_worker"]
    return run([*command, *more], environment)


def environments(workers: int) -> list[dict]:
    """Return the variables of each process of a cluster on this machine; none for one alone."""
    if workers == 1:
        return [{}]
    addresses = [f"127.0.0.1:{port}" for port in free_ports(workers)]
    tasks = [{"type": "worker", "index": index} for index in range(workers)]
    return [
        {"TF_CONFIG": json.dumps({"cluster": {"worker": addresses}, "task": task})}
        for task in tasks
    ]


def start(model: str, output: Path, workers: int, settings: dict, more=()) -> list:
    """Start the processes of one training."""
    return [
        worker(model, output, settings, environment, more) for environment in environments(workers)
    ]


def finish(processes: list) -> list[str]:
    """Wait for the processes of one training, which must succeed; return what they said."""
    outputs = [process.communicate()[0] for process in processes]
    for process, text in zip(processes, outputs, strict=True):
        if process.returncode:
            sys.exit(f"a worker ended with {process.returncode}:\n{text[-2000:]}")
    return outputs


def weights(folder: Path) -> dict:
    """Return what a finished run holds, by a name that all runs of a composition share."""
    from tfgan_survey.training import load_run

    model = load_run(folder)
    return {f"{i} {v.path}": v.numpy().astype("float64") for i, v in enumerate(model.variables)}


def farthest(one: dict, other: dict) -> float:
    """Return the largest difference between two runs' variables."""
    return max(
        abs(a - b).max() for a, b in zip(one.values(), other.values(), strict=True) if a.size
    )


def compare(counts: list[int], steps: int) -> dict:
    """Train every composition alone and together; return the largest differences."""
    rows = {}
    with tempfile.TemporaryDirectory() as scratch:
        for title, (model, settings) in COMPOSITIONS.items():
            row = {}
            for precision in ("float64", "float32"):
                given = TINY | settings | {
                    "steps": str(steps), "precision": precision, "jit_compile": "false",
                }  # fmt: skip
                runs = {}
                for workers in counts:
                    folder = Path(scratch) / f"{model}-{precision}-{workers}"
                    finish(start(model, folder, workers, given))
                    runs[workers] = weights(folder)
                row[precision] = {
                    str(workers): farthest(runs[1], runs[workers]) for workers in counts[1:]
                }
            folder = Path(scratch) / f"{model}-xla"
            finish(start(model, folder, 1, given | {"jit_compile": "true"}))
            row["another order"] = farthest(runs[1], weights(folder))
            rows[title] = row
            print(title, json.dumps(row), flush=True)
    return {"steps": steps, "batch": int(TINY["batch_size"]), "rows": rows}


def timed_worker(share: int, steps: int) -> None:
    """Train as one worker of TF_CONFIG, or alone, by plain `fit`; print what a step took."""
    import keras

    from tfgan_survey.data import load_arrays
    from tfgan_survey.training.team import assembled
    from tfgan_survey.zoo import build_from_settings, resolve

    model, settings = SCALED
    strategy = "multi_worker" if "TF_CONFIG" in os.environ else None
    ends: list[float] = []

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            ends.append(time.perf_counter())

    with assembled(strategy, {"share": share}, lambda line: None) as team:
        team.agree(dict)
        given = {"steps_per_execution": EXECUTION, "jit_compile": False}
        data = load_arrays("mnist_mini", "train")
        with team.scope():
            chosen = resolve(model, settings | given)
            gan = build_from_settings(chosen, data.image_shape, data.condition)
        batch = share * team.replicas
        epochs = -(-steps // data.steps_per_epoch(batch))
        gan.fit(data.stream(batch, share=team.share), epochs=epochs, verbose=0, callbacks=[Clock()])
    # The first executions are those that are compiled; the last of an epoch has fewer steps.
    taken = [b - a for a, b in itertools.pairwise(ends[2:])]
    moved = sum(int(v.value.shape.num_elements()) for vs in gan.moves().values() for v in vs)
    print(json.dumps({"seconds": statistics.median(taken) / EXECUTION, "parameters": moved}))


def scale(steps: int, rounds: int) -> dict:
    """Time one worker on one core against two on one each; return seconds a step by round."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("scaling needs a core for each of two workers; this process may use one.")
    timed: dict[str, list[float]] = {"1": [], "2": []}
    for turn in range(rounds):
        for workers in (1, 2):
            processes = [
                run([__file__, "worker", "--steps", str(steps)], environment, core)
                for core, environment in zip(cores, environments(workers), strict=False)
            ]
            found = json.loads(finish(processes)[0].splitlines()[-1])
            timed[str(workers)].append(found["seconds"])
            print(f"round {turn}: {workers} workers, {found['seconds']:.4f} s a step", flush=True)
    model, settings = SCALED
    alone, together = (statistics.median(timed[n]) for n in ("1", "2"))
    return {
        "model": model, "settings": settings, "share": SHARE, "seconds": timed,
        "efficiency": alone / together, "parameters": found["parameters"],
        "processor": processor(), "cores": len(cores),
        "date": time.strftime("%Y-%m-%d"),
    }  # fmt: skip


def processor() -> str:
    """Return the processor's name."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


# ---------------------------------------------------------------------- the model on paper


def bytes_a_step(parameters: int, workers: int) -> float:
    """Return what each worker sends in a ring all-reduce of float32 gradients."""
    return 2 * (workers - 1) / workers * parameters * 4


def step_seconds(compute, parameters, workers, bandwidth, latency, messages) -> float:
    """Return the time of a step: compute, then the ring's bytes, then its turns.

    `latency` is of one turn between neighbours; a message takes 2 (N - 1) turns.
    """
    turns = 2 * (workers - 1) * latency * messages
    return compute + bytes_a_step(parameters, workers) / bandwidth + turns


def hiding_batch(per_example, parameters, workers, bandwidth, efficiency=0.9) -> float:
    """Return the batch a worker at which the bytes leave this efficiency, turns left out."""
    sent = bytes_a_step(parameters, workers) / bandwidth
    return efficiency / (1.0 - efficiency) * sent / per_example


def page(results: dict) -> str:
    """Return docs/scaling.md."""
    lines = [_HEAD]
    if (found := results.get("weights")) is not None:
        counts = list(next(iter(found["rows"].values()))["float64"])
        lines += [
            "## The same weights\n",
            "Largest difference between any two variables (weights, statistics, averages, "
            f"counters) of one worker and of N after {found['steps']} steps at the same global "
            f"batch of {found['batch']}; the last column is what XLA's order of summation does to "
            "one worker in float32.\n",
            "| | "
            + " | ".join(f"float64, N = {n}" for n in counts)
            + " | "
            + " | ".join(f"float32, N = {n}" for n in counts)
            + " | another order |",
            "|---" * (2 * len(counts) + 2) + "|",
        ]
        for title, row in found["rows"].items():
            cells = [f"{row[p][n]:.1e}" for p in ("float64", "float32") for n in counts]
            lines.append(f"| {title} | {' | '.join(cells)} | {row['another order']:.1e} |")
        lines.append("")
    if (found := results.get("scaling")) is not None:
        lines += _scaling_lines(found)
    return "\n".join(lines).rstrip() + "\n"


def _scaling_lines(found: dict) -> list[str]:
    alone, together = (statistics.median(found["seconds"][n]) for n in ("1", "2"))
    parameters, share = found["parameters"], found["share"]
    sent = bytes_a_step(parameters, 2)
    lost = max(together - alone, 0.0)
    lines = [
        "## Measured: one core a worker\n",
        f"`{found['model']}` ({parameters:,} parameters moved a step), {share} images a worker, "
        f"{found['processor']}, {found['date']}, medians of {len(found['seconds']['1'])} rounds "
        "in turn:\n",
        "| workers | seconds a step | images a second | efficiency |",
        "|---|---|---|---|",
        f"| 1 | {alone:.4f} | {share / alone:.0f} | 1 |",
        f"| 2 | {together:.4f} | {2 * share / together:.0f} | {alone / together:.2f} |",
        "",
        f"A step of two sends {sent / 1e6:.2f} MB and costs {1e3 * lost:.1f} ms more than a step "
        "of one. The two share memory bandwidth and caches, so that this is an upper bound of what "
        "the messages cost.\n",
        "## On paper: 1 to 1,024 workers\n",
        "Efficiency by the formula above, with the measured compute of one worker "
        f"({alone:.4f} s for {share} images), the measured extra of two as the cost of one ring's "
        "turns, and nothing hidden behind the compute:\n",
        "| workers | MB sent a step | 1 Gbit/s | 10 Gbit/s | 100 Gbit/s | images a worker that "
        "keep 0.9 at 10 Gbit/s |",
        "|---|---|---|---|---|---|",
    ]
    # The measured extra of N = 2, less its bytes over loopback (about 1 GB/s), spread over 2 turns.
    turns = max(lost - sent / 1e9, 0.0) / 2
    for exponent in range(11):
        workers = 2**exponent
        cells = []
        for gigabits in (1, 10, 100):
            seconds = step_seconds(alone, parameters, workers, gigabits * 1.25e8, turns, 1)
            cells.append(f"{alone / seconds:.2f}")
        need = hiding_batch(alone / share, parameters, workers, 1.25e9)
        megabytes = bytes_a_step(parameters, workers) / 1e6
        lines.append(f"| {workers:,} | {megabytes:.2f} | {' | '.join(cells)} | {need:.0f} |")
    lines += [
        "",
        "Bytes hardly grow beyond a few workers; turns grow with N. Where they bind, a ring is "
        "the wrong shape (trees take 2 log2 N turns), and a larger batch a worker hides either, "
        "as long as the global batch still trains what it should.",
    ]
    return lines


_HEAD = """# Training over several workers

Written by `python benchmarks/distributed.py page` from `benchmarks/results/distributed.json`.

    tfgan-survey train dcgan --strategy multi_worker      # in every process of TF_CONFIG
    tfgan-survey train dcgan --strategy mirrored          # all GPUs of one machine
    tfgan-survey train dcgan --strategy mirrored:2        # two of them, or two parts of a processor

In Python `train(..., strategy=...)`, or plain `fit` of a model built under a strategy:

    with tf.distribute.MultiWorkerMirroredStrategy().scope():
        gan = build("dcgan")
    gan.fit(load("mnist", batch_size=128), epochs=3)

Batch size, learning rate and order are those of one machine: the batch is the global one, worker w
of N takes its rows w b/N to (w + 1) b/N, and random numbers are the rows of what one machine would
draw. Losses are means over the global batch, gradients and statistics of batch norm are summed over
all workers, so N workers end with one worker's weights but for the order of sums.

| | one device | several replicas |
|---|---|---|
| several steps an execution | yes | yes |
| XLA | yes | off: TensorFlow 2.21 refuses to compile sums over replicas of processors |
| step by step in Python | yes | refused |
| models | all | `GAN` and its conditional form; the other kinds are refused |
| `mismatched`, augmentation, spectral normalisation | yes | refused |
| optimizers that clip or scale gradients, or gather them over steps | yes | refused |
| batches | any | of one size, a multiple of N (and of a packed discriminator's packs) |
| held-out losses during `fit` | yes | refused; `--probe` measures in the chief |

Every process first comes to the chief (the first of TF_CONFIG) and says what it was asked and
which versions it has. One that does not come within 50 s, or differs, is named, and none trains.
Only the chief writes; a checkpoint is read by all, so `--output` lies on storage that all see. When
a process is lost, all others stop with its name; the same command with `--resume` goes on from the
last checkpoint and ends in the weights of a run that never stopped.

A ring all-reduce sends 2 (N - 1)/N x 4 bytes x parameters from each worker in every step, both
players together, in 2 (N - 1) turns between neighbours; batch norm adds three small messages a
layer and pass, and the logs one. A step takes

    t(N) = compute(b / N) + 2 (N - 1)/N x 4 P / bandwidth + 2 (N - 1) x latency x messages

and the network binds where the last two exceed the first. Nothing of it is hidden behind the
compute here: the next pass needs the weights.
"""


def main() -> None:
    """Parse the command line, measure or write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("weights", "scaling", "page", "worker"))
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--steps", type=int)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.what == "worker":
        timed_worker(SHARE, arguments.steps)
        return
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if arguments.what == "weights":
        results["weights"] = compare(arguments.workers, arguments.steps or 200)
    elif arguments.what == "scaling":
        results["scaling"] = scale(arguments.steps or 120, arguments.rounds)
    if arguments.what != "page":
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    main()
