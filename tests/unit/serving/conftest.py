"""One set of toy models and one running server for all tests of the folder."""

import sys
from pathlib import Path

import grpc
import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))

MONITORING = 'prometheus_config { enable: true path: "/monitoring/prometheus/metrics" }'
BATCHING = """
max_batch_size { value: 8 }
batch_timeout_micros { value: 2000 }
max_enqueued_batches { value: 50 }
num_batch_threads { value: 2 }
allowed_batch_sizes: 2
allowed_batch_sizes: 4
allowed_batch_sizes: 8
"""


@pytest.fixture(scope="session")
def toys(tmp_path_factory):
    """Folder of model folders, each with version 3; `half` has version 2 as well."""
    import toys

    root = tmp_path_factory.mktemp("models")
    toys.save(toys.Half(0.25), root / "half" / "2")
    toys.save(toys.Half(0.5), root / "half" / "00000003")
    toys.save(toys.Two(), root / "two" / "3")
    toys.save(toys.Wide(), root / "wide" / "3")
    toys.save(toys.Strings(), root / "strings" / "3")
    toys.save(toys.Echo(), root / "echo" / "3")
    toys.save_examples(root / "examples" / "3")
    return root


@pytest.fixture(scope="session")
def config_file(toys, tmp_path_factory):
    """Model config file: `half` with both versions and labels, the others with their latest."""
    entries = [
        f"""config {{ name: "half" base_path: "{toys / "half"}" model_platform: "tensorflow"
        model_version_policy {{ all {{}} }}
        version_labels {{ key: "stable" value: 2 }}
        version_labels {{ key: "canary" value: 3 }} }}"""
    ]
    entries += [
        f'config {{ name: "{n}" base_path: "{toys / n}" model_platform: "tensorflow" }}'
        for n in ("two", "wide", "strings", "echo", "examples")
    ]
    path = tmp_path_factory.mktemp("config") / "models.config"
    path.write_text("model_config_list {" + "\n".join(entries) + "}", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def start(config_file, tmp_path_factory):
    """Return a function that starts a server on free ports; all are stopped at the end."""
    from tfgan_survey.serving import ModelServer, ServerOptions

    running = []
    folder = tmp_path_factory.mktemp("files")
    (folder / "monitoring").write_text(MONITORING, encoding="utf-8")
    (folder / "batching").write_text(BATCHING, encoding="utf-8")

    def start_one(batching=False, **options):
        if not options.get("models"):
            options.setdefault("model_config_file", config_file)
        if batching is not False:
            path = folder / "batching"
            if batching is not True:
                path = folder / f"batching{len(running)}"
                path.write_text(batching, encoding="utf-8")
            options |= {"enable_batching": True, "batching_parameters_file": path}
        server = ModelServer(
            ServerOptions(
                rest_port=0,
                grpc_port=0,
                monitoring_config_file=folder / "monitoring",
                file_system_poll_wait_seconds=options.pop("poll", 0),
                **options,
            )
        )
        running.append(server)
        return server.start()

    yield start_one
    for server in running:
        server.stop()


@pytest.fixture(scope="session", params=["alone", "batched"])
def server(request, start):
    """A server of all toys: every contract test runs without and with batching."""
    return start(
        batching=request.param == "batched",
        cors_origins=("http://page.example",),
        max_request_bytes=2**20,
    )


@pytest.fixture(scope="session")
def rest(server):
    with httpx.Client(base_url=f"http://127.0.0.1:{server.rest_port}", timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def channel(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        yield channel


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    """Two small exported GANs by name, with their folder: labels and none, both latent kinds."""
    from tfgan_survey.export import export_savedmodel
    from tfgan_survey.zoo import build

    root = tmp_path_factory.mktemp("digits")
    gans = {
        "cgan_mnist": build(
            "survey_gan", (28, 28, 1), num_classes=10, latent_dim=8, truncation=0.8
        ),
        "plain": build("survey_gan", (28, 28, 1), latent_dim=7, latent="normal"),
    }
    for name, gan in gans.items():
        export_savedmodel(gan, root / name)
    return gans, root


@pytest.fixture(scope="session")
def digit_server(digits, start):
    """A server of both; pages of any origin may ask it."""
    _, root = digits
    return start(models=(root / "cgan_mnist", root / "plain"), cors_origins=("*",))
