"""Two domains without pairs: their orders, their names, what is refused."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfgan_survey.data import ImageSet, UnpairedSet, load, load_arrays, prepare, set_epoch
from tfgan_survey.data.home import DataHome, recorded_name
from tfgan_survey.errors import DataError, SettingError, UnknownNameError


def numbered(name, count, height=2, width=3, channels=1, first=0):
    """Image i is filled with first + i."""
    index = np.arange(first, first + count, dtype=np.uint8)
    images = np.broadcast_to(index[:, None, None, None], (count, height, width, channels))
    return ImageSet(name, images.copy(), np.zeros(count, np.int32), 1, ("image",))


def make_pair(a=23, b=9):
    return UnpairedSet("made", numbered("a", a), numbered("b", b, 4, 4, 3, first=100))


def seen(dataset):
    """Return the numbers of both domains, batch by batch."""
    found = []
    for pair in dataset:
        for images in pair:
            assert images.dtype == tf.uint8
            flat = images.numpy().reshape(len(images), -1)
            assert (flat == flat[:, :1]).all()
        found.append([images.numpy()[:, 0, 0, 0].tolist() for images in pair])
    return found


def epochs_of(pair, num, batch_size, **options):
    dataset = pair.stream(batch_size, **options)
    return [seen(dataset) for _ in range(num)]


# ------------------------------------------------------------------ order


def test_it_answers_as_a_set_does():
    pair = make_pair()
    assert len(pair) == 23 and pair.condition is None and pair.num_classes == 1
    assert pair.image_shape == ((2, 3, 1), (4, 4, 3))
    assert pair.images is pair.a.images and pair.labels is pair.a.labels
    assert pair.steps_per_epoch(4) == 5 and pair.steps_per_epoch(4, False) == 6
    assert pair.extent == "23 and 9 images"
    left, right = pair.stream(4).element_spec
    assert left.shape.as_list() == [4, 2, 3, 1] and right.shape.as_list() == [4, 4, 4, 3]
    assert pair.stream(4).cardinality().numpy() == 5


@pytest.mark.parametrize("shuffle", [True, False])
def test_each_domain_goes_on_through_epochs_of_its_own(shuffle):
    """a has 5 steps an epoch and b 2: neither is begun anew with an epoch of the other."""
    steps = [step for epoch in epochs_of(make_pair(), 4, 4, shuffle=shuffle) for step in epoch]
    for number, (own, count, first) in enumerate([(5, 23, 0), (2, 9, 100)]):
        visits = [
            np.concatenate([step[number] for step in steps[start : start + own]])
            for start in range(0, len(steps), own)
        ]
        for visit in visits:
            assert len(set(visit)) == 4 * own and set(visit) <= {*range(first, first + count)}
        in_order = [list(range(first, first + 4 * own))] * len(visits)
        assert ([visit.tolist() for visit in visits] == in_order) is not shuffle
        if shuffle:
            assert len({tuple(visit) for visit in visits}) == len(visits)


def test_without_dropping_every_image_is_visited_once_in_each_own_epoch():
    steps = epochs_of(make_pair(), 1, 4, drop_remainder=False)[0]
    assert [len(step[0]) for step in steps] == [4, 4, 4, 4, 4, 3]
    assert [len(step[1]) for step in steps] == [4, 4, 1, 4, 4, 1]
    assert sorted(np.concatenate([step[0] for step in steps])) == list(range(23))
    for part in (steps[:3], steps[3:]):
        assert sorted(np.concatenate([step[1] for step in part])) == list(range(100, 109))


@pytest.mark.parametrize("drop_remainder", [True, False])
def test_a_part_of_an_epoch_is_that_part_of_the_stream(drop_remainder):
    pair, options = make_pair(), {"seed": 3, "drop_remainder": drop_remainder}
    for epoch, whole in enumerate(epochs_of(pair, 3, 4, **options)):
        for start, stop in ((0, None), (2, 4), (3, None)):
            part = pair.epoch(epoch, 4, start=start, stop=stop, **options)
            for _ in range(2):
                assert seen(part) == whole[start:stop]


def test_the_order_is_a_function_of_seed_and_epoch():
    pair = make_pair()
    whole = epochs_of(pair, 8, 4, seed=2)
    assert whole == epochs_of(pair, 8, 4, seed=2) and whole != epochs_of(pair, 8, 4, seed=3)
    dataset = pair.stream(4, seed=2)
    assert set_epoch(dataset, 6) is True
    assert seen(dataset) == whole[6] and seen(dataset) == whole[7]
    derived = dataset.map(lambda a, b: (a, b)).prefetch(1)
    assert set_epoch(derived, 1) is True and seen(derived) == whole[1]


def test_shares_of_a_batch_join_to_the_whole():
    pair = make_pair()
    shares = [epochs_of(pair, 2, 4, seed=5, share=(index, 2)) for index in range(2)]
    for epoch, whole in enumerate(epochs_of(pair, 2, 4, seed=5)):
        joined = zip(shares[0][epoch], shares[1][epoch], strict=True)
        assert [[a + c, b + d] for (a, b), (c, d) in joined] == whole


@pytest.fixture(scope="module")
def places():
    """Which index stands at each place, for 60,000 images a domain, in 24 epochs of each."""
    count, batch = 60_000, 30_000
    index = np.arange(count, dtype=np.uint32).view(np.uint8).reshape(count, 2, 2, 1)
    one = ImageSet("one", index, np.zeros(count, np.int32), 1, ("image",))
    dataset = UnpairedSet("both", one, dataclasses.replace(one, name="other")).stream(batch)
    orders = []
    for _ in range(24):
        steps = [[images.numpy().reshape(batch, 4) for images in pair] for pair in dataset]
        domains = (np.concatenate(parts) for parts in zip(*steps, strict=True))
        orders += [domain.copy().view(np.uint32)[:, 0].astype(np.int64) for domain in domains]
    return np.array(orders)


def test_orders_of_domains_that_are_alike_do_not_resemble_each_other(places):
    """Of two independent permutations one place in n agrees; their correlation is 1 / sqrt(n)."""
    count = places.shape[1]
    assert (np.sort(places[:2], axis=1) == np.arange(count)).all()
    agreeing = sum((a == b).sum() for a, b in zip(places[::2], places[1::2], strict=True))
    assert 24 - 5 * 24**0.5 < agreeing < 24 + 5 * 24**0.5
    scaled = (places - (count - 1) / 2) / places[0].std()
    related = scaled @ scaled.T / count
    assert np.abs(related - np.eye(len(places))).max() < 5.5 / count**0.5


def test_a_batch_of_an_order_is_as_mixed_as_by_chance(places):
    """Of 64 images those of the first half are binomial: variance 16, less a part in thousand."""
    count = places.shape[1]
    first = places[:, : count // 64 * 64].reshape(-1, 64) < count // 2
    assert first.sum(axis=1).var() == pytest.approx(16, rel=0.04)
    neighbours = np.corrcoef(places[:, :-1].ravel(), places[:, 1:].ravel())[0, 1]
    assert abs(neighbours) < 5 / places.size**0.5


# ------------------------------------------------------------------ names and splits


@pytest.fixture
def files(tmp_path):
    """Two files of different size, channels and length, the second with test images."""
    noise = np.random.default_rng(0)
    arrays = {
        "grey": {"images": noise.integers(0, 256, (20, 4, 6), np.uint8)},
        "colour": {
            "images": noise.integers(0, 256, (12, 5, 5, 3), np.uint8),
            "test_images": noise.integers(0, 256, (3, 5, 5, 3), np.uint8),
        },
    }
    for name, content in arrays.items():
        np.savez(tmp_path / f"{name}.npz", **content)
    return tmp_path, arrays


def test_two_names_are_two_domains(files):
    folder, arrays = files
    pair = load_arrays(f"{folder}/grey.npz, {folder}/colour.npz")
    assert isinstance(pair, UnpairedSet) and len(pair.a) == 18 and len(pair.b) == 12
    assert pair.image_shape == ((4, 6, 1), (5, 5, 3))
    assert np.array_equal(pair.b.images, arrays["colour"]["images"])
    test = load_arrays(f"{folder}/grey.npz,{folder}/colour.npz", "test")
    assert np.array_equal(test.a.images[..., 0], arrays["grey"]["images"][18:])
    assert np.array_equal(test.b.images, arrays["colour"]["test_images"])
    mixed = load_arrays(f"mnist_mini,{folder}/grey.npz", "train[:10]")
    assert mixed.image_shape == ((28, 28, 1), (4, 6, 1)) and mixed.a.num_classes == 10


def test_halves_of_one_set_share_no_image():
    pair = load_arrays("mnist_mini,mnist_mini", "train[:300],train[300:500]")
    digits = load_arrays("mnist_mini", "train[:500]").images
    assert np.array_equal(pair.a.images, digits[:300])
    assert np.array_equal(pair.b.images, digits[300:])


def test_load_shuffles_only_what_is_trained_on():
    digits = load_arrays("mnist_mini", "test[:20]").images
    left, right = next(iter(load("mnist_mini,mnist_mini", "test[:20],test[10:20]", 5)))
    assert np.array_equal(left, digits[:5]) and np.array_equal(right, digits[10:15])
    shuffled, _ = next(iter(load("mnist_mini,mnist_mini", "train[:20],train[20:40]", 5)))
    assert not np.array_equal(shuffled, load_arrays("mnist_mini", "train[:5]").images)


def test_a_path_with_a_comma_is_a_path(files, monkeypatch):
    folder, _ = files
    (folder / "grey.npz").rename(folder / "grey,old.npz")
    (folder / "colour.npz").rename(folder / "all,colour.npz")
    monkeypatch.chdir(folder)
    assert isinstance(load_arrays("grey,old.npz"), ImageSet)
    assert recorded_name("grey,old.npz") == str(folder / "grey,old.npz")
    pair = load_arrays("grey,old.npz,all,colour.npz")
    assert pair.image_shape == ((4, 6, 1), (5, 5, 3))
    recorded = recorded_name("mnist_mini,grey,old.npz")
    assert recorded == f"mnist_mini,{folder}/grey,old.npz"
    monkeypatch.chdir("/")
    assert load_arrays(recorded, "train[:5]").image_shape == ((28, 28, 1), (4, 6, 1))


def test_preparing_looks_at_both(files):
    folder, _ = files
    found = prepare(f"mnist_mini,{folder}/grey.npz", data_dir=folder / "root")
    assert [path.name for path in found] == ["mnist_mini.xz", "grey.npz"]
    with pytest.raises(DataError, match=r"none.npz does not exist"):
        prepare(f"mnist_mini,{folder}/none.npz")


# ------------------------------------------------------------------ folders and prepared sets


def write(folder, images, ending=".png"):
    folder.mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(images):
        Image.fromarray(image.squeeze()).save(folder / f"{i:03d}{ending}")


def test_a_folder_with_two_domains(files, monkeypatch):
    folder, arrays = files
    grey, colour = arrays["grey"]["images"], arrays["colour"]["images"]
    write(folder / "own" / "trainA", grey)
    write(folder / "own" / "trainB", colour[:10])
    write(folder / "own" / "testB", colour[10:])
    pair, test = load_arrays(folder / "own"), load_arrays(folder / "own", "test")
    assert pair.image_shape == test.image_shape == ((4, 6, 1), (5, 5, 3))
    assert np.array_equal(pair.a.images[..., 0], grey[:18])  # a tenth is held out
    assert np.array_equal(test.a.images[..., 0], grey[18:])
    assert np.array_equal(pair.b.images, colour[:10]) and np.array_equal(test.b.images, colour[10:])
    monkeypatch.chdir(folder)
    assert recorded_name("own/") == str(folder / "own")
    places = prepare("own/")
    assert [path.name.rsplit("-", 1)[0] for path in places] == ["own-A", "own-B"]


def test_a_folder_with_half_of_two_domains_is_refused(files):
    folder, arrays = files
    write(folder / "own" / "trainA", arrays["grey"]["images"])
    write(folder / "own" / "testB", arrays["grey"]["images"])
    with pytest.raises(DataError, match="has trainA and testB and no trainB; two domains are"):
        load_arrays(folder / "own")
    (folder / "own" / "trainB").mkdir()
    with pytest.raises(DataError, match=r"trainB has no pictures: no file in it ends in .png"):
        load_arrays(folder / "own")
    (folder / "own" / "trainB" / "0.png").write_text("no picture")
    with pytest.raises(DataError, match=r"its 1 training pictures can be used: trainB/0.png"):
        load_arrays(folder / "own")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A made set in the form of TFDS's `cycle_gan/monet2photo`, written by TFDS."""
    import tensorflow_datasets as tfds

    root, noise = tmp_path_factory.mktemp("root"), np.random.default_rng(1)
    arrays = {
        split: noise.integers(0, 256, (count, 8, 8, 3), np.uint8)
        for split, count in (("trainA", 5), ("trainB", 7), ("testA", 2), ("testB", 3))
    }
    features = {"image": tfds.features.Image(), "label": tfds.features.ClassLabel(names=["A", "B"])}

    def examples(split):
        labels = np.full(len(arrays[split]), "AB".index(split[-1]))
        return tf.data.Dataset.from_tensor_slices({"image": arrays[split], "label": labels})

    tfds.dataset_builders.store_as_tfds_dataset(
        name="cycle_gan",
        config="monet2photo",
        version="3.0.0",
        features=tfds.features.FeaturesDict(features),
        split_datasets={split: examples(split) for split in arrays},
        data_dir=root,
    )
    return root, arrays


