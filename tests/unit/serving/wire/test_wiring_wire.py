"""Rows and bytes are counted over all inputs and all outputs, in whatever order they stand."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from tfgan_survey.serving.wire.interface import PREDICT, Interface
from tfgan_survey.serving.wire.limits import Limits
from tfgan_survey.serving.wire.status import ServingError


def interface(inputs, outputs):
    definition = meta_graph_pb2.SignatureDef(method_name=PREDICT)
    for infos, shapes in ((definition.inputs, inputs), (definition.outputs, outputs)):
        for name, shape in shapes.items():
            infos[name].dtype = tf.float32.as_datatype_enum
            for size in shape:
                infos[name].tensor_shape.dim.add(size=size)
    return Interface("both", definition)


@pytest.mark.parametrize("sizes", [(5, 1), (1, 5)])
def test_the_longest_input_sets_the_rows(sizes):
    signature = interface({"a": (-1,), "b": (-1,)}, {"y": (3,)})
    arrays = [np.zeros(size, np.float32) for size in sizes]
    Limits(rows=5).check_run(signature, arrays)
    with pytest.raises(ServingError, match="5 rows, at most 4"):
        Limits(rows=4).check_run(signature, arrays)


def test_all_outputs_count_towards_the_answer():
    signature = interface({"a": (-1,)}, {"small": (-1,), "wide": (-1, 10), "fixed": (1000,)})
    rows = [np.zeros(2, np.float32)]
    Limits(made_bytes=2 * 4 * 11).check_run(signature, rows)
    with pytest.raises(ServingError, match="would take 88 bytes"):
        Limits(made_bytes=2 * 4 * 11 - 1).check_run(signature, rows)
