"""WGAN-GP: minus the critic's loss estimates a distance. python examples/wgan_gp.py [STEPS]."""

import sys
from pathlib import Path

from tfgan_survey import build, load, pictures


def main(steps: int = 6000, output: str = "runs/examples") -> None:
    digits = load("mnist_mini", batch_size=64)
    gan = build("wgan_gp", weight=10.0, n_critic=5, norm="none", discriminator_norm="none")
    parts = 10 if steps % 10 == 0 else 1
    history = gan.fit(digits.repeat(), steps_per_epoch=steps // parts, epochs=parts).history
    for d_loss, penalty in zip(history["d_loss"], history["penalty"], strict=True):
        print(f"estimated distance {-d_loss:6.2f}, penalty {penalty:.3f}")
    picture = pictures.grid(gan.generate(64, seed=0))
    print("wrote", pictures.save(picture, Path(output) / "wgan_gp.png"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
