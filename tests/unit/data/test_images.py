import gc
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.data import ImageSet, load, load_arrays, set_epoch
from tfgan_survey.data.sets import mini
from tfgan_survey.errors import DataError, SettingError, UnknownNameError


def make_set(count=23, height=2, width=3, channels=1):
    """Image i is filled with i, its label is i mod 5."""
    index = np.arange(count, dtype=np.uint8)
    images = np.broadcast_to(index[:, None, None, None], (count, height, width, channels))
    return ImageSet("made", images.copy(), (index % 5).astype(np.int32), 5, tuple("abcde"))


def seen(dataset):
    """Return the index of every image in the order of one iteration, and check the labels."""
    indices = []
    for images, labels in dataset:
        index = images.numpy()[:, 0, 0, 0]
        assert np.array_equal(
            images.numpy(), np.broadcast_to(index[:, None, None, None], images.shape)
        )
        assert np.array_equal(labels.numpy(), index % 5)
        indices.append(index)
    return np.concatenate(indices)


@pytest.mark.parametrize(("seed", "epoch"), [(0, 0), (0, 1), (5, 1)])
def test_order_is_the_permutation_of_seed_and_epoch(seed, epoch):
    expected = np.random.default_rng([seed, epoch]).permutation(23)
    assert np.array_equal(make_set().order(epoch, seed=seed), expected)
    assert np.array_equal(make_set().order(epoch, seed=seed, shuffle=False), np.arange(23))


def test_each_iteration_of_a_stream_is_the_next_epoch():
    image_set = make_set()
    dataset = image_set.stream(4, seed=9)
    for epoch in range(3):
        assert np.array_equal(seen(dataset), image_set.order(epoch, seed=9)[:20])


def test_remainder_is_the_last_smaller_batch():
    image_set = make_set()
    dataset = image_set.stream(4, seed=9, drop_remainder=False)
    assert [len(labels) for _, labels in dataset] == [4, 4, 4, 4, 4, 3]
    assert np.array_equal(seen(dataset), image_set.order(1, seed=9))
    assert dataset.cardinality().numpy() == image_set.steps_per_epoch(4, False) == 6


def test_without_shuffling_every_epoch_is_in_original_order():
    dataset = make_set().stream(4, shuffle=False, drop_remainder=False)
    assert np.array_equal(seen(dataset), np.arange(23))
    assert np.array_equal(seen(dataset), np.arange(23))


def test_batches_are_uint8_with_static_shape_and_known_number():
    dataset = make_set(channels=3).stream(4)
    images, labels = dataset.element_spec
    assert (images.dtype, images.shape.as_list()) == (tf.uint8, [4, 2, 3, 3])
    assert (labels.dtype, labels.shape.as_list()) == (tf.int32, [4])
    assert dataset.cardinality().numpy() == make_set().steps_per_epoch(4) == 5


def test_set_epoch_decides_the_next_iteration_also_behind_transformations():
    image_set = make_set()
    dataset = image_set.stream(4, seed=2)
    assert set_epoch(dataset, 7) is True
    assert np.array_equal(seen(dataset), image_set.order(7, seed=2)[:20])
    assert np.array_equal(seen(dataset), image_set.order(8, seed=2)[:20])
    derived = dataset.map(lambda images, labels: (images, labels)).take(3).prefetch(1)
    assert set_epoch(derived, 1) is True
    assert np.array_equal(seen(derived), image_set.order(1, seed=2)[:12])


def test_set_epoch_finds_a_source_that_nothing_else_holds():
    derived = make_set().stream(4, seed=2).map(lambda images, labels: (images, labels)).batch(5)
    gc.collect()
    assert set_epoch(derived, 3) is True
    (batch,) = list(derived)
    assert np.array_equal(np.ravel(batch[1]), make_set().labels[make_set().order(3, seed=2)[:20]])


def test_later_epochs_are_permutations_shuffled_in_the_graph():
    image_set = make_set()
    dataset = image_set.stream(4, seed=9, drop_remainder=False, epochs=2)
    orders = [seen(dataset) for _ in range(5)]
    for epoch, order in enumerate(orders):
        assert np.array_equal(order, image_set.order(epoch, seed=9, known=2))
        assert sorted(order) == list(range(23))
    assert np.array_equal(orders[1], image_set.order(1, seed=9))
    assert len({tuple(order) for order in orders}) == 5
    assert not np.array_equal(orders[3], image_set.order(3, seed=8, known=2))


def test_shuffling_in_the_graph_is_no_worse_than_numpys():
    """Two images lie side by side twice about as often as by chance: 2 (n - 1) / n expected."""
    image_set = load_arrays("mnist_mini")
    places = np.array([np.argsort(image_set.order(e, seed=1, known=0)) for e in range(200)])
    assert abs(places.mean(axis=0) - 4999.5).max() < 4999.5 * 0.25  # 5 standard errors
    beside = np.abs(np.diff(places, axis=1)) == 1
    assert beside.sum() == pytest.approx(200 * 2, abs=5 * 20)


