"""SavedModels as backbones."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

import transferlearn as tl  # noqa: E402
from tests import saved_models, texts  # noqa: E402
from tests.networks import pixels  # noqa: E402
from tests.phase_words import cache_of  # noqa: E402
from transferlearn.backbones.saved_model.programs import read_program  # noqa: E402

Y = np.arange(40) % 2
X = (pixels(40, 24) // 2 + 100 * Y[:, None, None, None]).astype("uint8")


@pytest.fixture(scope="module")
def network():
    return saved_models.network()


@pytest.fixture(scope="module")
def folder(network, tmp_path_factory):
    return saved_models.save_module(network, tmp_path_factory.mktemp("modules") / "small")


@pytest.fixture
def builder(folder):
    return tl.ImageClassifierBuilder(f"saved_model:{folder}", seed=0, batch_size=8)


def module_weights(model):
    (layer,) = (x for x in model.layers if type(x).__name__ == "SavedModelLayer")
    return layer, [keras.ops.convert_to_numpy(weight) for weight in layer.weights]


def test_it_gives_what_the_network_gives(network, folder, builder):
    model = builder.build(2)
    features = keras.Model(model.inputs[0], model.layers[-2].output)
    expected = network(X / 255.0, training=False)
    np.testing.assert_allclose(features(X.astype("float32")), expected, atol=1e-5)
    assert tl.backbones.default_image_size(f"saved_model:{folder}") == saved_models.IMAGE


def test_its_variables_are_counted(network, folder, builder, capsys):
    builder.summary()
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("module"))
    assert line.split()[2:] == [f"{network.count_params():,}", "0", "frozen"]


@pytest.mark.parametrize("cache", [True, False])
def test_frozen_nothing_of_it_moves_and_it_is_stored(builder, cache):
    fitted = replace(builder, freeze="all").fit((X, Y), epochs=3, cache=cache, verbose=0)
    assert ("computed once" in cache_of(fitted.phases[0])) == cache
    _, before = module_weights(builder.build(2))
    _, after = module_weights(fitted.model)
    assert all(map(np.array_equal, before, after))


@pytest.mark.full
def test_stored_and_live_give_the_same(builder):
    frozen = replace(builder, freeze="all", head=tl.heads.PooledDense(dropout=0.0))
    stored, live = (
        frozen.fit((X, Y), epochs=3, cache=cache, verbose=0).model for cache in (True, False)
    )
    for one, other in zip(stored.weights, live.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("batch_norm", ["frozen", "train"])
def test_free_all_of_it_moves(builder, batch_norm):
    job = replace(builder, freeze="none", learning_rate=0.01, batch_norm=batch_norm)
    fitted = job.fit((X, Y), epochs=3, verbose=0)
    _, before = module_weights(builder.build(2))
    layer, after = module_weights(fitted.model)
    moved = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    statistics = ["moving" in weight.path for weight in layer.weights]
    assert sum(statistics) == 2
    held = batch_norm == "frozen"  # else `training` reaches the module
    assert moved == [not (held and fixed) for fixed in statistics]
    assert fitted.history.history["loss"][-1] < fitted.history.history["loss"][0]
    assert layer.get_config()["batch_norm_moves"] == (not held)
    assert len(layer.trainable_weights) == 5
    assert len(layer.non_trainable_weights) == 2


def test_its_penalties_are_added(network, tmp_path):
    folder = saved_models.save_module(network, tmp_path / "module", penalty=0.5)
    kernel = keras.ops.convert_to_numpy(network.trainable_weights[0])
    builder = tl.ImageClassifierBuilder(f"saved_model:{folder}", freeze="none", seed=0)
    model = builder.build(2)
    model(X.astype("float32"), training=True)
    assert float(sum(model.losses)) == pytest.approx(0.5 * np.sum(kernel**2), rel=1e-5)
    frozen = replace(builder, freeze="all").build(2)
    frozen(X.astype("float32"), training=True)
    assert not frozen.losses


@pytest.mark.full
def test_a_save_holds_the_program_and_the_trained_weights(network, tmp_path):
    folder = Path(saved_models.save_module(network, tmp_path / "module"))
    job = tl.ImageClassifierBuilder(f"saved_model:{folder}", freeze="none", seed=0)
    fitted = job.fit((X, Y), epochs=2, verbose=0)
    expected = [p.probability for p in fitted.predict(X[:4])]
    fitted.save(tmp_path / "saved")
    folder.rename(tmp_path / "elsewhere")
    np.save(tmp_path / "x.npy", X[:4])
    code = (
        "import numpy as np, transferlearn as tl\n"
        f"fitted = tl.load({str(tmp_path / 'saved')!r})\n"
        f"x = np.load({str(tmp_path / 'x.npy')!r})\n"
        "print('found', *(p.probability for p in fitted.predict(x)))\n"
        f"fitted.save({str(tmp_path / 'again')!r})\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=False
    )
    found = re.search(r"found (.*)", run.stdout)[1].split()
    np.testing.assert_allclose([float(value) for value in found], expected, atol=1e-5)
    assert [p.probability for p in tl.load(tmp_path / "again").predict(X[:4])] == pytest.approx(
        expected, abs=1e-5
    )


def test_a_module_that_was_changed_since_is_not_saved(network, tmp_path):
    folder = saved_models.save_module(network, tmp_path / "module")
    job = tl.ImageClassifierBuilder(f"saved_model:{folder}", seed=0)
    fitted = job.fit((X, Y), schedule="probe", verbose=0)
    fitted.save(tmp_path / "saved")
    Path(folder).rename(tmp_path / "moved")
    with pytest.raises(OSError, match="moved or changed since"):
        fitted.save(tmp_path / "saved")
    tl.load(tmp_path / "saved")


def test_any_size_and_no_training_argument(network, tmp_path):
    fully = keras.Sequential(network.layers[1:])
    folder = saved_models.save_module(fully, tmp_path / "m", size=None, takes_training=False)
    builder = tl.ImageClassifierBuilder(f"saved_model:{folder}", image_size=(32, 40), seed=0)
    assert builder.build(3).input_shape == (None, 32, 40, 3)
    assert tl.backbones.default_image_size(f"saved_model:{folder}") == (224, 224)


def test_keras_s_own_export_is_one(network, tmp_path):
    network.export(str(tmp_path / "export"), verbose=False)
    backbone = tl.backbones.from_saved_model(tmp_path / "export", image_size=saved_models.IMAGE)
    given = backbone.model(X / np.float32(255))
    np.testing.assert_allclose(given, network(X / 255.0, training=False), atol=1e-5)


def test_other_pixels(network, folder):
    backbone = tl.backbones.from_saved_model(
        folder, preprocessing=keras.layers.Rescaling(1 / 127.5, -1.0)
    )
    model = tl.ImageClassifierBuilder(backbone).build(2)
    features = keras.Model(model.inputs[0], model.layers[-2].output)(X.astype("float32"))
    np.testing.assert_allclose(features, network(X / 127.5 - 1, training=False), atol=1e-5)


@pytest.mark.full
def test_a_module_of_texts(tmp_path):
    folder = saved_models.save_text_module(tmp_path / "module")
    builder = tl.TextClassifierBuilder(f"saved_model:{folder}", seed=0)
    fitted = builder.fit(texts.reviews(120), schedule="probe", verbose=0)
    assert fitted.evaluate(texts.reviews(100, seed=1)).accuracy > 0.8
    expected = fitted.predict("good film").probability
    fitted.save(tmp_path / "saved")
    assert tl.load(tmp_path / "saved").predict("good film").probability == pytest.approx(expected)


def test_a_module_that_does_not_list_its_variables(tmp_path):
    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.kernel = tf.Variable(np.random.default_rng(0).normal(size=(3, 5)).astype("f"))
            self.offset = tf.Variable(tf.ones(5), trainable=False)

        @tf.function(input_signature=[tf.TensorSpec((None, *saved_models.IMAGE, 3), tf.float32)])
        def __call__(self, x):
            return tf.reduce_mean(x, [1, 2]) @ self.kernel + self.offset

    tf.saved_model.save(Module(), str(tmp_path / "module"))
    builder = tl.ImageClassifierBuilder(f"saved_model:{tmp_path / 'module'}", freeze="none", seed=0)
    before, after = builder.build(2), builder.fit((X, Y), epochs=1, verbose=0)
    kernel, offset = module_weights(before)[1]
    assert (kernel.shape, offset.shape) == ((3, 5), (5,))
    layer, (moved, same) = module_weights(after.model)
    assert len(layer.trainable_weights) == 1
    assert not np.array_equal(moved, kernel)
    assert np.array_equal(same, offset)


@pytest.mark.full
def test_a_module_that_was_replaced_is_not_saved(tmp_path):
    folder = saved_models.save_text_module(tmp_path / "module")
    builder = tl.TextClassifierBuilder(f"saved_model:{folder}", seed=0)
    fitted = builder.fit(texts.reviews(40), verbose=0)
    data = next(Path(folder, "variables").glob("variables.data*"))
    data.write_bytes(data.read_bytes())
    with pytest.raises(OSError, match="was moved or changed since"):
        fitted.save(tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


@pytest.mark.full
def test_a_module_that_gives_a_vector_for_each_token(tmp_path):
    module = tf.train.Checkpoint()

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])
    def call(given):
        codes = tf.strings.unicode_decode(given, "UTF-8").to_tensor()
        return tf.one_hot(codes - ord("a"), 26)

    module.__call__ = call
    tf.saved_model.save(module, str(tmp_path / "module"))
    builder = tl.TextClassifierBuilder(f"saved_model:{tmp_path / 'module'}", seed=0)
    assert builder.fit(texts.reviews(60), verbose=0).evaluate(texts.reviews(60)).accuracy > 0.7


def test_a_program_that_writes_files_must_be_trusted(tmp_path):
    target = tmp_path / "target.txt"
    folder = saved_models.save_writer(tmp_path / "module", target)
    assert read_program(Path(folder)).unsafe == ("WriteFile",)
    with pytest.raises(ValueError, match=r"more than compute \(WriteFile\).*trusted=True"):
        tl.ImageClassifierBuilder(f"saved_model:{folder}").build(2)
    assert not target.exists()
    backbone = tl.backbones.from_saved_model(folder, trusted=True)
    tl.ImageClassifierBuilder(backbone).build(2)(X.astype("float32"))
    assert target.exists()


@pytest.mark.parametrize("operation", ["cache", "snapshot"])
def test_a_pipeline_that_writes_what_it_reads_is_named(tmp_path, operation):
    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec((None, 4, 4, 3))])
    def call(images):
        rows = tf.data.Dataset.from_tensor_slices(images)
        written = getattr(rows, operation)(str(tmp_path / "written"))
        return written.batch(8).reduce(0.0, lambda total, batch: total + tf.reduce_sum(batch))

    module.__call__ = call
    tf.saved_model.save(module, str(tmp_path / "module"))
    unsafe = read_program(tmp_path / "module").unsafe
    assert any(name.lower().startswith(operation) for name in unsafe)


def test_a_save_with_such_a_program_must_be_trusted_anew(tmp_path):
    folder = saved_models.save_writer(tmp_path / "module", tmp_path / "target.txt")
    backbone = tl.backbones.from_saved_model(folder, trusted=True)
    tl.ImageClassifierBuilder(backbone).fit((X, Y), schedule="probe", verbose=0).save(
        tmp_path / "saved"
    )
    saved = str(tmp_path / "saved")
    code = (
        "import transferlearn as tl\n"
        f"try: tl.load({saved!r})\n"
        "except ValueError as error: print('refused:', error)\n"
        f"tl.load({saved!r}, trusted=True)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True
    )
    assert re.search(r"refused: .*more than compute \(WriteFile\)", run.stdout, re.DOTALL)


def test_programs_without_a_module(tmp_path):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        x = tf.compat.v1.placeholder(tf.float32, (None, 4, 4, 3))
        y = tf.reduce_mean(x, [1, 2])
        tf.compat.v1.saved_model.simple_save(session, str(tmp_path / "v1"), {"x": x}, {"y": y})
    module = tf.Module()
    module.run = tf.function(lambda x: x, input_signature=[tf.TensorSpec((None, 4, 4, 3))])
    tf.saved_model.save(module, str(tmp_path / "signature"), signatures=module.run)
    for name, message in (("v1", "a graph of TensorFlow 1"), ("signature", "signatures only")):
        with pytest.raises(ValueError, match=message):
            tl.ImageClassifierBuilder(f"saved_model:{tmp_path / name}").build(2)


def test_one_that_a_package_carries():
    package = find_spec("guesslang")  # which cannot be imported with TensorFlow 2.21
    if package is None:
        pytest.skip("pip install --no-deps guesslang==2.2.1")
    name = f"saved_model:{Path(package.origin).parent / 'data' / 'model'}"
    with pytest.raises(ValueError, match="a graph of TensorFlow 1, such as an Estimator wrote"):
        tl.TextClassifierBuilder(name).fit(texts.reviews(16), verbose=0)


def test_what_is_no_saved_model(tmp_path, folder):
    with pytest.raises(OSError, match=r"no SavedModel: it holds no saved_model\.pb"):
        tl.ImageClassifierBuilder(f"saved_model:{tmp_path}").build(2)
    (tmp_path / "saved_model.pb").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="no program of TensorFlow"):
        tl.ImageClassifierBuilder(f"saved_model:{tmp_path}").build(2)
    with pytest.raises(ValueError, match="takes no batches of strings"):
        tl.TextClassifierBuilder(f"saved_model:{folder}").fit(texts.reviews(16), verbose=0)
    with pytest.raises(ValueError, match="has its weights in it"):
        tl.ImageClassifierBuilder(f"saved_model:{folder}", weights=None).build(2)


@pytest.mark.parametrize(
    ("shape", "dtype", "call", "message"),
    [
        ((None, None, None, 1), "float32", lambda x: x[:, 0, 0], "takes no float32 images"),
        ((None, 3, 8, 8), "float32", lambda x: x[:, :, 0, 0], "takes no float32 images"),
        ((None, 8, 8, 3), "uint8", lambda x: x[:, 0, 0], "takes no float32 images"),
        ((4, 8, 8, 3), "float32", lambda x: x[:, 0, 0], "takes no float32 images"),
        ((None, 8, 8, 3), "float32", lambda x: x[:, 0, 0], r"Pass image_size=\(8, 8\)"),
        ((None, None, None, 3), "float32", lambda x: (x[:, 0], x[:, 1]), "gives no features"),
        ((None, None, None, 3), "float32", lambda x: tf.cast(x, "int32"), "gives no features"),
        (
            (None, None, None, 3),
            "float32",
            lambda x: x[0, 0, 0, 0],
            r"no features.*Received: \[\(\(\), ",
        ),
        ((None, None, None, 3), "float32", lambda x, y: x + y, "cannot be called with inputs of"),
    ],
)
def test_modules_for_other_things_than_images_are_told_apart(tmp_path, shape, dtype, call, message):
    module = tf.Module()
    signature = [tf.TensorSpec(shape, dtype)] * call.__code__.co_argcount
    module.__call__ = tf.function(call, input_signature=signature)
    tf.saved_model.save(module, str(tmp_path / "odd"))
    with pytest.raises(ValueError, match=message):
        tl.ImageClassifierBuilder(f"saved_model:{tmp_path / 'odd'}", image_size=(9, 9)).build(2)


def test_damaged_variables_are_named(network, tmp_path):
    folder = Path(saved_models.save_module(network, tmp_path / "module"))
    (folder / "variables" / "variables.index").unlink()
    with pytest.raises(OSError, match="module cannot be loaded: a file of it is missing"):
        tl.ImageClassifierBuilder(f"saved_model:{folder}").build(2)


def test_a_handle_that_cannot_be_downloaded(monkeypatch):
    class Offline:
        @staticmethod
        def model_download(handle):
            raise ConnectionError(f"no route to {handle}")

    monkeypatch.setitem(sys.modules, "kagglehub", Offline)
    builder = tl.ImageClassifierBuilder("hub:google/mobilenet-v2/tensorFlow2/small")
    with pytest.raises(OSError, match=r"no route to google/mobilenet-v2.*'saved_model:<folder>'"):
        builder.build(2)


def test_a_handle_is_downloaded(monkeypatch, folder, builder):
    class Online:
        @staticmethod
        def model_download(handle):
            return folder

    monkeypatch.setitem(sys.modules, "kagglehub", Online)
    model = tl.ImageClassifierBuilder("hub:a/b/tensorFlow2/c", image_size=(24, 24), seed=0).build(2)
    np.testing.assert_allclose(model(X.astype("float32")), builder.build(2)(X.astype("float32")))
