"""Exports whose parts were changed: each is refused in a sentence, and nothing unlisted is read."""

import copy
import json

import numpy as np
import pytest

from transferlearn.edge import (
    ClassReader,
    Description,
    ImageReader,
    MaskReader,
    NumberReader,
    PictureReader,
    Runner,
    TensorSpec,
    TextReader,
    WrittenReader,
    parts,
)
from transferlearn.edge.audio_reader import AudioReader
from transferlearn.edge.boxes.reader import BoxReader
from transferlearn.edge.chat import ChatTemplate
from transferlearn.edge.description import FILE, Part
from transferlearn.edge.generation import Sampling
from transferlearn.edge.item_reader import ArrayReader
from transferlearn.edge.onnx_files import external_files
from transferlearn.edge.prompt_writer import PromptWriter
from transferlearn.edge.text_writer import TextWriter
from transferlearn.edge.tokenizers import CharacterTokenizer
from transferlearn.edge.words.predictions import TagReader
from transferlearn.edge.words.reader import WordReader
from transferlearn.hashing import hash_of_file, hash_of_json

pytestmark = pytest.mark.core
VALUES = [None, True, 0, -1, 3, 1.5, float("nan"), 10**30, "", "x", [], [1], ["x"], {}, {"a": 1}]
PHOTO = np.zeros((8, 8, 3), np.uint8)
IMAGES = ImageReader((8, 8)), {"image": TensorSpec((None, 8, 8, 3), "float32")}
TEXTS = TextReader(CharacterTokenizer(), 32), {"token_ids": TensorSpec((None, None), "int32")}
WORDS = WordReader(CharacterTokenizer(), 32), {"token_ids": TensorSpec((None, None), "int32")}
SOUNDS = AudioReader(8000, 20), {"audio": TensorSpec((None, 20), "float32")}
ARRAYS = ArrayReader("x", 1), {"x": TensorSpec((None, 5), "float32")}
LIKELY, MAPS = TensorSpec((None, 2), "float32"), TensorSpec((None, 8, 8, 2), "float32")
SORTS = {
    "classes": (IMAGES, PHOTO, ClassReader(("a", "b")), LIKELY),
    "texts": (TEXTS, "a text", ClassReader(("a", "b"), several=True), LIKELY),
    "numbers": (ARRAYS, np.zeros(5), NumberReader(("a", "b")), LIKELY),
    "masks": (IMAGES, PHOTO, MaskReader(("a", "b"), (0, 7)), MAPS),
    "pictures": (IMAGES, PHOTO, PictureReader(1), TensorSpec((None, 8, 8, 3), "float32")),
    "sounds": (SOUNDS, np.zeros(40), ClassReader(("a", "b")), LIKELY),
    "boxes": (
        IMAGES,
        PHOTO,
        BoxReader(("a", "b"), (0.5, 0.5), (8, 8), letterboxed=False),
        TensorSpec((None, 3, 6), "float32"),
    ),
    "tags": (WORDS, "a text", TagReader(("O", "B-x")), TensorSpec((None, None, 2), "float32")),
    "written": (TEXTS, "a text", WrittenReader(), TensorSpec((None, None), "uint8")),
    "continued": (TEXTS, "a text", WrittenReader(), TensorSpec((None, None), "uint8")),
}
KEPT = {"cache_0": TensorSpec((None, 2, None, 2, 4), "float32")}
MADE = {"logits": LIKELY, "new_cache_0": TensorSpec((None, 2, 3, 2, 4), "float32")}
MEMORY = {"memory_0": TensorSpec((None, 2, 3, 2, 4), "float32")}
WRITTEN = {
    "encoder": Part("encoder.onnx", TEXTS[1], MEMORY),
    "decoder": Part("model.onnx", MEMORY | KEPT, MADE),
}
CONTINUED = {"decoder": Part("model.onnx", KEPT, MADE)}
WRITER = TextWriter(
    tokenizer=CharacterTokenizer(),
    begin=(65,),
    end=66,
    most=9,
    suppressed=(1,),
    sampling=Sampling(),
)
PROMPTS = PromptWriter(
    tokenizer=CharacterTokenizer(),
    template=ChatTemplate("{{ messages }}", (("eos_token", "x"),)),
    end=66,
    context=40,
    sampling=Sampling(max_new_tokens=4, stop=("!",)),
)
PARTS = {"written": (WRITTEN, WRITER), "continued": (CONTINUED, PROMPTS)}


class Zeros:
    """A runtime that answers with zeros, or another number."""

    def __init__(self, outputs, value=0.0):
        self.outputs, self.value = outputs, value

    def run(self, inputs):
        rows = len(next(iter(inputs.values())))
        sides = {name: spec.shape[1:] for name, spec in self.outputs.items()}
        length = next(iter(inputs.values())).shape[-1]  # of token ids, where a side is unknown
        shapes = {name: (rows, *(x or length for x in rest)) for name, rest in sides.items()}
        return {name: np.full(shape, self.value) for name, shape in shapes.items()}


