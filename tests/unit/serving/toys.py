"""Small SavedModels with every kind of signature that the contract speaks of."""

from pathlib import Path

import tensorflow as tf

ECHOED = ("int8", "int16", "int32", "int64", "uint8", "uint32", "uint64", "bool", "float64")
ONLY_GRPC = ("float16", "bfloat16", "uint16", "complex64")


def spec(name, dtype, *shape):
    return tf.TensorSpec((None, *shape), dtype, name=name)


class Half(tf.Module):
    """y = factor * x + 2: one input, one output, and a second signature with an inner size."""

    def __init__(self, factor):
        super().__init__()
        self.factor = tf.Variable(factor, dtype=tf.float32)

    @tf.function(input_signature=[spec("x", tf.float32)])
    def half(self, x):
        return {"y": self.factor * x + 2.0}

    @tf.function(input_signature=[spec("x", tf.float32, 3)])
    def matrix(self, x):
        return {"y": tf.linalg.matmul(x, tf.ones((3, 2)))}

    @tf.function(input_signature=[tf.TensorSpec(None, tf.float32, name="x")])
    def any_shape(self, x):
        return {"y": x * 2.0}

    @tf.function(input_signature=[spec("x", tf.float32, None)])
    def row_sums(self, x):
        return {"y": tf.reduce_sum(x, axis=1)}

    @tf.function(input_signature=[spec("steps", tf.int32)])
    def slow(self, steps):
        most = tf.reduce_max(steps)
        done = tf.while_loop(lambda i: i < most, lambda i: (i + 1,), (tf.constant(0),))[0]
        return {"done": tf.zeros_like(steps) + done}

    @tf.function(input_signature=[spec("x", tf.float32)])
    def checked(self, x):
        tf.debugging.assert_non_negative(x, "x must not be negative")
        return {"y": tf.sqrt(x)}

    def signatures(self):
        return {
            "serving_default": self.half,
            "matrix": self.matrix,
            "any_shape": self.any_shape,
            "row_sums": self.row_sums,
            "slow": self.slow,
            "checked": self.checked,
        }


class Two(tf.Module):
    @tf.function(input_signature=[spec("a", tf.float32, 2), spec("b", tf.int32)])
    def two(self, a, b):
        return {"scaled": a * tf.cast(b, tf.float32)[:, None], "next": b + 1}

    @tf.function(input_signature=[spec("a", tf.float32, 2), spec("b", tf.int32)])
    def scalar(self, a, b):
        return {"total": tf.reduce_sum(a), "rows": b}

    @tf.function(input_signature=[spec("a", tf.float32)])
    def only_scalar(self, a):
        return {"total": tf.reduce_sum(a)}

    def signatures(self):
        return {
            "serving_default": self.two,
            "scalar": self.scalar,
            "only_scalar": self.only_scalar,
        }


class Wide(tf.Module):
    """Sizes that multiply: three inputs that broadcast, and rows that become pictures."""

    @tf.function(input_signature=[tf.TensorSpec(None, tf.float32, name=name) for name in "abc"])
    def broadcast(self, a, b, c):
        return {"sum": a + b + c}

    @tf.function(input_signature=[spec("seeds", tf.int64)])
    def images(self, seeds):
        rows = tf.cast(seeds, tf.float32)[:, None, None, None]
        return {"images": rows + tf.zeros((1, 28, 28, 1))}

    def signatures(self):
        return {"serving_default": self.broadcast, "images": self.images}


class Strings(tf.Module):
    @tf.function(input_signature=[spec("text", tf.string)])
    def strings(self, text):
        return {"upper": tf.strings.upper(text), "raw_bytes": text}

    @tf.function(input_signature=[spec("text", tf.string)])
    def upper(self, text):
        return {"upper": tf.strings.upper(text)}

    @tf.function(input_signature=[spec("text", tf.string)])
    def raw(self, text):
        return {"raw_bytes": text}

    def signatures(self):
        return {"serving_default": self.strings, "upper": self.upper, "raw": self.raw}


class Echo(tf.Module):
    def signatures(self):
        def echo(dtype):
            function = tf.function(lambda x: {"y": tf.identity(x)})
            return function.get_concrete_function(spec("x", tf.as_dtype(dtype)))

        return {dtype: echo(dtype) for dtype in (*ECHOED, *ONLY_GRPC, "float32")}


def save(module, path):
    tf.saved_model.save(module, str(path), signatures=module.signatures())
    return Path(path)


def save_examples(path):
    """A TF 1 graph with classify, regress and predict signatures over serialised examples."""
    v1 = tf.compat.v1
    utils = v1.saved_model.signature_def_utils
    with tf.Graph().as_default(), v1.Session() as session:
        serialised = v1.placeholder(tf.string, [None], "examples")
        features = {"x": tf.io.FixedLenFeature([1], tf.float32, default_value=[0.0])}
        x = tf.io.parse_example(serialised, features)["x"]
        factor = v1.get_variable("factor", initializer=tf.constant(0.5), use_resource=False)
        y = factor * x + 2.0
        scores = tf.concat([y, -y], axis=1)
        classes = tf.tile([["plus", "minus"]], [tf.shape(x)[0], 1])
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(path))
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {
                "classify": utils.classification_signature_def(serialised, classes, scores),
                "regress": utils.regression_signature_def(serialised, y),
                # As in TensorFlow Serving's half_plus_two: (-1, 1) is declared, (n,) is sent.
                "serving_default": utils.predict_signature_def({"x": x}, {"y": y}),
                "odd_method": utils.build_signature_def(
                    {"x": v1.saved_model.build_tensor_info(x)},
                    {"y": v1.saved_model.build_tensor_info(y)},
                    "some/other/method",
                ),
            },
        )
        builder.save()
    return Path(path)
