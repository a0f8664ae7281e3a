"""The REST API keeps every row of TensorFlow Serving's contract, over real sockets."""

import base64
import gzip
import json
import math

import numpy as np
import pytest
from rest_calls import HALF, TWO, error_of, ok, post

# --- paths ----------------------------------------------------------------------------------------


def test_status_lists_versions_newest_first(rest):
    entry = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    listed = ok(rest.get("/v1/models/half"))
    assert listed == {"model_version_status": [{"version": v, **entry} for v in ("3", "2")]}


@pytest.mark.parametrize(
    ("path", "version"),
    [("versions/2", "2"), ("labels/stable", "2"), ("labels/canary", "3"), ("versions/0003", "3")],
)
def test_status_of_one_version(rest, path, version):
    (entry,) = ok(rest.get(f"/v1/models/half/{path}"))["model_version_status"]
    assert entry["version"] == version


@pytest.mark.parametrize("path", ["/v1/models/none", "/v1/models/half/versions/9"])
def test_status_unknown_is_404(rest, path):
    error_of(rest.get(path), 404)


def test_metadata(rest):
    body = ok(rest.get("/v1/models/two/metadata"))
    assert body["model_spec"] == {"name": "two", "signature_name": "", "version": "3"}
    assert list(body["metadata"]) == ["signature_def"]
    signatures = body["metadata"]["signature_def"]["signature_def"]
    assert set(signatures) == {
        "serving_default", "scalar", "only_scalar", "__saved_model_init_op",
    }  # fmt: skip
    default = signatures["serving_default"]
    assert set(default) == {"inputs", "outputs", "method_name", "defaults"}
    assert default["method_name"] == "tensorflow/serving/predict"
    assert default["defaults"] == {}
    assert set(default["inputs"]) == {"a", "b"} and set(default["outputs"]) == {"scaled", "next"}
    given = default["inputs"]["a"]
    assert given["name"].endswith(":0")
    assert given["dtype"] == "DT_FLOAT"
    assert given["tensor_shape"] == {
        "dim": [{"size": "-1", "name": ""}, {"size": "2", "name": ""}],
        "unknown_rank": False,
    }
    total = signatures["scalar"]["outputs"]["total"]["tensor_shape"]
    assert total == {"dim": [], "unknown_rank": False}


def test_metadata_of_version_and_label(rest):
    for path in ("versions/2", "labels/stable"):
        assert ok(rest.get(f"/v1/models/half/{path}/metadata"))["model_spec"]["version"] == "2"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/v1/models/none", "Servable not found for request: Latest(none)"),
        ("/v1/models/half/versions/9", "Servable not found for request: Specific(half, 9)"),
    ],
)
def test_unknown_servable_is_404(rest, path, message):
    assert error_of(rest.get(f"{path}/metadata"), 404) == message
    assert error_of(post(rest, f"{path}:predict", {"instances": [1.0]}), 404) == message


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", HALF),
        ("POST", "/v1/models/half/metadata"),
        ("POST", "/v1/models/half"),
        ("PUT", HALF),
        ("DELETE", "/v1/models/half"),
        ("PATCH", "/v1/models/half"),
        ("POST", "/v1/models/half:explain"),
        ("GET", "/v1/models/half/versions/HELLO"),
        ("GET", "/v1/models/half/versions/-1"),
        ("GET", "/v1/models/half/versions/2/labels/stable"),
        ("GET", "/v1/models/half/versions/99999999999999999999"),
        ("POST", "/v1/models/half/versions/HELLO:predict"),
        ("GET", "/v1/nothing"),
        ("GET", "/v1/"),
        ("GET", "/v1/models/../../etc/passwd"),
        ("GET", "/v1/models/half%2F..%2Ftwo"),
    ],
)
def test_malformed_requests_are_400(rest, method, path):
    if "/../" in path:
        path = path.replace("/../", "/%2E%2E/")
    message = error_of(rest.request(method, path, content=b"{}"), 400)
    assert "Malformed request" in message or "version" in message


def test_missing_model_name_is_400(rest):
    assert "issing model name" in error_of(rest.get("/v1/models"), 400)


