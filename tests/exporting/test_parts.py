"""Models that write texts are exported in parts, and write the same without Keras."""

import json
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
from starlette.testclient import TestClient

import transferlearn as tl
from tests import language, translations
from tests.whispers import RATE, SAID, folder_of, tone
from transferlearn.cli import main
from transferlearn.demos.gguf_files import write_as_hugging_face
from transferlearn.edge.__main__ import main as run_edge
from transferlearn.generating.parts import Parts
from transferlearn.serving import app

soundfile = pytest.importorskip("soundfile")
for _module in ("keras_hub", "onnx", "tf2onnx", "onnxruntime", "tokenizers", "soxr"):
    pytest.importorskip(_module)
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="TensorFlow's converters are used"
)
PAIRS = translations.pairs(6)
ALONE = """
import sys
from transferlearn.edge import Runner
print(Runner(sys.argv[1]).predict(sys.argv[2:]))
assert not {"keras", "tensorflow"} & {*sys.modules}
"""


@pytest.fixture(scope="module")
def translator(tmp_path_factory):
    folder = translations.folder_of(tmp_path_factory.mktemp("bart"))
    builder = tl.Seq2SeqLMBuilder(
        f"keras_hub:{folder}", freeze="none", batch_size=6, learning_rate=1e-2, seed=0
    )
    return builder.fit(PAIRS, epochs=15, validation_split=0, verbose=0)


@pytest.fixture(scope="module")
def translates(translator, tmp_path_factory):
    return tl.export(translator, tmp_path_factory.mktemp("exports") / "translates", PAIRS)


def texts(found):
    return [one.text for one in found]


def test_a_translator_writes_the_same_without_keras(translator, translates):
    said = json.loads((translates.path / "export.json").read_text())
    assert {part["model"] for part in said["parts"].values()} <= said["files"].keys()
    assert said["checked"]["difference"] < 1e-5
    assert said["checked"]["equal"] == 1
    given = [first for first, _ in translations.pairs(5, seed=1)]
    expected = texts(translator.predict(given, max_new_tokens=128))
    assert len(set(expected)) > 2
    code = [sys.executable, "-c", ALONE, str(translates.path), *given]
    done = subprocess.run(code, capture_output=True, text=True)
    assert all(f"text={text!r}" in done.stdout for text in expected), done.stderr
    runner = tl.edge.Runner(translates.path)
    assert texts(runner.predict(given)) == expected
    many = [first for first, _ in translations.pairs(40, seed=2)]  # more than one batch
    assert texts(runner.predict(many)) == texts(translator.predict(many))
    runtime = runner._runtime
    beams = replace(runtime.writer.sampling, num_beams=3)
    runtime.writer = replace(runtime.writer, sampling=beams)
    assert texts(runner.predict(given)) == texts(translator.predict(given, num_beams=3))
    with pytest.raises(TypeError, match="writes nothing down"):
        runner.transcribe("talk.wav")


def test_what_writes_otherwise_than_keras_is_not_kept(translator, tmp_path, monkeypatch):
    read = Parts.read_tokens

    def wrong(self, given):
        return read(self, given | {"begins": given["begins"] * 0})

    monkeypatch.setattr(Parts, "read_tokens", wrong)
    with pytest.raises(ValueError, match="answers otherwise than Keras"):
        tl.export(translator, tmp_path / "none", PAIRS)
    monkeypatch.setattr("transferlearn.backbones.keras_hub.HubTokenizer.for_edge", lambda s: None)
    wrong = pytest.raises(ValueError, match=r"HubTokenizer runs where Keras is only.*serve")
    with wrong, pytest.warns(tl.data.DataWarning, match="takes token ids"):
        tl.export(translator, tmp_path / "none", PAIRS)
    assert not list(tmp_path.iterdir())


@pytest.mark.full
@pytest.mark.parametrize("format", ["litert", "openvino", "saved_model"])
def test_other_formats(translator, tmp_path, format):
    pytest.importorskip(
        {"litert": "ai_edge_litert", "saved_model": "tensorflow"}.get(format, format)
    )
    done = tl.export(translator, tmp_path / format, PAIRS, format=format)
    given = [first for first, _ in translations.pairs(5, seed=1)]
    runner = tl.edge.Runner(done.path, trusted=True)
    assert texts(runner.predict(given)) == texts(translator.predict(given))


