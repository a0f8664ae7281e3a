"""The gRPC API keeps every row of TensorFlow Serving's contract, over real sockets."""

import grpc
import numpy as np
import pytest
import tensorflow as tf
import toys as toy_models
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

INVALID, MISSING = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


@pytest.fixture(scope="module")
def predictions(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="module")
def models(channel):
    return model_service_pb2_grpc.ModelServiceStub(channel)


def request(model="half", signature="", version=None, label=None, **inputs):
    message = predict_pb2.PredictRequest()
    fill(message.model_spec, model, signature, version, label)
    for name, value in inputs.items():
        message.inputs[name].CopyFrom(tensor(value))
    return message


def fill(spec, model, signature="", version=None, label=None):
    spec.name = model
    spec.signature_name = signature
    if version is not None:
        spec.version.value = version
    if label is not None:
        spec.version_label = label


def tensor(value):
    if hasattr(value, "tensor_shape"):
        return value
    if isinstance(value, list):
        value = np.array(value, np.float32 if isinstance(value[0], float) else np.int32)
    return tf.make_tensor_proto(value)


def fails(call, message, code):
    with pytest.raises(grpc.RpcError) as caught:
        call(message)
    assert caught.value.code() == code, caught.value.details()
    assert caught.value.details()


def test_predict_names_the_resolved_signature_and_uses_typed_fields(predictions):
    response = predictions.Predict(request(x=[1.0, 2.0]))
    assert response.model_spec.name == "half"
    assert response.model_spec.version.value == 3
    assert response.model_spec.signature_name == "serving_default"
    output = response.outputs["y"]
    assert list(output.float_val) == [2.5, 3.0] and not output.tensor_content
    assert [dim.size for dim in output.tensor_shape.dim] == [2]


@pytest.mark.parametrize("which", [{"version": 2}, {"label": "stable"}])
def test_version_and_label(predictions, which):
    response = predictions.Predict(request(x=[1.0], **which))
    assert list(response.outputs["y"].float_val) == [2.25]
    assert response.model_spec.version.value == 2


@pytest.mark.parametrize("dtype", [*toy_models.ECHOED, *toy_models.ONLY_GRPC, "float32"])
@pytest.mark.parametrize("shape", [(3,), (2, 2), (1,), (0,), ()])
@pytest.mark.parametrize("form", ["content", "typed"])
def test_every_dtype_and_shape_comes_back(predictions, dtype, shape, form):
    kind = tf.as_dtype(dtype)
    values = np.arange(1, 1 + int(np.prod(shape))).reshape(shape).astype(kind.as_numpy_dtype)
    message = request("echo", dtype, x=tensor(values))
    if form == "typed" and values.size:
        given = message.inputs["x"]
        given.CopyFrom(typed_tensor(values, kind))
    output = predictions.Predict(message).outputs["y"]
    assert not output.tensor_content
    returned = tf.make_ndarray(output)
    assert returned.dtype == values.dtype and returned.shape == values.shape
    np.testing.assert_array_equal(returned, values)


def typed_tensor(values, kind):
    proto = tf.make_tensor_proto(values)
    content = np.frombuffer(proto.tensor_content, values.dtype) if proto.tensor_content else values
    proto.ClearField("tensor_content")
    for field in ("float_val", "double_val", "int_val", "int64_val", "bool_val", "half_val",
                  "uint32_val", "uint64_val", "scomplex_val"):  # fmt: skip
        proto.ClearField(field)
    flat = np.ravel(content)
    if kind == tf.complex64:
        proto.scomplex_val.extend(flat.view(np.float32).tolist())
    elif kind in (tf.half, tf.bfloat16):
        proto.half_val.extend(flat.view(np.uint16).tolist())
    else:
        field = {
            "float32": "float_val", "float64": "double_val", "bool": "bool_val",
            "int64": "int64_val", "uint32": "uint32_val", "uint64": "uint64_val",
        }.get(kind.name, "int_val")  # fmt: skip
        getattr(proto, field).extend(flat.tolist())
    return proto


def test_strings(predictions):
    response = predictions.Predict(request("strings", text=np.array([b"ab", b"\xff"], object)))
    assert list(response.outputs["upper"].string_val) == [b"AB", b"\xff"]
    assert set(response.outputs) == {"upper", "raw_bytes"}


def test_large_typed_floats_come_back(predictions):
    values = np.random.default_rng(0).standard_normal((4, 5000)).astype(np.float32)
    message = request("echo", "float32", x=typed_tensor(values, tf.float32))
    output = predictions.Predict(message).outputs["y"]
    np.testing.assert_array_equal(tf.make_ndarray(output), values)


def test_messages_over_four_megabytes(server):
    values = np.zeros((1, 2**21), np.float32)  # 8 MB each way
    options = [(f"grpc.max_{way}_message_length", -1) for way in ("send", "receive")]
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}", options) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        output = stub.Predict(request("echo", "float32", x=values)).outputs["y"]
    assert len(output.float_val) == values.size