def test_a_prepared_set_with_two_domains(prepared):
    root, arrays = prepared
    home, lines = DataHome(root), []
    with pytest.raises(SettingError, match="differ in size; give image_size"):
        home.load_arrays("cycle_gan/monet2photo")
    pair = home.load_arrays("cycle_gan/monet2photo", image_size=8, log=lines.append)
    test = home.load_arrays("cycle_gan/monet2photo", "test", 8)
    for found, split in ((pair.a, "trainA"), (pair.b, "trainB"), (test.a, "testA")):
        assert sorted(map(bytes, found.images)) == sorted(map(bytes, arrays[split]))
    assert len(test.b) == 3 and pair.a.class_names == ("A", "B")
    assert lines[0].endswith("A train: images of several sizes are made 8x8x3 (image_size=8)")
    parts = home.load_arrays("cycle_gan/monet2photo", "train[:2],test", 8)
    assert np.array_equal(parts.a.images, pair.a.images[:2]) and len(parts.b) == 3


# ------------------------------------------------------------------ size and channels


def test_channels_are_repeated_or_weighted_as_luma():
    grey = numbered("grey", 5)
    colour = grey.with_channels(3)
    assert colour.image_shape == (2, 3, 3) and grey.with_channels(1) is grey
    assert (colour.images == grey.images).all()
    assert np.array_equal(colour.with_channels(1).images, grey.images)
    noise = np.random.default_rng(0).integers(0, 256, (6, 9, 9, 3), np.uint8)
    made = ImageSet("noise", noise, np.zeros(6, np.int32), 1, ("image",)).with_channels(1).images
    luma = noise @ np.array([0.299, 0.587, 0.114])
    assert np.abs(made[..., 0] - luma).max() <= 0.51
    for channels in (0, 2, 4):
        with pytest.raises(SettingError, match=f"channels is {channels}; expected 1"):
            grey.with_channels(channels)


