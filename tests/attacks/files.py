"""Hostile files, made of honest ones."""

import copy
import json
import zipfile

import keras

from transferlearn.fitted import saving
from transferlearn.hashing import hash_of_file

TFSM = {
    "module": "keras.layers",
    "class_name": "TFSMLayer",
    "config": {"filepath": "program", "name": "evil", "trainable": False, "dtype": "float32"},
    "registered_name": None,
}


def lambda_of(function):
    """A `Lambda` with this `function`, on a call without tensors: Keras runs it as it reads it."""
    return {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {"name": "evil", "function": function, "arguments": {}},
        "registered_name": None,
        "name": "evil",
        "inbound_nodes": [{"args": [1.0], "kwargs": {}}],
    }


def network():
    """A small network that the attacks begin with."""
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Conv2D(2, 3, activation="relu", name="conv")(image)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, keras.layers.Dense(2, name="top")(x), name="network")


def keras_file(path, model=None):
    """Writes a `.keras` file."""
    (model or network()).save(path)
    return path


def parts_of(path):
    """The files in an archive, by name."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewrite(path, edit, *, compression=zipfile.ZIP_STORED):
    """Changes the files in an archive: `edit` gets them by name."""
    parts = parts_of(path)
    edit(parts)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def rewrite_config(path, edit):
    """Changes the config in a `.keras` file: `edit` gets the tree."""

    def change(parts):
        config = json.loads(parts["config.json"])
        edit(config)
        parts["config.json"] = json.dumps(config).encode()

    return rewrite(path, change)


def add_layer(layer):
    """An edit of a config that adds one more layer, beside the graph."""
    return lambda config: config["config"]["layers"].append(copy.deepcopy(layer))


def hash_anew(save):
    """Writes the hashes that belong to a save's files now."""
    said = json.loads((save / "transferlearn.json").read_text("utf-8"))
    del said["sha256"]
    said["files"] = {name: hash_of_file(save / name) for name in said["files"]}
    said["sha256"] = saving._hash(saving._canonical(said))
    (save / "transferlearn.json").write_text(saving._as_text(said), "utf-8")
    return save
