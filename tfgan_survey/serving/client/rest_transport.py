"""The REST half of `tfgan_survey.serving.Client`: JSON bodies over kept-alive connections."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfgan_survey.serving.client.request_error import NO_REMEDY, REMEDIES, RequestError

DTYPES = {
    "DT_FLOAT": np.float32, "DT_DOUBLE": np.float64, "DT_HALF": np.float16, "DT_BOOL": np.bool_,
    "DT_INT8": np.int8, "DT_INT16": np.int16, "DT_INT32": np.int32, "DT_INT64": np.int64,
    "DT_UINT8": np.uint8, "DT_UINT16": np.uint16, "DT_UINT32": np.uint32, "DT_UINT64": np.uint64,
    "DT_STRING": np.object_,
}  # fmt: skip


class Rest:
    """The REST half: JSON bodies over kept-alive connections.

    Args:
        url: `http://host:port` or `https://...`; a path before `/v1` is kept.
        model: name of the model.
        version: version number or None.
        label: version label or None.
        timeout: seconds, as `httpx.Client` takes them.
    """

    def __init__(self, url: str, model: str, version, label, timeout: float):
        try:
            import httpx
        except ImportError as error:
            raise ImportError(
                "the REST client needs httpx: pip install 'tfgan-survey[serving]'"
            ) from error
        self._httpx = httpx
        which = model
        if version is not None:
            which += f"/versions/{version}"
        elif label is not None:
            which += f"/labels/{label}"
        self._base = f"{url.rstrip('/')}/v1/models/{which}"
        self._card = f"{url.rstrip('/')}/cards/{which}"
        self._http = httpx.Client(timeout=timeout)

    def predict(self, signature: str, arrays: Mapping[str, np.ndarray], outputs) -> dict:
        """Run a signature on arrays of its dtypes.

        Args:
            signature: its name.
            arrays: by input name.
            outputs: what the metadata say of each output, by name; its `dtype` is read.
        """
        body = {
            "signature_name": signature,
            "inputs": {name: _to_json(array) for name, array in arrays.items()},
        }
        answer = self._ask("POST", ":predict", json.dumps(body).encode())
        columns = answer.get("outputs")
        if len(outputs) == 1:
            columns = {name: columns for name in outputs}
        try:
            return {
                name: _from_json(columns[name], DTYPES[spec["dtype"]])
                for name, spec in outputs.items()
            }
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RequestError(
                self._base + ":predict", "wrong answer",
                f"no tensors {', '.join(sorted(outputs))} in it: {_words(error)}",
                "is this the REST port (8501) of a model server?",
            ) from error  # fmt: skip

    def status(self) -> list[dict[str, Any]]:
        """Return the versions' states."""
        return self._ask("GET")["model_version_status"]

    def metadata(self) -> dict[str, Any]:
        """Return the signatures."""
        return self._ask("GET", "/metadata")

    def card(self) -> dict[str, Any] | None:
        """Return the model's card; None where the server has none, as TensorFlow Serving."""
        try:
            answer = self._ask("GET", url=self._card)
        except RequestError as error:
            if error.passing or error.status not in ("400", "404"):
                raise
            return None  # TensorFlow Serving has no such path
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _ask(
        self, method: str, path: str = "", body: bytes | None = None, url: str | None = None
    ) -> dict[str, Any]:
        url = url or self._base + path
        try:
            headers = {"content-type": "application/json"} if body else None
            response = self._http.request(method, url, content=body, headers=headers)
        except self._httpx.TimeoutException as error:
            raise RequestError(url, "no answer in time", _words(error), REMEDIES[504]) from error
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
        remedy = REMEDIES.get(code, NO_REMEDY)
        raise RequestError(url, str(code), str(message), remedy, passing=code == 503)


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


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
