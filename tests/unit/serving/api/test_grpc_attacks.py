"""What a few bytes of gRPC may ask for: shapes beyond int64, tensors that fill the memory."""

import socket
import time

import grpc
import httpx
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import classification_pb2, predict_pb2, prediction_service_pb2_grpc

ROWS, MADE = 200, 2**20
INVALID = grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture(scope="module")
def small(start):
    """A server that makes 1 MB and 200 rows a request."""
    return start(max_request_rows=ROWS, max_made_bytes=MADE, rest_api_timeout_in_ms=3000)


@pytest.fixture
def predict(small):
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(f"127.0.0.1:{small.grpc_port}", options) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        yield stub.Predict
        found = stub.Predict(request("half", x=proto("DT_FLOAT", [2], float_val=[1.0, 2.0])))
        assert list(found.outputs["y"].float_val) == [2.5, 3.0]


def proto(dtype, sizes, **values):
    message = tf.make_tensor_proto(0.0)
    message.Clear()
    message.dtype = getattr(tf, dtype.removeprefix("DT_").lower().replace("float", "float32")
                            ).as_datatype_enum  # fmt: skip
    for size in sizes:
        message.tensor_shape.dim.add(size=size)
    for name, value in values.items():
        if isinstance(value, bytes):
            setattr(message, name, value)
        else:
            getattr(message, name).extend(value)
    return message


def request(model, signature="", **inputs):
    message = predict_pb2.PredictRequest()
    message.model_spec.name, message.model_spec.signature_name = model, signature
    for name, value in inputs.items():
        message.inputs[name].CopyFrom(value)
    return message


def refused(call, message, words):
    with pytest.raises(grpc.RpcError) as caught:
        call(message)
    assert caught.value.code() == INVALID, caught.value.details()
    assert words in caught.value.details(), caught.value.details()


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ([2**40, 0], "product of its sizes"),
        ([2**40, 2**40, 0], "product of its sizes"),
        ([0, 2**40], "product of its sizes"),
        ([2**62, 2**62], "product of its sizes"),
        ([2**31, 2**31, 4], "product of its sizes"),
        ([2**63 - 1], "product of its sizes"),
        ([-1], "sizes must be >= 0"),
        ([-(2**62), 0], "sizes must be >= 0"),
        ([-1, -1], "sizes must be >= 0"),
        ([1] * 33, "at most 32"),
        ([1] * 100_000, "at most 32"),
        ([0] * 255, "at most 32"),
        ([2**20], "filling the inputs"),
        ([2**30, 2], "filling the inputs"),
    ],
)
def test_sizes_beyond_all_reason(predict, sizes, words):
    refused(
        predict, request("half", "any_shape", x=proto("DT_FLOAT", sizes, float_val=[1.0])), words
    )


def test_empty_tensors_that_broadcast_beyond_int64_do_not_end_the_process(predict):
    def ask(*shapes):
        inputs = {n: proto("DT_FLOAT", s) for n, s in zip("abc", shapes, strict=True)}
        return predict(request("wide", **inputs)).outputs["sum"]

    for shapes in (
        ([2**40, 0], [2**40, 1, 0], [1]),
        ([2**30, 1, 1, 0], [2**30, 1, 0], [2**30, 0]),
        ([2**31, 0], [2**31, 1, 0], [1]),
    ):
        inputs = {n: proto("DT_FLOAT", s) for n, s in zip("abc", shapes, strict=True)}
        refused(predict, request("wide", **inputs), "product of ")
    found = ask([3, 0], [4, 1, 0], [1])
    assert [dim.size for dim in found.tensor_shape.dim] == [4, 3, 0]


@pytest.mark.parametrize(
    ("dtype", "sizes", "values", "expected"),
    [
        ("DT_FLOAT", [2, 2], {"float_val": [1.0, 2.0]}, [1, 2, 2, 2]),
        ("DT_FLOAT", [5], {"float_val": [3.0, 4.0, 5.0]}, [3, 4, 5, 5, 5]),
        ("DT_FLOAT", [3], {"float_val": [7.0]}, [7, 7, 7]),
        ("DT_FLOAT", [3], {}, [0, 0, 0]),
        ("DT_INT64", [4], {"int64_val": [1, -2]}, [1, -2, -2, -2]),
        ("DT_UINT8", [3], {"int_val": [255, 1]}, [255, 1, 1]),
        ("DT_BOOL", [3], {"bool_val": [False, True]}, [False, True, True]),
    ],
)
def test_fewer_values_are_followed_by_the_last_one(predict, dtype, sizes, values, expected):
    name = {"DT_FLOAT": "float32"}.get(dtype, dtype.removeprefix("DT_").lower())
    given = proto(dtype, sizes, **values)
    found = tf.make_ndarray(predict(request("echo", name, x=given)).outputs["y"])
    assert found.ravel().tolist() == expected and list(found.shape) == sizes
    np.testing.assert_array_equal(found, tf.make_ndarray(given))  # TensorFlow's own reading


