"""Samples in shards: the same images however they are split, none made twice, memory of a batch."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.errors import RunError, SettingError, UnknownNameError
from tfgan_survey.training import load_run
from tfgan_survey.training.shards import sample_shards

NUM, SEED, LABELS = 700, 200, [4, 2, 9]  # batches begin at seeds 0, 256, 512, 768


def ask(runs, output, shards, lines=None, **options):
    lines = [] if lines is None else lines
    return sample_shards(
        runs / "whole", output, NUM, shards, labels=LABELS, seed=SEED, log=lines.append, **options
    )


def joined(folder):
    """Images, labels and seeds of a folder, by its manifest."""
    manifest = json.loads((folder / "manifest.json").read_text())
    images, labels, seeds = [], [], []
    for shard in manifest["shards"]:
        if shard["file"].endswith(".npz"):
            with np.load(folder / shard["file"]) as arrays:
                images.append(arrays["images"])
                labels.append(arrays["labels"])
            seeds.append(manifest["seed"] + shard["start"] + np.arange(shard["num"]))
            continue
        form = {name: tf.io.FixedLenFeature((), kind) for name, kind in
                (("image", tf.string), ("label", tf.int64), ("seed", tf.int64))}  # fmt: skip
        for record in tf.data.TFRecordDataset(str(folder / shard["file"])):
            one = tf.io.parse_single_example(record, form)
            flat = np.frombuffer(one["image"].numpy(), manifest["dtype"])
            images.append(flat.reshape(1, *manifest["image_shape"]))
            labels.append([one["label"].numpy()])
            seeds.append([one["seed"].numpy()])
    assert len(images[0]) == 1 or [len(one) for one in images] == [
        shard["num"] for shard in manifest["shards"]
    ]
    return tuple(map(np.concatenate, (images, labels, seeds)))


@pytest.fixture(scope="module")
def whole(runs, tmp_path_factory):
    return joined(ask(runs, tmp_path_factory.mktemp("shards") / "one", 1))


def test_images_are_those_of_their_seeds_however_they_are_split(runs, whole, tmp_path):
    images, labels, seeds = whole
    assert np.array_equal(seeds, np.arange(SEED, SEED + NUM))
    assert labels.dtype == np.int32 and np.array_equal(labels, np.resize(LABELS, NUM))
    wanted = load_run(runs / "whole").generate(NUM, LABELS, SEED)
    # A batch of another size may round a number elsewhere: one grey level, seldom.
    apart = np.abs(images - np.rint(wanted * 255))
    assert images.dtype == np.uint8 and apart.max() <= 1 and apart.mean() < 1e-3
    made = []
    for worker in (0, 1, 2):
        before = set(tmp_path.glob("npz/samples-*"))
        folder = ask(runs, tmp_path / "npz", 7, worker=(worker, 3))
        made.append(sorted(int(p.name[8:13]) for p in set(folder.glob("samples-*")) - before))
    assert made == [[0, 1], [2, 3], [4, 5, 6]], "a worker's shards are a range of seeds"
    records = ask(runs, tmp_path / "tf", 3, format="tfrecord")
    for split in (folder, records):
        assert all(map(np.array_equal, joined(split), whole)), split
    # Another first seed: the images of the seeds that both have, told the same labels.
    later = sample_shards(runs / "whole", tmp_path / "later", 90, 2, labels=LABELS,
                          seed=SEED + 3 * 77, log=str)  # fmt: skip
    assert np.array_equal(joined(later)[0], images[231:321])


def test_a_stopped_call_goes_on_and_makes_nothing_twice(runs, whole, tmp_path):
    def stop(line):
        if "00001-of" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample_shards(runs / "whole", tmp_path, NUM, 4, labels=LABELS, seed=SEED, log=stop)
    (tmp_path / ".writing-killed").mkdir()
    kept = {path: path.stat() for path in tmp_path.glob("*.npz")}
    assert len(kept) == 2
    lines = []
    ask(runs, tmp_path, 4, lines)
    assert all(path.stat() == stat for path, stat in kept.items())
    assert [line.rpartition(" ")[2] == "already" for line in lines] == [True, True, 0, 0, 0]
    assert lines[-1] == f"4 of 4 shards are in {tmp_path}"
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".json", *[".npz"] * 4]
    assert all(map(np.array_equal, joined(tmp_path), whole))


@pytest.mark.parametrize(
    ("options", "error", "line"),
    [
        ({"format": "png"}, UnknownNameError, "unknown format of shards 'png'"),
        ({"shards": 701}, SettingError, "701 shards of 700 images: expected at most one"),
        ({"worker": (0, 5)}, SettingError, "5 workers for 4 shards"),
        ({"worker": (2, 2)}, SettingError, "worker=2: expected 0 to 1"),
        ({"seed": 2**63 - 900}, SettingError, f"expected {-(2**63) + 256} to {2**63 - 957}"),
        ({"run": "nowhere"}, RunError, "no model in nowhere"),
    ],
)
def test_what_cannot_be_is_refused_before_a_folder_is_made(runs, tmp_path, options, error, line):
    given = {"run": runs / "whole", "output": tmp_path / "a", "num": NUM, "shards": 4, "log": str}
    with pytest.raises(error, match=line):
        sample_shards(**given | options)
    assert not Path(tmp_path / "a").exists()


def test_a_folder_of_other_samples_is_refused(runs, tmp_path):
    given = {"num": 5, "shards": 2, "log": str}
    sample_shards(runs / "whole", tmp_path, **given)
    before = sorted(tmp_path.iterdir())
    for other, line in (
        ({"seed": 1, "labels": 3}, r"seed=0, labels=\[0, 1, 2"),
        ({"num": 6, "format": "tfrecord"}, "num=5, format='npz', shards=2"),
    ):
        with pytest.raises(RunError, match=f"holds samples with {line}.*; other ones are asked"):
            sample_shards(runs / "whole", tmp_path, **given | other)
    with pytest.raises(RunError, match="holds samples with weights="):
        sample_shards(runs / "half", tmp_path, **given)
    assert sorted(tmp_path.iterdir()) == before
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(RunError, match=r"holds shards without manifest\.json"):
        sample_shards(runs / "whole", tmp_path, **given)
