"""The runner: what it reads, what it refuses, and that it needs no Keras."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from transferlearn.atomic_files import ASIDE, new_draft, whole_place
from transferlearn.edge import ClassReader, Description, ImageReader, Runner, TensorSpec
from transferlearn.edge.description import FILE
from transferlearn.edge.item_reader import ArrayReader
from transferlearn.edge.text_reader import TextReader
from transferlearn.edge.tokenizers import WordPieces
from transferlearn.fitted.places import recover
from transferlearn.hashing import hash_of_file, hash_of_json
from transferlearn.serving.opening import place_of

pytestmark = pytest.mark.core
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path):
    """An export whose file holds nothing."""
    (tmp_path / "model.onnx").write_bytes(b"nothing")
    described = Description(
        format="onnx",
        model="model.onnx",
        quantize=None,
        inputs={"image": TensorSpec((None, 8, 8, 3), "float32")},
        outputs={"probabilities": TensorSpec((None, 2), "float32")},
        item_reader={"name": "images", "settings": ImageReader((8, 8)).settings()},
        output_reader={"name": "classes", "settings": ClassReader(("a", "b")).settings()},
        model_hash="0",
        made_by={},
        files={"model.onnx": "5c7b4c0ae1f2b9c2b2c8b0c5a6ad4e9f"},
    )
    described.write(tmp_path)
    return tmp_path


def rewrite(folder, **changes):
    """Changes what `export.json` says, as one could who knows how its hash is made."""
    said = {**json.loads((folder / FILE).read_text()), **changes}
    del said["sha256"]
    (folder / FILE).write_text(json.dumps({**said, "sha256": hash_of_json(said)}))


def true_hash(folder):
    return {"model.onnx": hash_of_file(folder / "model.onnx")}


def test_a_changed_file_is_found(folder):
    with pytest.raises(ValueError, match="is not what was exported"):
        Runner(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 9}, "version 9"),
        ({"files": {"../x": "0"}}, "outside of the export"),
        ({"files": {"y": "0"}}, "missing"),
        ({"files": {}}, "names no model"),
        ({"inputs": 3}, "damaged"),
    ],
)
def test_what_an_export_cannot_say_is_refused(folder, changes, message):
    rewrite(folder, **changes)
    with pytest.raises((ValueError, OSError), match=message):
        Runner(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"item_reader": {"name": "videos", "settings": {}}}, "'videos', which is not known"),
        ({"item_reader": {"name": "images", "settings": {"size": 3}}}, "settings of 'images'"),
        ({"item_reader": {"name": "images", "settings": {"image_size": [0, 3]}}}, "image_size"),
        ({"model": "../other.onnx"}, "names no model"),
        ({"format": "exe"}, "A format is one of"),
    ],
)
def test_what_a_stranger_writes_is_checked(folder, changes, message):
    rewrite(folder, files=true_hash(folder), **changes)
    with pytest.raises(ValueError, match=message):
        Runner(folder)


def test_a_damaged_model_is_named(folder):
    pytest.importorskip("onnxruntime")
    rewrite(folder, files=true_hash(folder))
    with pytest.raises(ValueError, match=r"model\.onnx cannot be opened"):
        Runner(folder)


def test_no_export_is_said(tmp_path):
    with pytest.raises(OSError, match="is no export"):
        Runner(tmp_path)


def test_an_export_that_a_kill_left_aside_is_found(folder):
    place = folder / "model"
    name = new_draft(folder, ".model.", ASIDE).name
    aside = folder / name.replace(f".{os.getpid()}.", ".999999999.")  # a process that has ended
    shutil.copytree(folder, aside)
    assert whole_place(place, FILE) == aside
    with pytest.raises(ValueError, match="is not what was exported"):  # not: is no export
        Runner(place)
    assert place_of(place) == aside / FILE
    recover(place, FILE)
    assert (place / FILE).is_file()
    assert not aside.exists()


def test_folders_are_listed_as_in_training(tmp_path):
    for name in ("b/2.png", "b/1.PNG", "a/x.jpg", ".hidden.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = ["a/x.jpg", "b/1.PNG", "b/2.png"]
    images, texts = ImageReader((8, 8)), TextReader(WordPieces(("[UNK]",)), 8)
    for given in (tmp_path, str(tmp_path), [tmp_path / "a", str(tmp_path / "b")]):
        assert not images.is_one(given)
        assert images.listed(given) == [tmp_path / name for name in found]
    assert images.listed("a.png") == ["a.png"]
    assert texts.listed([tmp_path, str(tmp_path)]) == [tmp_path / "notes.txt", str(tmp_path)]
    with pytest.raises(ValueError, match=r"holds no file that ends in \.txt"):
        texts.listed(tmp_path / "a")


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.full((8, 8, 3), 0.5), r"pixels \* 255"),
        (np.full((8, 8, 3), 300), "within"),
        (np.full((8, 8, 3), np.nan), "within"),
        (np.full((8, 8, 3), -1.0), "within"),
        (np.zeros((8, 8)), "shape"),
        (np.zeros((0, 8, 3)), "within"),
    ],
)
def test_pixels_are_checked(pixels, message):
    with pytest.raises(ValueError, match=message):
        ImageReader((8, 8)).read([pixels])


def test_pixels_divided_by_255_are_brought_back_where_they_are_known_to_be():
    reader = ImageReader((8, 8), value_range=(0, 1))
    assert reader.read([np.full((8, 8, 3), 0.5)]).arrays["image"].max() == 127.5


def test_broken_photos_are_named(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no photo")
    with pytest.raises(ValueError, match=r"a\.jpg cannot be read: not an image"):
        ImageReader((8, 8)).read([tmp_path / "a.jpg"])
    with pytest.raises(ValueError, match="empty"):
        ImageReader((8, 8)).read([b""])


def test_arrays_are_taken_as_they_are():
    rows = ArrayReader("x", 1).read([np.zeros(3), np.arange(3.0)])
    assert rows.arrays["x"].tolist() == [[0, 0, 0], [0, 1, 2]]
    assert [one.path for one in rows.seen] == [None, None]


def test_shapes_and_dtypes_are_checked():
    spec = TensorSpec((None, 2), "float32")
    spec.check("x", np.zeros((5, 2), "float32"))
    for wrong in (np.zeros((5, 3), "float32"), np.zeros(2, "float32"), np.zeros((5, 2))):
        with pytest.raises(ValueError, match=r"x has the shape \(any, 2\)"):
            spec.check("x", wrong)


def test_neither_keras_nor_tensorflow_is_imported():
    code = (
        "import sys, transferlearn.edge;"
        "print([m for m in sys.modules if m.split('.')[0] in ('keras', 'tensorflow', 'jax')])"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert told.stdout == "[]\n", told.stderr


def test_word_pieces_are_the_longest_known():
    vocabulary = ("[UNK]", "un", "##aff", "##able", "##a", "!", "中", "cafe")
    pieces = WordPieces(vocabulary, lowercase=True, strip_accents=True)
    assert pieces.tokenize("Unaffable!") == [1, 2, 3, 5]
    assert pieces.tokenize("Café\u200b中中") == [7, 6, 6]
    assert pieces.tokenize("xyz un" + "a" * 100) == [0, 0]


def test_word_pieces_come_back_from_their_file(tmp_path):
    pieces = WordPieces(("[UNK]", "a\u2028b", "", "c\r"), suffix="@@")
    pieces.write(tmp_path)
    assert WordPieces.load(pieces.settings(), tmp_path) == pieces
