"""Does a server give what the SavedModel gives? Every signature, over REST or gRPC."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path

import numpy as np

from tfgan_survey.errors import RunError
from tfgan_survey.serving.client.client import Client
from tfgan_survey.serving.client.request_error import RequestError

TOLERANCE = 1e-5  # single precision sums in another order differ by about 1e-7
_PNG = b"\x89PNG"


@dataclasses.dataclass(frozen=True)
class Finding:
    """How one output of one signature compares.

    Args:
        signature: its name.
        output: name of the output, empty where the whole signature failed.
        shape: shape of the local output.
        difference: largest difference; of numbers relative to values above 1, of PNGs in pixel
            values of 0..255, of other strings the number that differ.
        allowed: largest difference that passes.
        problem: what is wrong, empty where nothing is.
    """

    signature: str
    output: str
    shape: tuple[int, ...] = ()
    difference: float = 0.0
    allowed: float = 0.0
    problem: str = ""


@dataclasses.dataclass(frozen=True)
class Report:
    """What was compared, and how it came out.

    Args:
        url: the server.
        path: version folder of the SavedModel.
        findings: one an output, or one a signature that failed.
    """

    url: str
    path: Path
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether everything agrees."""
        return not any(finding.problem for finding in self.findings)

    def __str__(self) -> str:
        lines = []
        for finding in self.findings:
            where = f"{finding.signature}.{finding.output}".rstrip(".")
            shape = "x".join(map(str, finding.shape))
            result = finding.problem or f"ok, max difference {finding.difference:.2g}"
            lines.append(f"{where:32} {shape:16} {result}")
        verdict = "agrees with" if self.ok else "DIFFERS from"
        return "\n".join([*lines, f"{self.url} {verdict} {self.path}"])


def check(
    url: str,
    saved_model_dir: str | Path,
    model: str | None = None,
    rows: int = 16,
    timeout: float = 30.0,
) -> Report:
    """Compare served outputs with those of the SavedModel run in this process.

    Formula:
        |served - local| <= 1e-5 max(1, |local|) for numbers; 1 of 255 for PNG pixels;
        equality for other strings.

    Args:
        url: server, as `Client` takes it.
        saved_model_dir: a folder of versions, of which the one that the server gives is read, or
            one version.
        model: served name; the name of the folder of versions by default.
        rows: rows of made-up input: seeds 0, 1, ..., labels in turn, uniform numbers.
        timeout: seconds a request.

    Returns:
        The report; its `ok` says whether all agree.

    Raises:
        RunError: no such SavedModel, or the server has no version that is here.
        RequestError: the server does not answer for this model.
    """
    folder = Path(saved_model_dir).resolve()
    alone = (folder / "saved_model.pb").is_file()
    name = model or (folder.parent.name if alone else folder.name)
    version = int(folder.name) if alone and folder.name.isdigit() else None
    with Client(url, name, version=version, timeout=timeout) as client:
        path = folder if alone else folder / str(_served_version(client))
        if not (path / "saved_model.pb").is_file():
            raise RunError(
                f"{path} holds no SavedModel, but {url} serves that version of {name}; give the "
                "folder that it was started with, or --model."
            )
        if version is None and path.name.isdigit():
            version = int(path.name)
        with Client(url, name, version=version, timeout=timeout) as pinned:
            return Report(url, path, tuple(_compare(pinned, path, rows)))


def _served_version(client: Client) -> int:
    available = [int(v["version"]) for v in client.status() if v["state"] == "AVAILABLE"]
    if not available:
        raise RunError(f"{client.url} has no AVAILABLE version of {client.model}; see its log.")
    return max(available)


def _compare(client: Client, path: Path, rows: int):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    card_path = path / "assets.extra" / "card.json"
    card = json.loads(card_path.read_text(encoding="utf-8")) if card_path.is_file() else {}
    served = client.metadata()["metadata"]["signature_def"]["signature_def"]
    extra = {name for name in served if not name.startswith("__")} - set(loaded.signatures)
    for name in sorted(extra):
        yield Finding(name, "", problem="served, but not in the SavedModel")
    for name, function in sorted(loaded.signatures.items()):
        if name not in served:
            yield Finding(name, "", problem="in the SavedModel, but not served")
            continue
        try:
            inputs = _made_up_inputs(function.structured_input_signature[1], rows, card)
        except ValueError as error:
            yield Finding(name, "", problem=str(error))
            continue
        local = function(**{key: tf.constant(value) for key, value in inputs.items()})
        try:
            answer = client.predict(name, inputs)
        except (RequestError, ValueError) as error:
            yield Finding(name, "", problem=f"not answered: {error}")
            continue
        for output, tensor in sorted(local.items()):
            yield _finding(name, output, tensor.numpy(), answer.get(output))


def _made_up_inputs(specs, rows: int, card) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    inputs = {}
    for name, spec in specs.items():
        shape = [rows if size is None else size for size in spec.shape.as_list()]
        dtype = np.dtype(spec.dtype.as_numpy_dtype)
        if dtype.kind == "f":
            inputs[name] = generator.uniform(0.0, 1.0, shape).astype(dtype)
        elif dtype.kind in "iub":
            top = (card.get("num_classes") or 1) if name == "labels" else rows
            inputs[name] = np.resize(np.arange(top), shape).astype(dtype)
        else:
            raise ValueError(f"not compared: no values can be made up for {spec.dtype.name} inputs")
    return inputs


def _finding(signature: str, output: str, local: np.ndarray, served) -> Finding:
    if served is None:
        return Finding(signature, output, local.shape, problem="missing in the answer")
    if served.shape != local.shape:
        problem = f"served shape {served.shape}, local shape {local.shape}"
        return Finding(signature, output, local.shape, problem=problem)
    if local.dtype == np.object_:
        difference, allowed = _string_difference(local, served)
    else:
        here, there = local.astype(np.float64), served.astype(np.float64)
        same = (here == there) | (np.isnan(here) & np.isnan(there))
        with np.errstate(invalid="ignore"):
            relative = np.abs(here - there) / np.maximum(1.0, np.abs(here))
        # A NaN or an infinity on one side alone is a difference of any size.
        relative = np.where(same, 0.0, np.where(np.isfinite(relative), relative, np.inf))
        difference, allowed = float(relative.max(initial=0.0)), TOLERANCE
    problem = "" if difference <= allowed else f"max difference {difference:.3g} > {allowed:g}"
    return Finding(signature, output, local.shape, difference, allowed, problem)


def _string_difference(local: np.ndarray, served: np.ndarray) -> tuple[float, float]:
    """Compare strings, PNGs by their pixels."""
    pairs = list(zip(local.ravel(), served.ravel(), strict=True))
    if not all(here.startswith(_PNG) and there.startswith(_PNG) for here, there in pairs):
        return float(sum(here != there for here, there in pairs)), 0.0
    largest = 0.0
    for here, there in pairs:
        ours, theirs = _pixels(here), _pixels(there)
        if ours.shape != theirs.shape:
            return np.inf, 1.0
        largest = max(largest, float(np.abs(ours - theirs).max()))
    return largest, 1.0


def _pixels(file: bytes) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(file)), dtype=np.int16)