@pytest.mark.parametrize("path", ["/v2/models/half", "/models/half", "/metrics", "/v1"])
def test_paths_outside_v1_are_404_without_json(rest, path):
    response = rest.get(path)
    assert response.status_code == 404
    assert not response.headers["content-type"].startswith("application/json")


def test_unknown_label_is_400(rest):
    for path in ("/v1/models/half/labels/odd", "/v1/models/half/labels/odd/metadata"):
        assert "label" in error_of(rest.get(path), 400)
    error_of(post(rest, "/v1/models/half/labels/odd:predict", {"instances": [1.0]}), 400)


# --- predict --------------------------------------------------------------------------------------


def test_one_input_rows_and_columns(rest):
    assert ok(post(rest, HALF, {"instances": [1.0, 2, -4]})) == {"predictions": [2.5, 3.0, 0.0]}
    assert ok(post(rest, HALF, {"instances": [{"x": 1}]})) == {"predictions": [2.5]}
    assert ok(post(rest, HALF, {"inputs": [1.0, 2.0]})) == {"outputs": [2.5, 3.0]}
    assert ok(post(rest, HALF, {"inputs": {"x": [1.0]}})) == {"outputs": [2.5]}


def test_version_and_label_choose_the_version(rest):
    for path, expected in (("versions/2", 2.25), ("labels/stable", 2.25), ("labels/canary", 2.5)):
        body = ok(post(rest, f"/v1/models/half/{path}:predict", {"instances": [1.0]}))
        assert body == {"predictions": [expected]}


def test_two_inputs_rows_and_columns(rest):
    rows = [{"a": [1.0, 2.0], "b": 2}, {"b": -1, "a": [0.5, 0]}]
    assert ok(post(rest, TWO, {"instances": rows})) == {
        "predictions": [
            {"scaled": [2.0, 4.0], "next": 3},
            {"scaled": [-0.5, 0.0], "next": 0},
        ]
    }
    columns = {"a": [[1.0, 2.0], [0.5, 0]], "b": [2, -1], "passed over": None}
    assert ok(post(rest, TWO, {"inputs": columns})) == {
        "outputs": {"scaled": [[2.0, 4.0], [-0.5, 0.0]], "next": [3, 0]}
    }


def test_unknown_top_level_keys_and_named_signature(rest):
    body = {"instances": [[1, 2, 3]], "signature_name": "matrix", "more": [None]}
    assert ok(post(rest, HALF, body)) == {"predictions": [[6.0, 6.0]]}


def test_scalar_outputs_need_columns(rest):
    rows = [{"a": [1.0, 2.0], "b": 2}]
    body = {"signature_name": "scalar", "instances": rows}
    assert "dimension 0" in error_of(post(rest, TWO, body), 400)
    body = {"signature_name": "scalar", "inputs": {"a": [[1.0, 2.0]], "b": [2]}}
    assert ok(post(rest, TWO, body)) == {"outputs": {"total": 3.0, "rows": [2]}}
    body = {"signature_name": "only_scalar", "inputs": [1.5, 2.0]}
    assert ok(post(rest, TWO, body)) == {"outputs": 3.5}
    error_of(post(rest, TWO, {"signature_name": "only_scalar", "instances": [1.5]}), 400)


def test_bare_scalar_input(rest):
    body = {"signature_name": "any_shape", "inputs": 1.5}
    assert ok(post(rest, HALF, body)) == {"outputs": 3.0}
    error_of(post(rest, HALF, {**body, "instances": [1]}), 400)


def test_declared_inner_shape_is_left_to_the_ops(rest):
    body = {"instances": [1.0, 2.0, 5.0]}
    assert ok(post(rest, "/v1/models/examples:predict", body)) == {"predictions": [2.5, 3.0, 4.5]}


