"""Training steps a second: ours as shipped, the guide-style Keras loop, PyTorch, and the floor.

    python benchmarks/train_step.py [--network mlp|dcgan] [--repeats 7] [--output FILE.json]

All contenders train the same networks on the same real MNIST batches of 128 with Adam on each loss.
Each lives in its own process and is asked in turn, so that the machine's noise falls on all alike;
medians over the repeats and their ratios are what to read. PyTorch is the extra `[benchmarks]`.

The floor is the counted multiply-adds of one step (one generator pass, real and fake through D
forward and backward, D's pass and input gradient for G, G backward) over the best matrix product
that this machine reaches in the same run.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import statistics
import time
from pathlib import Path

BATCH = 128
LATENT = 100
NETWORKS = {
    # steps timed per round; the learning rate does not matter for speed
    "mlp": {"steps": 468, "overrides": {}},
    "dcgan": {"steps": 48, "overrides": {"network": "dcgan", "width": 32}},
}


def ours(network: str, data_dir):
    """Return a function that runs n steps of `fit` as shipped."""
    gan, data = _package_gan(network, data_dir)
    stream = data.stream(BATCH)

    def run(steps: int) -> None:
        gan.fit(stream.take(steps), epochs=1, verbose=0)

    return run


def guide(network: str, data_dir):
    """Return the loop of the Keras guides: two generator passes, default `compile` and pipeline."""
    import keras
    import tensorflow as tf

    gan, data = _package_gan(network, data_dir)
    generator, discriminator = gan.generator, gan.discriminator
    low, high = gan.pair.output_range

    class GuideGAN(keras.Model):
        def __init__(self):
            super().__init__()
            self.d_metric = keras.metrics.Mean(name="d_loss")
            self.g_metric = keras.metrics.Mean(name="g_loss")
            self.seed_generator = keras.random.SeedGenerator(0)
            self.built = True

        @property
        def metrics(self):
            return [self.d_metric, self.g_metric]

        def compile(self, d_optimizer, g_optimizer, loss_fn):
            super().compile()
            self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer
            self.loss_fn = loss_fn

        def train_step(self, real):
            size = tf.shape(real)[0]
            latent = keras.random.uniform((size, LATENT), -1, 1, seed=self.seed_generator)
            fake = generator(latent, training=True)
            with tf.GradientTape() as tape:
                on_real = discriminator(real, training=True)
                on_fake = discriminator(fake, training=True)
                d_loss = self.loss_fn(tf.ones_like(on_real), on_real) + self.loss_fn(
                    tf.zeros_like(on_fake), on_fake
                )
            weights = discriminator.trainable_weights
            self.d_optimizer.apply_gradients(
                zip(tape.gradient(d_loss, weights), weights, strict=True)
            )
            latent = keras.random.uniform((size, LATENT), -1, 1, seed=self.seed_generator)
            with tf.GradientTape() as tape:
                scores = discriminator(generator(latent, training=True), training=True)
                g_loss = self.loss_fn(tf.ones_like(scores), scores)
            weights = generator.trainable_weights
            self.g_optimizer.apply_gradients(
                zip(tape.gradient(g_loss, weights), weights, strict=True)
            )
            self.d_metric.update_state(d_loss)
            self.g_metric.update_state(g_loss)
            return {"d_loss": self.d_metric.result(), "g_loss": self.g_metric.result()}

    model = GuideGAN()
    model.compile(
        keras.optimizers.Adam(1e-3),
        keras.optimizers.Adam(1e-3),
        keras.losses.BinaryCrossentropy(from_logits=True),
    )
    images = data.images.astype("float32") / 255 * (high - low) + low
    dataset = tf.data.Dataset.from_tensor_slices(images).shuffle(1024)
    dataset = dataset.batch(BATCH, drop_remainder=True).prefetch(tf.data.AUTOTUNE)

    def run(steps: int) -> None:
        model.fit(dataset.take(steps), epochs=1, verbose=0)

    return run


def pytorch(network: str, data_dir):
    """Return a plain eager PyTorch loop on images in memory."""
    import torch
    from torch import nn

    from tfgan_survey.data import load_arrays

    low, high = (0.0, 1.0) if network == "mlp" else (-1.0, 1.0)
    array = load_arrays("mnist", data_dir=data_dir).images.transpose(0, 3, 1, 2)
    images = torch.from_numpy(array.astype("float32") / 255 * (high - low) + low)
    if network == "mlp":
        generator = nn.Sequential(
            nn.Linear(LATENT, 128), nn.BatchNorm1d(128), nn.ReLU(),
            nn.Linear(128, 784), nn.BatchNorm1d(784), nn.Sigmoid(), nn.Unflatten(1, (1, 28, 28)),
        )  # fmt: skip
        discriminator = nn.Sequential(
            nn.Flatten(), nn.Linear(784, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 1)
        )
    else:
        generator = nn.Sequential(
            nn.Linear(LATENT, 7 * 7 * 64, bias=False), nn.Unflatten(1, (64, 7, 7)),
            nn.BatchNorm2d(64), nn.ReLU(),
            nn.ConvTranspose2d(64, 32, 4, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
            nn.ConvTranspose2d(32, 1, 4, 2, 1), nn.Tanh(),
        )  # fmt: skip
        discriminator = nn.Sequential(
            nn.Conv2d(1, 32, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(32, 64, 4, 2, 1, bias=False), nn.BatchNorm2d(64), nn.LeakyReLU(0.2),
            nn.Flatten(), nn.Linear(7 * 7 * 64, 1),
        )  # fmt: skip
    d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=1e-3)
    g_optimizer = torch.optim.Adam(generator.parameters(), lr=1e-3)
    loss_fn = nn.BCEWithLogitsLoss()
    ones, zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)

    def run(steps: int) -> None:
        order = torch.randperm(len(images))
        for step in range(steps):
            real = images[order[step * BATCH : (step + 1) * BATCH]]
            fake = generator(torch.rand(BATCH, LATENT) * 2 - 1)
            d_optimizer.zero_grad()
            d_loss = loss_fn(discriminator(real), ones) + loss_fn(
                discriminator(fake.detach()), zeros
            )
            d_loss.backward()
            d_optimizer.step()
            g_optimizer.zero_grad()
            loss_fn(discriminator(fake), ones).backward()
            g_optimizer.step()

    return run


def floor(network: str, data_dir):
    """Return a function that spends the step's floating point operations on matrix products."""
    import numpy as np

    gan, _ = _package_gan(network, None, images=False)
    flops = step_flops(gan.generator, gan.discriminator)
    size = 1024
    rng = np.random.default_rng(0)
    left, right = (rng.normal(size=(size, size)).astype(np.float32) for _ in range(2))
    out = np.empty_like(left)
    products = max(1, round(flops / (2 * size**3)))
    share = flops / (products * 2 * size**3)

    def run(steps: int) -> float:
        """Return the time that `steps` would take at this speed."""
        best = math.inf
        for _ in range(20):
            start = time.perf_counter()
            for _ in range(products):
                np.matmul(left, right, out=out)
            best = min(best, time.perf_counter() - start)
        return best * share * steps

    return run