@pytest.mark.parametrize("count", [2, 4])
def test_shares_of_a_batch_join_to_the_whole(count):
    image_set = make_set()
    whole = [np.array(labels) for _, labels in image_set.stream(4, seed=5)]
    shares = [
        [np.array(labels) for _, labels in image_set.stream(4, seed=5, share=(index, count))]
        for index in range(count)
    ]
    joined = [np.concatenate(parts) for parts in zip(*shares, strict=True)]
    assert np.array_equal(whole, joined)
    part = image_set.epoch(0, 4, seed=5, start=1, stop=3, share=(1, 2))
    assert np.array_equal([np.array(labels) for _, labels in part], [b[2:] for b in whole[1:3]])


def test_no_pipeline_calls_python():
    graph = load("mnist_mini").repeat()._as_serialized_graph().numpy()
    assert b"PyFunc" not in graph and b"MapDataset" in graph


def test_set_epoch_says_which_datasets_are_not_ours():
    assert set_epoch(tf.data.Dataset.range(3), 1) is False
    assert set_epoch([1, 2], 1) is False
    assert set_epoch(make_set().epoch(0, 4), 1) is False
    with pytest.raises(SettingError, match="epoch is -1"):
        set_epoch(make_set().stream(4), -1)


def test_an_iterator_that_is_never_pulled_does_not_count():
    image_set = make_set()
    dataset = image_set.stream(4)
    unused = [iter(dataset) for _ in range(3)]
    assert np.array_equal(seen(dataset), image_set.order(0)[:20])
    del unused


@pytest.mark.parametrize(("start", "stop"), [(0, None), (2, 4), (3, None), (0, 1)])
@pytest.mark.parametrize("drop_remainder", [True, False])
def test_part_of_an_epoch_is_that_part_of_the_stream(start, stop, drop_remainder):
    image_set = make_set()
    dataset = image_set.stream(4, seed=3, drop_remainder=drop_remainder)
    set_epoch(dataset, 6)
    whole = [labels.numpy().tolist() for _, labels in dataset]
    part = image_set.epoch(6, 4, seed=3, start=start, stop=stop, drop_remainder=drop_remainder)
    for _ in range(2):
        assert [labels.numpy().tolist() for _, labels in part] == whole[start:stop]
    assert part.cardinality().numpy() == len(whole[start:stop])


class Recorder(keras.Model):
    """Writes down, in the graph, the first pixel of each batch that it is trained on."""

    def __init__(self):
        super().__init__()
        self.pixels = tf.Variable(tf.zeros(64, tf.int32), trainable=False)
        self.count = tf.Variable(0, trainable=False)
        self.built = True

    def train_step(self, data):
        pixel = tf.cast(data[0][0, 0, 0, 0], tf.int32)
        self.pixels.assign(tf.tensor_scatter_nd_update(self.pixels, [[self.count]], [pixel]))
        self.count.assign_add(1)
        return {"loss": tf.constant(0.0)}


@pytest.mark.parametrize("steps_per_epoch", [None, 5])
@pytest.mark.parametrize("epochs", [None, (4, 9, 2)])
def test_keras_fit_gives_one_epoch_per_epoch(steps_per_epoch, epochs):
    # Keras creates iterators that it does not use, and with steps_per_epoch creates the one of
    # the next epoch before on_epoch_begin.
    image_set = make_set(20)
    dataset = image_set.stream(4, seed=1)

    class Callback(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epochs is not None:
                assert set_epoch(dataset, epochs[epoch])

    model = Recorder()
    model.compile(steps_per_execution=4, jit_compile=False)
    model.fit(
        dataset,
        epochs=3,
        shuffle=False,
        steps_per_epoch=steps_per_epoch,
        callbacks=[Callback()],
        verbose=0,
    )
    expected = [image_set.order(e, seed=1)[::4] for e in epochs or (0, 1, 2)]
    assert model.count.numpy() == 15
    assert model.pixels.numpy()[:15].tolist() == np.concatenate(expected).tolist()


def test_resize_keeps_flat_images_and_averages_fine_detail():
    flat = make_set(channels=3).resized((5, 7))
    assert flat.images.shape == (23, 5, 7, 3) and flat.images.dtype == np.uint8
    assert np.array_equal(flat.images[11], np.full((5, 7, 3), 11))
    board = (np.indices((8, 8)).sum(axis=0) % 2 * 200).astype(np.uint8)[None, ..., None]
    small = ImageSet("board", board, np.zeros(1, np.int32), 1, ("a",)).resized(2)
    # Without antialiasing single squares, 0 or 200, would be left.
    np.testing.assert_allclose(small.images, 100, atol=12)


def test_resize_to_the_same_size_is_the_same_set():
    image_set = make_set()
    assert image_set.resized((2, 3)) is image_set


@pytest.mark.parametrize("size", [0, -3, 2.5, (2,), (2, 3, 1), (4, 0)])
def test_unusable_sizes_are_refused(size):
    with pytest.raises(SettingError, match="expected a positive integer or"):
        make_set().resized(size)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((23, 2, 3, 1))}, "expected uint8"),
        ({"images": np.zeros((23, 2, 3, 2), np.uint8)}, "1 or 3"),
        ({"labels": np.zeros(23, np.int64)}, r"expected int32 \(23,\)"),
        ({"labels": np.zeros(22, np.int32)}, r"expected int32 \(23,\)"),
        ({"labels": np.full(23, 5, np.int32)}, r"expected 0..4"),
        ({"class_names": ("a",)}, "1 class names for 5 classes"),
    ],
)
def test_sets_that_do_not_fit_together_are_refused(change, message):
    arguments = {**vars(make_set()), **change}
    with pytest.raises(ValueError, match=message):
        ImageSet(**arguments)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.stream(24), "batch_size 24 is larger than the 23 images"),
        (lambda s: s.stream(0), "expected a positive integer"),
        (lambda s: s.stream(4, seed=-1), "seed is -1"),
        (lambda s: s.stream(4, share=(2, 2)), "share 2 of 2"),
        (lambda s: s.stream(4, share=(0, 3)), "the workers can share evenly"),
        (lambda s: s.epoch(-1, 4), "epoch is -1"),
        (lambda s: s.epoch(0, 4, start=5), "0 <= start < stop <= 5"),
        (lambda s: s.epoch(0, 4, stop=6), "0 <= start < stop <= 5"),
        (lambda s: s.epoch(0, 4, start=2, stop=2), "0 <= start < stop <= 5"),
    ],
)
def test_unusable_settings_are_refused(call, message):
    with pytest.raises(SettingError, match=message):
        call(make_set())


