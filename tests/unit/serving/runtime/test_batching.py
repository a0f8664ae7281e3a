"""The scheduler: joining, padding, splitting, bounds, deadlines, and what a bad neighbour does."""

import asyncio
import itertools
import time

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfgan_survey.serving.runtime.batching import Scheduler
from tfgan_survey.serving.runtime.saved_model import load
from tfgan_survey.serving.runtime.versions import AVAILABLE, Version
from tfgan_survey.serving.wire.config_files import BatchingParameters
from tfgan_survey.serving.wire.status import ServingError

FOREVER = float("inf")


@pytest.fixture(scope="module")
def version(toys):
    version = Version("half", 3, toys / "half" / "00000003")
    version.load(load)
    assert version.state == AVAILABLE and version.acquire()
    yield version
    version.loaded.close()


class Recorded:
    """A signature that notes the arrays of each run."""

    def __init__(self, signature):
        self.signature = signature
        self.name, self.inputs, self.outputs = signature.name, signature.inputs, signature.outputs
        self.batchable = signature.batchable
        self.runs = []

    def run(self, arrays):
        self.runs.append([np.array(array) for array in arrays])
        return self.signature.run(arrays)

    @property
    def sizes(self):
        return [run[0].shape[0] for run in self.runs]


def run_all(version, signature, requests, parameters, deadlines=None):
    """Send all requests at once; return answers or errors in order, and close the scheduler."""
    scheduler = Scheduler(parameters)

    async def main():
        tasks = [
            scheduler.run(version, signature, list(arrays), deadline)
            for arrays, deadline in zip(
                requests, deadlines or [FOREVER] * len(requests), strict=True
            )
        ]
        return await asyncio.gather(*tasks, return_exceptions=True)

    try:
        return asyncio.run(main())
    finally:
        scheduler.stop()


def parameters(**changes):
    values = {"max_batch_size": 8, "batch_timeout_micros": 50_000, "num_batch_threads": 1}
    return BatchingParameters(**{**values, **changes})


def rows(*values):
    return [np.array(values, np.float32)]


def test_concurrent_requests_share_one_run(version):
    signature = Recorded(version.loaded.signature(""))
    answers = run_all(version, signature, [rows(i) for i in range(8)], parameters())
    assert signature.sizes == [8]
    assert [answer[0].tolist() for answer in answers] == [[2 + i / 2] for i in range(8)]


def test_a_batch_is_run_when_its_time_is_over(version):
    signature = Recorded(version.loaded.signature(""))
    (answer,) = run_all(version, signature, [rows(4.0)], parameters(batch_timeout_micros=1000))
    assert signature.sizes == [1] and answer[0].tolist() == [4.0]


def test_a_batch_that_is_not_full_waits_for_the_run_before_it(version):
    """The second thread must not run each newcomer alone while the first one is busy."""

    class Slow(Recorded):
        def run(self, arrays):
            answer = super().run(arrays)
            time.sleep(0.4)
            return answer

    signature = Slow(version.loaded.signature(""))
    scheduler = Scheduler(parameters(num_batch_threads=2, batch_timeout_micros=1_000))

    async def main():
        tasks = []
        for number in range(4):
            tasks.append(
                asyncio.create_task(scheduler.run(version, signature, list(rows(number)), FOREVER))
            )
            await asyncio.sleep(0.05)  # far beyond the batch's own timeout
        return await asyncio.gather(*tasks)

    answers = asyncio.run(main())
    scheduler.stop()
    assert signature.sizes == [1, 3]
    assert [float(answer[0][0]) for answer in answers] == [2.0, 2.5, 3.0, 3.5]


def test_batches_are_padded_with_a_real_row_to_an_allowed_size(version):
    signature = Recorded(version.loaded.signature(""))
    answers = run_all(
        version, signature, [rows(1.0, 2.0), rows(3.0)],
        parameters(allowed_batch_sizes=(1, 4, 8)),
    )  # fmt: skip
    assert [run[0].tolist() for run in signature.runs] == [[1.0, 2.0, 3.0, 1.0]]
    assert [answer[0].tolist() for answer in answers] == [[2.5, 3.0], [3.5]]


