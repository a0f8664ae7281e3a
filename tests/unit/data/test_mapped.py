"""Sets under a known map."""

import numpy as np

from tfgan_survey.data import load_arrays
from tfgan_survey.data.sets.mapped import mirror, ramp


def test_a_ramp_leads_from_paper_to_ink_and_can_be_undone():
    every = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    coloured = ramp(every)
    assert coloured[0, 0, 0].tolist() == [255, 224, 128]
    assert coloured[0, 15, 15].tolist() == [32, 0, 96]
    red = coloured[..., :1].astype(float)
    np.testing.assert_allclose(255 * (255 - red) / (255 - 32), every, atol=0.6)


def test_a_mirror_image_of_a_mirror_image_is_the_image():
    x = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 1)).astype(np.uint8)
    np.testing.assert_array_equal(mirror(mirror(x)), x)
    np.testing.assert_array_equal(mirror(x)[:, :, 0], x[:, :, -1])


def test_they_are_read_by_name_beside_their_base():
    both = load_arrays("mnist,ramp_mnist", "train[:20],train[20:40]")
    base = load_arrays("mnist", "train[:40]")
    np.testing.assert_array_equal(both.a.images, base.images[:20])
    np.testing.assert_array_equal(both.b.images, ramp(base.images[20:]))
    mirrored = load_arrays("mirrored_mnist", "test[:5]")
    base = load_arrays("mnist", "test[:5]")
    np.testing.assert_array_equal(mirrored.images, base.images[:, :, ::-1])
    np.testing.assert_array_equal(mirrored.labels, base.labels)
