"""Processes that meet before they train: who is missing, who differs, who is lost."""

import json
import socket
import threading
import time

import pytest

from tfgan_survey.errors import RunError, SettingError
from tfgan_survey.training.cluster import Cluster, Meeting, read_cluster


def config(kind="worker", index=0, **jobs):
    jobs = jobs or {"worker": ["a:1", "b:2"]}
    return json.dumps({"cluster": jobs, "task": {"type": kind, "index": index}})


def test_tf_config_is_read_as_tensorflow_counts():
    assert read_cluster(config(index=1)) == Cluster(("a:1", "b:2"), 1)
    with_chief = {"chief": ["c:3"], "worker": ["a:1", "b:2"]}
    assert read_cluster(config(index=1, **with_chief)) == Cluster(("c:3", "a:1", "b:2"), 2)
    assert read_cluster(config("chief", **with_chief)).chief
    assert not read_cluster(config("worker", **with_chief)).chief


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "not set"),
        ("{", "JSONDecodeError"),
        (config(index=2), "worker 2 is not in the cluster"),
        (config("ps", ps=["a:1"]), "jobs are ps"),
        (config(worker=["a", "b:1"]), "'a' is no host:port"),
        (json.dumps({"cluster": {}}), "KeyError"),
    ],
)
def test_what_is_no_cluster_is_refused_with_an_example(text, says):
    with pytest.raises(SettingError, match=says) as found:
        read_cluster(text)
    assert '"task": {"type": "worker"' in str(found.value)


@pytest.fixture
def addresses():
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    found = tuple(f"127.0.0.1:{server.getsockname()[1]}" for server in servers)
    for server in servers:
        server.close()
    return found


def together(addresses, *asked, seconds=5.0, act=None):
    """Run a meeting with one thread a process; return what each heard, or its error."""
    ended = {}

    def process(number):
        lost = threading.Event()
        try:
            with Meeting(
                Cluster(addresses, number), asked[number], lambda line: None, seconds, lost.set
            ) as meeting:
                heard = {"start": 7}
                if number == 0:
                    meeting.tell(heard)
                else:
                    heard = meeting.hear()
                if act is not None:
                    act(number, meeting, lost)
                ended[number] = meeting.lost or heard
        except RunError as error:
            ended[number] = str(error)

    threads = [threading.Thread(target=process, args=(i,)) for i in range(len(asked))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return ended


def test_all_hear_the_chief_and_a_stranger_is_passed_over(addresses):
    def knock():
        for _ in range(200):
            try:
                port = int(addresses[0].rpartition(":")[2])
                with socket.create_connection(("127.0.0.1", port), 1) as stranger:
                    stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
                return
            except OSError:
                time.sleep(0.01)

    knocking = threading.Thread(target=knock)
    knocking.start()
    ended = together(addresses, {"steps": 3}, {"steps": 3}, {"steps": 3})
    knocking.join()
    assert ended == {0: {"start": 7}, 1: {"start": 7}, 2: {"start": 7}}


def test_a_worker_that_never_comes_is_named_in_time(addresses):
    began = time.monotonic()
    ended = together(addresses, {}, {}, seconds=1.0)  # of three processes two
    assert 0.9 < time.monotonic() - began < 4.0
    assert "worker 2" in ended[0] and addresses[2] in ended[0] and "did not come" in ended[0]
    assert ended[1] == f"the chief starts no training: {ended[0]}"


def test_a_chief_that_never_comes_is_named(addresses):
    with (
        pytest.raises(RunError, match=f"{addresses[0]} did not answer within 0.3 s"),
        Meeting(Cluster(addresses, 1), {}, seconds=0.3),
    ):
        pass


def test_another_setting_or_version_is_named_on_both_sides(addresses):
    pair = addresses[:2]
    ended = together(pair, {"versions": {"keras": "3"}}, {"versions": {"keras": "4"}})
    assert "worker 1 has versions.keras '4', the chief '3'" in ended[0]
    assert ended[0] in ended[1]


def test_a_lost_process_is_reported_to_the_others_and_one_that_is_done_is_not(addresses):
    def act(number, meeting, lost):
        if number == 2:
            meeting._peers[0].close()  # as a kill does
            return
        if number == 1:
            return  # done early
        assert lost.wait(5)

    ended = together(addresses, {}, {}, {}, act=act)
    assert ended[1] == {"start": 7}
    assert "worker 2" in ended[0] and "it is gone" in ended[0] and "resume" in ended[0]


def test_an_error_of_one_is_told_to_the_others(addresses):
    def act(number, meeting, lost):
        if number == 0:
            raise RunError("the disk is full")
        assert lost.wait(5)

    ended = together(addresses[:2], {}, {}, act=act)
    assert ended[0] == "the disk is full"
    assert "the chief" in ended[1] and "the disk is full" in ended[1]