def test_mnist_mini_is_the_head_of_mnist():
    train, test = load_arrays("mnist_mini"), load_arrays("mnist_mini", "test")
    assert train.images.shape == (10_000, 28, 28, 1) and test.images.shape == (2_000, 28, 28, 1)
    # The first labels of the original IDX files.
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    # Mean of the pixels in [0, 1]: MNIST's is 0.1307.
    assert train.images.mean() / 255 == pytest.approx(0.1307, abs=0.002)
    assert mini.ASSET.stat().st_size <= 2_000_000
    assert train.class_names == tuple("0123456789")


def test_mnist_mini_says_what_it_is_once(caplog):
    mini.read_mini.cache_clear()
    for _ in range(2):
        load_arrays("mnist_mini")
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        "mnist_mini is a subset of MNIST: its first 10,000 training and 2,000 test images."
    ]


def test_altered_mnist_mini_is_refused(tmp_path, monkeypatch):
    data = bytearray(mini.ASSET.read_bytes())
    data[1000] ^= 1
    (tmp_path / "mini.xz").write_bytes(data)
    monkeypatch.setattr(mini, "ASSET", tmp_path / "mini.xz")
    mini.read_mini.cache_clear()
    with pytest.raises(DataError, match=r"mini.xz is altered: found sha256"):
        load_arrays("mnist_mini")
    (tmp_path / "mini.xz").unlink()
    with pytest.raises(DataError, match="cannot be read"):
        load_arrays("mnist_mini")


def test_load_shuffles_training_data_only():
    train = load_arrays("mnist_mini", "train[:100]")
    first = next(iter(load("mnist_mini", "train[:100]", 10, seed=4)))
    assert np.array_equal(first[1], train.labels[train.order(0, seed=4)[:10]])
    test = load("mnist_mini", "test[:25]", 10)
    assert [len(labels) for _, labels in test] == [10, 10, 5]
    assert np.array_equal(next(iter(test))[1], [7, 2, 1, 0, 4, 1, 4, 9, 5, 9])


def test_load_resizes_and_joins_splits():
    both = load_arrays("mnist_mini", "train[:2]+test[:3]", image_size=32)
    assert both.images.shape == (5, 32, 32, 1)
    assert both.labels.tolist() == [5, 0, 7, 2, 1]


def test_unknown_split_is_refused():
    with pytest.raises(UnknownNameError, match="did you mean test"):
        load("mnist_mini", "tests")


def test_arrays_need_no_tensorflow():
    program = (
        "import sys; from tfgan_survey.data import load_arrays;"
        "load_arrays('mnist_mini', 'test');"
        "print([m for m in ('tensorflow', 'tensorflow_datasets') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_process_that_exits_with_half_read_iterators_ends():
    # With TensorFlow's tuning of pipelines on, about every second such process hangs.
    program = (
        "from tfgan_survey.data import load;"
        "dataset = load('mnist_mini', 'train[:3000]', 300).repeat(3);"
        "iterators = [iter(dataset) for _ in range(30)];"
        "[next(iterator) for iterator in iterators for _ in range(8)];"
        "[next(iterator) for iterator in iterators for _ in range(2)]"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=240)
    assert done.returncode == 0, done.stderr
