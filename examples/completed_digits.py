"""Digits whose middle is missing, completed twice. python examples/completed_digits.py [STEPS]."""

import sys
from pathlib import Path

from tfgan_survey import build, load, load_arrays, pictures
from tfgan_survey.training.looks import completions


def main(steps: int = 1000, output: str = "runs/examples") -> None:
    gan = build("inpainting", (28, 28, 1), size=12)
    gan.fit(load("mnist_mini", batch_size=64).repeat(), steps_per_epoch=steps, epochs=1)
    rows = completions(gan, load_arrays("mnist_mini", "test[:10]").images)
    print("wrote", pictures.save(pictures.stacked(rows), Path(output) / "completed_digits.png"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
