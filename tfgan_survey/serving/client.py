"""A client for this package's server and for TensorFlow Serving: the same calls on REST and gRPC.

Over REST it needs numpy, Pillow and httpx alone; the stubs of gRPC, which import TensorFlow, are
loaded for a `grpc://` URL only.
"""

from __future__ import annotations

import base64
import io
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tfgan_survey.errors import SettingError, unknown_name
from tfgan_survey.serving.status import HTTP_CODES

_DTYPES = {
    "DT_FLOAT": np.float32, "DT_DOUBLE": np.float64, "DT_HALF": np.float16, "DT_BOOL": np.bool_,
    "DT_INT8": np.int8, "DT_INT16": np.int16, "DT_INT32": np.int32, "DT_INT64": np.int64,
    "DT_UINT8": np.uint8, "DT_UINT16": np.uint16, "DT_UINT32": np.uint32, "DT_UINT64": np.uint64,
    "DT_STRING": np.object_,
}  # fmt: skip
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0  # seconds between attempts, doubled each time
_REMEDIES = {
    400: "see the model's signatures with Client.metadata() or GET .../metadata",
    404: "check the model's name and version, and that it is AVAILABLE: Client.status()",
    413: "lower rows_per_request",
    429: "lower rows_per_request, or send fewer requests at once",
    503: "the server is overloaded or still loading; go on later, or raise retries",
    504: "raise timeout, or lower rows_per_request",
}
_NO_REMEDY = "see the server's log"
_Answer = TypeVar("_Answer")


class RequestError(RuntimeError):
    """A request that failed for good; one line with the URL, the status and what to do.

    Args:
        url: what was asked.
        status: HTTP code or gRPC status name as it came, or what happened instead of an answer.
        message: the server's own words.
        remedy: how to go on.
        passing: whether the same request may succeed a moment later.
    """

    def __init__(self, url: str, status: str, message: str, remedy: str, passing: bool = False):
        super().__init__(" ".join(f"{url}: {status}: {message}; {remedy}".split()))
        self.url, self.status, self.message = url, status, message
        self.passing = passing


