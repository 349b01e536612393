"""Models whose config or weights were changed at random: reading them says so, and no more."""

import copy
import json
import resource
import time
import zipfile

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.attacks.files import keras_file, parts_of

_VALUES = [None, True, -1, 0, 2**31, -(10**12), 1e308, float("nan"), "", "relu", "Lambda"]
_VALUES += ["/etc/passwd", [], {}, [[]], {"class_name": "Dense"}, "float16", [1] * 50, {"a": {}}]
_BYTES = (0, 1, 128, 255)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """The files in the archive of a small model, by name."""
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(2, 3, activation="relu")(image)
    x = keras.layers.Dropout(0.1)(keras.layers.BatchNormalization()(x))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(2.0)(x))
    model = keras.Model(image, keras.layers.Dense(2)(keras.ops.tanh(x)))
    return parts_of(keras_file(tmp_path_factory.mktemp("models") / "model.keras", model))


def places(value):
    """All places in a config: each container with a key of it."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in list(inner):
        yield value, key
        if isinstance(part, (dict, list)):
            yield from places(part)


def changed_config(text, random):
    """Removes parts of a config, or puts others in their places."""
    config = json.loads(text)
    for _ in range(random.integers(1, 5)):
        found = list(places(config))
        container, key = found[random.integers(len(found))]
        other, name = found[random.integers(len(found))]
        way = random.integers(6)
        if way == 0:
            del container[key]
        elif way == 1:
            container[key] = copy.deepcopy(other[name])
        else:
            container[key] = copy.deepcopy(_VALUES[random.integers(len(_VALUES))])
    return json.dumps(config).encode()


def changed_weights(content, random):
    """Changes bytes of an HDF5 file, most of them near its beginning, or cuts it."""
    content = bytearray(content)
    if random.random() < 0.1:
        del content[random.integers(len(content)) :]
    for _ in range(random.integers(1, 9)):
        most = len(content) if random.random() < 0.4 else min(len(content), 4096)
        if most:
            content[random.integers(most)] ^= _BYTES[random.integers(4)]
    return bytes(content)


_PARTS = [("config.json", changed_config), ("model.weights.h5", changed_weights)]


def read_changed(parts, path, count, seed=0):
    random = np.random.default_rng(seed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said = []
    for _ in range(count):
        changed = dict(parts)
        name, change = _PARTS[random.integers(2)]
        changed[name] = change(changed[name], random)
        with zipfile.ZipFile(path, "w") as archive:
            for part, content in changed.items():
                archive.writestr(part, content)
        begun = time.process_time()
        try:
            tl.read_model(path)
        except ValueError as error:
            said.append(str(error))
        assert time.process_time() - begun < 10
    assert all(str(path) in text for text in said)
    assert len(said) > count / 3
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**20  # kilobytes


@pytest.mark.filterwarnings("ignore")  # Keras warns of what it then refuses
def test_thirty_changed_models(parts, tmp_path):
    read_changed(parts, tmp_path / "model.keras", 30)


@pytest.mark.full
@pytest.mark.filterwarnings("ignore")
def test_ten_thousand_changed_models(parts, tmp_path):
    read_changed(parts, tmp_path / "model.keras", 10_000, seed=1)


@pytest.mark.parametrize("place", [96, 800])
def test_damaged_weights_are_named_in_a_weight_file_too(parts, tmp_path, place):
    """h5py raises a `RuntimeError` where the tables of its groups are damaged."""
    content = bytearray(parts["model.weights.h5"])
    content[place : place + 64] = b"\xff" * 64
    (tmp_path / "model.weights.h5").write_bytes(content)
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, keras.layers.Conv2D(2, 3)(image))
    with pytest.raises(ValueError, match=r"model\.weights\.h5 is no HDF5 file, or damaged"):
        tl.backbones.get(model, weights=tmp_path / "model.weights.h5")
