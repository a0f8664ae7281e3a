"""Throughput and latency of the local model server, beside what the bare SavedModel allows.

    python benchmarks/serving.py [saved_models/cgan_mnist ...] [--seconds 4] [--quick]

Closed-loop load of 1, 8 and 64 clients and open-loop load at half the throughput, over gRPC and
REST, with batching and without, in requests of 1 and 16 images of the signature `sample`. Server,
load generator and this script are three processes on one machine and share its cores, so a server
with the cores to itself answers more. Load goes to 127.0.0.1 alone and is bounded in time and
number.

The floor is the SavedModel called in a process of its own with the batch size that gives most
images a second. With t1 and tB the CPU time of one call with 1 and B rows, and o the CPU time that
server and generator spend on one request beside it, batching single images gains at most
(t1 + o) / (tB / B + o); with o as large as t1 no server reaches a large gain.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[1]
GENERATOR = Path(__file__).with_name("load_generator.py")
BATCHING = ROOT / "deploy" / "batching.config"
RESULTS = Path(__file__).parent / "results" / "serving.json"
SIGNATURE = "sample"
CLIENTS = (1, 8, 64)
ROWS = (1, 16)
MOST_REQUESTS = 200_000  # of one measurement
FLOOR_GOAL, GAIN_GOAL, TAIL_GOAL = 0.60, 1.3, 5.0
GOAL_MODEL = "cgan_mnist"


# --- the floor, in a process of its own ---------------------------------------------------------


def measure_floor(folder: Path, seconds: float) -> dict:
    """Time the bare SavedModel at each batch size, and prepare the requests' bodies."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder))
    function = loaded.signatures[SIGNATURE]
    conditional = "labels" in function.structured_input_signature[1]

    def inputs(rows, first=0):
        found = {"seeds": tf.range(first, first + rows, dtype=tf.int64)}
        return found | ({"labels": tf.range(rows) % 10} if conditional else {})

    sizes = []
    for rows in (1, 2, 4, 8, 16, 32, 64, 128, 256):
        given, times = inputs(rows), []
        for _ in range(3):
            function(**given)
        cpu, begin = time.process_time(), time.perf_counter()
        while not times or time.perf_counter() - begin < seconds:
            start = time.perf_counter()
            function(**given)["images"].numpy()
            times.append(time.perf_counter() - start)
        median = statistics.median(times)
        sizes.append(
            {
                "rows": rows,
                "call_ms": 1e3 * median,
                "cpu_ms": 1e3 * (time.process_time() - cpu) / len(times),
                "images_per_second": rows / median,
            }
        )
    image_bytes = 4 * int(tf.size(function(**inputs(1))["images"]))
    bodies = {rows: _bodies(folder.parent.name, inputs, rows) for rows in ROWS}
    return {"sizes": sizes, "bodies": bodies, "image_bytes": image_bytes}


def _bodies(name: str, inputs, rows: int) -> dict[str, list[str]]:
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    found: dict[str, list[str]] = {"grpc": [], "rest": []}
    for index in range(64):
        given = inputs(rows, 1000 * index)
        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = name, SIGNATURE
        for key, value in given.items():
            request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
        columns = {key: value.numpy().tolist() for key, value in given.items()}
        body = json.dumps({"signature_name": SIGNATURE, "inputs": columns}).encode()
        for protocol, data in (("grpc", request.SerializeToString()), ("rest", body)):
            found[protocol].append(base64.b64encode(data).decode())
    return found


# --- one server, one load -----------------------------------------------------------------------


