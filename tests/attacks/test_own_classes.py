"""What the package registers with Keras opens and downloads nothing as a file is read."""

import copy
import importlib
import json
import pkgutil
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

pytest.importorskip("keras_hub")

import transferlearn as tl
from tests import texts
from tests.attacks.files import TFSM, hash_anew, keras_file, lambda_of, rewrite_config
from tests.networks import pixels, small_backbone
from transferlearn.untrusted.classes import OURS, refusal, refusal_of_text

# All that the package registers with Keras, and what it may read while a file is read.
REVIEWED = {
    "SavedModelLayer": "the SavedModel in the save that is read, found by its hash",
    **dict.fromkeys(["Boundary", "CrossEntropyDice", "Tversky", "Standardised"], "nothing: a loss"),
    "AnchorLoss": "nothing: a loss of numbers in its config",
    "DetectionLoss": "nothing: a loss of numbers in its config",
    "PerceptualLoss": "nothing: a loss, which would load a backbone",
    **dict.fromkeys(["LayerMeanIoU", "MeanIoU", "PSNR", "R2", "SSIM"], "nothing: a metric"),
}


def test_all_that_we_register_was_looked_at():
    for module in pkgutil.walk_packages(tl.__path__, f"{tl.__name__}."):
        if not module.name.endswith(".__main__"):
            importlib.import_module(module.name)
    found = {
        name: registered
        for name, registered in keras.saving.get_custom_objects().items()
        if registered.__module__.partition(".")[0] == tl.__name__
    }
    assert {f"{tl.__name__}>{name}" for name in REVIEWED} == set(found)
    assert set(OURS) == {"transferlearn>SavedModelLayer"}
    for name, registered in found.items():
        entry = entry_of(registered.__name__, registered.__module__)
        assert bool(refusal(entry, {})) == (name not in OURS), name
        assert refusal_of_text(name, {}), name


def entry_of(name, module="transferlearn.tasks.image_to_image.perceptual", **config):
    """The entry of a config that names one of our own classes."""
    registered = f"transferlearn>{name}"
    return {"module": module, "class_name": name, "registered_name": registered, "config": config}


def layer(entry):
    """An entry as a layer, which nothing calls."""
    return lambda config: config["config"]["layers"].append(
        {**copy.deepcopy(entry), "name": "evil", "inbound_nodes": []}
    )


def conv(**part):
    """An edit of the settings of the network's first layer."""
    return lambda config: config["config"]["layers"][1]["config"].update(copy.deepcopy(part))


def of_keras(name, module="keras.layers", registered=None, **config):
    return {"module": module, "class_name": name, "registered_name": registered, "config": config}


def hub(name, **config):
    module = keras.saving.get_registered_object(f"keras_hub>{name}").__module__
    return of_keras(name, module, f"keras_hub>{name}", **config)


def function(name):
    return {
        "module": "builtins",
        "class_name": "function",
        "registered_name": "function",
        "config": name,
    }


def edits(bait):
    """Attacks by a `.keras` file, each an edit of its config, by a name."""
    name = "transferlearn>PerceptualLoss"
    sources = {
        "hugging face": "keras_hub:hf://attacker/preset",
        "kaggle": "keras_hub:kaggle://attacker/a/keras/b/1",
        "preset": f"keras_hub:{bait / 'preset'}",
        "builtin": "keras_hub:bert_tiny_en_uncased",
        "hub": "hub:attacker/a/tensorFlow2/b",
        "program": f"saved_model:{bait / 'program'}",
    }
    loss = entry_of("PerceptualLoss", backbone=sources["program"])
    weights = entry_of("PerceptualLoss", backbone="EfficientNetLite0", weights=str(bait / "words"))
    program = {"source": str(bait / "program")}
    home = "transferlearn.backbones.saved_model.layer"
    saved = {
        kind: entry_of("SavedModelLayer", home, **program, program=value)
        for kind, value in {
            "none": None,
            "path": str(bait / "program"),
            "hash": "0" * 64,
            "list": ["0" * 64],
        }.items()
    }
    inner = of_keras("Sequential", "keras", layers=[loss])
    entries = {
        **{f"loss {k}": entry_of("PerceptualLoss", backbone=v) for k, v in sources.items()},
        "loss weights": weights,
        "loss without module": {"class_name": name, "config": loss["config"]},
        "loss of keras": {**loss, "module": "keras.layers", "class_name": "Dense"},
        **{f"saved model {kind}": entry for kind, entry in saved.items()},
        "sequential": inner,
        "wrapped": of_keras("TimeDistributed", layer=loss),
        "wrapped saved model": of_keras("Bidirectional", layer=saved["none"]),
        "in a hub's": hub("SegFormerBackbone", image_encoder=loss, projection_filters=8),
        "hub's name": hub(
            "SegFormerBackbone", image_encoder="hf://attacker/preset", projection_filters=8
        ),
        "hub's tokenizer": hub("WhisperTokenizer", special_tokens=str(bait / "words")),
        "tensorflow's tokenizer": of_keras(
            "WordpieceTokenizer",
            "tensorflow_text.python.ops.wordpiece_tokenizer",
            "Text>WordpieceTokenizer",
            vocab_lookup_table=str(bait / "words"),
        ),
    }
    return {
        **{f"layer {kind}": layer(entry) for kind, entry in entries.items()},
        "activation": conv(activation=loss),
        "activation by name": conv(activation=name),
        "activation as a function": conv(activation=function(name)),
        "saved model as activation": conv(activation=saved["none"]),
        "saved model by name": conv(activation="transferlearn>SavedModelLayer"),
        "initialiser": conv(kernel_initializer=loss),
        "regulariser": conv(kernel_regularizer=loss),
        "constraint": conv(bias_constraint=weights),
        "loss": conv(loss=loss),
        "list": conv(other=[[loss]]),
        "build": lambda config: config.update(build_config={"x": loss}),
        "dtype": conv(dtype=loss),
    }


