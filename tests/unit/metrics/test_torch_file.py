"""Archives made by hand, good and hostile: only tensors come out, nothing runs."""

import os
import pickle
import zipfile

import numpy as np
import pytest

from tfgan_survey.errors import DataError
from tfgan_survey.metrics.torch_file import read_tensors


def short(text):
    return b"X" + len(text).to_bytes(4, "little") + text.encode()


def glob(module, name):
    return f"c{module}\n{name}\n".encode()


def number(value):
    return b"J" + value.to_bytes(4, "little", signed=True)


def numbers(values):
    return b"(" + b"".join(number(value) for value in values) + b"t"


def tensor(key, count, size, stride, offset=0, storage="FloatStorage", hooks=b""):
    """Opcodes of one tensor as PyTorch writes them."""
    pid = b"(" + short("storage") + glob("torch", storage) + short(key) + short("cpu")
    return (
        glob("torch._utils", "_rebuild_tensor_v2")
        + (b"(" + pid + number(count) + b"tQ" + number(offset))
        + (numbers(size) + numbers(stride) + b"\x89")
        + glob("collections", "OrderedDict")
        + (hooks or b")")
        + b"RtR"
    )


def module(name, **attributes):
    """Opcodes of one module of the saved program with its attributes."""
    content = b"".join(short(key) + value for key, value in attributes.items())
    return glob("__torch__.net", name) + b")\x81}(" + content + b"ub"


def write(path, program, root="saved", **storages):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{root}/data.pkl", b"\x80\x02" + program + b".")
        archive.writestr(f"{root}/code/net.py", "raise SystemExit")
        for key, values in storages.items():
            archive.writestr(f"{root}/data/{key[1:]}", np.asarray(values, "<f4").tobytes())
    return path


def test_tensors_come_by_path_with_their_strides(tmp_path):
    values = np.arange(12, dtype=np.float32)
    layer = module(
        "Conv",
        weight=tensor("0", 12, (2, 3), (1, 4), offset=1),
        mean=tensor("1", 2, (2,), (1,)),
        none=tensor("1", 2, (0, 2), (2, 1)),
        stride=number(2),
        padding=glob("torch.jit._pickle", "build_intlist")
        + b"(]("
        + numbers((0, 3))[1:-1]
        + b"etR",
    )
    path = write(
        tmp_path / "a.pt", module("Net", training=b"\x89", layer=layer), s0=values, s1=[7, 8]
    )
    found = read_tensors(path)
    assert list(found) == ["layer.weight", "layer.mean", "layer.none"]
    assert found["layer.weight"].tolist() == [[1, 5, 9], [2, 6, 10]]
    assert found["layer.mean"].tolist() == [7, 8] and found["layer.mean"].flags.writeable
    assert found["layer.none"].shape == (0, 2)


class Hostile:
    def __init__(self, function, *arguments):
        self.reduced = (function, arguments)

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize(
    ("function", "arguments", "named"),
    [
        (os.system, ("touch {}",), "system"),
        (eval, ("open({!r}, 'w')",), "__builtin__.eval"),
        (open, ("{}", "w"), "open"),
        (getattr, ("a", "upper"), "__builtin__.getattr"),
        (np.load, ("{}",), "numpy"),
    ],
)
def test_a_pickle_that_calls_anything_is_refused_and_nothing_runs(
    function, arguments, named, tmp_path
):
    mark = tmp_path / "ran"
    filled = [a.format(str(mark)) if isinstance(a, str) else a for a in arguments]
    program = pickle.dumps({"weights": Hostile(function, *filled)}, 2)[2:-1]
    path = write(tmp_path / "bad.pt", program)
    with pytest.raises(DataError, match=rf"asks for .*{named}.*not a tensor.*Fetch it again"):
        read_tensors(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (tensor("0", 4, (5,), (1,)), "ends at 4 of 4"),
        (tensor("0", 4, (2, 2), (3, 1)), "ends at 4 of 4"),
        (tensor("0", 4, (2,), (1,), offset=-1), "offset -1"),
        (tensor("0", 4, (2,), (-1,)), "stride"),
        (tensor("0", 4, (2, 2), (1,)), "stride"),
        (tensor("0", 5, (4,), (1,)), "16 bytes, expected 20"),
        (tensor("../../secret", 4, (4,), (1,)), "refers to"),
        (tensor("9", 4, (4,), (1,)), "saved/data/9"),
        (tensor("0", 4, (4,), (1,), storage="QInt8Storage"), "torch.QInt8Storage"),
        (tensor("0", 4, (4,), (1,), hooks=b"(](K\x01K\x02eat"), "DataError|not a PyTorch archive"),
        (glob("__torch__.net", "Net") + b")\x81(K\x01K\x02tb", "state of a module is a tuple"),
        (short("a")[:-1], "not a PyTorch archive"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(program, message, tmp_path):
    path = write(tmp_path / "bad.pt", module("Net", weight=program), s0=[1, 2, 3, 4])
    with pytest.raises(DataError, match=message):
        read_tensors(path)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [(8, 1, "encrypted"), (10, 99, "compressed"), (10, zipfile.ZIP_DEFLATED, "compressed")],
)
def test_encrypted_and_compressed_archives_are_refused(field, value, message, tmp_path):
    path = write(tmp_path / "odd.pt", module("Net", w=tensor("0", 1, (1,), (1,))), s0=[1])
    content = bytearray(path.read_bytes())
    # Flags and compression stand two bytes earlier in a local header than in the directory's.
    for signature, offset in ((b"PK\x01\x02", field), (b"PK\x03\x04", field - 2)):
        start = content.find(signature)
        while start >= 0:
            content[start + offset] = value
            start = content.find(signature, start + 1)
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_tensors(path)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_tensors(tmp_path / "none.pt")
    (tmp_path / "legacy.pt").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(DataError, match="not a zip file"):
        read_tensors(tmp_path / "legacy.pt")
    with zipfile.ZipFile(tmp_path / "empty.pt", "w") as archive:
        archive.writestr("readme", "")
    with pytest.raises(DataError, match="0 files data"):
        read_tensors(tmp_path / "empty.pt")
    good = write(tmp_path / "good.pt", module("Net", w=tensor("0", 4, (4,), (1,))), s0=[1, 2, 3, 4])
    content = good.read_bytes()
    good.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="not a zip file"):
        read_tensors(good)
