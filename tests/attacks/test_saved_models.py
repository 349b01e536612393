"""SavedModels whose programs do more than compute: each is refused before TensorFlow loads it."""

from pathlib import Path

import keras
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from tensorflow.core.protobuf import saved_model_pb2  # noqa: E402

import transferlearn as tl  # noqa: E402
from tests import saved_models, texts  # noqa: E402
from transferlearn.backbones.saved_model.operations import COMPUTING, SAVING  # noqa: E402
from transferlearn.backbones.saved_model.programs import read_program  # noqa: E402

SPEC = tf.TensorSpec((None, *saved_models.IMAGE, 3), tf.float32)


def save(folder, call, **objects):
    module = tf.train.Checkpoint(**objects)
    module.__call__ = tf.function(call, input_signature=[SPEC])
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=True)
    tf.saved_model.save(module, str(folder), options=options)
    return folder


def edit(folder, change):
    file = Path(folder) / "saved_model.pb"
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString(file.read_bytes())
    change(saved)
    file.write_bytes(saved.SerializeToString())


def harmless(x):
    return tf.reduce_mean(x, [1, 2])


def refused(folder, operation):
    with pytest.raises(ValueError, match=rf"more than compute \(.*{operation}.*trust\("):
        tl.backbones.from_saved_model(folder)


