"""Pretrained classifiers on photos in folders that are named by ImageNet classes."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from transferlearn.pretrained.class_index import ClassIndex, find_classes, read_class_index

pytestmark = pytest.mark.core
INDEX = ClassIndex(
    ("n1", "n2", "n3", "n4", "n5", "n6", "n7"),
    ("tabby", "tiger_cat", "crane", "great_white_shark", "crane", "tench", "Egyptian_cat"),
)


@pytest.fixture
def index_file(tmp_path):
    pairs = zip(INDEX.wordnet_ids, INDEX.names, strict=True)
    path = tmp_path / "index.json"
    path.write_text(json.dumps({str(i): pair for i, pair in enumerate(pairs)}))
    return path


def by_redness(outputs=7, activation="softmax"):
    """A classifier that needs no training: class 0 for dark red images, class 1 for bright ones."""
    image = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(image))
    dense = keras.layers.Dense(outputs, activation=activation)
    model = keras.Model(image, dense(x))
    kernel, bias = np.zeros((3, outputs)), -np.arange(outputs, dtype=float)
    kernel[0, 1], bias[1] = 20.0, -10.0
    dense.set_weights([kernel, bias])
    return model


def photos(folder, names, reds=(250, 20, 240)):
    for name in names:
        (folder / name).mkdir(parents=True)
        for i, red in enumerate(reds):
            Image.new("RGB", (10, 12), (red, 3, 9)).save(folder / name / f"{i}.png")
    return folder


def test_folders_are_classes_by_name_or_id(tmp_path, index_file):
    folder = photos(tmp_path / "photos", ["Tiger cat", "n1", "great-white_SHARK"])
    scores = tl.evaluate_pretrained(by_redness(), folder, class_index=index_file)
    assert scores.count == 9
    assert scores.accuracy == pytest.approx((2 + 1 + 0) / 9)
    assert scores["recall: tiger_cat"] == pytest.approx(2 / 3)
    assert scores["recall: tabby"] == pytest.approx(1 / 3)
    assert scores["support: great_white_shark"] == 3
    assert scores.top_5_accuracy == pytest.approx(8 / 9)  # a dark tiger cat comes last
    assert scores["recall: great_white_shark"] == 0
    low, high = scores.intervals["accuracy"]
    assert low < scores.accuracy < high
    best = dict(zip(scores.paths, scores.likeliest(2), strict=True))
    assert best[str(folder / "Tiger cat" / "0.png")][0].class_name == "tiger_cat"
    told = json.loads(scores.to_json())
    assert len(told["predictions"]) == 9
    assert "top_5_accuracy" in str(scores)


def test_one_class_alone(tmp_path, index_file):
    folder = photos(tmp_path / "photos", ["tabby"])
    assert tl.evaluate_pretrained(by_redness(), folder, class_index=index_file).count == 3


def test_names_that_say_no_class_are_refused_with_the_closest():
    assert INDEX.find("  EGYPTIAN cat ") == 6
    with pytest.raises(ValueError, match=r"'tabbi'.*Closest: tabby"):
        INDEX.find("tabbi")
    with pytest.raises(ValueError, match=r"2 classes are called 'crane'.*n3, n5"):
        INDEX.find("crane")
    with pytest.raises(ValueError, match="'tabby', 'n1' are of one class"):
        find_classes(INDEX, ["tabby", "n1"])
    assert INDEX.labels[2] == "crane (n3)"


def test_networks_that_are_no_such_classifiers_are_refused(tmp_path, index_file):
    folder = photos(tmp_path / "photos", ["tabby", "tench"])
    with pytest.raises(ValueError, match=r"each of 7 classes.*\(None, 5\)"):
        tl.evaluate_pretrained(by_redness(5), folder, class_index=index_file)
    with pytest.raises(ValueError, match="no probabilities"):
        tl.evaluate_pretrained(by_redness(7, "linear"), folder, class_index=index_file)
    lost = by_redness()
    lost.layers[-1].bias.assign(keras.ops.convert_to_tensor([np.nan] * 7))
    with pytest.raises(ValueError, match="NaN or infinity for 6 of 6"):
        tl.evaluate_pretrained(lost, folder, class_index=index_file)
    with pytest.raises(ValueError, match="no ImageNet classifier for 'keras_hub:x'"):
        tl.evaluate_pretrained("keras_hub:x", folder, class_index=index_file)


def test_class_names_are_keras_own_or_those_of_a_file(tmp_path, monkeypatch):
    def decode(rising, top):
        assert rising.shape == (1, 1000)
        order = rising[0].argsort()[::-1][:top]
        return [[(f"n{i:08}", f"class_{i}", rising[0, i]) for i in order]]

    names = keras.applications.imagenet_utils
    monkeypatch.setattr(names, "decode_predictions", decode)
    assert read_class_index(None).wordnet_ids[:2] == ("n00000000", "n00000001")
    assert read_class_index(None).names[999] == "class_999"

    def offline(*_, **__):
        raise Exception("URL fetch failure")

    monkeypatch.setattr(names, "decode_predictions", offline)
    with pytest.raises(OSError, match="pass class_index='imagenet_class_index"):
        read_class_index(None)
    with pytest.raises(OSError, match="There is no file"):
        read_class_index(tmp_path / "none.json")
    for text in ('{"0": ["n1"]}', '{"1": ["n1", "tench"]}', "[", '["tench"]'):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(ValueError, match="is no list of classes"):
            read_class_index(tmp_path / "bad.json")


@pytest.mark.full
@pytest.mark.parametrize("name", ["MobileNet", "DenseNet121", "EfficientNetB0"])
def test_a_classifier_prepares_pixels_as_keras_says(name, tmp_path):
    make = getattr(keras.applications, name)
    original = make(weights=None)
    original.save_weights(tmp_path / "whole.weights.h5")
    found = tl.backbones.get_classifier(name, weights=tmp_path / "whole.weights.h5")
    module = {"MobileNet": "mobilenet", "DenseNet121": "densenet"}.get(name, "efficientnet")
    prepare = getattr(keras.applications, module).preprocess_input
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 224, 224, 3)).astype("float32")
    expected = original.predict(prepare(pixels.copy()), verbose=0)
    # The same file of an EfficientNet needs one rescaling more, which Keras leaves out.
    if name != "EfficientNetB0":
        np.testing.assert_allclose(found.predict(pixels, verbose=0), expected, rtol=1e-4)
    assert found.output_shape == (None, 1000)
