"""What is exported answers as Keras does, or it is not there."""

import json
import zipfile
from dataclasses import replace
from xml.etree import ElementTree

import keras
import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from tests import made
from tests.networks import pixels, small_backbone
from tests.texts import Unportable
from transferlearn.data import DataWarning
from transferlearn.edge.__main__ import main
from transferlearn.exporting import entrance
from transferlearn.tasks import TagEncoding

for _module in ("onnx", "tf2onnx", "onnxruntime"):
    pytest.importorskip(_module)
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="TensorFlow's converters are used"
)
KERNEL = [[4.0, -4.0], [0, 0], [-4, 4]]
PIXELS = pixels(24, 8, seed=3)
LABELLED = PIXELS, np.array(["red", "blue"] * 12)


@pytest.fixture(scope="module")
def fitted():
    return made.of_colours(KERNEL)


@pytest.fixture(scope="module")
def exported(fitted, tmp_path_factory):
    return tl.export(fitted, tmp_path_factory.mktemp("exports") / "colours", LABELLED)


@pytest.fixture(scope="module")
def runner(exported):
    return tl.edge.Runner(exported.path)


def probabilities(predictions):
    return np.array([list(prediction.probabilities.values()) for prediction in predictions])


def test_predictions_are_those_of_keras(fitted, runner):
    expected, found = (model.predict(list(PIXELS)) for model in (fitted, runner))
    assert [p.class_name for p in found] == [p.class_name for p in expected]
    np.testing.assert_allclose(probabilities(found), probabilities(expected), atol=1e-6)


def test_tensors_that_a_layer_holds_are_weights_and_no_inputs(fitted, tmp_path):
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Normalization(mean=[9.0, 0, 5], variance=[1.0, 4, 1])(image)
    normalised = made.fitted(keras.Model(image, fitted.model(x)), fitted.kind, fitted.encoding)
    done = tl.export(normalised, tmp_path / "normalised", LABELLED)
    assert done.checked.difference < 1e-5
    found = tl.edge.Runner(done.path).predict(list(PIXELS))
    expected = normalised.predict(list(PIXELS))
    np.testing.assert_allclose(probabilities(found), probabilities(expected), atol=1e-6)


def test_files_are_read_as_keras_reads_them(fitted, runner, tmp_path):
    path = tmp_path / "large.png"
    Image.fromarray(pixels(1, 40, seed=8)[0]).save(path)
    turned = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels(1, 48, seed=9)[0, :24]).save(turned, exif=exif)
    for file in (path, str(turned)):
        found, expected = runner.predict(file), fitted.predict(file)
        assert found.path == expected.path == str(file)
        assert found.probability == pytest.approx(expected.probability, abs=1e-6)
    assert runner.predict(path.read_bytes()) == runner.predict(Image.open(path))


