"""A client for this package's server and for TensorFlow Serving: the same calls on REST and gRPC.

Over REST it needs numpy, Pillow and httpx alone; the stubs of gRPC, which import TensorFlow, are
loaded for a `grpc://` URL only.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from tfgan_survey.errors import SettingError, unknown_name
from tfgan_survey.serving.client.request_error import RequestError
from tfgan_survey.serving.client.rest_transport import DTYPES, Rest

_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0  # seconds between attempts, doubled each time
_Answer = TypeVar("_Answer")


class Client:
    """Ask a served model for images, scores, or anything its signatures give.

    Formula:
        row i of a sampling call depends on `seed + i` and `labels[i mod len(labels)]` alone,
        so the images are those of `GAN.generate(num, labels, seed)`, however many requests
        carry them.

    Args:
        url: `http://host:8501` or `https://...` for REST (a path before `/v1` is kept),
            `grpc://host:8500` for gRPC.
        model: name of the served model.
        version: a version number; None for the largest that is loaded.
        label: a version label such as `stable`, instead of `version`.
        num_classes: classes that `labels=None` cycles through; None asks the server, of which
            this package's answers from the model's `card.json` and TensorFlow Serving does not.
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
        num_classes: int | None = None,
        timeout: float = 30.0,
        retries: int = 5,
        rows_per_request: int = 64,
    ):
        if version is not None and label is not None:
            raise SettingError("version and label exclude each other; give one")
        few = rows_per_request < 1 or (num_classes is not None and num_classes < 1)
        if few or retries < 0 or not timeout > 0:
            raise SettingError(
                f"num_classes={num_classes}, rows_per_request={rows_per_request}, "
                f"retries={retries}, timeout={timeout}: expected at least 1, 1, 0 and above 0"
            )
        self.url, self.model = url, model
        self._num_classes, self._card = num_classes, None
        self._retries, self.rows_per_request = retries, rows_per_request
        if url.startswith(("http://", "https://")):
            self._transport: Any = Rest(url, model, version, label, timeout)
        elif url.startswith("grpc://"):
            from tfgan_survey.serving.client.grpc_transport import Grpc

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
        """Return the same images as PNG files, a few hundred bytes each.

        Args:
            labels: as in `sample`.
            num: as in `sample`.
            seed: first seed.
        """
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

        Args:
            signature: its name.

        Raises:
            UnknownNameError: the model has no such signature.
        """
        if self._signatures is None:
            self._signatures = self.metadata()["metadata"]["signature_def"]["signature_def"]
        if signature not in self._signatures:
            known = [name for name in self._signatures if not name.startswith("__")]
            raise unknown_name(f"signature of {self.model}", signature, known)
        return self._signatures[signature]

    def card(self) -> dict[str, Any]:
        """Return what the export says of the model in `card.json`; asked for once and kept.

        Returns:
            The card, empty where the server has none to give, as TensorFlow Serving never has.
        """
        if self._card is None:
            self._card = self._retried(self._transport.card) or {}
        return self._card

    @property
    def num_classes(self) -> int | None:
        """Classes of the model: those given, else those of its card; None when neither says."""
        if self._num_classes is None:
            self._num_classes = self.card().get("num_classes")
        return self._num_classes

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
                several = self._condition(signature) is not None
                num = len(np.atleast_2d(labels)) if several else np.size(labels)
            else:
                num = self._all_classes() if "labels" in self._inputs(signature) else 1
        if num < 1:
            raise ValueError(f"num={num}: expected at least 1.")
        rows = self._label_rows(signature, labels, num)
        return {"seeds": int(seed) + np.arange(num, dtype=np.int64), **rows}

    def _condition(self, signature: str) -> str | None:
        """Return the input of a condition that is no class."""
        others = set(self._inputs(signature)) - {"seeds", "latent", "images", "labels"}
        return others.pop() if len(others) == 1 else None

    def _label_rows(self, signature: str, labels, num: int) -> dict[str, np.ndarray]:
        if (name := self._condition(signature)) is not None:
            if labels is None:
                raise SettingError(f"{self.model} has no default {name}; pass rows as labels=.")
            rows = np.atleast_2d(np.asarray(labels, np.float32))
            return {name: rows[np.arange(num) % len(rows)]}
        if "labels" not in self._inputs(signature):
            if labels is not None:
                raise ValueError(f"{self.model} was trained without labels; leave them out.")
            return {}
        ids = np.arange(self._all_classes()) if labels is None else np.atleast_1d(labels)
        if ids.ndim != 1 or ids.size == 0 or ids.dtype.kind not in "iu":
            raise ValueError(f"labels {labels!r}: expected one class id or a list of them.")
        # A server that does not tell its classes refuses a label beyond them itself.
        top = np.iinfo(np.int32).max if self.num_classes is None else self.num_classes - 1
        if ids.min() < 0 or ids.max() > top:
            raise ValueError(
                f"labels {ids.min()}..{ids.max()}: expected 0 to {top}; for a "
                "model with other classes set num_classes."
            )
        return {"labels": np.resize(ids, num).astype(np.int32)}

    def _all_classes(self) -> int:
        if self.num_classes is None:
            raise SettingError(
                f"{self.url} does not tell how many classes {self.model} has; pass num_classes "
                "(on the command line --classes), or the labels"
            )
        return self.num_classes

    def _in_parts(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        num = len(next(iter(inputs.values())))
        if num < 1:
            raise ValueError(f"{signature} of no rows: expected at least 1.")
        parts = []
        for start in range(0, num, self.rows_per_request):
            stop = min(num, start + self.rows_per_request)
            part = self.predict(signature, {k: v[start:stop] for k, v in inputs.items()})
            self._check_rows(signature, part, stop - start)
            parts.append(part)
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _check_rows(self, signature: str, answer: Mapping[str, np.ndarray], asked: int) -> None:
        for name, array in answer.items():
            came = array.shape[0] if array.ndim else "no"
            if came != asked:
                raise RequestError(
                    f"{self.url}, {self.model}", "wrong answer",
                    f"{asked} rows of {signature} were asked for, {came} rows of {name} came",
                    "is something between that alters answers? `tfgan-survey check` compares the "
                    "server with its SavedModel",
                )  # fmt: skip

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


def _cast(name: str, value: Any, dtype: str) -> np.ndarray:
    """Return an array of the signature's type, or say why its values do not fit."""
    if dtype not in DTYPES:
        raise ValueError(f"input {name!r} is {dtype}, which this client cannot send.")
    wanted = np.dtype(DTYPES[dtype])
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
