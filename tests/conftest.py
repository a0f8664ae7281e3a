"""Set up once for all tests."""

import gc
import os
import shutil

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Side by side (make test), each process computes with its part of the cores, and so do those that
# its tests start. Read when TensorFlow and NumPy are imported.
_PROCESSES = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
if _PROCESSES > 1:
    for _name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(_name, str(max(1, os.cpu_count() // _PROCESSES)))


def pytest_configure(config):
    """Give this process two logical devices: one machine tests what happens between replicas."""
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        import tensorflow as tf

        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
        )


def pytest_collection_finish():
    """Spare the garbage collector the half million objects of the imports."""
    gc.collect()
    gc.freeze()


_LONG_SECONDS = 3600  # of tests that are long on purpose; the others: see pyproject.toml


def pytest_collection_modifyitems(items):
    """Give trainings and soaks their own time limit."""
    for item in items:
        if item.get_closest_marker("training") or item.get_closest_marker("soak"):
            item.add_marker(pytest.mark.timeout(_LONG_SECONDS))


@pytest.fixture(scope="session", autouse=True)
def own_pictures_removed(tmp_path_factory):
    """Leave no copies of the tests' pictures beside the prepared data sets."""
    yield
    from tfgan_survey.data import DataHome

    for copy in DataHome().copies():
        if tmp_path_factory.getbasetemp() in copy.source.parents:
            shutil.rmtree(copy.path)


@pytest.fixture(scope="module")
def browser():
    """Return a real headless browser that logs what pages say and what they ask for."""
    from selenium import webdriver

    found = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    assert all(found.values()), f"no browser: run install_browser.sh (make browser); {found}"
    options = webdriver.ChromeOptions()
    options.binary_location = found["chromium"]
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu",
                     "no-proxy-server", "window-size=1000,1400"):  # fmt: skip
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(found["chromedriver"])
    with webdriver.Chrome(options=options, service=service) as driver:
        yield driver
