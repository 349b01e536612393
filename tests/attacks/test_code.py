"""A model from a stranger runs no code."""

import contextlib
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from tests.attacks.files import (
    TFSM,
    add_layer,
    hash_anew,
    keras_file,
    lambda_of,
    network,
    rewrite,
    rewrite_config,
)
from tests.networks import pixels, small_backbone
from transferlearn.cli import main
from transferlearn.untrusted import classes

FUNCTION = {"module": "builtins", "class_name": "function", "registered_name": "function"}


@pytest.fixture
def file(tmp_path):
    return keras_file(tmp_path / "model.keras")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    builder = tl.ImageClassifierBuilder(small_backbone(), freeze="all", seed=0)
    fitted = builder.fit((pixels(18, 32), np.arange(18) % 3), epochs=1, verbose=0)
    fitted.save(path := tmp_path_factory.mktemp("saved") / "model")
    return path


def writing_program(folder, victim):
    """A SavedModel that writes a file as soon as it is loaded."""
    tf = pytest.importorskip("tensorflow")
    from tensorflow.python.trackable.resource import CapturableResource

    class Writer(CapturableResource):
        def _create_resource(self):
            return tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=[])

        def _initialize(self):
            tf.io.write_file(str(victim), "written")

    class Program(tf.Module):
        def __init__(self):
            self.writer = Writer()

        @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
        def serve(self, x):
            return x + 0 * tf.cast(
                tf.raw_ops.VarIsInitializedOp(resource=self.writer.resource_handle), tf.float32
            )

    tf.saved_model.save(Program(), str(folder))


def test_a_lambda_that_makes_a_tfsm_layer_writes_no_file(saved, tmp_path, capsys):
    victim = tmp_path / "victim"
    writing_program(tmp_path / "program", victim)
    victim.unlink(missing_ok=True)
    evil = lambda_of({**FUNCTION, "module": "keras.layers", "config": "TFSMLayer"})
    evil["config"]["arguments"] = {"call_endpoint": "serve"}
    evil["inbound_nodes"] = [{"args": [], "kwargs": {"inputs": str(tmp_path / "program")}}]
    rewrite_config(saved / "model.keras", add_layer(evil))
    hash_anew(saved)
    Image.fromarray(pixels(1, 32)[0]).save(photo := tmp_path / "photo.png")
    assert main(["predict", str(saved), str(photo)]) == 1
    said = capsys.readouterr().err
    assert "it names keras.layers.Lambda" in said
    assert "--trusted" in said
    assert not victim.exists()
    # The attack is a real one: where the gate is open, a file is written.
    with contextlib.suppress(Exception):
        keras.models.load_model(saved / "model.keras", compile=False)
    assert victim.exists()


def in_config(part):
    return lambda config: config["config"]["layers"][1]["config"].update(part)


def named(module, name, registered=None, **config):
    return {"module": module, "class_name": name, "registered_name": registered, "config": config}


HUB_LAYER = "keras_hub>PositionEmbedding"
DENSE = named("keras.layers", "Dense", units=2)
NESTED = {
    "module": "keras",
    "class_name": "Sequential",
    "registered_name": None,
    "config": {"name": "inner", "layers": [DENSE, TFSM]},
    "name": "inner",
    "inbound_nodes": [],
}


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (add_layer(TFSM), "keras.layers.TFSMLayer"),
        (add_layer(named("keras.layers", "JaxLayer")), "keras.layers.JaxLayer"),
        (add_layer(named("keras.layers", "FlaxLayer")), "keras.layers.FlaxLayer"),
        (add_layer(named("keras.layers", "TorchModuleWrapper")), "TorchModuleWrapper"),
        (add_layer(named("keras.layers", "Lambda", function="relu")), "keras.layers.Lambda"),
        (add_layer(named("keras.layers", "StringLookup")), "keras.layers.StringLookup"),
        (add_layer(NESTED), "keras.layers.TFSMLayer"),
        (in_config({"activation": TFSM}), "keras.layers.TFSMLayer"),
        (in_config({"function": TFSM}), "layers[1].config.function, it names keras.layers.TFSM"),
        (in_config({"kernel_initializer": TFSM}), "keras.layers.TFSMLayer"),
        (lambda c: c.update(build_config={"x": [TFSM]}), "keras.layers.TFSMLayer"),
        # Names that do not belong together.
        (add_layer(named("os", "system")), "os.system"),
        (add_layer(named("keras.layers", "Dense", "TFSMLayer")), "registered as TFSMLayer"),
        (add_layer(named("keras.layers", "Dense", "keras_hub>Sampler")), "keras_hub>Sampler"),
        (add_layer(named("keras.layers", "Dense", HUB_LAYER)), f"registered as {HUB_LAYER}"),
        (add_layer(named("keras_hub.evil", "Dense", HUB_LAYER)), f"registered as {HUB_LAYER}"),
        (add_layer(named("keras_hub.src.models.bert.bert_tokenizer", "BertTokenizer")), "BertTok"),
        (add_layer(named("keras.src.export.tfsm_layer", "TFSMLayer")), "TFSMLayer"),
        (add_layer(named("keras.src.ops.core", "Map")), "keras.src.ops.core.Map"),
        (add_layer(named("keras.src.ops.function", "Function")), "ops.function.Function"),
        (add_layer(named("keras", "TFSMLayer")), "keras.TFSMLayer"),
        (add_layer(named(None, "TFSMLayer")), "None.TFSMLayer"),
        (add_layer({"class_name": "TFSMLayer", "config": {}}), "None.TFSMLayer"),
        (add_layer({**DENSE, "class_name": ["Dense"]}), "its class has no name"),
        # Functions, and values that are more than they seem.
        (in_config({"activation": named("builtins", "__lambda__", value="")}), "__lambda__"),
        (in_config({"activation": named("builtins", "__typespec__")}), "__typespec__"),
        (in_config({"activation": {**FUNCTION, "config": "deserialize"}}), "deserialize"),
        (in_config({"activation": {**FUNCTION, "config": None}}), "its function has no name"),
        (
            in_config({"activation": {**FUNCTION, "module": "os", "config": "system"}}),
            "it names os.system",
        ),
        (
            in_config(
                {"activation": {**FUNCTION, "module": "keras.layers", "config": "TFSMLayer"}}
            ),
            "keras.layers.TFSMLayer",
        ),
        (
            in_config({"activation": {**FUNCTION, "config": "transferlearn>SavedModelLayer"}}),
            "transferlearn>SavedModelLayer",
        ),
        (in_config({"x": named(None, "__numpy__", value=["a"], dtype="S999999999")}), "of numbers"),
    ],
)
def test_what_could_run_code_is_refused_and_named(edit, said, file):
    rewrite_config(file, edit)
    with pytest.raises(ValueError, match=r"model\.keras is refused") as error:
        tl.read_model(file)
    assert said in str(error.value)


