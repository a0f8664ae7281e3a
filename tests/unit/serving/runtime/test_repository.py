"""Versions on disk: policies, hot reload, broken versions, warm-up, states."""

import re
import shutil
import threading

import httpx
import numpy as np
import pytest
import tensorflow as tf
import toys as toy_models
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2

from tfgan_survey.serving.runtime.repository import Repository
from tfgan_survey.serving.runtime.saved_model import load
from tfgan_survey.serving.runtime.warmup import WARMUP_FILE, Loader
from tfgan_survey.serving.wire.config_files import ModelConfig
from tfgan_survey.serving.wire.status import ServingError


@pytest.fixture
def base(toys, tmp_path):
    """A model folder with version 2, and a function that adds versions."""
    base = tmp_path / "half"
    shutil.copytree(toys / "half" / "2", base / "2")
    return base


def add(toys, base, number, source="00000003"):
    aside = base / f".aside-{number}"
    shutil.copytree(toys / "half" / source, aside)
    aside.rename(base / str(number))


def repository(base, loader=None, **config):
    found = Repository(loader or Loader(), [base], poll_seconds=0)
    found.apply([ModelConfig("half", base, **config)])
    return found


def states(repository):
    return {version.number: version.state for version in repository.statuses("half")}


def answer(repository, **which):
    version = repository.lease("half", **which)
    try:
        (y,) = version.loaded.signature("").run([np.ones(1, np.float32)])
    finally:
        version.release()
    return version.number, float(y[0])


def settle(repository):
    for thread in repository._workers:
        thread.join()


def test_a_new_version_replaces_the_old(toys, base):
    models = repository(base)
    assert answer(models) == (2, 2.25)
    add(toys, base, "00000123")
    models.poll()
    settle(models)
    assert answer(models) == (123, 2.5)
    assert states(models) == {123: "AVAILABLE", 2: "END"}
    with pytest.raises(ServingError, match=r"Specific\(half, 2\)") as caught:
        answer(models, version=2)
    assert caught.value.code == "NOT_FOUND"


def test_the_new_version_is_loaded_before_the_old_is_let_go(toys, base):
    seen = []

    def loader(path):
        seen.append((path.name, states(models) if path.name != "2" else None))
        return load(path)

    models = Repository(loader, [base], poll_seconds=0)
    models.apply([ModelConfig("half", base)])
    add(toys, base, 5)
    models.poll()
    assert seen[1] == ("5", {5: "LOADING", 2: "AVAILABLE"})


def test_a_request_in_flight_finishes_on_the_old_version(toys, base):
    models = repository(base)
    old = models.lease("half")
    add(toys, base, 3)
    models.poll()
    assert answer(models) == (3, 2.5)
    assert states(models)[2] == "UNLOADING"
    assert old.loaded.signature("").run([np.ones(1, np.float32)])[0] == [2.25]
    assert not old.acquire()
    old.release()
    settle(models)
    assert states(models)[2] == "END" and old.loaded is None


@pytest.mark.parametrize("damage", ["empty", "garbage", "variables", "tags"])
def test_a_broken_version_leaves_the_old_one_serving(toys, base, damage):
    models = repository(base)
    if damage == "empty":
        (base / "3").mkdir()
    else:
        add(toys, base, 3)
        if damage == "garbage":
            (base / "3" / "saved_model.pb").write_bytes(b"\x00garbage")
        elif damage == "variables":
            data = next((base / "3" / "variables").glob("*.data*"))
            data.write_bytes(data.read_bytes()[:1])
        else:
            path = base / "3" / "saved_model.pb"
            message = saved_model_pb2.SavedModel.FromString(path.read_bytes())
            message.meta_graphs[0].meta_info_def.tags[:] = ["train"]
            path.write_bytes(message.SerializeToString())
    for _ in range(2):
        models.poll()
        assert answer(models) == (2, 2.25)
        assert states(models) == {3: "END", 2: "AVAILABLE"}
    (broken,) = models.statuses("half", 3)
    assert broken.error_code != "OK" and broken.error_message
    shutil.rmtree(base / "3")  # a repaired version is taken up
    add(toys, base, 3)
    models.poll()
    assert answer(models) == (3, 2.5)


