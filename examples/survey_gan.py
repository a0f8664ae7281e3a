"""The survey's GAN by name: load, build, fit, generate. python examples/survey_gan.py [STEPS]."""

import sys
from pathlib import Path

from tfgan_survey import build, load, pictures


def main(steps: int = 4680, output: str = "runs/examples") -> None:
    digits = load("mnist_mini", batch_size=128)  # "mnist" for all 60,000
    gan = build("survey_gan", image_shape=(28, 28, 1), seed=0)
    history = gan.fit(digits.repeat(), steps_per_epoch=steps, epochs=1)
    print({name: round(values[-1], 3) for name, values in history.history.items()})
    picture = pictures.grid(gan.generate(64, seed=0))
    print("wrote", pictures.save(picture, Path(output) / "survey_gan.png"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