def test_strings_and_bytes(rest):
    path = "/v1/models/strings:predict"
    raw = bytes(range(256))
    rows = ["aé", {"b64": base64.b64encode(b"b").decode()}]
    assert ok(post(rest, path, {"instances": rows})) == {
        "predictions": [
            {"upper": "Aé", "raw_bytes": {"b64": base64.b64encode("aé".encode()).decode()}},
            {"upper": "B", "raw_bytes": {"b64": "Yg=="}},
        ]
    }
    body = {"inputs": {"b64": base64.b64encode(raw).decode()}, "signature_name": "raw"}
    assert ok(post(rest, path, body)) == {"outputs": {"b64": base64.b64encode(raw).decode()}}
    body = {"instances": [{"text": {"b64": "YQ=="}}], "signature_name": "raw"}
    assert ok(post(rest, path, body)) == {"predictions": [{"b64": "YQ=="}]}


def echo(rest, dtype, text):
    body = f'{{"signature_name": "{dtype}", "inputs": [{text}]}}'
    return post(rest, "/v1/models/echo:predict", body)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint32", "uint64"])
def test_integer_range(rest, dtype):
    limits = np.iinfo(dtype)
    for value in (limits.min, limits.max):
        assert ok(echo(rest, dtype, value)) == {"outputs": [value]}
    for value in (limits.min - 1, limits.max + 1, 10**30):
        error_of(echo(rest, dtype, value), 400)
    for token in ("1.0", "1e2", "true", '"1"', "null", "NaN", '{"b64": "YQ=="}'):
        error_of(echo(rest, dtype, token), 400)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_float_tokens(rest, dtype):
    response = echo(rest, dtype, "1, NaN, Infinity, -Infinity, 0.1, -0.0, 1e-30")
    assert response.status_code == 200
    compact = response.text.replace(" ", "").lower().replace("e-0", "e-")
    assert compact == '{"outputs":[1.0,nan,infinity,-infinity,0.1,-0.0,1e-30]}'
    assert "NaN" in response.text and "-Infinity" in response.text
    for token in ("true", '"1"', "null", '{"b64": "YQ=="}', "Nan", "inf", "1e999", "[1], 2"):
        error_of(echo(rest, dtype, token), 400)


def test_nonfinite_rows_of_several_outputs(rest):
    body = '{"instances": [{"a": [NaN, -Infinity], "b": 1}, {"a": [1, 2], "b": 2}]}'
    rows = json.loads(post(rest, TWO, body).text)["predictions"]
    assert math.isnan(rows[0]["scaled"][0]) and rows[0]["scaled"][1] == -math.inf
    assert rows[1] == {"scaled": [2.0, 4.0], "next": 3}


def test_bool_tokens(rest):
    assert ok(echo(rest, "bool", "true, false")) == {"outputs": [True, False]}
    for token in ("1", "0", '"true"', "null"):
        error_of(echo(rest, "bool", token), 400)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "uint16", "complex64"])
def test_other_dtypes_are_501(rest, dtype):
    error_of(echo(rest, dtype, "1"), 501)


def test_float32_comes_back_exactly(rest):
    values = np.random.default_rng(0).standard_normal(2000).astype(np.float32) * 1e-3
    text = post(rest, "/v1/models/echo:predict",
                {"signature_name": "float32", "inputs": [values.tolist()]}).text  # fmt: skip
    tokens = text[text.index("[[") + 2 : text.index("]]")].split(",")
    assert all("." in token or "e" in token for token in tokens)
    digits = [token.split("e")[0].strip("-").replace(".", "").lstrip("0") for token in tokens]
    assert max(map(len, digits)) <= 9  # the shortest digits, not a double's
    np.testing.assert_array_equal(np.array(tokens, np.float32), values)


@pytest.mark.parametrize("text", ["Y", "Y!==", "YQ==YQ==", "é"])
def test_bad_base64_is_400(rest, text):
    error_of(post(rest, "/v1/models/strings:predict", {"instances": [{"b64": text}]}), 400)


def test_gzip_bodies(rest):
    headers = {"content-encoding": "gzip"}
    body = gzip.compress(b'{"instances": [1.0]}')
    assert ok(post(rest, HALF, body, headers=headers)) == {"predictions": [2.5]}
    error_of(post(rest, HALF, body[:-5], headers=headers), 400)
    error_of(post(rest, HALF, b"no gzip", headers=headers), 400)
    error_of(post(rest, HALF, body, headers={"content-encoding": "br"}), 400)
    bomb = gzip.compress(b" " * (2**20 + 1))
    error_of(post(rest, HALF, bomb, headers=headers), 413)