@pytest.fixture(scope="module")
def attacks(tmp_path_factory):
    """Hostile files of all sorts, by name: each a way to read it, and its path."""
    folder = tmp_path_factory.mktemp("attacks")
    bait = folder / "bait"
    (bait / "program").mkdir(parents=True)
    for name in ("program/saved_model.pb", "words", "vocabulary.txt"):
        (bait / name).write_text("bait\n")
    file = keras_file(folder / "model.keras")
    texts.folder_of(bait / "preset", layers=1)
    found = {}
    for name, edit in edits(bait).items():
        path = folder / f"{name}.keras"
        shutil.copy(file, path)
        found[name] = ("read_model", rewrite_config(path, edit))
    found |= saves(folder, bait) | presets(folder, bait)
    found["the attack is real"] = ("trusted", found["layer loss program"][1])
    return bait, found


def saves(folder, bait):
    """Attacks by a save."""
    builder = tl.ImageClassifierBuilder(small_backbone(), freeze="all", seed=0)
    fitted = builder.fit((pixels(18, 32), np.arange(18) % 3), epochs=1, verbose=0)
    fitted.save(honest := folder / "honest")
    found = {}

    def save(name, edit=None):
        path = folder / f"save {name}"
        shutil.copytree(honest, path)
        if edit is not None:
            rewrite_config(path / "model.keras", edit)
        found[f"save {name}"] = ("load", hash_anew(path))
        return path

    for name in ("layer loss program", "layer saved model none", "layer saved model path"):
        save(name, edits(bait)[name])
    home = "transferlearn.backbones.saved_model.layer"
    named = {"up": "../../bait/program", "evil": "evil", "link": "1" * 64}
    for name, program in named.items():
        config = {"source": str(bait / "program"), "program": program}
        path = save(name, layer(entry_of("SavedModelLayer", home, **config)))
        (path / "saved_models").mkdir()
        if name == "evil":
            (path / "saved_models" / "evil").mkdir()
        if name == "link":
            (path / "saved_models" / program).symlink_to(bait / "program")
    link = save("of a model that is not listed")
    said = json.loads((link / "transferlearn.json").read_text("utf-8"))
    (link / "model.keras").unlink()
    (link / "model.keras").symlink_to(bait / "words")
    del said["files"]["model.keras"]
    (link / "transferlearn.json").write_text(json.dumps(said), "utf-8")
    hash_anew(link)
    return found


def presets(folder, bait):
    """Attacks by the folder of a preset."""
    found = {}

    def preset(name, file, edit):
        path = folder / f"preset {name}"
        shutil.copytree(bait / "preset", path)
        described = json.loads((path / file).read_text("utf-8")) if (path / file).is_file() else {}
        edit(described)
        (path / file).write_text(json.dumps(described), "utf-8")
        found[f"preset {name}"] = ("get_text", f"keras_hub:{path}")
        return path

    loss = entry_of("PerceptualLoss", backbone=f"saved_model:{bait / 'program'}")
    preset("loss", "config.json", lambda x: x["config"].update(dtype=loss))
    preset("loss alone", "config.json", lambda x: x.update(loss))
    preset("lambda", "config.json", lambda x: x["config"].update(dtype=lambda_of(TFSM)))
    whisper = {"class_name": "WhisperTokenizer", "registered_name": "keras_hub>WhisperTokenizer"}
    words = {"special_tokens": str(bait / "words"), "dtype": "int32"}
    preset("words", "tokenizer.json", lambda x: x.update({**whisper, "config": words}))
    elsewhere = {"config_file": "../../bait/x.json"}
    preset("words elsewhere", "tokenizer.json", lambda x: x["config"].update(elsewhere))
    shards = {"weight_map": {"/a": str(bait / "words")}}
    path = preset("weights elsewhere", "model.weights.json", lambda x: x.update(shards))
    (path / "model.weights.h5").unlink()
    return found


@pytest.fixture(scope="module")
def outcomes(attacks):
    """What came of each attack: the error, and what was opened or asked."""
    bait, found = attacks
    command = [sys.executable, "-m", "tests.attacks.watched", str(bait)]
    given = json.dumps([[way, str(path)] for way, path in found.values()])
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    return dict(zip(found, json.loads(done.stdout), strict=True))


def test_nothing_is_opened_and_nobody_asked(outcomes):
    assert outcomes.pop("the attack is real")[1:], "where the gate is open, the bait is taken"
    assert {name: events for name, (_, *events) in outcomes.items() if events} == {}
    accepted = [name for name, (error, *_) in outcomes.items() if not error]
    assert accepted == []