def step_flops(generator, discriminator) -> float:
    """Count the floating point operations that one shared-pass step cannot do without.

    A layer's forward pass, its weight gradient and its input gradient cost the same.
    G: forward, weight gradients, input gradients of all but its first layer.
    D: three forwards (real, fake, for G), weight gradients of two, and input gradients: of all
    layers for G, of all but the first for D's own two batches.
    """
    g, d = _multiply_adds(generator), _multiply_adds(discriminator)
    return (
        2 * BATCH * ((3 * sum(g) - g[0]) + (3 * sum(d) + 2 * sum(d) + sum(d) + 2 * (sum(d) - d[0])))
    )


def _multiply_adds(network) -> list[int]:
    """Return multiply-adds of one image's forward pass, a number a weighted layer."""
    counts = []
    for layer in network.layers:
        kind = type(layer).__name__
        if kind == "Dense":
            counts.append(math.prod(layer.kernel.shape))
        elif kind == "Conv2D":
            counts.append(math.prod(layer.output.shape[1:3]) * math.prod(layer.kernel.shape))
        elif kind == "Conv2DTranspose":
            counts.append(math.prod(layer.input.shape[1:3]) * math.prod(layer.kernel.shape))
    return counts


def _package_gan(network: str, data_dir, images: bool = True):
    from tfgan_survey.data import load_arrays
    from tfgan_survey.zoo import build

    gan = build("survey_gan", (28, 28, 1), **NETWORKS[network]["overrides"])
    return gan, load_arrays("mnist", data_dir=data_dir) if images else None


CONTENDERS = {"ours": ours, "guide": guide, "pytorch": pytorch, "floor": floor}


def _worker(name: str, network: str, data_dir, connection) -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    run = CONTENDERS[name](network, data_dir)
    run(NETWORKS[network]["steps"] // 4 // 16 * 16 + 16)  # compile and warm up
    connection.send("ready")
    while (steps := connection.recv()) is not None:
        start = time.perf_counter()
        claimed = run(steps)
        connection.send(claimed if claimed is not None else time.perf_counter() - start)


def measure(network: str, names: list[str], repeats: int, data_dir=None) -> dict:
    """Run the contenders in turn; return steps/s of every round, medians and ratios."""
    context = multiprocessing.get_context("spawn")
    workers = {}
    for name in names:
        ours_end, its_end = context.Pipe()
        process = context.Process(
            target=_worker, args=(name, network, data_dir, its_end), daemon=True
        )
        process.start()
        ours_end.recv()
        workers[name] = (process, ours_end)
    steps = NETWORKS[network]["steps"]
    rates = {name: [] for name in names}
    for repeat in range(repeats):
        for name in names if repeat % 2 == 0 else reversed(names):
            workers[name][1].send(steps)
            rates[name].append(steps / workers[name][1].recv())
    for process, connection in workers.values():
        connection.send(None)
        process.join()
    medians = {name: statistics.median(values) for name, values in rates.items()}
    ratios = {
        f"ours/{name}": statistics.median(
            a / b for a, b in zip(rates["ours"], rates[name], strict=True)
        )
        for name in names
        if name != "ours"
    }
    return {"network": network, "batch": BATCH, "cores": os.cpu_count(), "repeats": repeats,
            "steps_per_second": rates, "median": medians, "ratio": ratios}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=[*NETWORKS, "both"], default="both")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    parser.add_argument("--data-dir")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/train_step.json"))
    arguments = parser.parse_args()
    results = []
    for network in NETWORKS if arguments.network == "both" else [arguments.network]:
        result = measure(
            network, arguments.contenders.split(","), arguments.repeats, arguments.data_dir
        )
        results.append(result)
        print(f"\n{network}, batch {BATCH}, {result['cores']} cores, {result['repeats']} rounds")
        for name, median in result["median"].items():
            spread = result["steps_per_second"][name]
            print(f"  {name:8} {median:8.1f} steps/s  ({min(spread):.1f} to {max(spread):.1f})")
        for name, ratio in result["ratio"].items():
            print(f"  {name:14} {ratio:5.2f}")
    from tfgan_survey.files import write_json

    write_json(arguments.output, results)


if __name__ == "__main__":
    main()