def test_oversized_bodies_are_413(rest):
    message = error_of(post(rest, HALF, b" " * (2**20 + 1)), 413)
    assert "--max-request-bytes" in message

    def chunks():
        for _ in range(17):
            yield b" " * 2**16

    error_of(rest.post(HALF, content=chunks()), 413)


# --- classify, regress ----------------------------------------------------------------------------


def test_classify(rest):
    path = "/v1/models/examples:classify"
    body = {"signature_name": "classify", "examples": [{"x": 2.0}, {"x": [4.0]}, {}]}
    assert ok(post(rest, path, body)) == {
        "results": [
            [["plus", 3.0], ["minus", -3.0]],
            [["plus", 4.0], ["minus", -4.0]],
            [["plus", 2.0], ["minus", -2.0]],
        ]
    }


def test_regress_with_context(rest):
    path = "/v1/models/examples:regress"
    body = {"signature_name": "regress", "context": {"x": 6.0}, "examples": [{}, {"x": 2.0}]}
    assert ok(post(rest, path, body)) == {"results": [5.0, 3.0]}


def test_predict_needs_a_known_method_name(rest):
    body = {"signature_name": "odd_method", "instances": [1.0]}
    assert "some/other/method" in error_of(post(rest, "/v1/models/examples:predict", body), 400)


def test_predict_runs_a_classify_signature(rest):
    body = {"signature_name": "classify", "instances": [{"b64": ""}]}
    (row,) = ok(post(rest, "/v1/models/examples:predict", body))["predictions"]
    assert row == {"classes": ["plus", "minus"], "scores": [2.0, -2.0]}


# --- around it ------------------------------------------------------------------------------------


def test_metrics(rest):
    before = rest.get("/monitoring/prometheus/metrics").text
    for _ in range(3):
        post(rest, "/v1/models/two:predict", {"instances": [1]})
    response = rest.get("/monitoring/prometheus/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    lines = response.text.splitlines()
    assert "# TYPE :tensorflow:serving:request_count counter" in lines
    for name in ("request_latency", "runtime_latency"):
        assert f"# TYPE :tensorflow:serving:{name} histogram" in lines
    prefix = ':tensorflow:serving:request_count{model_name="two",status="INVALID_ARGUMENT"} '

    def count(text):
        return sum(float(x[len(prefix) :]) for x in text.splitlines() if x.startswith(prefix))

    assert count(response.text) == count(before) + 3
    labels = '{model_name="two",API="Predict",entrypoint="REST"}'
    latency = ":tensorflow:serving:request_latency_count" + labels
    assert any(line.startswith(latency) for line in lines)


def test_names_of_unknown_models_do_not_fill_the_metrics(rest):
    for index in range(5):
        rest.post(f"/v1/models/unknown{index}:predict", content=b"{}")
    text = rest.get("/monitoring/prometheus/metrics").text
    assert "unknown" not in text and 'model_name="",status="NOT_FOUND"' in text


def test_cors_headers_for_the_named_origin_only(rest):
    name = "access-control-allow-origin"
    for origin, code, expected in (
        ("http://page.example", 200, "http://page.example"),
        ("http://o", 403, None),
    ):
        response = rest.get("/v1/models/half", headers={"origin": origin})
        assert response.status_code == code and response.headers.get(name) == expected
    preflight = {"origin": "http://page.example", "access-control-request-method": "POST"}
    assert rest.options(HALF, headers=preflight).headers[name] == "http://page.example"


def test_keep_alive_and_request_id(rest):
    response = rest.get("/v1/models/half", headers={"x-request-id": "abc-1"})
    assert response.headers["x-request-id"] == "abc-1"
    assert response.headers.get("connection", "keep-alive") == "keep-alive"
    response = rest.get("/v1/models/half", headers={"x-request-id": "a b" * 50})
    assert response.headers["x-request-id"].isdigit()
