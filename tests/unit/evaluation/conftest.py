"""A small prepared set of colour images that no shipped classifier knows."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

NAMES = ["<b>red", "green", "blue"]


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Return a root with the prepared set `tiny_photos`: 150 + 60 images, 16x16x3, 3 classes."""
    rng = np.random.default_rng(0)

    with tfds.core.registered.skip_registration():

        class TinyPhotos(tfds.core.GeneratorBasedBuilder):
            VERSION = tfds.core.Version("1.0.0")

            def _info(self):
                features = {
                    "image": tfds.features.Image(shape=(16, 16, 3)),
                    "label": tfds.features.ClassLabel(names=NAMES),
                }
                return tfds.core.DatasetInfo(
                    builder=self, features=tfds.features.FeaturesDict(features)
                )

            def _split_generators(self, dl_manager):
                return {"train": self._generate_examples(150), "test": self._generate_examples(60)}

            def _generate_examples(self, num):
                for i in range(num):
                    image = rng.integers(0, 120, (16, 16, 3)).astype(np.uint8)
                    image[..., i % 3] += 120
                    yield i, {"image": image, "label": i % 3}

    root = tmp_path_factory.mktemp("photos")
    TinyPhotos(data_dir=str(root)).download_and_prepare()
    return root