def described(sort):
    (reader, inputs), _, output_reader, spec = SORTS[sort]
    readers = {"item_reader": reader, "output_reader": output_reader}
    return Description(
        format="onnx",
        model="model.onnx",
        quantize=None,
        inputs=inputs,
        outputs={output_reader.output: spec},
        **{n: {"name": one.name, "settings": one.settings()} for n, one in readers.items()},
        model_hash="0",
        made_by={"keras": "3"},
        **_in_parts(sort),
    )


def _in_parts(sort):
    if sort not in PARTS:
        return {}
    written, writer = PARTS[sort]
    return {"parts": written, "writer": {"name": writer.name, "settings": writer.settings()}}


@pytest.fixture(
    params=[*list(SORTS)[:2], *(pytest.param(x, marks=pytest.mark.full) for x in list(SORTS)[2:])]
)
def export(request, tmp_path, monkeypatch):
    """An export whose model is an empty file, which the runtime does not read."""
    described(request.param).write(tmp_path)
    whole = {SORTS[request.param][2].output: SORTS[request.param][3]}
    made = {"model.onnx": whole}
    if request.param in PARTS:
        made = {part.model: part.outputs for part in PARTS[request.param][0].values()}
    for name in made:
        (tmp_path / name).write_bytes(b"")
    monkeypatch.setattr(parts, "open_runtime", lambda _, file, *__: Zeros(made[file.name]))
    rewrite(tmp_path, lambda said: said.update(files=hashes(tmp_path)))
    return tmp_path, SORTS[request.param][1]


def hashes(folder):
    return {file.name: hash_of_file(file) for file in folder.iterdir() if file.name != FILE}


def rewrite(folder, change):
    """Changes what `export.json` says, as one could who knows how its hash is made."""
    said = json.loads((folder / FILE).read_text())
    said.pop("sha256", None)
    change(said)
    (folder / FILE).write_text(json.dumps({**said, "sha256": hash_of_json(said)}))


def places(value, way=()):
    """The places of all values in a JSON object."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in inner:
        yield (*way, key)
        if isinstance(part, (dict, list)):
            yield from places(part, (*way, key))


def test_every_field_with_every_type_is_refused_in_a_sentence_or_works(export):
    folder, item = export
    assert Runner(folder).predict(item) is not None
    honest = json.loads((folder / FILE).read_text())
    del honest["sha256"]
    refused = 0
    for way in places(honest):
        for value in [*VALUES, "gone"]:
            said = copy.deepcopy(honest)
            *above, last = way
            at = said
            for key in above:
                at = at[key]
            if value == "gone":
                del at[last]
            else:
                at[last] = value
            (folder / FILE).write_text(json.dumps({**said, "sha256": hash_of_json(said)}))
            try:
                Runner(folder).predict(item)
            except (ValueError, OSError) as error:
                refused += 1
                message = str(error)
                assert "\n" not in message, (way, value)
                assert len(message) < 600, (way, value, message)
                assert "Error(" not in message, (way, value, message)
    assert refused > 200


def test_a_description_that_was_changed_is_noticed(export):
    folder, _ = export
    text = (folder / FILE).read_text()
    (folder / FILE).write_text(text.replace('"model_hash": "0"', '"model_hash": "1"'))
    with pytest.raises(ValueError, match="its own hash differs"):
        Runner(folder)
    said = json.loads(text)
    del said["sha256"]
    (folder / FILE).write_text(json.dumps(said))
    with pytest.raises(ValueError, match="its own hash differs"):
        Runner(folder)
    # Exports of the version before had none.
    (folder / FILE).write_text(json.dumps({**said, "version": 1}))
    Runner(folder)


@pytest.mark.parametrize(
    ("sort", "change", "message"),
    [
        (
            "classes",
            lambda x: x["outputs"]["probabilities"].update(shape=[None, 3]),
            r"there are 2 names for probabilities of shape \(None, 3\)",
        ),
        (
            "classes",
            lambda x: x["inputs"]["image"].update(shape=[None, 9, 9, 3]),
            r"image of the shape \(None, 8, 8, 3\), and the model takes \(None, 9, 9, 3\)",
        ),
        (
            "classes",
            lambda x: x["item_reader"]["settings"].update(image_size=[100_000, 100_000]),
            "An image_size has at most",
        ),
        (
            "classes",
            lambda x: x.update(outputs={"scores": x["outputs"]["probabilities"]}),
            r"classes are read of 'probabilities', and there is \['scores'\]",
        ),
        (
            "texts",
            lambda x: x["item_reader"]["settings"].update(start=[1] * 40),
            "no room for a token",
        ),
        (
            "masks",
            lambda x: x["output_reader"]["settings"].update(mask_values=[1]),
            "there are 1 mask_values for 2 classes",
        ),
        ("pictures", lambda x: x["output_reader"]["settings"].update(scale=0), "scale is a whole"),
        ("numbers", lambda x: x["item_reader"]["settings"].update(dimensions=2), "the model takes"),
        ("numbers", lambda x: x.update(quantize=8), "quantize is a text or null, and not 8"),
    ],
)
def test_parts_that_do_not_fit_together(sort, change, message, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"")
    described(sort).write(tmp_path)
    rewrite(tmp_path, lambda said: said.update(files=hashes(tmp_path)))
    rewrite(tmp_path, change)
    with pytest.raises(ValueError, match=rf"export\.json (does not fit|is damaged): .*{message}"):
        Runner(tmp_path)


def test_a_network_with_a_further_input_is_opened(tmp_path, monkeypatch):
    (tmp_path / "model.onnx").write_bytes(b"")
    described("classes").write(tmp_path)
    further = {"meta": {"shape": [None, 2], "dtype": "float32"}}
    rewrite(tmp_path, lambda said: said["inputs"].update(further))
    rewrite(tmp_path, lambda said: said.update(files=hashes(tmp_path)))
    monkeypatch.setattr(parts, "open_runtime", lambda *_: None)
    assert set(Runner(tmp_path).description.inputs) == {"image", "meta"}


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_outputs_that_are_no_numbers_are_said(export, value, monkeypatch):
    folder, item = export
    opened = Runner(folder)
    monkeypatch.setattr(opened, "_runtime", Zeros(opened.description.outputs, value))
    with pytest.raises(ValueError, match=r"gives NaN or infinity as .* for item 0 of 1"):
        opened.predict(item)


def onnx_file(folder, *, where):
    """An ONNX file that takes a tensor from the file `secret` beside it, at different places."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto
    tensor = helper.make_tensor("w", kind.FLOAT, [2], [1.0, 2.0])
    del tensor.float_data[:]
    tensor.data_location = kind.EXTERNAL
    tensor.external_data.add(key="location", value="secret")
    node = helper.make_node("Constant", [], ["c"], value=tensor)
    inner = helper.make_graph([node], "inner", [], [])
    made = {
        "weight": ([], [tensor]),
        "constant": ([node], []),
        "branch": ([helper.make_node("If", ["x"], ["y"], then_branch=inner)], []),
    }
    nodes, weights = made[where]
    model = helper.make_model(helper.make_graph(nodes, "g", [], [], weights))
    if where == "branch":
        function = helper.make_function("d", "f", [], ["c"], [node], [])
        model.functions.append(function)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (folder / "secret").write_bytes(b"12345678")


