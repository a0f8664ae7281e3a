"""LSGAN under both published codings of its targets. python examples/lsgan.py [STEPS]."""

import sys
from pathlib import Path

from tfgan_survey import build, load, pictures


def main(steps: int = 2000, output: str = "runs/examples") -> None:
    digits = load("mnist_mini", batch_size=128)
    for coding in ("pearson", "zero_one"):  # (a, b, c) = (-1, 1, 0) and (0, 1, 1)
        gan = build("lsgan", coding=coding)
        gan.fit(digits.repeat(), steps_per_epoch=steps, epochs=1)
        picture = pictures.grid(gan.generate(64, seed=0))
        print("wrote", pictures.save(picture, Path(output) / f"lsgan_{coding}.png"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