def test_scalar_output(predictions):
    response = predictions.Predict(request("two", "only_scalar", a=[1.5, 2.0]))
    assert list(response.outputs["total"].float_val) == [3.5]
    assert not response.outputs["total"].tensor_shape.dim
    assert not response.outputs["total"].tensor_shape.unknown_rank


def test_output_filter(predictions):
    both = {"a": np.ones((1, 2), np.float32), "b": [1]}
    message = request("two", **both)
    assert set(predictions.Predict(message).outputs) == {"scaled", "next"}
    message.output_filter.append("next")
    response = predictions.Predict(message)
    assert set(response.outputs) == {"next"} and list(response.outputs["next"].int_val) == [2]
    message.output_filter.append("next")
    fails(predictions.Predict, message, INVALID)
    message.output_filter[:] = ["odd"]
    fails(predictions.Predict, message, INVALID)


def test_one_value_fills_a_larger_shape(predictions):
    value = tensor(np.zeros(1, np.float32))
    value.ClearField("tensor_content")
    value.float_val[:] = [4.0]
    value.tensor_shape.dim[0].size = 3
    assert list(predictions.Predict(request(x=value)).outputs["y"].float_val) == [4.0] * 3
    value.tensor_shape.dim[0].size = 2**40
    fails(predictions.Predict, request(x=value), INVALID)


def broken(**changes):
    value = tensor(np.zeros((2, 2), np.float32))
    for name, change in changes.items():
        if name == "size":
            value.tensor_shape.dim[0].size = change
        elif name == "unknown_rank":
            value.tensor_shape.unknown_rank = change
        elif name == "float_val":
            value.ClearField("tensor_content")
            value.float_val[:] = change
        else:
            setattr(value, name, change)
    return value


@pytest.mark.parametrize(
    "value",
    [
        broken(size=3),
        broken(size=-2),
        broken(size=2**62),
        broken(unknown_rank=True),
        broken(tensor_content=b"123"),
        broken(float_val=[1.0] * 5),
        broken(dtype=0),
        broken(dtype=9999),
        broken(dtype=tf.float64.as_datatype_enum),
        tensor(np.zeros(2, np.int32)),
        tensor(np.array([b"a"], object)),
    ],
)
def test_malformed_and_ill_typed_tensors(predictions, value):
    fails(predictions.Predict, request("half", "any_shape", x=value), INVALID)
    assert predictions.Predict(request(x=[1.0])).outputs["y"].float_val == [2.5]


def test_missing_and_extra_inputs(predictions):
    fails(predictions.Predict, request(), INVALID)
    fails(predictions.Predict, request(x=[1.0], z=[1.0]), INVALID)
    fails(predictions.Predict, request("two", b=[1]), INVALID)


def test_inner_dimension_that_the_ops_reject(predictions):
    value = np.zeros((2, 2), np.float32)
    fails(predictions.Predict, request("half", "matrix", x=value), INVALID)


def test_values_beyond_the_dtype(predictions):
    value = tensor(np.array([1], np.int8))
    value.ClearField("tensor_content")
    value.int_val[:] = [300]
    fails(predictions.Predict, request("echo", "int8", x=value), INVALID)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (predict_pb2.PredictRequest(), INVALID),
        (request(""), INVALID),
        (request("none", x=[1.0]), MISSING),
        (request(version=9, x=[1.0]), MISSING),
        (request(label="odd", x=[1.0]), INVALID),
        (request(signature="odd", x=[1.0]), grpc.StatusCode.FAILED_PRECONDITION),
        (request(signature="__saved_model_init_op"), INVALID),
    ],
)
def test_model_spec_errors(predictions, message, code):
    fails(predictions.Predict, message, code)


def test_broken_bytes_are_invalid(channel):
    for service, method in (
        ("PredictionService", "Predict"),
        ("PredictionService", "Classify"),
        ("ModelService", "GetModelStatus"),
    ):
        call = channel.unary_unary(f"/tensorflow.serving.{service}/{method}")
        fails(call, b"\x0a\xff\xff", INVALID)
    fails(channel.unary_unary("/tensorflow.serving.PredictionService/No"), b"",
          grpc.StatusCode.UNIMPLEMENTED)  # fmt: skip


def test_deadline(predictions):
    with pytest.raises(grpc.RpcError) as caught:
        predictions.Predict(request("half", "slow", steps=[60_000]), timeout=0.02)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


# --- models ---------------------------------------------------------------------------------------


def test_status(models):
    message = get_model_status_pb2.GetModelStatusRequest()
    fails(models.GetModelStatus, message, INVALID)
    fill(message.model_spec, "none")
    fails(models.GetModelStatus, message, MISSING)
    fill(message.model_spec, "half")
    entries = models.GetModelStatus(message).model_version_status
    assert [entry.version for entry in entries] == [3, 2]
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert {entry.state for entry in entries} == {available}
    assert {entry.status.error_code for entry in entries} == {0}
    message.model_spec.version.value = 9
    fails(models.GetModelStatus, message, MISSING)
    message.model_spec.version_label = "stable"
    (entry,) = models.GetModelStatus(message).model_version_status
    assert entry.version == 2


