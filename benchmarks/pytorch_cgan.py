"""A widely used PyTorch conditional GAN, trained for ten minutes and measured as ours is.

    python benchmarks/pytorch_cgan.py                   10 minutes on the cores there are
    python benchmarks/pytorch_cgan.py --steps 60000     a fixed number of steps

The composition is that of PyTorch-GAN's `cgan` (github.com/eriklindernoren/PyTorch-GAN), written
anew from its settings: images of 32 x 32 in [-1, 1]; generator 110-128-256-512-1024-1024, batch
norm with epsilon 0.8 from the second layer on, LeakyReLU 0.2, tanh; discriminator with three hidden
layers of 512, LeakyReLU 0.2, dropout 0.4; labels as learned vectors of width 10; least squares;
Adam 2e-4 (0.5, 0.999); batch 64; the generator moves first. Images are resized once, in memory,
which is faster than its loader. As there, samples come from the network in training mode, in
batches of 100 with ten of a class; they are resized to 28 x 28 and measured by
`tfgan_survey.metrics`.
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from tfgan_survey import metrics, pictures
from tfgan_survey.data import ImageSet, load_arrays
from tfgan_survey.files import write_json

LATENT, CLASSES, SIDE, BATCH = 100, 10, 32, 64


class Generator(nn.Module):
    """Latents and labels to images."""

    def __init__(self):
        super().__init__()
        self.labels = nn.Embedding(CLASSES, CLASSES)
        widths = (LATENT + CLASSES, 128, 256, 512, 1024)
        layers: list[nn.Module] = []
        for index, (before, after) in enumerate(itertools.pairwise(widths)):
            norm = [nn.BatchNorm1d(after, eps=0.8)] if index else []
            layers += [nn.Linear(before, after), *norm, nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], SIDE * SIDE), nn.Tanh())

    def forward(self, latents, labels):
        """Return images as vectors in [-1, 1]."""
        return self.layers(torch.cat((self.labels(labels), latents), 1))


class Discriminator(nn.Module):
    """Images and labels to scores."""

    def __init__(self):
        super().__init__()
        self.labels = nn.Embedding(CLASSES, CLASSES)
        self.layers = nn.Sequential(
            *(nn.Linear(SIDE * SIDE + CLASSES, 512), nn.LeakyReLU(0.2)),
            *(nn.Linear(512, 512), nn.Dropout(0.4), nn.LeakyReLU(0.2)),
            *(nn.Linear(512, 512), nn.Dropout(0.4), nn.LeakyReLU(0.2)),
            nn.Linear(512, 1),
        )

    def forward(self, images, labels):
        """Return one score an image."""
        return self.layers(torch.cat((images, self.labels(labels)), 1))


def train(data: ImageSet, seconds: float | None, steps: int | None, seed: int):
    """Train until the time or the steps are over; return generator, steps and seconds."""
    torch.manual_seed(seed)
    order = np.random.default_rng(seed)
    resized = data.resized(SIDE).images.reshape(len(data), -1).astype(np.float32) / 127.5 - 1
    images, labels = torch.from_numpy(resized), torch.from_numpy(data.labels.astype(np.int64))
    players = Generator(), Discriminator()
    optimizers = [torch.optim.Adam(p.parameters(), lr=2e-4, betas=(0.5, 0.999)) for p in players]
    generator, discriminator = players
    squared, ones, zeros = nn.MSELoss(), torch.ones(BATCH, 1), torch.zeros(BATCH, 1)
    done, start = 0, time.perf_counter()
    while True:
        for rows in torch.from_numpy(order.permutation(len(data))).split(BATCH)[:-1]:
            spent = time.perf_counter() - start
            if (done >= steps) if steps else spent >= seconds:
                return generator, done, spent
            made_labels = torch.randint(0, CLASSES, (BATCH,))
            made = generator(torch.randn(BATCH, LATENT), made_labels)
            loss = squared(discriminator(made, made_labels), ones)
            optimizers[0].zero_grad()
            loss.backward()
            optimizers[0].step()
            real_loss = squared(discriminator(images[rows], labels[rows]), ones)
            fake_loss = squared(discriminator(made.detach(), made_labels), zeros)
            optimizers[1].zero_grad()
            ((real_loss + fake_loss) / 2).backward()
            optimizers[1].step()
            done += 1


def sample(generator: Generator, num: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return uint8 images `(num, 28, 28, 1)` and their labels, all classes in turn."""
    torch.manual_seed(seed)
    labels = np.arange(num, dtype=np.int32) % CLASSES
    chunks = []
    with torch.no_grad():
        for part in torch.from_numpy(labels.astype(np.int64)).split(100):
            chunks.append(generator(torch.randn(len(part), LATENT), part).numpy())
    unit = np.clip((np.concatenate(chunks) + 1) / 2, 0, 1).reshape(num, SIDE, SIDE, 1)
    names = tuple(str(digit) for digit in range(CLASSES))
    made = ImageSet("samples", pictures.to_uint8(unit), labels, CLASSES, names)
    return made.resized(28).images, labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--steps", type=int, help="instead of minutes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--num", type=int, default=10_000)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/pytorch_cgan.json"))
    arguments = parser.parse_args()
    data, test = (
        load_arrays("mnist", split, data_dir=arguments.data_dir) for split in ("train", "test")
    )
    budget = None if arguments.steps else arguments.minutes * 60
    generator, steps, seconds = train(data, budget, arguments.steps, arguments.seed)
    images, labels = sample(generator, arguments.num, arguments.seed)
    features = metrics.Features("mnist")
    made, real = features.both(images)[0], features.both(test.images)[0]
    manifold = metrics.precision_recall(real, made[: len(real)], 3)
    diversity = metrics.class_diversity(images, labels, test.images, test.labels, CLASSES)
    learned = metrics.gan_train(images, labels, test.images, test.labels, CLASSES)
    record = {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "seed": arguments.seed,
        "samples": arguments.num,
        "steps": steps,
        "training_seconds": round(seconds, 1),
        "frechet_distance": metrics.frechet_distance(made, real),
        "gan_test": metrics.gan_test(images, labels, features.predict, CLASSES).value,
        "gan_train": learned.value,
        "class_diversity": diversity.mean,
        "precision": manifold.precision.value,
        "recall": manifold.recall.value,
    }
    write_json(arguments.output, record)
    pictures.save(pictures.grid(images[:100], 10), arguments.output.with_suffix(".png"))
    for key, value in record.items():
        print(f"{key:18s} {value}")


if __name__ == "__main__":
    main()