def test_requests_of_other_inner_shapes_do_not_join(version):
    signature = Recorded(version.loaded.signature("row_sums"))
    requests = [[np.ones((1, size), np.float32)] for size in (2, 3, 2, 3)]
    answers = run_all(version, signature, requests, parameters())
    assert sorted(run[0].shape for run in signature.runs) == [(2, 2), (2, 3)]
    assert [answer[0].tolist() for answer in answers] == [[2.0], [3.0], [2.0], [3.0]]


def test_variable_length_inputs_are_padded_with_their_first_element(version):
    signature = Recorded(version.loaded.signature("row_sums"))
    requests = [[np.full((1, 1), 2, np.float32)], [np.ones((1, 3), np.float32)]]
    answers = run_all(version, signature, requests, parameters(pad_variable_length_inputs=True))
    assert [run[0].tolist() for run in signature.runs] == [[[2, 2, 2], [1, 1, 1]]]
    assert [answer[0].tolist() for answer in answers] == [[6.0], [3.0]]


def test_too_large_without_splitting(version):
    signature = version.loaded.signature("")
    (error,) = run_all(version, signature, [rows(*range(9))], parameters())
    assert error.code == "INVALID_ARGUMENT" and "max_batch_size 8" in error.message


def test_splitting(version):
    signature = Recorded(version.loaded.signature(""))
    settings_ = parameters(enable_large_batch_splitting=True, max_execution_batch_size=4)
    answers = run_all(version, signature, [rows(*range(3)), rows(*range(10))], settings_)
    assert signature.sizes == [4, 4, 4, 1]
    for size, answer in zip((3, 10), answers, strict=True):
        np.testing.assert_array_equal(answer[0], 2 + np.arange(size) / 2)
    (error,) = run_all(version, signature, [rows(*range(50))], settings_)
    assert error.code == "INVALID_ARGUMENT" and "queue ever holds" in error.message


def test_full_queue_is_unavailable(version):
    signature = version.loaded.signature("slow")
    settings_ = parameters(max_batch_size=1, max_enqueued_batches=2, batch_timeout_micros=0)
    answers = run_all(version, signature, [[np.array([20_000], np.int32)]] * 8, settings_)
    errors = [answer for answer in answers if isinstance(answer, ServingError)]
    assert {error.code for error in errors} == {"UNAVAILABLE"} and len(errors) >= 5
    assert all("queue is full" in error.message for error in errors)
    assert len(errors) < 8


@pytest.mark.parametrize("batching", [None, parameters(max_batch_size=1, max_enqueued_batches=9)])
def test_deadline(version, batching):
    signature = Recorded(version.loaded.signature("slow"))
    scheduler = Scheduler(batching, threads=1)

    async def main():
        first = asyncio.ensure_future(
            scheduler.run(version, signature, [np.array([40_000], np.int32)], FOREVER)
        )
        await asyncio.sleep(0)
        start = time.monotonic()
        with pytest.raises(ServingError) as caught:
            await scheduler.run(version, signature, [np.array([1], np.int32)], start + 0.001)
        assert caught.value.code == "DEADLINE_EXCEEDED"
        assert not first.done()  # the late request did not wait for the one before it
        await first

    try:
        asyncio.run(main())
    finally:
        scheduler.stop()
    assert len(signature.runs) == 1  # and was never run


def test_one_bad_request_does_not_fail_its_neighbours(version):
    signature = Recorded(version.loaded.signature("checked"))
    answers = run_all(version, signature, [rows(4.0), rows(-1.0), rows(9.0)], parameters())
    assert signature.sizes == [3, 1, 1, 1]
    assert answers[0][0].tolist() == [2.0] and answers[2][0].tolist() == [3.0]
    assert answers[1].code == "INVALID_ARGUMENT" and "negative" in answers[1].message