@pytest.mark.parametrize("nodes", [[{"args": [], "kwargs": {}}], [[]], {"args": []}, [{}]])
def test_a_call_without_tensors_is_refused(nodes, file):
    rewrite_config(file, lambda c: c["config"]["layers"][1].update(inbound_nodes=nodes))
    with pytest.raises(ValueError, match="calls a layer without tensors"):
        tl.read_model(file)


def test_a_string_that_keras_takes_for_a_function_of_keras_hub(file):
    pytest.importorskip("keras_hub")
    rewrite_config(file, in_config({"activation": "keras_hub>upload_preset"}))
    with pytest.raises(ValueError, match="it names keras_hub>upload_preset"):
        tl.read_model(file)


def test_what_an_installed_package_registers_must_be_named(file):
    tokenizers = pytest.importorskip("tensorflow_text")
    evil = named("x", "WordpieceTokenizer", "Text>WordpieceTokenizer", vocab_lookup_table="secret")
    rewrite_config(file, add_layer(evil))
    with pytest.raises(ValueError, match=r"an installed package has registered.*custom_objects="):
        tl.read_model(file)
    rewrite_config(file, lambda c: c["config"]["layers"].pop())
    rewrite_config(file, in_config({"activation": "Text>WordpieceTokenizer"}))
    with pytest.raises(ValueError, match="an installed package has registered"):
        tl.read_model(file)
    named_by_user = {"Text>WordpieceTokenizer": tokenizers.WordpieceTokenizer}
    assert classes.refusal(evil, named_by_user) == ""


def test_a_config_without_end(file):
    rewrite(file, lambda parts: parts.update({"config.json": b"[" * 200_000}))
    with pytest.raises(ValueError, match=r"model\.keras cannot be read"):
        tl.read_model(file)


def test_what_a_model_was_compiled_with_is_not_made(file):
    rewrite_config(file, lambda c: c.update(compile_config={"optimizer": TFSM}))
    rewrite_config(file, lambda c: c["config"]["layers"][-1].update(compile_config={"x": TFSM}))
    assert not tl.read_model(file).compiled


def test_trusted_reads_it_all_the_same(tmp_path):
    image = keras.Input((2,))
    twice = keras.layers.Lambda(lambda x: x * 2, output_shape=(2,))
    path = tmp_path / "model.keras"
    keras.Model(image, twice(image)).save(path)
    with pytest.raises(ValueError, match=r"keras\.layers\.Lambda.*trusted=True"):
        tl.read_model(path)
    loaded = tl.read_model(path, trusted=True)
    np.testing.assert_array_equal(loaded(np.ones((1, 2))), np.full((1, 2), 2.0))


def test_a_tokenizer_that_is_something_else(tmp_path):
    pytest.importorskip("keras_hub")
    from tests import texts
    from transferlearn.backbones.keras_hub import HubTokenizer

    HubTokenizer(texts.tokenizer()).save(folder := tmp_path / "tokenizer")
    honest = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    HubTokenizer.load(folder)
    for changes in (
        {"registered_name": "keras_hub>Sampler"},
        {"registered_name": None, **TFSM},
        {"config": {**honest["config"], "vocabulary": "/etc/hostname"}},
        {"config": {**honest["config"], "dtype": TFSM}},
        {"config": {**honest["config"], "config_file": "../../elsewhere/x.json"}},
        {
            "registered_name": "keras_hub>WhisperTokenizer",
            "config": {"special_tokens": "/etc/hostname", "dtype": "int32"},
        },
    ):
        (folder / "tokenizer.json").write_text(json.dumps({**honest, **changes}), "utf-8")
        with pytest.raises(ValueError, match="not what KerasHub wrote"):
            HubTokenizer.load(folder)


def test_reading_a_refused_file_imports_nothing(file, tmp_path):
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')", "utf-8")
    rewrite_config(file, add_layer(named("evil", "Evil", "evil>Evil")))
    code = textwrap.dedent(
        """
        import sys, transferlearn as tl
        try:
            tl.read_model("model.keras")
        except ValueError as error:
            assert "it names evil.Evil" in str(error), error
        assert "evil" not in sys.modules
        """
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def test_each_layer_of_keras_was_looked_at():
    """Where another Keras has more layers, somebody must look whether they run code."""
    allowed = {found for found in classes._of_keras() if issubclass(found, keras.Layer)}
    reviewed = (Path(__file__).parent / "reviewed.txt").read_text("utf-8").split()
    assert {found.__name__ for found in allowed} <= set(reviewed)


def test_the_network_that_the_attacks_begin_with_is_read(file):
    assert tl.read_model(file).count_params() == network().count_params()