def test_a_broken_photo_in_a_folder_costs_no_other_answer(exported, tmp_path, monkeypatch, capsys):
    for name in "ac":
        Image.fromarray(PIXELS[0]).save(tmp_path / f"{name}.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:40])
    monkeypatch.setattr("sys.argv", ["edge", str(exported.path), str(tmp_path)])
    assert main() == 1
    said = capsys.readouterr()
    assert [line.partition("\t")[0][-5:] for line in said.out.splitlines()] == ["a.png", "c.png"]
    assert "b.png cannot be read" in said.err
    (tmp_path / "b.png").unlink()
    assert main() == 0


def test_inputs_and_outputs_have_names_and_any_batch(runner):
    for batch in (1, 5):
        found = runner.run({"image": PIXELS[:batch].astype("float32")})
        assert {name: array.shape for name, array in found.items()} == {"probabilities": (batch, 2)}


def test_the_file_says_what_it_is(exported):
    import onnxruntime

    session = onnxruntime.InferenceSession(exported.path / "model.onnx")
    said = session.get_modelmeta().custom_metadata_map
    assert json.loads(said["output_reader"])["settings"]["class_names"] == ["red", "blue"]
    assert json.loads(said["item_reader"])["settings"]["image_size"] == [8, 8]
    assert said["model_hash"] == exported.description.model_hash


def test_the_check_is_written_and_shown(exported):
    said = json.loads((exported.path / "export.json").read_text())["checked"]
    assert said["items"] == len(PIXELS)
    assert said["equal"] == 1
    assert 0 <= said["difference"] < 1e-4
    assert said["keras_score"] == said["exported_score"]
    assert "accuracy" in str(exported)


def test_a_file_that_answers_otherwise_is_not_kept(fitted, tmp_path, monkeypatch):
    other = made.of_colours([[4.0, -4.0], [0, 0], [-4, 4.1]])
    monkeypatch.setattr(entrance, "serve", lambda _, **how: real(other, **how))
    with pytest.raises(ValueError, match="answers otherwise"):
        tl.export(fitted, tmp_path / "colours", LABELLED)
    assert not list(tmp_path.iterdir())
    made_so = tl.export(fitted, tmp_path / "colours", LABELLED, limit=0.5)
    assert 1e-3 < made_so.checked.difference < 0.5


real = entrance.serve


def test_answers_that_are_all_alike_prove_nothing(tmp_path):
    flat = made.of_colours([[1e-7, 0], [0, 0], [0, 0]])
    with pytest.raises(ValueError, match="proves nothing"):
        tl.export(flat, tmp_path / "flat", LABELLED)
    assert not list(tmp_path.iterdir())


def test_an_older_export_is_replaced_and_nothing_else(fitted, exported, tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(OSError, match="is not an export"):
        tl.export(fitted, tmp_path / "mine", LABELLED)
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"file/x cannot be written in .*file: Not a directory"):
        tl.export(fitted, tmp_path / "file" / "x", LABELLED)
    (exported.path / "notes.txt").write_text("mine")
    with pytest.raises(OSError, match=r"notes\.txt"):
        tl.export(fitted, exported.path, LABELLED)
    (exported.path / "notes.txt").unlink()
    before = exported.path.stat().st_ino
    tl.export(fitted, exported.path, LABELLED)
    assert exported.path.stat().st_ino != before
    assert [path.name for path in exported.path.parent.iterdir()] == ["colours"]


def test_what_cannot_be_exported_is_said_before_work_starts(fitted, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="format is one of onnx"):
        tl.export(fitted, tmp_path / "x", LABELLED, format="coreml")
    with pytest.raises(ValueError, match="offered with quantize"):
        tl.export(fitted, tmp_path / "x", LABELLED, format="saved_model", quantize="float16")
    with pytest.raises(ValueError, match="photos/validation"):
        tl.export(fitted, tmp_path / "x")
    monkeypatch.setattr("transferlearn.extras.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"\[export\]"):
        tl.export(fitted, tmp_path / "x", LABELLED)
    assert not list(tmp_path.iterdir())


def test_a_hash_is_that_of_the_model_and_not_of_the_file(fitted, tmp_path):
    first = made.of_colours(KERNEL)
    other = made.of_colours([[4.0, -4.0], [0, 0], [-4, 4.1]])
    hashes = [tl.exporting.description.model_hash(model) for model in (fitted, first, other)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_logits_and_single_outputs_come_out_as_probabilities(tmp_path):
    encoding = TagEncoding(class_names=("red", "blue"), activation="linear", units=2)
    tags = made.of_colours(KERNEL, "linear", encoding)
    single = made.of_colours([[4.0], [0], [-4]], "sigmoid")
    for number, model in enumerate((tags, single)):
        data = (PIXELS, [["red"], ["blue"]] * 12) if model is tags else LABELLED
        path = tl.export(model, tmp_path / str(number), data).path
        expected, found = (m.predict(list(PIXELS)) for m in (model, tl.edge.Runner(path)))
        np.testing.assert_allclose(probabilities(found), probabilities(expected), atol=1e-6)
        assert [p.labels for p in found] == [p.labels for p in expected]


def test_numbers_come_out_in_their_own_units(tmp_path):
    model = made.of_colours([[300.0, 1], [0, 0], [0, 2]], "linear", made.numbers("red", "sum"))
    rows = np.stack([PIXELS[..., 0].mean((1, 2)), PIXELS[..., 2].mean((1, 2))], 1) / 255
    exported = tl.export(model, tmp_path / "numbers", (PIXELS, rows))
    found, expected = (m.predict(PIXELS[0]) for m in (tl.edge.Runner(exported.path), model))
    assert found.values == pytest.approx(expected.values, rel=1e-5)


def test_texts_are_read_without_keras(tmp_path):
    weights = {"g": [0.0, 3.0], "b": [3.0, 0.0], "o": [0.1, 0.0]}
    model = made.of_letters(weights)
    texts = ["good", "bad", "boo", "goog" * 10] * 4
    exported = tl.export(model, tmp_path / "texts", (texts, ["good", "bad", "bad", "good"] * 4))
    runner = tl.edge.Runner(exported.path)
    given = [*texts, "ü"]
    expected, found = model.predict(given), runner.predict(given)
    np.testing.assert_allclose(probabilities(found), probabilities(expected), atol=1e-6)
    assert set(runner.predict(" ").probabilities) == {"bad", "good"}
    (tmp_path / "a.txt").write_text("good")
    assert runner.predict(tmp_path / "a.txt").class_name == "good"


@pytest.mark.full
def test_texts_that_need_keras_are_said(tmp_path):
    model = made.of_letters({"g": [0.0, 3.0], "b": [3.0, 0.0]})
    model = replace(model, kind=replace(model.kind, tokenizer=Unportable()))
    with pytest.warns(DataWarning, match="Unportable runs where Keras is only"):
        exported = tl.export(model, tmp_path / "texts", (["good", "bad"] * 4, ["good", "bad"] * 4))
    ids = np.array([[ord(letter) for letter in "good"]], np.int32)
    assert exported.description.item_reader["name"] == "arrays"
    assert tl.edge.Runner(exported.path).predict(ids[0]).class_name == "good"


def test_items_that_fit_held_out_are_checked_on(fitted, tmp_path):
    held_out = tl.data.load(LABELLED, fitted.kind, fitted.encoding.target)
    assert tl.export(replace(fitted, held_out=held_out), tmp_path / "x").checked.items == 24


@pytest.mark.parametrize("limit", [1e-4, 0.02])
def test_answers_may_differ_only_where_two_are_about_as_likely(limit):
    reader = tl.edge.ClassReader(("a", "b", "c"))
    expected = {"probabilities": np.array([[0.5, 0.495, 0.005], [0.6, 0.4, 0]])}
    found = {"probabilities": np.array([[0.495, 0.5, 0.005], [0.4, 0.6, 0]])}
    assert reader.same(expected, found, limit).tolist() == [limit > 0.005, False]


@pytest.mark.full
@pytest.mark.parametrize("quantize", [None, "float16"])
@pytest.mark.parametrize("format", ["onnx", "litert", "openvino", "saved_model"])
def test_every_format_answers_alike(fitted, tmp_path, format, quantize):
    if quantize and format == "saved_model":
        pytest.skip("SavedModels are not offered in float16")
    exported = tl.export(fitted, tmp_path / "x", LABELLED, format=format, quantize=quantize)
    runner = tl.edge.Runner(exported.path, trusted=True)
    assert set(runner.run({"image": PIXELS[:3].astype("float32")})) == {"probabilities"}
    found, expected = (model.predict(list(PIXELS)) for model in (runner, fitted))
    np.testing.assert_allclose(probabilities(found), probabilities(expected), atol=1e-3)
    if format == "litert":
        with zipfile.ZipFile(exported.path / "model.tflite") as archive:
            assert archive.read("labels.txt") == b"red\nblue\n"
        content = (exported.path / "model.tflite").read_bytes()
        assert b"TFLITE_METADATA" in content  # which .ci/edge tries in MediaPipe
        assert b"M001" in content
    if format == "openvino":
        import openvino

        model = openvino.Core().read_model(exported.path / "model.xml")
        told = model.get_rt_info(["transferlearn", "model_hash"]).astype(str)
        assert told == exported.description.model_hash
    if format == "saved_model":
        with pytest.raises(ValueError, match="trusted"):
            tl.edge.Runner(exported.path)
        import tensorflow as tf

        variables = tf.train.list_variables(exported.path / "saved_model/variables/variables")
        kernels = [name for name, shape in variables if shape == [3, 2]]
        assert len(kernels) == 1  # a tracked model would have all its variables twice


@pytest.mark.full
def test_openvino_computes_by_its_own_settings_what_was_checked(tmp_path):
    pytest.importorskip("openvino")
    backbone = small_backbone()
    image = keras.Input((32, 32, 3), name="image")
    x = backbone.model(keras.layers.Rescaling(1 / 127.5, -1.0)(image))
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(2, name="last")(x))
    kernel = np.random.default_rng(0).normal(size=(16, 2)) * 9
    model.layers[-1].set_weights([kernel, np.array([0.5, 2])])
    kind = tl.data.Images(image_size=(32, 32))
    fitted = made.fitted(model, kind, made.numbers("first", "second"))
    data = pixels(24, 32, seed=3), np.zeros((24, 2))
    exported = tl.export(fitted, tmp_path / "x", data, format="openvino")
    assert exported.checked.plain_difference < 1e-5  # 0.004 in bfloat16
    assert '"INFERENCE_PRECISION_HINT": "f32"' in str(exported)
    layers = ElementTree.parse(exported.path / "model.xml").getroot().iter("layer")
    kept = {"precise", "DisablePrecisionConversion"}  # the mark's older and newer name
    marked = {one.get("type") for one in layers for mark in one.iter() if mark.get("name") in kept}
    assert {"Convolution", "MatMul", "Clamp"} <= marked


@pytest.mark.full
def test_int8_takes_uint8_pixels(fitted, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="calibration_data"):
        tl.export(fitted, tmp_path / "x", LABELLED, format="litert", quantize="int8")
    labelled = PIXELS, np.array([fitted.predict(x).class_name for x in PIXELS])
    monkeypatch.setattr(entrance, "WORTH_WHILE", 1e9)  # times as fast, which nothing is
    with pytest.warns(DataWarning, match=r"times as fast .* leave quantize out"):
        exported = tl.export(
            fitted,
            tmp_path / "x",
            labelled,
            format="litert",
            quantize="int8",
            calibration_data=labelled,
            limit=0.1,
        )
    assert exported.checked.plain_difference is None
    assert 0 < exported.checked.speed_up < 1e9
    assert "times as fast as float32 there" in str(exported)
    assert exported.description.inputs["image"].dtype == "uint8"
    found = tl.edge.Runner(exported.path).predict(list(PIXELS))
    expected = fitted.predict(list(PIXELS))
    np.testing.assert_allclose(probabilities(found), probabilities(expected), atol=0.05)