def test_a_secret_in_the_features(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("1234")

    def call(x):
        letters = tf.io.decode_raw(tf.io.read_file(str(secret)), tf.uint8)
        return harmless(x)[:, :1] + tf.cast(letters[None], tf.float32)

    refused(save(tmp_path / "module", call), "ReadFile")


class Resource(tf.saved_model.experimental.TrackableResource):
    """Runs `initialize` while it is loaded."""

    def __init__(self, initialize):
        super().__init__()
        self.run = initialize

    def _create_resource(self):
        return tf.raw_ops.AnonymousMutableHashTable(key_dtype=tf.string, value_dtype=tf.int64)

    def _initialize(self):
        self.run()


def test_an_initialiser_that_writes_when_it_is_loaded(tmp_path):
    target, armed = tmp_path / "target", tmp_path / "armed"

    def write():
        if not tf.executing_eagerly():
            tf.io.write_file(str(target), "written")

    folder = save(tmp_path / "module", harmless, resource=Resource(write))
    armed.touch()
    assert not target.exists()
    refused(folder, "WriteFile")
    assert not target.exists()
    tf.saved_model.load(str(folder))
    assert target.exists(), "the attack is real"


def test_a_gradient_that_writes_when_it_is_trained(tmp_path):
    @tf.custom_gradient
    def spy(x):
        def gradient(upstream):
            tf.io.write_file(str(tmp_path / "target"), "written")
            return upstream

        return tf.identity(x), gradient

    folder = save(tmp_path / "module", lambda x: harmless(spy(x)))
    refused(folder, "WriteFile")


def lines_of(file):
    """The initializer of a table from the lines of a file to their numbers."""
    whole, number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
    return tf.lookup.TextFileInitializer(str(file), tf.string, whole, tf.int64, number)


def test_a_table_that_is_filled_from_any_file(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("a\nb\n")
    table = tf.lookup.StaticHashTable(
        lines_of(secret),
        -1,
    )

    def call(x):
        return harmless(x) + tf.cast(table.lookup(tf.constant("a")), tf.float32)

    refused(save(tmp_path / "module", call, table=table), "InitializeTableFromTextFileV2")


def test_operations_that_hide(tmp_path):
    def plant(saved):
        (graph,) = saved.meta_graphs
        graph.graph_def.node.add(name="planted", op="DebugIdentity")

    folder = save(tmp_path / "graph", harmless)
    edit(folder, plant)
    refused(folder, "DebugIdentity")

    def hide(saved):  # a function that TensorFlow's saver would have, offered as a replacement
        (graph,) = saved.meta_graphs
        (saver,) = (
            f for f in graph.graph_def.library.function if "traced_save" in f.signature.name
        )
        saver.attr["api_implements"].s = b"call"

    folder = save(tmp_path / "replacement", harmless, weight=tf.Variable(1.0))
    edit(folder, hide)
    refused(folder, "SaveV2")

    def disguise(saved):
        (graph,) = saved.meta_graphs
        graph.graph_def.library.function.add().signature.name = "ReadFile"
        graph.graph_def.library.function[0].node_def.add(name="planted", op="ReadFile")

    folder = save(tmp_path / "name", harmless)
    edit(folder, disguise)
    refused(folder, "ReadFile")


def test_a_second_program_beside_the_one_that_is_read(tmp_path):
    folder = save(tmp_path / "module", harmless)
    (folder / "saved_model.cpb").write_bytes(b"")
    with pytest.raises(ValueError, match=r"second program, saved_model\.cpb"):
        tl.backbones.from_saved_model(folder)
    (folder / "saved_model.cpb").unlink()
    edit(folder, lambda saved: saved.meta_graphs.add().CopyFrom(saved.meta_graphs[0]))
    with pytest.raises(ValueError, match="no program of TensorFlow with one graph"):
        tl.backbones.from_saved_model(folder)


def test_a_folder_s_name_gives_no_trust_to_another_program(tmp_path):
    from transferlearn.backbones.saved_model.layer import FOLDER, looking_beside

    folder = Path(saved_models.save_writer(tmp_path / "module", tmp_path / "target"))
    harmless_one = save(tmp_path / "harmless", harmless)
    inside = tmp_path / "save" / FOLDER
    inside.mkdir(parents=True)
    harmless_one.rename(inside / read_program(folder).sha256)
    with looking_beside(tmp_path / "save", trusted=True):
        pass
    refused(folder, "WriteFile")


def test_trust_by_name_says_what_it_allows(tmp_path, capsys):
    words = tmp_path / "words.txt"
    words.write_text("good\nfilm\nbad\n")
    module = tf.train.Checkpoint()
    module.table = tf.lookup.StaticVocabularyTable(
        lines_of(words),
        1,
    )

    module.__call__ = tf.function(
        lambda given: tf.reduce_mean(
            tf.one_hot(module.table.lookup(tf.strings.split(given).to_tensor("?")), 4), 1
        ),
        input_signature=[tf.TensorSpec((None,), tf.string)],
    )
    tf.saved_model.save(module, str(tmp_path / "module"))
    builder = tl.TextClassifierBuilder(f"saved_model:{tmp_path / 'module'}", seed=0)
    with pytest.raises(ValueError, match=r"InitializeTableFromTextFileV2.*tl\.backbones\.trust"):
        builder.fit(texts.reviews(24), schedule="probe", verbose=0)
    tl.backbones.trust(f"saved_model:{tmp_path / 'module'}")
    assert "may run InitializeTableFromTextFileV2" in capsys.readouterr().err
    builder.fit(texts.reviews(24), schedule="probe", verbose=0)


def test_recurrent_networks_and_padding_compute_only(tmp_path):
    tokens = keras.Input((8,), dtype="int32")
    x = keras.layers.Embedding(10, 4)(tokens)
    x = keras.layers.Bidirectional(keras.layers.GRU(4, dropout=0.1))(x)
    keras.Model(tokens, keras.layers.Dense(2)(x)).export(str(tmp_path / "export"), verbose=False)
    assert read_program(tmp_path / "export").unsafe == ()


def test_the_list_has_what_tensorflow_has_and_nothing_that_reaches_out():
    assert [name for name in COMPUTING if not hasattr(tf.raw_ops, name)] == []
    assert not COMPUTING & SAVING
    reaching = ("File", "Dataset", "Debug", "Py", "Rpc", "Summary", "Save", "Restore", "Print")
    reaching += ("Collective", "Nccl", "Send", "Recv", "Remote", "Iterator", "Reader", "TPU", "Xla")
    assert [name for name in COMPUTING if any(word in name for word in reaching)] == []
    others = ("Abort", "ImmutableConst", "Copy", "CopyHost", "DecodeProtoV2", "EncodeProto")
    others += ("FixedUnigramCandidateSampler", "GenerateVocabRemapping", "LoadAndRemapMatrix")
    assert not COMPUTING & {*others}
    assert np.all([name.isidentifier() for name in COMPUTING])
