"""A conditional GAN: ask for digits by label, save, load. python examples/conditional_digits.py."""

import sys
from pathlib import Path

import keras

from tfgan_survey import build, load, pictures


def main(steps: int = 3000, output: str = "runs/examples") -> None:
    digits = load("mnist_mini", batch_size=128)
    gan = build("cdcgan", num_classes=10, ema=0.99)  # any name in the zoo takes num_classes
    gan.fit(digits.repeat(), steps_per_epoch=steps, epochs=1)

    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    gan.save(folder / "conditional_digits.keras")
    gan = keras.models.load_model(folder / "conditional_digits.keras")  # ready to sample or go on

    labels = [digit for digit in range(10) for _ in range(10)]
    images = gan.generate(100, labels=labels, seed=0)
    picture = pictures.grid(images, columns=10, row_labels=[str(digit) for digit in range(10)])
    print("wrote", pictures.save(picture, folder / "conditional_digits.png"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