@pytest.mark.parametrize("where", ["weight", "constant", "branch"])
def test_weights_of_onnx_in_a_file_that_is_not_listed(where, tmp_path, monkeypatch):
    onnx_file(tmp_path, where=where)
    assert external_files(tmp_path / "model.onnx") == {"secret"}
    described("classes").write(tmp_path)
    rewrite(tmp_path, lambda said: said.update(files=hashes(tmp_path)))
    monkeypatch.setattr(parts, "open_runtime", lambda *_: None)
    Runner(tmp_path)
    rewrite(tmp_path, lambda said: said["files"].pop("secret"))
    with pytest.raises(ValueError, match=r"model\.onnx is read together with secret, whose hash"):
        Runner(tmp_path)


def test_a_file_of_another_format(tmp_path):
    onnx_file(tmp_path, where="weight")
    described("classes").write(tmp_path)
    for name in ("model.onnx", "model.xml"):
        (tmp_path / "model.onnx").rename(tmp_path / name)
        change = {"format": "openvino", "model": name}
        rewrite(tmp_path, lambda said: said.update(change, files=hashes(tmp_path)))  # noqa: B023
        with pytest.raises(ValueError, match=r"is no file of OpenVINO's"):
            Runner(tmp_path)
        (tmp_path / name).rename(tmp_path / "model.onnx")
    (tmp_path / "model.onnx").write_bytes(b"\x3a\xff\xff\xff\x7f")
    rewrite(tmp_path, lambda said: said.update(format="onnx", model="model.onnx"))
    rewrite(tmp_path, lambda said: said.update(files=hashes(tmp_path)))
    with pytest.raises(ValueError, match=r"model\.onnx cannot be opened: it is no ONNX file"):
        Runner(tmp_path)


@pytest.mark.parametrize(
    ("format", "model", "beside"),
    [("openvino", "model.xml", "model.bin"), ("saved_model", "model", "model/variables")],
)
def test_files_beside_a_model_are_listed(format, model, beside, tmp_path):
    if format == "saved_model":
        (tmp_path / "model").mkdir()
    file = tmp_path / ("model/saved_model.pb" if format == "saved_model" else model)
    file.write_bytes(b"<net/>")
    (tmp_path / beside).write_bytes(b"")
    described("classes").write(tmp_path)
    listed = {file.relative_to(tmp_path).as_posix(): hash_of_file(file)}
    rewrite(tmp_path, lambda said: said.update(format=format, model=model, files=listed))
    with pytest.raises(ValueError, match="is read together with"):
        Runner(tmp_path, trusted=True)
