import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.objectives.loss_sensitive import LossSensitive

REAL = tf.constant([[[[0.0], [1.0]]], [[[0.5], [-1.0]]]])  # (2, 1, 2, 1)
FAKE = tf.constant([[[[1.0], [-1.0]]], [[[0.5], [-0.5]]]])
# mean |x - x'| over two pixels: (1 + 2) / 2 and (0 + 0.5) / 2
DISTANCES = np.array([1.5, 0.25])


def test_discriminator_loss_by_hand():
    real_scores, fake_scores = np.array([1.0, 2.0]), np.array([0.5, -3.0])
    objective = LossSensitive(margin_weight=4.0, margin_scale=2.0)
    # L = -s; hinge = 2 d + L(x) - L(G): 3 - 1 + 0.5 = 2.5 and 0.5 - 2 - 3 < 0
    expected = -1.5 + 4.0 * (2.5 + 0.0) / 2
    loss = objective.discriminator_loss(
        tf.constant(real_scores[:, None], tf.float32),
        tf.constant(fake_scores[:, None], tf.float32),
        REAL,
        FAKE,
    )
    assert float(loss) == pytest.approx(expected, abs=1e-6)


def test_softplus_form_by_hand():
    real_scores, fake_scores = np.array([1.0, 2.0]), np.array([0.5, -3.0])
    real_loss, fake_loss = np.log1p(np.exp(-real_scores)), np.log1p(np.exp(-fake_scores))
    hinge = np.maximum(DISTANCES + real_loss - fake_loss, 0.0)
    objective = LossSensitive(margin_weight=1.5, margin_scale=1.0, loss_form="softplus")
    loss = objective.discriminator_loss(
        tf.constant(real_scores[:, None], tf.float32),
        tf.constant(fake_scores[:, None], tf.float32),
        REAL,
        FAKE,
    )
    assert float(loss) == pytest.approx(real_loss.mean() + 1.5 * hinge.mean(), abs=1e-6)
    generator_loss = objective.generator_loss(tf.constant(fake_scores[:, None]))
    assert float(generator_loss) == pytest.approx(fake_loss.mean(), abs=1e-9)


def test_generator_raises_its_scores():
    assert float(LossSensitive().generator_loss(tf.constant([[1.0], [4.0]]))) == pytest.approx(-2.5)


def test_a_patch_map_meets_its_own_images_margin():
    real_scores, fake_scores = tf.zeros((2, 1, 2, 1)), tf.zeros((2, 1, 2, 1))
    objective = LossSensitive(margin_weight=1.0, margin_scale=1.0)
    loss = objective.discriminator_loss(real_scores, fake_scores, REAL, FAKE)
    assert float(loss) == pytest.approx(DISTANCES.mean(), abs=1e-6)


def test_without_images_it_says_what_is_missing():
    with pytest.raises(ValueError, match="real= and fake="):
        LossSensitive().discriminator_loss(tf.zeros((1, 1)), tf.zeros((1, 1)))


@pytest.mark.parametrize(
    "arguments", [{"margin_weight": 0.0}, {"margin_scale": -1.0}, {"loss_form": "relu"}]
)
def test_wrong_options_are_refused(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        LossSensitive(**arguments)


def test_with_packing_the_distance_is_that_of_the_pack():
    """Two packs of two points; distances 1, 3 | 0, 2 have the means 2 | 1."""
    real = tf.zeros((4, 2))
    fake = tf.constant([[1.0, 1.0], [3.0, 3.0], [0.0, 0.0], [2.0, 2.0]])
    objective = LossSensitive(margin_scale=1.0)
    scores = tf.zeros((2, 1))
    assert float(objective.discriminator_loss(scores, scores, real, fake)) == 1.5
    scores = tf.constant([[10.0], [0.0]])  # the first pack undercuts its margin of 2 by far
    loss = objective.discriminator_loss(scores, tf.zeros((2, 1)), real, fake)
    assert float(loss) == -5.0 + 0.5 * 1.0