def test_a_removed_version_is_unloaded_and_the_rest_goes_on(toys, base):
    add(toys, base, 3)
    models = repository(base, policy="all")
    assert states(models) == {3: "AVAILABLE", 2: "AVAILABLE"}
    shutil.rmtree(base / "3")
    models.poll()
    settle(models)
    assert answer(models) == (2, 2.25) and states(models)[3] == "END"
    shutil.rmtree(base / "2")
    models.poll()
    settle(models)
    with pytest.raises(ServingError, match=r"Latest\(half\)"):
        answer(models)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, {4}),
        ({"num_versions": 2}, {3, 4}),
        ({"policy": "all"}, {2, 3, 4}),
        ({"policy": "specific", "versions": (2, 4, 9)}, {2, 4}),
    ],
)
def test_policies(toys, base, config, expected):
    add(toys, base, 3)
    add(toys, base, 4)
    assert set(states(repository(base, **config))) == expected


def test_start_errors_say_how_to_go_on(toys, base, tmp_path):
    for folder, code in ((tmp_path / "none", "NOT_FOUND"), (tmp_path / "empty", "NOT_FOUND")):
        if folder.name == "empty":
            folder.mkdir()
        with pytest.raises(ServingError) as caught:
            repository(folder)
        assert caught.value.code == code and str(folder) in caught.value.message
    with pytest.raises(ServingError, match="lies outside the folders") as caught:
        Repository(Loader(), [base]).apply([ModelConfig("x", tmp_path)])
    with pytest.raises(ServingError, match="not available") as caught:
        repository(base, labels=(("stable", 9),))
    assert caught.value.code == "FAILED_PRECONDITION"
    (base / "2" / "saved_model.pb").write_bytes(b"\x00")
    with pytest.raises(ServingError, match="no version could be loaded"):
        repository(base)


def test_a_label_names_a_version_that_is_loaded(toys, base):
    """Not one that is on disk and failed, and not one that has been let go."""
    add(toys, base, 3)
    (base / "3" / "saved_model.pb").write_bytes(b"\x00")
    models = Repository(Loader(), [base], poll_seconds=0)
    for labels in ((("stable", 2), ("canary", 3)), (("canary", 3),)):
        with pytest.raises(
            ServingError, match=r"'canary' .* names version 3, .* not avail"
        ) as caught:
            models.apply([ModelConfig("half", base, policy="all", labels=labels)])
        assert caught.value.code == "FAILED_PRECONDITION"
        assert states(models) == {3: "END", 2: "AVAILABLE"}
        with pytest.raises(ServingError, match="Unrecognized servable version label"):
            answer(models, label="canary")
    models.apply([ModelConfig("half", base, policy="all", labels=(("stable", 2),))])
    assert answer(models, label="stable") == (2, 2.25)
    with pytest.raises(ServingError, match="names version 2"):
        add(toys, base, 4)
        models.poll()
        models.apply([ModelConfig("half", base, policy="specific", versions=(4,))])
        settle(models)
        models.apply(
            [ModelConfig("half", base, policy="specific", versions=(4,), labels=(("old", 2),))]
        )


def test_polling_server_reloads_without_a_failed_request(toys, base, start):
    server = start(models=(str(base),), poll=0.05, log_requests=False)
    url = f"http://127.0.0.1:{server.rest_port}/v1/models/half:predict"
    answers, failures, stop = [], [], threading.Event()

    def ask():
        with httpx.Client() as client:
            while not stop.is_set():
                response = client.post(url, json={"instances": [1.0]})
                if response.status_code != 200:
                    failures.append(response.text)
                else:
                    answers.append(response.json()["predictions"][0])

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in (3, 4, 5):
        add(toys, base, number, "00000003" if number % 2 else "2")
        wait_until(lambda n=number: states(server.engine.repository).get(n) == "AVAILABLE")
        wait_until(lambda n=number: states(server.engine.repository)[n - 1] == "END")
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert set(answers) == {2.25, 2.5} and answers[0] == 2.25 and answers[-1] == 2.5


def wait_until(condition, seconds=20):
    waiting = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        waiting.wait(0.02)
    raise AssertionError("the condition did not come true")


# --- warm-up --------------------------------------------------------------------------------------


def predict_record(values, signature="", name="x"):
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.name = "any"
    request.model_spec.signature_name = signature
    request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    return log.SerializeToString()


def write_warm_up(version, records):
    path = version / WARMUP_FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return path


