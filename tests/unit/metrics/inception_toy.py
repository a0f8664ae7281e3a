"""The Inception network once more, in NumPy and as its PyTorch original lays it out; tiny weights.

Independent of the package: channels first, explicit padding, batch normalisation not folded.
"""

import numpy as np

EPSILON = 0.001
# unit: (stride, vertical padding, horizontal padding, kernel height, kernel width, input name)
STEM = {
    "conv": (2, 0, 0, 3, 3),
    "conv_1": (1, 0, 0, 3, 3),
    "conv_2": (1, 1, 1, 3, 3),
    "conv_3": (1, 0, 0, 1, 1),
    "conv_4": (1, 0, 0, 3, 3),
}
ONE = (1, 0, 0, 1, 1)
THREE = (1, 1, 1, 3, 3)
HALF = (2, 0, 0, 3, 3)
WIDE, TALL = (1, 0, 3, 1, 7), (1, 3, 0, 7, 1)
TOWERS = {
    "A": {
        "": [ONE],
        "tower": [ONE, (1, 2, 2, 5, 5)],
        "tower_1": [ONE, THREE, THREE],
        "tower_2": ["average", ONE],
    },
    "B": {"": [HALF], "tower": [ONE, THREE, HALF], None: ["max"]},
    "C": {
        "": [ONE],
        "tower": [ONE, WIDE, TALL],
        "tower_1": [ONE, TALL, WIDE, TALL, WIDE],
        "tower_2": ["average", ONE],
    },
    "D": {"tower": [ONE, HALF], "tower_1": [ONE, WIDE, TALL, HALF], None: ["max"]},
}
BLOCKS = ["A", "A", "A", "B", "C", "C", "C", "C", "D"]


def windows(x, height, width, stride):
    view = np.lib.stride_tricks.sliding_window_view(x, (height, width), axis=(2, 3))
    return view[:, :, ::stride, ::stride]


def padded(x, vertical, horizontal, value=0.0):
    pad = ((0, 0), (0, 0), (vertical, vertical), (horizontal, horizontal))
    return np.pad(x, pad, constant_values=value)


def unit(x, tensors, name, spec):
    stride, vertical, horizontal, height, width = spec
    if isinstance(tensors, Growing):
        tensors.grow(name, x.shape[1], height, width)
    weight, mean, var, beta = (tensors[f"{name}.{k}"] for k in ("weight", "mean", "var", "beta"))
    x = windows(padded(x, vertical, horizontal), height, width, stride)
    x = np.einsum("nchwij,ocij->nohw", x, weight, optimize=True)
    x = (x - mean[:, None, None]) / np.sqrt(var[:, None, None] + EPSILON) + beta[:, None, None]
    return np.maximum(x, 0)


def max_pool(x):
    return windows(x, 3, 3, 2).max(axis=(-2, -1))


def average_inside(x):
    counted = windows(padded(np.ones_like(x), 1, 1), 3, 3, 1).sum(axis=(-2, -1))
    return windows(padded(x, 1, 1), 3, 3, 1).sum(axis=(-2, -1)) / counted


def max_same(x):
    return windows(padded(x, 1, 1, -np.inf), 3, 3, 1).max(axis=(-2, -1))


def resize(x, side=299):
    """TensorFlow 1: source = target * scale, the last row and column repeated."""
    for axis in (2, 3):
        size = x.shape[axis]
        position = np.arange(side) * (size / side)
        low = np.floor(position).astype(int)
        high = np.minimum(low + 1, size - 1)
        share = (position - low).reshape((-1, 1) if axis == 2 else (-1,))
        x = np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share
    return x


def network(images, tensors):
    """Return features of images 0..255 `(n, h, w, 3)`."""
    x = resize(images.transpose(0, 3, 1, 2).astype(np.float64))
    x = (x - 128) / 128
    for name, spec in STEM.items():
        x = unit(x, tensors, name, spec)
        if name in ("conv_2", "conv_4"):
            x = max_pool(x)
    for i, kind in enumerate(BLOCKS):
        block = f"mixed_{i}" if i else "mixed"
        outputs = []
        for tower, steps in TOWERS[kind].items():
            y, count = x, 0
            for step in steps:
                if step == "max":
                    y = max_pool(y)
                elif step == "average":
                    y = average_inside(y)
                else:
                    parts = [block, tower, f"conv_{count}" if count else "conv"]
                    y = unit(y, tensors, ".".join(p for p in parts if p), step)
                    count += 1
            outputs.append(y)
        x = np.concatenate(outputs, axis=1)
    for block, pool in (("mixed_9", average_inside), ("mixed_10", max_same)):
        a = unit(x, tensors, f"{block}.tower_conv", ONE)
        b = unit(x, tensors, f"{block}.tower_1_conv", ONE)
        b = unit(b, tensors, f"{block}.tower_1_conv_1", THREE)
        outputs = [unit(x, tensors, f"{block}.conv", ONE)]
        for name, source in (("tower_mixed_conv", a), ("tower_1_mixed_conv", b)):
            outputs.append(unit(source, tensors, f"{block}.{name}", (1, 0, 1, 1, 3)))
            outputs.append(unit(source, tensors, f"{block}.{name}_1", (1, 1, 0, 3, 1)))
        outputs.append(unit(pool(x), tensors, f"{block}.tower_2_conv", ONE))
        x = np.concatenate(outputs, axis=1)
    return x.mean(axis=(2, 3))


class Growing(dict):
    """Tensors of units that come into being, at random, when a unit first sees its input."""

    def __init__(self, seed, width):
        super().__init__()
        self.rng, self.width = np.random.default_rng(seed), width

    def grow(self, name, inputs, height, width):
        shape = (self.width, inputs, height, width)
        scale = np.sqrt(2 / (inputs * height * width))
        self[f"{name}.weight"] = self.rng.normal(0, scale, shape).astype(np.float32)
        self[f"{name}.mean"] = self.rng.normal(0, 0.1, self.width).astype(np.float32)
        self[f"{name}.var"] = self.rng.uniform(0.002, 1.5, self.width).astype(np.float32)
        self[f"{name}.beta"] = self.rng.normal(0.3, 0.1, self.width).astype(np.float32)


def make_tensors(seed=0, width=3):
    """Return random tensors of the whole network, `width` channels a unit."""
    tensors = Growing(seed, width)
    network(np.zeros((1, 8, 8, 3)), tensors)
    return dict(tensors)
