"""Whatever is sent, the server answers with a 2xx or 4xx (501 for a dtype) and goes on."""

import json
import urllib.parse

import grpc
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tensorflow_serving.apis import predict_pb2

SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=4)
    | st.just({"b64": "YQ=="})
)
NAMES = st.sampled_from(["x", "a", "b", "text", "b64", "z"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
SIGNATURES = st.sampled_from(
    ["serving_default", "matrix", "any_shape", "row_sums", "scalar", "only_scalar", "raw",
     "float32", "int8", "uint64", "bool", "classify", "regress", "odd"]
)  # fmt: skip
MODELS = st.sampled_from(["half", "two", "strings", "echo", "examples"])
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "instances": VALUES,
        "inputs": VALUES,
        "examples": VALUES,
        "context": VALUES,
        "signature_name": SIGNATURES | LEAVES,
    },
)
SANE = {"signature_name": "serving_default", "instances": [1.0]}


def check_alive(rest):
    response = rest.post("/v1/models/half:predict", json=SANE)
    assert response.status_code == 200 and response.json() == {"predictions": [2.5]}


@SETTINGS
@given(model=MODELS, method=st.sampled_from(["predict", "classify", "regress"]), body=BODIES)
def test_json_bodies(rest, model, method, body):
    response = rest.post(f"/v1/models/{model}:{method}", content=json.dumps(body))
    assert response.status_code in (200, 400, 501), response.text
    assert response.headers["content-type"] == "application/json"
    if response.status_code != 200:
        assert list(response.json()) == ["error"]


@SETTINGS
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS"]),
    path=st.text(max_size=20),
    body=st.binary(max_size=40),
)
def test_paths_and_bytes(rest, method, path, body):
    response = rest.request(method, "/v1/" + urllib.parse.quote(path), content=body)
    assert response.status_code in (200, 400, 404)
    check_alive(rest)


@pytest.mark.parametrize("count", [40])
def test_cut_and_changed_json(rest, count):
    whole = json.dumps({"instances": [{"a": [1.0, -2.5e3], "b": 7}], "signature_name": "scalar"})
    generator = np.random.default_rng(0)
    for _ in range(count):
        body = bytearray(whole.encode())
        for place in generator.integers(0, len(body), 3):
            body[place] = generator.integers(0, 256)
        body = bytes(body[: generator.integers(1, len(body) + 1)])
        response = rest.post("/v1/models/two:predict", content=body)
        assert response.status_code in (200, 400), (body, response.text)
    check_alive(rest)


def predict_request():
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "two"
    request.inputs["a"].CopyFrom(tf.make_tensor_proto(np.ones((2, 2), np.float32)))
    request.inputs["b"].CopyFrom(tf.make_tensor_proto(np.ones(2, np.int32)))
    return request.SerializeToString(deterministic=True)


@settings(SETTINGS, max_examples=150)
@given(data=st.data())
def test_protobuf_bodies(channel, rest, data):
    body = bytearray(predict_request())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(body)) | st.just(len(body)))
    call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    try:
        predict_pb2.PredictResponse.FromString(call(bytes(body[:cut])))
    except grpc.RpcError as error:
        allowed = {"INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION"}
        assert error.code().name in allowed, error.details()


def test_random_protobuf_bytes(channel, rest):
    generator = np.random.default_rng(0)
    for method in ("Predict", "Classify", "Regress", "MultiInference", "GetModelMetadata"):
        call = channel.unary_unary(f"/tensorflow.serving.PredictionService/{method}")
        for size in range(1, 30):
            with pytest.raises(grpc.RpcError) as caught:
                call(generator.bytes(size))
            assert caught.value.code() in (
                grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND,
            )  # fmt: skip
    check_alive(rest)