GOOD = predict_record(np.ones(2, np.float32))


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([GOOD, b"\x0a\xff\xff"], "record 2 .* is broken"),
        ([GOOD, predict_record(np.ones((1, 4), np.float32), "matrix")], "record 2 .* failed"),
        ([predict_record(np.ones(1, np.float32), "odd")], "odd"),
        ([predict_record(np.ones(1, np.float32), name="z")], "unknown input"),
        ([predict_record(np.ones(1, np.int32))], "DT_INT32"),
        ([b""], "kind None"),
        ([GOOD] * 1001, "more than 1000"),
    ],
)
def test_a_failing_warm_up_fails_the_load(toys, base, records, message):
    models = repository(base)
    add(toys, base, 3)
    (base / "3").rename(base / ".aside")
    write_warm_up(base / ".aside", records)
    (base / ".aside").rename(base / "3")
    models.poll()
    (version,) = models.statuses("half", 3)
    assert version.state == "END"
    assert version.error_code != "OK" and re.search(message, version.error_message)
    assert answer(models) == (2, 2.25)


def test_a_cut_warm_up_file_fails_the_load_unless_warm_up_is_off(base):
    path = write_warm_up(base / "2", [GOOD])
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ServingError, match="broken"):
        repository(base)
    assert answer(repository(base, Loader(warm_up=False))) == (2, 2.25)


def test_warm_up_of_every_kind_runs(toys, tmp_path):
    base = tmp_path / "examples"
    shutil.copytree(toys / "examples" / "3", base / "1")
    example = tf.train.Example()
    example.features.feature["x"].float_list.value.append(1.0)
    records = [predict_record(np.ones(1, np.float32))]
    for kind in ("classify", "regress"):
        log = prediction_log_pb2.PredictionLog()
        request = getattr(log, f"{kind}_log").request
        request.model_spec.signature_name = kind
        request.input.example_list.examples.append(example)
        records.append(log.SerializeToString())
    log = prediction_log_pb2.PredictionLog()
    request = log.multi_inference_log.request
    request.input.example_list.examples.append(example)
    task = request.tasks.add(method_name="tensorflow/serving/regress")
    task.model_spec.signature_name = "regress"
    write_warm_up(base / "1", [*records, log.SerializeToString()])
    loaded = Loader()(base / "1")
    loaded.close()
    task.method_name = "tensorflow/serving/classify"
    write_warm_up(base / "1", [*records, log.SerializeToString()])
    with pytest.raises(ServingError, match="record 4"):
        Loader()(base / "1")


# --- what is loaded -------------------------------------------------------------------------------


def test_assets_and_tables_are_initialised(tmp_path):
    class Lookup(tf.Module):
        def __init__(self, path):
            super().__init__()
            path.write_text("zero\none\ntwo\n", encoding="utf-8")
            self.file = tf.saved_model.Asset(str(path))
            init = tf.lookup.TextFileInitializer(
                self.file, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE,
                tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER,
            )  # fmt: skip
            self.table = tf.lookup.StaticHashTable(init, -1)

        @tf.function(input_signature=[toy_models.spec("word", tf.string)])
        def find(self, word):
            return {"id": self.table.lookup(word)}

        def signatures(self):
            return {"serving_default": self.find}

    path = toy_models.save(Lookup(tmp_path / "words.txt"), tmp_path / "model")
    (tmp_path / "words.txt").unlink()
    loaded = load(path)
    words = np.array([b"two", b"none"], object)
    np.testing.assert_array_equal(loaded.signature("").run([words])[0], [2, -1])
    loaded.close()


def test_keras_layers_in_a_plain_module_get_their_values(tmp_path, caplog):
    class Wrapped(tf.Module):
        def __init__(self):
            super().__init__()
            import keras

            inputs = keras.Input((2,))
            self.model = keras.Model(
                inputs, keras.layers.Dense(1, kernel_initializer="ones")(inputs)
            )

        @tf.function(input_signature=[toy_models.spec("x", tf.float32, 2)])
        def call(self, x):
            return {"y": self.model(x)}

        def signatures(self):
            return {"serving_default": self.call}

    loaded = load(toy_models.save(Wrapped(), tmp_path / "model"))
    values = loaded.signature("").run([np.array([[1.0, 2.0]], np.float32)])
    np.testing.assert_array_equal(values[0], [[3.0]])
    assert "restore op leaves variables empty" in caplog.text
    loaded.close()


def test_another_folder_for_a_name_is_loaded_before_the_old_is_let_go(toys, base, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(toys / "half" / "00000003", other / "1")
    models = Repository(Loader(), [base, other], poll_seconds=0)
    models.apply([ModelConfig("half", base)])
    with pytest.raises(ServingError, match="no version to serve"):
        (other / "empty").mkdir()
        models.apply([ModelConfig("half", other / "empty")])
    assert answer(models) == (2, 2.25)
    models.apply([ModelConfig("half", other)])
    assert answer(models) == (1, 2.5)
    models.apply([])
    with pytest.raises(ServingError, match="Latest"):
        answer(models)
