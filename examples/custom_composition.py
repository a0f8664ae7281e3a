"""A new loss is one class; networks, penalty, loop and labels come with it.

python examples/custom_composition.py [STEPS]
"""

import sys
from pathlib import Path

import keras
import tensorflow as tf

from tfgan_survey import GAN, load, pictures
from tfgan_survey.networks import dcgan
from tfgan_survey.objectives import Objective


@keras.saving.register_keras_serializable("examples")
class Hinge(Objective):
    """d_loss = E_real[(1 - s)_+] + E_fake[(1 + s)_+],  g_loss = -E_fake[s]  (arXiv:1705.02894)."""

    name = "hinge"

    def discriminator_loss(self, real_scores, fake_scores, real=None, fake=None, seed=None):
        """Return the two hinge losses."""
        real_loss = tf.reduce_mean(tf.nn.relu(1.0 - real_scores))
        return real_loss + tf.reduce_mean(tf.nn.relu(1.0 + fake_scores))

    def generator_loss(self, fake_scores):
        """Return minus the mean score."""
        return -tf.reduce_mean(fake_scores)


def main(steps: int = 2000, output: str = "runs/examples") -> None:
    pair = dcgan((28, 28, 1), num_classes=10, label_input="projection", latent="normal")
    gan = GAN(pair, Hinge(), ema=0.99)
    gan.compile(keras.optimizers.Adam(2e-4, 0.5), keras.optimizers.Adam(2e-4, 0.5))
    gan.fit(load("mnist_mini", batch_size=128).repeat(), steps_per_epoch=steps, epochs=1)
    picture = pictures.grid(gan.generate(100, seed=0), columns=10)
    print("wrote", pictures.save(picture, Path(output) / "custom_composition.png"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
