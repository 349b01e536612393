"""Exports on the command line, of classes, tags and numbers, answer as Keras does."""

import json

import keras
import pytest
from PIL import Image

from tests import made
from tests.networks import pixels
from transferlearn.cli import main
from transferlearn.edge.__main__ import main as predict
from transferlearn.tasks import TagEncoding

for _module in ("onnx", "tf2onnx", "onnxruntime", "ai_edge_litert"):
    pytest.importorskip(_module)
pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="its converters are used"),
]
KERNEL = [[4.0, -4.0], [0, 0], [-4, 4]]
TAGS = TagEncoding(class_names=("red", "blue"), activation="sigmoid", units=2)
MODELS = {
    "label": lambda: made.of_colours(KERNEL),
    "tags": lambda: made.of_colours(KERNEL, "sigmoid", TAGS),
    "price": lambda: made.of_colours([[3.0], [0], [2]], "linear", made.numbers("price")),
}


def export(model, data, tmp_path, capsys):
    """Exports in two formats, and predicts on the data's photos without Keras."""
    for format in ("onnx", "litert"):
        folder = str(tmp_path / format)
        assert main(["export", str(model), folder, str(data), "--format", format, "--json"]) == 0
        checked = json.loads(capsys.readouterr().out)
        assert checked["path"] == folder
        assert checked["difference"] < 1e-4
        assert checked["equal"] == 1
        yield folder


@pytest.mark.parametrize("name", MODELS)
def test_answers_of_photos(name, tmp_path, capsys, monkeypatch):
    fitted = MODELS[name]()
    fitted.save(tmp_path / "model")
    column = {"tags": "label"}.get(name, name)
    said = {"label": ["red", "blue"], "tags": ["red", "red|blue"], "price": ["1.5", "2"]}[name]
    lines = [f"path,{column}"]
    for i, image in enumerate(pixels(12, 40, seed=3)):
        Image.fromarray(image).save(tmp_path / f"{i}.jpg")
        lines.append(f"{i}.jpg,{said[i % 2]}")
    table = tmp_path / "photos.csv"
    table.write_text("\n".join(lines))
    for folder in export(tmp_path / "model", table, tmp_path, capsys):
        photo = tmp_path / "3.jpg"
        monkeypatch.setattr("sys.argv", ["edge", folder, str(photo)])
        assert predict() == 0
        assert capsys.readouterr().out == f"{photo}\t{fitted.predict(photo)}\n"