class Client:
    """Ask a served model for images, scores, or anything its signatures give.

    Formula:  row i of a sampling call depends on `seed + i` and `labels[i mod len(labels)]` alone,
              so the images are those of `GAN.generate(num, labels, seed)`, however many requests
              carry them.

    Args:
        url: `http://host:8501` or `https://...` for REST (a path before `/v1` is kept),
            `grpc://host:8500` for gRPC.
        model: name of the served model.
        version: a version number; None for the largest that is loaded.
        label: a version label such as `stable`, instead of `version`.
        num_classes: classes that `labels=None` cycles through; neither API tells it.
        timeout: seconds that one request may take.
        retries: further attempts after 503, UNAVAILABLE, a refused or broken connection, with
            random waits around 0.1, 0.2, 0.4, ... seconds. Every call only reads, so asking twice
            does no harm.
        rows_per_request: most rows in one request; larger calls are split. It must not exceed the
            server's `max_batch_size` where batches are not split.

    Raises:
        SettingError: a URL of another kind, or a value out of range.

    Example:
        >>> client = Client("http://127.0.0.1:8501", model="cgan_mnist")
        >>> sevens = client.sample(labels=7, num=16)  # float32 (16, 28, 28, 1) in [0, 1]
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8501",
        model: str = "cgan_mnist",
        *,
        version: int | None = None,
        label: str | None = None,
        num_classes: int = 10,
        timeout: float = 30.0,
        retries: int = 5,
        rows_per_request: int = 64,
    ):
        if version is not None and label is not None:
            raise SettingError("version and label exclude each other; give one")
        if num_classes < 1 or rows_per_request < 1 or retries < 0 or not timeout > 0:
            raise SettingError(
                f"num_classes={num_classes}, rows_per_request={rows_per_request}, "
                f"retries={retries}, timeout={timeout}: expected at least 1, 1, 0 and above 0"
            )
        self.url, self.model, self.num_classes = url, model, num_classes
        self._retries, self.rows_per_request = retries, rows_per_request
        if url.startswith(("http://", "https://")):
            self._transport: Any = _Rest(url, model, version, label, timeout)
        elif url.startswith("grpc://"):
            from tfgan_survey.serving.client_grpc import Grpc

            self._transport = Grpc(url, model, version, label, timeout)
        else:
            raise SettingError(
                f"URL {url!r}: expected http://host:8501, https://... or grpc://host:8500"
            )
        self._signatures: dict[str, Any] | None = None

    def sample(
        self, labels: int | Sequence[int] | None = None, num: int | None = None, seed: int = 0
    ) -> np.ndarray:
        """Return images of seeds `seed` to `seed + num - 1`.

        Args:
            labels: class ids, image i gets `labels[i mod len]`; None cycles through all classes,
                and is the only choice for a model without labels.
            num: number of images; as many as labels by default.
            seed: first seed.

        Returns:
            float32 `(num, height, width, channels)` in [0, 1].
        """
        return self._in_parts("sample", self._sampling("sample", labels, num, seed))["images"]

    def sample_png(
        self, labels: int | Sequence[int] | None = None, num: int | None = None, seed: int = 0
    ) -> list[bytes]:
        """Return the same images as PNG files, a few hundred bytes each."""
        inputs = self._sampling("sample_png", labels, num, seed)
        return list(self._in_parts("sample_png", inputs)["image_bytes"])

    def generate(self, latent: np.ndarray, labels: int | Sequence[int] | None = None) -> np.ndarray:
        """Return the images of latents.

        Args:
            latent: float `(num, latent_dim)`.
            labels: as in `sample`.

        Returns:
            float32 `(num, height, width, channels)` in [0, 1].
        """
        latent = np.asarray(latent)
        inputs = {"latent": latent, **self._label_rows("serving_default", labels, len(latent))}
        return self._in_parts("serving_default", inputs)["images"]

    def score(
        self, images: np.ndarray, labels: int | Sequence[int] | None = None
    ) -> dict[str, np.ndarray]:
        """Return what the discriminator says.

        Args:
            images: `(num, height, width, channels)`, float in [0, 1] or uint8.
            labels: class ids of the images, image i has `labels[i mod len]`; needed by a model
                with labels.

        Returns:
            `scores` float32 `(num, 1)` and, where the objective defines them, `probabilities`.
        """
        images = np.asarray(images)
        if images.dtype == np.uint8:
            images = images.astype(np.float32) / np.float32(255.0)
        if labels is None and "labels" in self._inputs("score"):
            raise ValueError(f"{self.model} judges images with their labels; pass labels.")
        return self._in_parts(
            "score", {"images": images, **self._label_rows("score", labels, len(images))}
        )

    def predict(self, signature: str, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Run any signature, in one request.

        Args:
            signature: its name.
            inputs: values by input name; whole numbers and floats are cast to the signature's
                types where that loses no value, strings are `str` or `bytes`.

        Returns:
            Arrays by output name; strings as `bytes` objects.

        Raises:
            UnknownNameError: no such signature or input.
            ValueError: a value that the input's type cannot hold.
            RequestError: the server refused, or did not answer.
        """
        wanted = self._inputs(signature)
        arrays = {}
        for name, value in inputs.items():
            if name not in wanted:
                raise unknown_name(f"input of signature {signature}", name, wanted)
            arrays[name] = _cast(name, value, wanted[name]["dtype"])
        outputs = self.metadata_of(signature)["outputs"]
        return self._retried(lambda: self._transport.predict(signature, arrays, outputs))

    def status(self) -> list[dict[str, Any]]:
        """Return `{"version", "state", "status"}` of every version, as REST prints them."""
        return self._retried(self._transport.status)

    def metadata(self) -> dict[str, Any]:
        """Return the model's name, version and signatures, as REST prints them."""
        return self._retried(self._transport.metadata)

    def metadata_of(self, signature: str) -> dict[str, Any]:
        """Return `inputs` and `outputs` of one signature; asked for once and kept.

        Raises:
            UnknownNameError: the model has no such signature.
        """
        if self._signatures is None:
            self._signatures = self.metadata()["metadata"]["signature_def"]["signature_def"]
        if signature not in self._signatures:
            known = [name for name in self._signatures if not name.startswith("__")]
            raise unknown_name(f"signature of {self.model}", signature, known)
        return self._signatures[signature]

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc_info) -> None:
        self.close()

    def _inputs(self, signature: str) -> dict[str, Any]:
        return self.metadata_of(signature)["inputs"]

    def _sampling(self, signature: str, labels, num: int | None, seed: int) -> dict[str, Any]:
        if num is None:
            if labels is not None:
                num = np.size(labels)
            else:
                num = self.num_classes if "labels" in self._inputs(signature) else 1
        if num < 1:
            raise ValueError(f"num={num}: expected at least 1.")
        rows = self._label_rows(signature, labels, num)
        return {"seeds": int(seed) + np.arange(num, dtype=np.int64), **rows}

    def _label_rows(self, signature: str, labels, num: int) -> dict[str, np.ndarray]:
        if "labels" not in self._inputs(signature):
            if labels is not None:
                raise ValueError(f"{self.model} was trained without labels; leave them out.")
            return {}
        ids = np.arange(self.num_classes) if labels is None else np.atleast_1d(np.asarray(labels))
        if ids.ndim != 1 or ids.size == 0 or ids.dtype.kind not in "iu":
            raise ValueError(f"labels {labels!r}: expected one class id or a list of them.")
        if ids.min() < 0 or ids.max() >= self.num_classes:
            raise ValueError(
                f"labels {ids.min()}..{ids.max()}: expected 0 to {self.num_classes - 1}; for a "
                "model with other classes set num_classes."
            )
        return {"labels": np.resize(ids, num).astype(np.int32)}

    def _in_parts(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        num = len(next(iter(inputs.values())))
        parts = [
            self.predict(
                signature, {k: v[start : start + self.rows_per_request] for k, v in inputs.items()}
            )
            for start in range(0, num, self.rows_per_request)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _retried(self, call: Callable[[], _Answer]) -> _Answer:
        for attempt in range(self._retries):
            try:
                return call()
            except RequestError as error:
                if not error.passing:
                    raise
            # Waits differ between clients, or those refused together would return together.
            wait = min(_FIRST_WAIT * 2**attempt, _LONGEST_WAIT)
            time.sleep(wait * random.uniform(0.5, 1.5))
        return call()


def save_samples(
    client: Client,
    output: str | Path,
    num: int | None = None,
    labels: int | Sequence[int] | None = None,
    seed: int = 0,
    columns: int | None = None,
) -> Path:
    """Write samples as `tfgan-survey sample` does, from a server instead of a run folder.

    Args:
        client: whom to ask; PNGs travel where the model has the signature `sample_png`.
        output: `.png`, or `.npz` with `images` uint8 and, where conditional, `labels` int32.
        num: number of images; as many as labels by default.
        labels: as in `Client.sample`.
        seed: first seed.
        columns: images in a row of the grid.

    Returns:
        `output`.
    """
    from PIL import Image

    from tfgan_survey import pictures
    from tfgan_survey.files import written_aside

    output = Path(output)
    signatures = client.metadata()["metadata"]["signature_def"]["signature_def"]
    if "sample_png" in signatures:
        files = client.sample_png(labels, num, seed)
        images = np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files])
        images = images[..., None] if images.ndim == 3 else images
    else:
        images = pictures.to_uint8(client.sample(labels, num, seed))
    if output.suffix == ".png":
        return pictures.save(pictures.grid(images, columns), output)
    with written_aside(output) as aside:
        np.savez_compressed(
            aside, images=images, **client._label_rows("sample", labels, len(images))
        )
    return output