def test_strings_are_filled_and_counted_with_their_bytes(predict):
    given = proto("DT_STRING", [3], string_val=[b"a", b"b"])
    found = predict(request("strings", "raw", text=given)).outputs["raw_bytes"]
    assert list(found.string_val) == [b"a", b"b", b"b"]
    long = proto("DT_STRING", [100], string_val=[b"x" * (MADE // 50)])
    refused(predict, request("strings", "raw", text=long), "filling the inputs")
    content = proto("DT_STRING", [1], tensor_content=b"\x01a")
    refused(predict, request("strings", "raw", text=content), "string_val alone")


@pytest.mark.parametrize(
    ("sizes", "content"), [([2], b"1234"), ([0], b"1234"), ([1], b"12345678"), ([2, 2], b"123")]
)
def test_tensor_content_of_another_length(predict, sizes, content):
    given = proto("DT_FLOAT", sizes, tensor_content=content)
    refused(predict, request("half", "any_shape", x=given), "bytes of tensor_content")


def test_more_values_than_the_shape_holds(predict):
    given = proto("DT_FLOAT", [2], float_val=[1.0, 2.0, 3.0])
    refused(predict, request("half", x=given), "has 3 values")


def test_many_small_fills_are_counted_together(predict):
    def ask(count):
        inputs = {name: proto("DT_FLOAT", [count], float_val=[1.0]) for name in "abc"}
        return request("wide", **inputs)

    part = MADE // 4 // 3
    assert len(predict(ask(part)).outputs["sum"].float_val) == part
    refused(predict, ask(MADE // 4 // 2), "filling the inputs")


def test_rows_and_what_they_make_are_limited(predict, small):
    def ask(rows):
        return request("wide", "images", seeds=proto("DT_INT64", [rows], int64_val=[1]))

    assert predict(ask(100)).outputs["images"].tensor_shape.dim[0].size == 100
    refused(predict, ask(ROWS + 1), "201 rows, at most 200")
    row = 28 * 28 * 4
    most = MADE // row
    url = f"http://127.0.0.1:{small.rest_port}/v1/models"
    for rows in (199, 334):
        big = start_body("images", rows)
        answer = httpx.post(f"{url}/wide:predict", content=big)
        assert answer.status_code == (200 if rows <= min(ROWS, most) else 400), answer.text[:300]
    values = httpx.post(f"{url}/half:predict", json={"instances": [1.0] * (ROWS + 1)})
    assert values.status_code == 400 and "--max-request-rows" in values.json()["error"]
    assert httpx.post(f"{url}/half:predict", json={"instances": [1.0] * ROWS}).status_code == 200


def start_body(signature, rows):
    return f'{{"signature_name": "{signature}", "inputs": [{",".join(["1"] * rows)}]}}'


def test_the_answer_is_counted_by_its_declared_shape(start, toys):
    server = start(models=(toys / "wide",), max_made_bytes=10 * 3136)
    url = f"http://127.0.0.1:{server.rest_port}/v1/models/wide:predict"
    assert httpx.post(url, content=start_body("images", 10)).status_code == 200
    answer = httpx.post(url, content=start_body("images", 11))
    assert answer.status_code == 400 and "the answer would take 34496" in answer.json()["error"]


def test_a_context_is_counted_for_every_example(small):
    message = classification_pb2.ClassificationRequest()
    message.model_spec.name, message.model_spec.signature_name = "examples", "classify"
    listed = message.input.example_list_with_context
    listed.context.features.feature["z"].bytes_list.value.append(b"x" * (MADE // 100))
    for _ in range(150):
        listed.examples.add()
    with grpc.insecure_channel(f"127.0.0.1:{small.grpc_port}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        refused(stub.Classify, message, "the context, repeated")
        del listed.examples[50:]
        assert len(stub.Classify(message).result.classifications) == 50
        for _ in range(ROWS):
            listed.examples.add()
        listed.ClearField("context")
        refused(stub.Classify, message, f"at most {ROWS}")


def test_a_huge_output_filter_is_refused_at_once(predict):
    message = request("half", x=proto("DT_FLOAT", [1], float_val=[1.0]))
    message.output_filter.extend(["y"] * 500_000)
    begin = time.monotonic()
    refused(predict, message, "more than once")
    message.output_filter[:] = ["n" * 2_000_000]
    refused(predict, message, "output_filter names")
    assert time.monotonic() - begin < 5


def test_who_does_not_speak_grpc_is_not_waited_for(small):
    with socket.create_connection(("127.0.0.1", small.grpc_port), timeout=15) as sock:
        begin = time.monotonic()
        while sock.recv(2**16):
            pass
        assert 2 < time.monotonic() - begin < 10


@pytest.mark.parametrize("body", [
    '{"signature_name": "any_shape", "inputs": [' + ",".join(["[]"] * 1000) + "]}",
    '{"inputs": {"x": [[]]}}',
])  # fmt: skip
def test_empty_lists_are_answered(small, body):
    url = f"http://127.0.0.1:{small.rest_port}/v1/models/half:predict"
    assert httpx.post(url, content=body).status_code == 200


def test_lists_that_would_fill_the_memory_are_counted_before_they_are_made(start, toys):
    server = start(models=(toys / "half",))
    body = b'{"inputs": [' + b"[]," * (2**22 + 1) + b"[]]}"
    url = f"http://127.0.0.1:{server.rest_port}/v1/models/half:predict"
    answer = httpx.post(url, content=body, timeout=30)
    assert answer.status_code == 400 and "lists and objects" in answer.json()["error"]


def test_an_error_quotes_no_more_of_a_request_than_is_readable(small):
    url = f"http://127.0.0.1:{small.rest_port}/v1/models/half:predict"
    body = {"instances": [1.0], "signature_name": "n" * 100_000}
    answer = httpx.post(url, json=body)
    assert answer.status_code == 400 and len(answer.content) < 3000