def test_both_domains_are_converted_and_each_is_told_once(files):
    folder, arrays = files
    lines, name = [], f"{folder}/grey.npz,{folder}/colour.npz"
    home = DataHome()
    pair = home.load_arrays(name, "train", 5, 3, log=lines.append)
    assert pair.image_shape == ((5, 5, 3), (5, 5, 3))
    assert np.array_equal(pair.b.images, arrays["colour"]["images"])
    assert lines == [
        f"{folder}/grey.npz train: images of 4x6x1 are made 5x5x3 (image_size=5, channels=3)"
    ]
    assert load_arrays(name, channels=1).image_shape == ((4, 6, 1), (5, 5, 1))
    home.load_arrays(name, "train", log=lines.append)
    home.load_arrays(name, "train", (5, 5), None, log=lines.append)
    assert len(lines) == 2 and lines[1].endswith("4x6x1 are made 5x5x1 (image_size=(5, 5))")
    write(folder / "own", arrays["grey"]["images"])
    home.load_arrays(folder / "own", "train", 4, log=lines.append)
    assert lines[-1] == f"{folder}/own train: images of 4x6x1 are made 4x4x1 (image_size=4)"


# ------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    ("name", "split", "kind", "message"),
    [
        ("mnist_mini,mnist_mni", "train", UnknownNameError, "did you mean mnist_mini"),
        ("mnist_mini,", "train", SettingError, "data set 'mnist_mini,': expected one name, or two"),
        ("a,b,c", "train", SettingError, "data set 'a,b,c': expected one name, or two"),
        ("mnist_mini,ring", "train", SettingError, "ring train has points; a domain is one set"),
        ("mnist_mini,mnist_mini", "train,test,train", SettingError, "has 3 parts; expected one"),
        ("mnist_mini", "train,test", SettingError, "split 'train,test' cannot be read"),
        ("mnist_mini,mnist_mini", "train[:5],tset", UnknownNameError, "did you mean test"),
    ],
)
def test_names_and_splits_that_are_none(tmp_path, name, split, kind, message):
    with pytest.raises(kind, match=message) as told:
        load_arrays(name, split, data_dir=tmp_path)
    assert "\n" not in str(told.value)


def test_unusable_batches_and_sets_are_refused(files):
    pair = make_pair()
    with pytest.raises(SettingError, match="batch_size 10 is larger than the 9 images of b"):
        pair.stream(10)
    assert pair.steps_per_epoch(10, drop_remainder=False) == 3
    with pytest.raises(SettingError, match="expected a positive integer"):
        pair.stream(0)
    with pytest.raises(DataError, match="none has no images"):
        UnpairedSet("made", numbered("a", 3), numbered("none", 0))
    with pytest.raises(SettingError, match="made has two domains itself"):
        UnpairedSet("more", pair, numbered("b", 3))
    np.savez(files[0] / "four.npz", images=np.zeros((9, 4, 4, 4), np.uint8))
    with pytest.raises(DataError, match=r"images are uint8 \(9, 4, 4, 4\); expected uint8"):
        load_arrays(f"mnist_mini,{files[0]}/four.npz")