def test_whole_numbers_are_refused(translator, tmp_path):
    pytest.importorskip("ai_edge_litert")
    with pytest.raises(ValueError, match="in float32 or float16"):
        tl.export(translator, tmp_path / "none", PAIRS, format="litert", quantize="int8")
    assert not list(tmp_path.iterdir())


def test_half_the_bytes(translator, translates, tmp_path):
    done = tl.export(translator, tmp_path / "half", PAIRS, quantize="float16", limit=0.1)
    assert done.checked.megabytes < translates.checked.megabytes


@pytest.fixture(scope="module")
def storyteller(tmp_path_factory):
    pytest.importorskip("gguf")
    place = tmp_path_factory.mktemp("llama")
    language.gguf_of(place / "small.gguf")
    write_as_hugging_face(place / "small.gguf", place / "llama")
    builder = tl.CausalLMBuilder(
        f"keras_hub:{place / 'llama'}",
        freeze="none",
        sequence_length=32,
        learning_rate=1e-2,
        sampling=tl.edge.Sampling(max_new_tokens=24),
        seed=0,
    )
    return builder.fit(language.stories(40), epochs=3, validation_split=0, verbose=0)


def test_a_language_model_goes_on_with_prompts_without_keras(storyteller, tmp_path):
    path = tmp_path / "tells"
    checked = tl.export(storyteller, path, language.stories(9, seed=1)).checked
    assert checked.difference < 1e-5
    assert checked.equal == 1
    prompts = ["Anna", "Tom reads at 7. Mia", "To"]
    expected = texts(storyteller.generate(prompts))
    assert len(set(expected)) == 3
    code = [sys.executable, "-c", ALONE, str(path), *prompts]
    done = subprocess.run(code, capture_output=True, text=True)
    assert all(f"text={text!r}" in done.stdout for text in expected), done.stderr
    with TestClient(app(str(path))) as client:
        asked = {"prompt": prompts, "temperature": 1, "seed": 3, "stop": "g"}
        choices = client.post("/v1/completions", json=asked).json()["choices"]
        drawn = storyteller.generate(prompts, temperature=1.0, seed=3, stop=["g"])
        assert [one["text"] for one in choices] == texts(drawn)
        messages = [{"role": "user", "content": "Who sings?"}]
        said = client.post("/v1/chat/completions", json={"messages": messages})
        assert said.json()["usage"]["prompt_tokens"] > 10


@pytest.fixture(scope="module")
def whisper(tmp_path_factory):
    """An untouched Whisper, and recordings of words."""
    place = tmp_path_factory.mktemp("speech")
    folder = folder_of(place / "whisper")
    rows = ["path,text"]
    for i in range(6):
        soundfile.write(place / f"{i}.wav", tone(SAID[i % 3], seed=i), RATE)
        rows.append(f"{i}.wav,{SAID[i % 3]}")
    (place / "said.csv").write_text("\n".join(rows))
    return tl.SpeechRecognizerBuilder(folder, seconds=1.0).pretrained(), place


@pytest.mark.full
def test_a_recogniser_writes_down_the_same_without_keras(whisper, tmp_path, capsys, monkeypatch):
    fitted, place = whisper
    fitted.save(tmp_path / "save")
    path, table = str(tmp_path / "hears"), str(place / "said.csv")
    assert main(["export", str(tmp_path / "save"), path, table]) == 0
    assert "token_probability" in capsys.readouterr().out
    files = sorted(map(str, place.glob("*.wav")))
    runner = tl.edge.Runner(path)
    assert texts(runner.predict(files)) == texts(fitted.predict(files))
    words = [tone(SAID[i % 3], 0.8, seed=i) for i in range(5)]
    long = np.concatenate([x for word in words for x in (word, np.zeros(RATE, "float32"))])
    soundfile.write(tmp_path / "long.wav", long, RATE)
    expected = fitted.transcribe(tmp_path / "long.wav")
    assert runner.transcribe(tmp_path / "long.wav") == expected
    assert runner.transcribe([files[0]]) == fitted.transcribe([files[0]])
    warm = {"temperature": 1.0, "seed": 3}
    assert runner.transcribe(files[0], **warm) == fitted.transcribe(files[0], **warm)
    monkeypatch.setattr(sys, "argv", ["edge", path, str(tmp_path / "long.wav")])
    assert run_edge() == 0
    assert capsys.readouterr().out == f"{tmp_path / 'long.wav'}\t{expected.text}\n"
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--format", "srt"])
    assert run_edge() == 0
    assert capsys.readouterr().out == expected.srt()
