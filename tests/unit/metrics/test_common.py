"""The result type and the checks that are not reached through a metric's own tests."""

import dataclasses
import json

import numpy as np
import pytest

from tfgan_survey.metrics.common import Measurement, MetricWarning, check_images, to_unit


def test_measurement_becomes_json_and_back():
    real = Measurement("recall", np.float64(0.9), None, 10, None, "real")
    one = Measurement("recall", np.float32(0.5), 0.01, np.int64(10), 3, "k=3", (real,), {"k": 3})
    read = json.loads(json.dumps(one.to_dict()))
    assert read["reference"][0]["value"] == 0.9
    assert {field.name for field in dataclasses.fields(Measurement)} == set(read)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.value = 1.0


def test_bytes_of_zero_and_one_are_doubted():
    with pytest.warns(MetricWarning, match="multiply by 255"):
        check_images(np.eye(4, dtype=np.uint8)[None, :, :, None])


def test_to_unit_covers_both_ends():
    pixels = to_unit(np.array([[0, 255, 51]], np.uint8))
    assert pixels.dtype == np.float32
    assert pixels == pytest.approx(np.array([[0.0, 1.0, 0.2]]), abs=1e-7)
