"""Digits and their coloured negative, no pairs. python examples/translated_digits.py [STEPS]."""

import sys
from pathlib import Path

from tfgan_survey import build, load_arrays, pictures


def main(steps: int = 400, output: str = "runs/examples") -> None:
    shapes = (28, 28, 1), (28, 28, 3)
    gan = build("cyclegan_digits", shapes, falls_from=steps // 2, falls_until=steps)
    both = load_arrays("mnist,ramp_mnist", "train[:30000],train[30000:]")
    gan.fit(both.stream(16).repeat(), steps_per_epoch=steps, epochs=1)
    digits = load_arrays("mnist", "test[:10]").images
    coloured = gan.translate(digits, "a2b")
    rows = {"digits": digits, "coloured": coloured, "back": gan.translate(coloured, "b2a")}
    print("wrote", pictures.save(pictures.stacked(rows), Path(output) / "translated_digits.png"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
