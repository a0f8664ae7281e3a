"""The deployment files: parsed by their readers, and consistent with each other and the models."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from tfgan_survey.serving.wire.config_files import (
    read_batching_parameters,
    read_model_configs,
    read_monitoring_config,
)

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
# Flags of tensorflow_model_server that these files use, with the values they may have.
FLAGS = {
    "model_config_file": r"/config/models\.config",
    "model_config_file_poll_wait_seconds": r"\d+",
    "file_system_poll_wait_seconds": r"\d+",
    "enable_batching": "true",
    "batching_parameters_file": r"/config/batching\.config",
    "monitoring_config_file": r"/config/monitoring\.config",
    "enable_model_warmup": "true",
    "enable_cors_support": "true",
    "rest_api_timeout_in_ms": r"\d+",
}
NEEDED = {"model_config_file", "enable_batching", "batching_parameters_file",
          "monitoring_config_file", "enable_model_warmup"}  # fmt: skip
PORTS = {"grpc": 8500, "rest": 8501}


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def manifest():
    documents = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")))
    return {document["kind"]: document for document in documents}


def container(manifest):
    (found,) = manifest["Deployment"]["spec"]["template"]["spec"]["containers"]
    return found


def check_flags(arguments):
    given = dict(re.fullmatch(r"--(\w+)=(\S+)", argument).groups() for argument in arguments)
    assert len(given) == len(arguments), "a flag is given twice"
    assert set(given) >= NEEDED
    for name, value in given.items():
        assert re.fullmatch(FLAGS[name], value), (name, value)


def test_model_config():
    text = (DEPLOY / "models.config").read_text(encoding="utf-8")
    parsed = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    (entry,) = parsed.model_config_list.config
    (config,) = read_model_configs(DEPLOY / "models.config")
    assert config.name == entry.name == "cgan_mnist"
    assert str(config.base_path) == f"/models/{config.name}"
    assert (config.policy, config.num_versions) == ("latest", 1)


def test_the_served_model_exists():
    for config in read_model_configs(DEPLOY / "models.config"):
        folder = ROOT / "saved_models" / config.base_path.relative_to("/models")
        assert (folder / "1" / "saved_model.pb").is_file(), f"{folder} has no version 1"


def test_batching_fits_the_pods_and_the_client(manifest, compose):
    from tfgan_survey.serving import Client

    batching = read_batching_parameters(DEPLOY / "batching.config")
    assert batching.allowed_batch_sizes == (1, 2, 4, 8, 16, 32, 64)
    assert batching.execution_size == batching.max_batch_size == 64
    assert batching.enable_large_batch_splitting
    assert 0 < batching.batch_timeout_micros <= 10_000
    resources = container(manifest)["resources"]
    cores = {int(resources[kind]["cpu"]) for kind in ("requests", "limits")}
    assert cores == {batching.num_batch_threads} == {compose["services"]["serving"]["cpus"]}
    with Client() as client:
        assert client.rows_per_request <= batching.max_batch_size


def test_monitoring_is_on_where_prometheus_looks(manifest):
    monitoring = read_monitoring_config(DEPLOY / "monitoring.config")
    notes = manifest["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert monitoring.enable
    assert notes["prometheus.io/path"] == monitoring.path == "/monitoring/prometheus/metrics"
    assert notes["prometheus.io/port"] == str(PORTS["rest"])


def test_compose(compose):
    (service,) = compose["services"].values()
    assert re.fullmatch(r"tensorflow/serving:\$\{TF_SERVING_TAG:-\d+\.\d+\.\d+\}", service["image"])
    check_flags(service["command"])
    assert service["ports"] == [f"127.0.0.1:{port}:{port}" for port in PORTS.values()]
    targets = {}
    for volume in service["volumes"]:
        source, target, mode = volume.split(":")
        assert (DEPLOY / source).exists(), f"{source} does not exist"
        assert mode == "ro"
        targets[target] = (DEPLOY / source).resolve()
    assert targets["/models"] == ROOT / "saved_models"
    for file in ("models.config", "batching.config", "monitoring.config"):
        assert targets[f"/config/{file}"] == DEPLOY / file
    assert str(PORTS["rest"]) in service["healthcheck"]["test"][-1]


def test_kubernetes(manifest):
    assert {kind: (d["apiVersion"], d["metadata"]["name"]) for kind, d in manifest.items()} == {
        "PersistentVolumeClaim": ("v1", "tfgan-models"),
        "Deployment": ("apps/v1", "tfgan-serving"),
        "Service": ("v1", "tfgan-serving"),
        "HorizontalPodAutoscaler": ("autoscaling/v2", "tfgan-serving"),
        "PodDisruptionBudget": ("policy/v1", "tfgan-serving"),
    }
    deployment = manifest["Deployment"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert (
        labels == deployment["selector"]["matchLabels"] == manifest["Service"]["spec"]["selector"]
    )
    assert labels == manifest["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"]
    target = manifest["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", "tfgan-serving")
    serving = container(manifest)
    assert re.fullmatch(r"tensorflow/serving:\d+\.\d+\.\d+", serving["image"])
    check_flags(serving["args"])
    assert {port["name"]: port["containerPort"] for port in serving["ports"]} == PORTS
    ports = {port["name"]: port for port in manifest["Service"]["spec"]["ports"]}
    assert {name: port["port"] for name, port in ports.items()} == PORTS
    assert all(port["targetPort"] == name for name, port in ports.items())
    for probe in ("startupProbe", "readinessProbe"):
        get = serving[probe]["httpGet"]
        assert get == {"path": "/v1/models/cgan_mnist", "port": "rest"}
    assert serving["livenessProbe"]["tcpSocket"]["port"] in PORTS


def test_kubernetes_volumes(manifest):
    pod = manifest["Deployment"]["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {mount["mountPath"]: mount["name"] for mount in container(manifest)["volumeMounts"]}
    assert set(mounts.values()) == set(volumes)
    claim = volumes[mounts["/models"]]["persistentVolumeClaim"]["claimName"]
    assert claim == manifest["PersistentVolumeClaim"]["metadata"]["name"]
    kustomization = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text(encoding="utf-8"))
    (generated,) = kustomization["configMapGenerator"]
    assert volumes[mounts["/config"]]["configMap"]["name"] == generated["name"]
    for file in (*generated["files"], *kustomization["resources"]):
        assert (DEPLOY / file).is_file()
    wanted = set(re.findall(r"/config/(\S+)", " ".join(container(manifest)["args"])))
    assert wanted == set(generated["files"])


@pytest.fixture(scope="module")
def training():
    documents = yaml.safe_load_all((DEPLOY / "training.yaml").read_text(encoding="utf-8"))
    return {document["kind"]: document for document in documents}


def test_manifests_follow_the_schemas_of_kubernetes(manifest, training):
    found = [*manifest.values(), *training.values()]
    assert len(found) == 8
    for document in found:
        kubernetes_validate.validate(document, "1.30", strict=True)
    broken = json.loads(json.dumps(training["Job"])) | {"spec": {"completionMode": "Indexed"}}
    with pytest.raises(kubernetes_validate.ValidationError, match="template"):
        kubernetes_validate.validate(broken, "1.30", strict=True)


def test_the_training_job_builds_the_cluster_and_exports_into_the_served_volume(
    manifest, training, tmp_path
):
    from tfgan_survey.cli import cli
    from tfgan_survey.training.cluster import read_cluster
    from tfgan_survey.zoo import MODELS

    job, service = training["Job"]["spec"], training["Service"]
    pod = job["template"]["spec"]
    (worker,) = pod["containers"]
    environment = {one["name"]: one["value"] for one in worker["env"]}
    workers = job["completions"]
    assert workers == job["parallelism"] == int(environment["WORKERS"])
    assert service["spec"]["selector"] == job["template"]["metadata"]["labels"]
    assert service["spec"]["publishNotReadyAddresses"] and service["spec"]["clusterIP"] == "None"
    assert pod["subdomain"] == service["metadata"]["name"]
    # The script itself, with a command that only says what it was called with.
    tool = tmp_path / "tfgan-survey"
    tool.write_text('#!/bin/sh\necho "$TF_CONFIG|$*"\n')
    tool.chmod(0o755)
    for index in range(workers):
        extra = {"JOB_COMPLETION_INDEX": str(index), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        said = subprocess.run(
            [*worker["command"], *worker["args"]], env=environment | extra, text=True,
            capture_output=True, check=True,
        ).stdout.splitlines()  # fmt: skip
        config, command = said[0].split("|")
        cluster = read_cluster(config)
        name, (port,) = training["Job"]["metadata"]["name"], service["spec"]["ports"]
        assert cluster.number == index
        assert cluster.addresses == tuple(
            f"{name}-{i}.{pod['subdomain']}:{port['port']}" for i in range(workers)
        )
        assert len(said) == (2 if index == 0 else 1)  # the chief alone exports
        for line in said:
            name, _, *options = line.split("|")[1].split()
            known = {o for parameter in cli.commands[name].params for o in parameter.opts}
            assert {o for o in options if o.startswith("--")} <= known
        assert command.split()[1] in MODELS
        assert int(re.search(r"--batch-size (\d+)", command)[1]) % workers == 0
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {
        mount["mountPath"]: volumes[mount["name"]]["persistentVolumeClaim"]["claimName"]
        for mount in worker["volumeMounts"]
        if mount["mountPath"] != "/tmp"
    }
    assert mounts["/runs"] == training["PersistentVolumeClaim"]["metadata"]["name"]
    assert mounts["/models"] == manifest["PersistentVolumeClaim"]["metadata"]["name"]
    for kind in (manifest, training):
        assert kind["PersistentVolumeClaim"]["spec"]["accessModes"] == ["ReadWriteMany"]


def test_the_autoscaler_asks_for_a_metric_that_servers_export(manifest):
    from tfgan_survey.serving.api.prometheus import REQUEST_COUNT

    values = yaml.safe_load((DEPLOY / "adapter.yaml").read_text(encoding="utf-8"))
    (rule,) = values["rules"]["custom"]
    assert rule["seriesQuery"].partition("{")[0] == REQUEST_COUNT
    autoscaler = manifest["HorizontalPodAutoscaler"]["spec"]
    asked = [one["pods"] for one in autoscaler["metrics"] if one["type"] == "Pods"]
    assert [one["metric"]["name"] for one in asked] == [rule["name"]["as"]]
    assert 0 < int(asked[0]["target"]["averageValue"]) <= 1000


def test_both_use_one_image(compose, manifest):
    (service,) = compose["services"].values()
    assert (
        service["image"].partition(":-")[2].rstrip("}")
        == (container(manifest)["image"].partition(":")[2])
    )


def test_the_readme_names_files_commands_and_flags_that_exist():
    from tfgan_survey.cli import cli

    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    for file in re.findall(
        r"(?:deploy|tfgan_survey|benchmarks)/[\w/]+\.(?:py|html|config|yaml)", text
    ):
        assert (ROOT / file).is_file(), file
    for file in re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE):
        for name in re.findall(r"`([\w.]+\.(?:yaml|config))`", file):
            assert (DEPLOY / name).is_file(), name
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ")
    used = re.findall(r"^tfgan-survey (\w+)(.*)$", blocks, re.MULTILINE)
    assert {name for name, _ in used} == {"check", "request", "serve"}
    assert "kubectl apply -f deploy/training.yaml" in blocks
    for name, rest in used:
        known = {option for parameter in cli.commands[name].params for option in parameter.opts}
        assert set(re.findall(r"--[\w-]+", rest)) <= known, (name, rest)
    assert {"--cors-origin"} <= {o for p in cli.commands["serve"].params for o in p.opts}


# ---------------------------------------------------------------------- image of the local server


def instructions():
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [tuple(line.split(maxsplit=1)) for line in lines]


def check_dockerfile(*arguments):
    path = os.pathsep.join((str(Path(sys.executable).parent), "/usr/bin", "/bin"))
    command = [ROOT / "tools" / "check_dockerfile.sh", *arguments]
    return subprocess.run(
        command, env={"PATH": path}, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_image_is_pinned_and_runs_without_rights():
    found = instructions()
    images = {text.split()[0] for name, text in found if name == "FROM"}
    assert len(images) == 1 and re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", *images)
    after = dict(found[max(i for i, (name, _) in enumerate(found) if name == "FROM") :])
    assert after["USER"] == "10001" and "--uid 10001" in after["RUN"]
    assert after["VOLUME"] == "/models"
    assert after["EXPOSE"].split() == [str(port) for port in PORTS.values()]
    # What is copied is there, and no more than that is sent to the builder.
    copied = {name for kind, text in found if kind == "COPY" and "--from" not in text
              for name in text.split()[:-1]}  # fmt: skip
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n*\n")[1].split()
    assert {f"!{name}" for name in copied} == {name for name in kept if name[0] == "!"}
    assert all((ROOT / name).exists() for name in copied)


def test_the_dockerfile_is_linted_and_a_wrong_one_is_noticed(tmp_path):
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    for old, new, rule in ((":3.11.14-slim-bookworm AS", ":latest AS", "DL3007"),
                           ("USER 10001", "USER root", "DL3002"),
                           ("COPY deploy", "CPOY deploy", "unexpected 'C'")):  # fmt: skip
        assert old in text
        (tmp_path / "Dockerfile").write_text(text.replace(old, new), encoding="utf-8")
        done = check_dockerfile(tmp_path / "Dockerfile")
        assert done.returncode != 0 and rule in done.stdout + done.stderr
    done = check_dockerfile(DEPLOY / "Dockerfile")
    assert (done.returncode, done.stdout + done.stderr) == (0, f"{DEPLOY}/Dockerfile is linted.\n")


def test_the_image_s_command_is_the_server_s_and_passes_arguments_on(tmp_path):
    from tfgan_survey.cli import cli

    shell = json.loads(dict(instructions())["ENTRYPOINT"])
    told = tmp_path / "tfgan-survey"
    told.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    told.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "MODEL_BASE_PATH": f"{ROOT}/saved_models",
        "MODEL_NAME": "cgan_mnist",
    }
    done = subprocess.run([*shell, "--enable-batching"], env=environment, capture_output=True,
                          text=True, timeout=20, check=True)  # fmt: skip
    name, *arguments = done.stdout.splitlines()
    asked = cli.commands[name].make_context(name, arguments).params
    assert asked["models"] == (ROOT / "saved_models" / "cgan_mnist",)
    assert (asked["host"], asked["enable_batching"]) == ("0.0.0.0", True)
    assert (asked["grpc_port"], asked["rest_port"]) == tuple(PORTS.values())


def test_the_image_s_health_check_asks_for_the_model_s_status(digit_server):
    def healthy(model, port):
        done = subprocess.run(
            [sys.executable, DEPLOY / "healthcheck.py", str(port)], text=True, timeout=20,
            env={"MODEL_NAME": model, "http_proxy": "http://127.0.0.1:1"}, capture_output=True,
            check=False,
        )  # fmt: skip
        return done.returncode, done.stderr.strip()

    assert healthy("plain", digit_server.rest_port) == (0, "")
    code, line = healthy("other", digit_server.rest_port)
    assert code == 1 and "other" in line and "\n" not in line
    code, line = healthy("plain", 1)
    assert code == 1 and line.startswith("no status of plain on port 1: ")