class _Rest:
    """The REST half: JSON bodies over kept-alive connections."""

    def __init__(self, url: str, model: str, version, label, timeout: float):
        try:
            import httpx
        except ImportError as error:
            raise ImportError(
                "the REST client needs httpx: pip install 'tfgan-survey[serving]'"
            ) from error
        self._httpx = httpx
        self._base = f"{url.rstrip('/')}/v1/models/{model}"
        if version is not None:
            self._base += f"/versions/{version}"
        elif label is not None:
            self._base += f"/labels/{label}"
        self._http = httpx.Client(timeout=timeout)

    def predict(self, signature: str, arrays: Mapping[str, np.ndarray], outputs) -> dict:
        body = {
            "signature_name": signature,
            "inputs": {name: _to_json(array) for name, array in arrays.items()},
        }
        answer = self._ask("POST", ":predict", json.dumps(body).encode())
        columns = answer["outputs"]
        if len(outputs) == 1:
            columns = {name: columns for name in outputs}
        return {
            name: _from_json(columns[name], _DTYPES[spec["dtype"]])
            for name, spec in outputs.items()
        }

    def status(self) -> list[dict[str, Any]]:
        return self._ask("GET")["model_version_status"]

    def metadata(self) -> dict[str, Any]:
        return self._ask("GET", "/metadata")

    def close(self) -> None:
        self._http.close()

    def _ask(self, method: str, path: str = "", body: bytes | None = None) -> dict[str, Any]:
        url = self._base + path
        try:
            headers = {"content-type": "application/json"} if body else None
            response = self._http.request(method, url, content=body, headers=headers)
        except self._httpx.TimeoutException as error:
            raise RequestError(url, "no answer in time", _words(error), _REMEDIES[504]) from error
        except self._httpx.TransportError as error:
            raise RequestError(
                url, "no connection", _words(error),
                "is the server running? Start one with `tfgan-survey serve saved_models/NAME`, or "
                "give another URL", passing=True,
            ) from error  # fmt: skip
        code = response.status_code
        try:
            answer = response.json()
        except ValueError:
            raise RequestError(
                url, str(code), f"the answer is not JSON: {response.text[:80]!r}",
                "is this the REST port (8501) of a model server?", passing=code == 503,
            ) from None  # fmt: skip
        if code == 200 and isinstance(answer, dict):
            return answer
        message = answer.get("error", answer) if isinstance(answer, dict) else answer
        remedy = _REMEDIES.get(code, _NO_REMEDY)
        raise RequestError(url, str(code), str(message), remedy, passing=code == 503)


