"""ONNX: a file for ONNX Runtime and the many programs that read it."""

from __future__ import annotations

import json
import logging

import tensorflow as tf

from tfgan_survey.export.portable import PortableFormat

# Of an output whose name an input has: in a graph of ONNX every name is one value.
_OUT = "_out"


class ONNX(PortableFormat):
    """An ONNX file; inputs and outputs have the names of the SavedModel's, the batch is free.

    Why:
        What maps images to images gives `images_out`: one name cannot stand for both.
    """

    name = "onnx"
    suffix = ".onnx"
    extra = "onnx"
    modules = ("tf2onnx", "onnx", "onnxruntime")

    def convert(self, model, function, specs, card):
        """Return the file's content, which ONNX's own checker has accepted."""
        import onnx
        import tf2onnx

        # It lists operations that it does not know and goes on; the checker refuses them.
        logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
        taken = {one.name for one in specs}

        def named(*inputs):
            answers = function(*inputs)
            return {name + _OUT * (name in taken): one for name, one in answers.items()}

        traced = tf.function(named, input_signature=specs)
        made, _ = tf2onnx.convert.from_function(traced, input_signature=specs)
        for value in (*made.graph.input, *made.graph.output):
            value.type.tensor_type.shape.dim[0].dim_param = "batch"
        onnx.helper.set_model_props(made, {"card": json.dumps(card, ensure_ascii=False)})
        onnx.checker.check_model(made)
        return made.SerializeToString()

    def runtime(self, content):
        """Return a function that runs the file in ONNX Runtime, on the CPU."""
        import onnxruntime

        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        names = [one.name for one in session.get_outputs()]
        plain = [name.removesuffix(_OUT) for name in names]
        return lambda inputs: dict(zip(plain, session.run(names, dict(inputs)), strict=True))

    def card(self, path):
        """Return the file's property `card`."""
        import onnx

        made = onnx.load(path, load_external_data=False)
        found = {one.key: one.value for one in made.metadata_props}
        return json.loads(found["card"]) if "card" in found else {}