def test_metadata(predictions):
    message = get_model_metadata_pb2.GetModelMetadataRequest()
    message.metadata_field.append("signature_def")
    fails(predictions.GetModelMetadata, message, INVALID)
    fill(message.model_spec, "none")
    fails(predictions.GetModelMetadata, message, MISSING)
    fill(message.model_spec, "two")
    response = predictions.GetModelMetadata(message)
    assert response.model_spec.version.value == 3 and response.model_spec.name == "two"
    found = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(found)
    assert set(found.signature_def["serving_default"].inputs) == {"a", "b"}
    assert "__saved_model_init_op" in found.signature_def
    for fields in ([], ["odd"], ["signature_def", "odd"]):
        message.metadata_field[:] = fields
        fails(predictions.GetModelMetadata, message, INVALID)


def reload_request(*configs):
    message = model_management_pb2.ReloadConfigRequest()
    message.config.model_config_list.SetInParent()
    for name, path in configs:
        message.config.model_config_list.config.add(
            name=name, base_path=str(path), model_platform="tensorflow"
        )
    return message


def test_reload_config(start, toys, tmp_path):
    server = start(models=(str(toys / "half"), str(toys / "two")))
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        predictions = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        reload = stub.HandleReloadConfigRequest
        fails(reload, model_management_pb2.ReloadConfigRequest(), INVALID)
        custom = model_management_pb2.ReloadConfigRequest()
        custom.config.custom_model_config.SetInParent()
        fails(reload, custom, INVALID)
        fails(reload, reload_request(("strings", toys / "strings")), INVALID)  # outside
        fails(reload, reload_request(("x", toys / "half" / ".." / "strings")), INVALID)
        link = toys / "half" / "link"
        link.symlink_to(toys / "strings")
        try:
            fails(reload, reload_request(("x", link)), INVALID)
        finally:
            link.unlink()
        fails(reload, reload_request(("half", toys / "half"), ("half", toys / "two")), INVALID)
        assert predictions.Predict(request(x=[1.0])).outputs["y"].float_val == [2.5]
        reload(reload_request(("again", toys / "half")))
        assert predictions.Predict(request("again", x=[1.0])).outputs["y"].float_val == [2.5]
        fails(predictions.Predict, request(x=[1.0]), MISSING)


# --- classify, regress ----------------------------------------------------------------------------


def examples_input(message, *values, context=None):
    examples = []
    for value in values:
        example = tf.train.Example()
        if value is not None:
            example.features.feature["x"].float_list.value.append(value)
        examples.append(example)
    if context is None:
        message.input.example_list.examples.extend(examples)
    else:
        listed = message.input.example_list_with_context
        listed.examples.extend(examples)
        listed.context.features.feature["x"].float_list.value.append(context)
    return message


def test_classify(predictions):
    message = classification_pb2.ClassificationRequest()
    fails(predictions.Classify, message, INVALID)
    fill(message.model_spec, "none", "classify")
    fails(predictions.Classify, message, MISSING)
    fill(message.model_spec, "examples", "classify")
    fails(predictions.Classify, message, INVALID)  # no example
    response = predictions.Classify(examples_input(message, 2.0, None, context=6.0))
    rows = [[(c.label, c.score) for c in row.classes] for row in response.result.classifications]
    assert rows == [[("plus", 3.0), ("minus", -3.0)], [("plus", 5.0), ("minus", -5.0)]]
    assert response.model_spec.signature_name == "classify"
    fill(message.model_spec, "examples", "regress")
    fails(predictions.Classify, message, INVALID)


def test_regress(predictions):
    message = regression_pb2.RegressionRequest()
    fails(predictions.Regress, message, INVALID)
    fill(message.model_spec, "examples", "regress")
    response = predictions.Regress(examples_input(message, 2.0, 4.0))
    assert [row.value for row in response.result.regressions] == [3.0, 4.0]


def test_multi_inference(predictions):
    message = inference_pb2.MultiInferenceRequest()
    fails(predictions.MultiInference, message, INVALID)
    for kind in ("classify", "regress"):
        task = message.tasks.add(method_name=f"tensorflow/serving/{kind}")
        fill(task.model_spec, "examples", kind)
    response = predictions.MultiInference(examples_input(message, 2.0))
    first, second = response.results
    assert first.classification_result.classifications[0].classes[0].score == 3.0
    assert second.regression_result.regressions[0].value == 3.0
    message.tasks[1].model_spec.signature_name = "classify"
    fails(predictions.MultiInference, message, INVALID)
    message.tasks[1].model_spec.name = "half"
    fails(predictions.MultiInference, message, INVALID)
    for task in message.tasks:
        task.model_spec.name = "none"
    fails(predictions.MultiInference, message, MISSING)