@pytest.mark.parametrize("split", [False, True])
def test_outputs_without_the_batch_are_never_shared(toys, split):
    two = Version("two", 3, toys / "two" / "3")
    two.load(load)
    two.acquire()
    signature = Recorded(two.loaded.signature("only_scalar"))
    assert not signature.batchable
    signature.batchable = True  # as if the SavedModel declared no output shape
    settings_ = parameters(
        allowed_batch_sizes=(2, 4), max_batch_size=4, enable_large_batch_splitting=split
    )
    requests = [rows(1.0, 2.0), rows(4.0), rows(*range(6 if split else 3))]
    answers = run_all(two, signature, requests, settings_)
    assert [float(answer[0]) for answer in answers] == [3.0, 4.0, 15.0 if split else 3.0]
    assert not signature.batchable
    two.loaded.close()


def test_requests_without_common_rows_run_alone(version):
    signature = Recorded(version.loaded.signature("any_shape"))
    signature.batchable = True
    values = [[np.float32(3.0).reshape(())], [np.zeros((0,), np.float32)]]
    answers = run_all(version, signature, values, parameters())
    assert answers[0][0] == 6.0 and answers[1][0].shape == (0,)


def test_a_stopped_scheduler_finishes_what_waits(version):
    scheduler = Scheduler(parameters(batch_timeout_micros=10_000_000))

    async def main():
        task = asyncio.ensure_future(
            scheduler.run(version, version.loaded.signature(""), rows(1.0), FOREVER)
        )
        await asyncio.sleep(0)
        await asyncio.get_running_loop().run_in_executor(None, scheduler.stop)
        assert (await task)[0].tolist() == [2.5]
        with pytest.raises(ServingError, match="stopping"):
            await scheduler.run(version, version.loaded.signature(""), rows(1.0), FOREVER)

    asyncio.run(main())


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_permuting_and_splitting_leaves_each_row(version, data):
    """A row's answer does not depend on its place, its request or its neighbours."""
    values = data.draw(st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=24))
    order = data.draw(st.permutations(range(len(values))))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(values)))) | {0, len(values)})
    requests = [
        [np.array([[values[i]] * 3 for i in order[a:b]], np.float32)]
        for a, b in itertools.pairwise(cuts)
    ]
    settings_ = parameters(
        allowed_batch_sizes=(2, 4), max_execution_batch_size=4, batch_timeout_micros=500,
        enable_large_batch_splitting=True, max_enqueued_batches=100,
    )  # fmt: skip
    answers = run_all(version, version.loaded.signature("matrix"), requests, settings_)
    joined = np.concatenate([answer[0] for answer in answers])
    expected = version.loaded.signature("matrix").run(
        [np.array([[value] * 3 for value in values], np.float32)]
    )[0][list(order)]
    np.testing.assert_allclose(joined, expected, rtol=0, atol=1e-6)


# --- through the server ---------------------------------------------------------------------------


def test_rest_codes_of_batching(start):
    server = start(
        batching="max_batch_size { value: 2 } max_enqueued_batches { value: 1 } "
        "num_batch_threads { value: 1 }"
    )
    url = f"http://127.0.0.1:{server.rest_port}/v1/models/half:predict"
    response = httpx.post(url, json={"instances": [1.0, 2.0, 3.0]})
    assert response.status_code == 400 and list(response.json()) == ["error"]

    async def flood():
        async with httpx.AsyncClient(timeout=60) as client:
            body = {"signature_name": "slow", "instances": [20_000, 20_000]}
            return await asyncio.gather(*(client.post(url, json=body) for _ in range(8)))

    answers = asyncio.run(flood())
    assert {answer.status_code for answer in answers} == {200, 503}
    for answer in answers:
        assert list(answer.json()) == ["error" if answer.status_code == 503 else "predictions"]


@pytest.mark.parametrize("batching", [False, True])
def test_rest_timeout_is_504(start, batching):
    server = start(batching=batching, rest_api_timeout_in_ms=20)
    url = f"http://127.0.0.1:{server.rest_port}/v1/models/half:predict"
    response = httpx.post(url, json={"signature_name": "slow", "instances": [100_000]}, timeout=60)
    assert response.status_code == 504 and list(response.json()) == ["error"]
    quick = httpx.post(url, json={"instances": [1.0]}, timeout=60)
    assert quick.status_code == 200
