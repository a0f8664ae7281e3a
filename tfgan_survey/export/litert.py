"""LiteRT: a file for phones, browsers and small devices (formerly TensorFlow Lite)."""

from __future__ import annotations

import json
import tempfile

import tensorflow as tf

from tfgan_survey.export.portable import PortableFormat
from tfgan_survey.export.saved_model import Tracked

_CARD = "tfgan_survey_card"
_SIGNATURE = "serving_default"
_IDENTIFIER = b"TFL3"


class LiteRT(PortableFormat):
    """A `.tflite` file of built-in operations alone, signature `serving_default`, free batch."""

    name = "litert"
    suffix = ".tflite"
    extra = "litert"
    modules = ("ai_edge_litert",)

    def convert(self, model, function, specs, card):
        """Return the file's content."""
        traced = tf.function(function, input_signature=specs)
        with tempfile.TemporaryDirectory() as folder:
            made = {_SIGNATURE: traced.get_concrete_function()}
            tf.saved_model.save(Tracked(model), folder, signatures=made)
            converter = tf.lite.TFLiteConverter.from_saved_model(
                folder, signature_keys=[_SIGNATURE]
            )
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
            content = converter.convert()
        return _with_card(content, json.dumps(card, ensure_ascii=False).encode())

    def runtime(self, content):
        """Return a function that runs the file in the LiteRT interpreter."""
        from ai_edge_litert.interpreter import Interpreter

        runner = Interpreter(model_content=content).get_signature_runner(_SIGNATURE)
        return lambda inputs: runner(**inputs)

    def card(self, path):
        """Return the file's metadata of that name."""
        from ai_edge_litert import schema_py_generated as schema

        model = schema.Model.GetRootAsModel(path.read_bytes(), 0)
        for place in range(model.MetadataLength()):
            one = model.Metadata(place)
            if one.Name() == _CARD.encode():
                return json.loads(model.Buffers(one.Buffer()).DataAsNumpy().tobytes())
        return {}


def _with_card(content: bytes, card: bytes) -> bytes:
    """Return a file with one more buffer, and metadata that names it."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    buffer = schema.BufferT()
    buffer.data = list(card)
    model.buffers.append(buffer)
    metadata = schema.MetadataT()
    metadata.name, metadata.buffer = _CARD, len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), metadata]
    builder = flatbuffers.Builder(len(content) + len(card))
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())