@contextlib.contextmanager
def serving(folder: Path, batching: bool):
    """Run `tfgan-survey serve` as users do; yield the ports and a clock of its CPU time."""
    ports = {"rest": _free_port(), "grpc": _free_port()}
    command = [sys.executable, "-m", "tfgan_survey.cli", "serve", str(folder.parent)]
    command += ["--rest-port", str(ports["rest"]), "--grpc-port", str(ports["grpc"])]
    if batching:
        command += ["--enable-batching", "--batching-parameters-file", str(BATCHING)]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stderr=log, cwd=ROOT)
        try:
            status = f"http://127.0.0.1:{ports['rest']}/v1/models/{folder.parent.name}"
            for _ in range(1200):
                if process.poll() is not None or _answers(status):
                    break
                time.sleep(0.1)
            if process.poll() is not None:
                log.seek(0)
                raise RuntimeError(f"the server did not start:\n{log.read()[-2000:]}")
            yield ports, lambda: _cpu_seconds(process.pid)
        finally:
            process.terminate()
            process.wait(60)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(ports, cpu_clock, name: str, floor: dict, **spec) -> dict:
    """Run the generator once; its result with the server's CPU time for one request."""
    rows = spec["rows"]
    full = {
        "port": ports[spec["protocol"]],
        "path": f"/v1/models/{name}:predict",
        "bodies": floor["bodies"][str(rows)][spec["protocol"]],
        "requests": MOST_REQUESTS,
        # An answer that holds no image is an error; JSON takes more than one character a float.
        "minimum_bytes": rows * floor["image_bytes"] // 2,
        "warm_up": 1.0,
        **spec,
    }
    before = cpu_clock()
    done = subprocess.run(
        [sys.executable, str(GENERATOR)], input=json.dumps(full), text=True, check=True,
        stdout=subprocess.PIPE, timeout=120 + 3 * spec["seconds"],
    )  # fmt: skip
    result = json.loads(done.stdout)
    share = result["seconds"] / (result["seconds"] + full["warm_up"])
    result["server_cpu_ms"] = 1e3 * share * (cpu_clock() - before) / max(result["requests"], 1)
    result["generator_cpu_ms"] = 1e3 * result["generator_cpu_seconds"] / max(result["requests"], 1)
    result["images_per_second"] = rows * result["requests_per_second"]
    return {**spec, **result}


