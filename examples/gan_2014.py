"""The GAN of 2014: maxout, dropout, simultaneous SGD. python examples/gan_2014.py [STEPS]."""

import sys
from pathlib import Path

from tfgan_survey import build, load_arrays, pictures
from tfgan_survey.networks import adapt


def main(steps: int = 5000, output: str = "runs/examples") -> None:
    digits = load_arrays("mnist_mini", "train")
    gan = build("gan_2014", digits.image_shape)
    adapt(gan.pair, digits.images)  # output bias from the pixels' means, as in the 2014 code
    gan.fit(digits.stream(100).repeat(), steps_per_epoch=steps, epochs=1)
    picture = pictures.grid(gan.generate(64, seed=0))
    print("wrote", pictures.save(picture, Path(output) / "gan_2014.png"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