def grpc_error(url: str, name: str, details: str) -> RequestError:
    """Return the error for a gRPC status."""
    remedy = _REMEDIES.get(HTTP_CODES.get(name, 500), _NO_REMEDY)
    if name == "UNAVAILABLE":
        remedy = "is a server there? If so it is overloaded or loading: go on later, raise retries"
    return RequestError(url, name, details, remedy, passing=name == "UNAVAILABLE")


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _cast(name: str, value: Any, dtype: str) -> np.ndarray:
    """Return an array of the signature's type, or say why its values do not fit."""
    if dtype not in _DTYPES:
        raise ValueError(f"input {name!r} is {dtype}, which this client cannot send.")
    wanted = np.dtype(_DTYPES[dtype])
    if wanted == np.object_:
        return np.asarray(value, dtype=np.object_)
    array = np.asarray(value)
    fits = np.can_cast(array.dtype, wanted, "same_kind")
    if fits and wanted.kind in "iu" and array.size:
        limits = np.iinfo(wanted)
        fits = limits.min <= int(array.min()) and int(array.max()) <= limits.max
    if not fits:
        raise ValueError(
            f"input {name!r} takes {wanted}, {array.dtype} values came that it cannot hold; "
            "convert them first."
        )
    return array.astype(wanted)


def _to_json(array: np.ndarray) -> Any:
    if array.dtype != np.object_:
        return array.tolist()
    values = array.tolist()

    def leaf(item):
        if isinstance(item, list):
            return [leaf(inner) for inner in item]
        return {"b64": base64.b64encode(item).decode()} if isinstance(item, bytes) else str(item)

    return leaf(values)


def _from_json(value: Any, dtype: type) -> np.ndarray:
    if dtype is not np.object_:
        return np.asarray(value, dtype=dtype)

    def leaf(item):
        if isinstance(item, list):
            return [leaf(inner) for inner in item]
        return base64.b64decode(item["b64"]) if isinstance(item, dict) else item.encode("utf-8")

    return np.asarray(leaf(value), dtype=np.object_)