def measure_model(folder: Path, seconds: float, log=print) -> dict:
    """Measure every combination for one version of a model."""
    name = folder.parent.name
    command = [sys.executable, __file__, "--floor", str(folder), "--seconds", str(seconds / 4)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the floor was not measured:\n{done.stderr[-2000:]}")
    floor = json.loads(done.stdout)
    best = max(floor["sizes"], key=lambda size: size["images_per_second"])
    log(f"\n{name}: floor {best['images_per_second']:,.0f} images/s in process, best of")
    log("  rows      ms a call  CPU ms  images/s")
    for size in floor["sizes"]:
        log(
            f"  {size['rows']:4d}  {size['call_ms']:13.2f}  {size['cpu_ms']:6.2f}  "
            f"{size['images_per_second']:8,.0f}"
        )
    log("\n  protocol batching rows load           images/s    p50 ms    p99 ms  errors")
    runs = []
    for batching in (False, True):
        with serving(folder, batching) as (ports, cpu_clock):
            for protocol in ("grpc", "rest"):
                for rows in ROWS:
                    common = {"protocol": protocol, "rows": rows, "seconds": seconds}
                    cells = [
                        load(ports, cpu_clock, name, floor, clients=clients, **common)
                        for clients in CLIENTS
                    ]
                    half = max(cell["requests_per_second"] for cell in cells) / 2
                    cells.append(load(ports, cpu_clock, name, floor, rate=half, **common))
                    for cell in cells:
                        cell["batching"] = batching
                        log(_line(cell))
                    runs += cells
    sizes = floor["sizes"]
    return {
        "model": name,
        "floor": {**best, "sizes": sizes},
        "runs": runs,
        "goals": _goals(sizes, best, runs),
    }


def _line(cell: dict) -> str:
    kind = f"{cell['clients']} clients" if "clients" in cell else f"{cell['rate']:,.0f}/s open"
    return (
        f"  {cell['protocol']:8} {'on' if cell['batching'] else 'off':8} {cell['rows']:4d} "
        f"{kind:14} {cell['images_per_second']:8,.0f}  {cell['p50_ms']:8.2f}  "
        f"{cell['p99_ms']:8.2f}  {sum(cell['errors'].values()):6d}"
    )


def _goals(sizes: list[dict], best: dict, runs: list[dict]) -> list[dict]:
    """Compare with the goals; each is a ratio beside what it should reach."""

    def cells(**wanted):
        return [run for run in runs if all(run.get(k) == v for k, v in wanted.items())]

    def throughput(**wanted):
        return max(cell["images_per_second"] for cell in cells(**wanted))

    goals = []
    batched = throughput(protocol="grpc", rows=16, batching=True)
    goals.append(_goal("gRPC, batched, 16 images a request, over the floor",
                       batched / best["images_per_second"], FLOOR_GOAL))  # fmt: skip
    cpu = {size["rows"]: size["cpu_ms"] for size in sizes}
    for protocol in ("grpc", "rest"):
        on, off = (
            cells(protocol=protocol, rows=1, clients=64, batching=batching)[0]
            for batching in (True, False)
        )
        other = max(0.0, off["server_cpu_ms"] + off["generator_cpu_ms"] - cpu[1])
        bound = (cpu[1] + other) / (cpu[64] / 64 + other)
        gain = on["images_per_second"] / off["images_per_second"]
        what = f"{protocol}, 64 clients, 1 image a request, batched over unbatched"
        goals.append(_goal(what, gain, GAIN_GOAL, bound=bound, other_cpu_ms=other))
    for protocol in ("grpc", "rest"):
        for batching in (False, True):
            for rows in ROWS:
                wanted = {"protocol": protocol, "rows": rows, "batching": batching}
                alone = cells(clients=1, **wanted)[0]["p50_ms"]
                half = next(run for run in cells(**wanted) if "rate" in run)
                what = f"{protocol}, batching {'on' if batching else 'off'}, {rows} images: "
                what += "p99 at half load over the unloaded median"
                goals.append(_goal(what, half["p99_ms"] / alone, TAIL_GOAL, below=True))
    return goals


def _goal(what: str, value: float, goal: float, below: bool = False, **more) -> dict:
    reached = value < goal if below else value >= goal
    return {"what": what, "value": value, "goal": goal, "reached": reached, **more}


def _machine() -> dict:
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):  # told on Linux only
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if "model name" in line)
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        "note": "server and load generator share the cores",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", type=Path, help="[saved_models/cgan_mnist]")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--quick", action="store_true", help="half a second each, for a look")
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--floor", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.floor:
        json.dump(measure_floor(arguments.floor, arguments.seconds), sys.stdout)
        return
    machine = _machine()
    print(f"{machine['cpu']}, {machine['cores']} cores, shared by server and load generator")
    if machine["load_before"] > 0.5:
        print(f"The machine is not idle (load {machine['load_before']:.1f}): figures are too low.")
    seconds = 0.5 if arguments.quick else arguments.seconds
    results = []
    for model in arguments.models or [ROOT / "saved_models" / GOAL_MODEL]:
        numbers = [int(path.name) for path in model.iterdir() if path.name.isdigit()]
        folder = model.resolve() / str(max(numbers))
        results.append(measure_model(folder, seconds))
        for goal in results[-1]["goals"]:
            sign = "<" if goal["what"].endswith("median") else ">="
            bound = f", bound {goal['bound']:.2f}" if "bound" in goal else ""
            print(
                f"  {goal['what']}: {goal['value']:.2f} ({sign} {goal['goal']}{bound}) "
                f"{'reached' if goal['reached'] else 'MISSED'}"
            )
    from tfgan_survey.files import write_json

    write_json(arguments.output, {"machine": machine, "seconds": seconds, "models": results})
    print(f"\nwrote {arguments.output}")
    failed = sum(sum(run["errors"].values()) for result in results for run in result["runs"])
    if failed:
        sys.exit(f"error: {failed} requests failed; see errors in {arguments.output}")


if __name__ == "__main__":
    main()
