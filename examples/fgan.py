"""f-GAN under several divergences, one name each. python examples/fgan.py [STEPS]."""

import sys
from pathlib import Path

from tfgan_survey import build, load, pictures


def main(steps: int = 2000, output: str = "runs/examples") -> None:
    digits = load("mnist_mini", batch_size=100)
    for divergence in ("kl", "squared_hellinger", "jensen_shannon"):  # of twelve
        gan = build("fgan", divergence=divergence)
        history = gan.fit(digits.repeat(), steps_per_epoch=steps, epochs=1).history
        print(f"{divergence}: lower bound of the divergence {-history['d_loss'][-1]:.3f}")
        picture = pictures.grid(gan.generate(64, seed=0))
        print("wrote", pictures.save(picture, Path(output) / f"fgan_{divergence}.png"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
