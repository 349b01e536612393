"""Whisper's files, its spectrogram and its encoder, against NumPy."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

pytest.importorskip("tensorflow")

import transferlearn as tl
from tests import whispers
from tests.sounds import filled_up, tones
from transferlearn.backbones.hub_presets import keras_hub
from transferlearn.backbones.whisper import read_whisper

RATE = 16000
IDS = np.array([3, 7, 1, 39, 0])


@pytest.fixture(scope="module")
def tensors():
    return whispers.state()


@pytest.fixture(scope="module")
def name(tensors, tmp_path_factory):
    return whispers.hugging_face(tmp_path_factory.mktemp("hub") / "whisper", tensors)


@pytest.fixture(scope="module")
def waves():
    return filled_up(RATE)


def answers(network, frames):
    """The states of KerasHub's encoder and decoder for one spectrogram."""
    given = {"encoder_features": frames[None].astype("float32"), "decoder_token_ids": IDS[None]}
    made = network({**given, "decoder_padding_mask": np.ones((1, len(IDS)))}, training=False)
    return [np.asarray(made[f"{part}_sequence_output"])[0] for part in ("encoder", "decoder")]


@pytest.mark.parametrize("writer", ["hugging_face", "ctranslate2", "in half", "in bytes"])
def test_encoder_and_decoder_are_those_of_the_files(tensors, waves, tmp_path, writer):
    if writer == "hugging_face":
        whispers.hugging_face(tmp_path / "whisper", tensors)
    else:
        (tmp_path / "whisper").mkdir()
        stacked = whispers.stacked(tensors)
        if writer == "in half":
            stacked = {n: np.float16(x) if x.ndim else x for n, x in stacked.items()}
        if writer == "in bytes":
            for place in [n for n in stacked if n.endswith("weight")]:
                rows = np.abs(stacked[place]).reshape(len(stacked[place]), -1).max(axis=1)
                scale = np.float32(127 / rows)
                wide = scale.reshape(-1, *[1] * (stacked[place].ndim - 1))
                stacked[place] = np.rint(stacked[place] * wide).astype("int8")
                stacked[f"{place}_scale"] = scale
        aliases = [("decoder/projection/weight", "decoder/embeddings/weight")]
        content = whispers.ctranslate2(stacked, aliases=aliases)
        (tmp_path / "whisper" / "model.bin").write_bytes(content)
    network = read_whisper(tmp_path / "whisper", keras_hub())
    frames = whispers.spectrogram(waves[1])
    states = whispers.encoded(frames, tensors)
    wanted = [states, whispers.decoded(IDS, states, tensors)]
    # Integers of eight bits are off by up to 1/254 of the largest weight.
    atol = {"in half": 0.02, "in bytes": 0.3}.get(writer, 1e-4)
    for got, want in zip(answers(network, frames), wanted, strict=True):
        np.testing.assert_allclose(got, want, atol=atol)
        assert np.abs(want).max() > 1


def test_the_spectrogram_and_the_mean_are_whispers(name, tensors, waves):
    backbone = tl.backbones.get(name)
    audio = keras.Input((waves.shape[1],), name="audio")
    prepared = keras.Model(audio, backbone.prepare(audio))
    spectrogram, is_sound = prepared.predict(waves, verbose=0)
    for row, wave in zip(spectrogram, waves, strict=True):
        np.testing.assert_allclose(row, whispers.spectrogram(wave), atol=1e-4)
    np.testing.assert_array_equal(is_sound.sum(axis=1), [30, 40])
    assert is_sound[0, :30].all()
    features = backbone.model.predict([spectrogram, is_sound], verbose=0)
    for row, wave, count in zip(features, waves, (30, 40), strict=True):
        states = whispers.encoded(whispers.spectrogram(wave), tensors)
        np.testing.assert_allclose(row, states[:count].mean(axis=0), atol=1e-4)
    silent = prepared.predict(np.zeros_like(waves), verbose=0)
    assert silent[1].all()


def test_a_preset_of_kerashub_is_read(name, tmp_path):
    network = read_whisper(Path(name.partition(":")[2]), keras_hub())
    network.save_to_preset(str(tmp_path / "preset"))
    found, wanted = (
        tl.backbones.get(one).model.get_weights()
        for one in (f"keras_hub:{tmp_path / 'preset'}", name)
    )
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_rows_of_any_length_have_whole_states(name):
    backbone = tl.backbones.get(name)
    audio = keras.Input((700,), name="audio")
    spectrogram, is_sound = backbone.prepare(audio)
    assert (spectrogram.shape[1], is_sound.shape[1]) == (6, 3)


@pytest.fixture(scope="module")
def fitted(name):
    pytest.importorskip("soundfile")
    x, y = tones(24, seconds=0.5, rate=RATE)
    return tl.AudioClassifierBuilder(name, seed=0).fit((list(x), y), schedule="probe", verbose=0)


def test_a_fit_is_saved(fitted, tmp_path):
    x, y = tones(20, seconds=0.5, rate=RATE, seed=4)
    assert fitted.evaluate((list(x), y)).accuracy > 0.9
    fitted.save(tmp_path / "save")
    again = tl.load(tmp_path / "save")
    wanted = fitted.model.predict(x, verbose=0)
    np.testing.assert_allclose(again.model.predict(x, verbose=0), wanted, atol=1e-6)


@pytest.mark.full
def test_the_plain_model_needs_no_package_and_exports_need_no_keras(fitted, tmp_path):
    x, y = tones(20, seconds=0.5, rate=RATE, seed=4)
    wanted = fitted.model.predict(x, verbose=0)
    fitted.save(tmp_path / "save")
    code = (
        "import keras_hub, keras, numpy as np, sys\n"
        "model = keras.models.load_model(sys.argv[1])\n"
        "np.save(sys.argv[2], model.predict(np.load(sys.argv[3]), verbose=0))\n"
        "assert 'transferlearn' not in sys.modules\n"
    )
    np.save(tmp_path / "waves.npy", x)
    files = [tmp_path / "save" / "model.keras", tmp_path / "out.npy", tmp_path / "waves.npy"]
    subprocess.run([sys.executable, "-c", code, *map(str, files)], check=True)
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), wanted, atol=1e-6)
    for package, format in (("tf2onnx", "onnx"), ("ai_edge_litert", "litert")):
        pytest.importorskip(package)
        tl.export(fitted, tmp_path / format, (list(x), y), format=format)
        found = tl.edge.Runner(tmp_path / format).predict(x)
        found = [list(prediction.probabilities.values()) for prediction in found]
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_what_a_whisper_cannot_hear_is_refused(name):
    with pytest.raises(ValueError, match="hears 16,000 Hz: pass sample_rate=16000"):
        tl.AudioClassifierBuilder(name, sample_rate=8000).build(2)
    with pytest.raises(ValueError, match="hears 1 seconds at once: pass seconds=1"):
        tl.AudioClassifierBuilder(name, seconds=1.5).build(2)
    with pytest.raises(ValueError, match="takes no images"):
        tl.ImageClassifierBuilder(name).build(2)


def test_random_weights(name, waves):
    trained, random = (
        tl.AudioClassifierBuilder(name, weights=weights, seconds=0.8, seed=0).build(2)
        for weights in ("imagenet", None)
    )
    assert not np.allclose(trained(waves), random(waves), atol=1e-3)


def changed(tensors, **changes):
    return whispers.ctranslate2(tensors | {k.replace("__", "/"): v for k, v in changes.items()})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda x: b"", "empty file"),
        (lambda x: whispers.ctranslate2(x)[:-70], "it ends too early"),
        (lambda x: whispers.ctranslate2(x) + b"1", "it goes on after its tensors"),
        (lambda x: whispers.ctranslate2(x, version=3), "its format is version 3"),
        (lambda x: whispers.ctranslate2(x, spec="TransformerSpec"), "describes a 'TransformerSpec"),
        (lambda x: whispers.ctranslate2(x, aliases=[("a", "b")]), "'a' stands for 'b'"),
        (
            lambda x: whispers.ctranslate2(x).replace(
                b"\x10\0\0\0\0\x40", b"\xff\xff\xff\xff\0\x40"
            ),
            "bytes of float32",
        ),
        (lambda x: whispers.ctranslate2(x).replace(b"\0\0\x02\x02", b"\0\0\x09\x02", 1), "kind, 9"),
        (lambda x: changed(x, encoder__num_heads=np.int16(5)), "5 heads"),
        (lambda x: changed(x, encoder__num_heads=np.int16(-2)), "-2 heads"),
        (
            lambda x: changed(x, encoder__conv2__bias=np.full(16, np.nan, "float32")),
            "conv2.bias holds NaN",
        ),
        (
            lambda x: changed(x, encoder__conv2__bias=np.zeros(17, "float32")),
            r"encoder.conv2.bias has the shape \(17,\)",
        ),
        (
            lambda x: changed(x, encoder__conv1__bias_scale=np.zeros(1, "float32")),
            "the scales of 'encoder/conv1/bias' are none",
        ),
        (
            lambda x: whispers.ctranslate2({n: t for n, t in x.items() if "ffn" not in n}),
            "no tensor encoder.layers.0.fc1.weight",
        ),
        (
            lambda x: whispers.ctranslate2(
                {n: t for n, t in x.items() if "decoder/layer_1" not in n}
            ),
            "2 and 1 layers",
        ),
        (lambda x: changed(x, encoder__conv1__weight=np.ones(3, "float32")), "not enough values"),
    ],
)
def test_damaged_files_are_named(tensors, tmp_path, content, reason):
    (tmp_path / "model.bin").write_bytes(content(whispers.stacked(tensors)))
    with pytest.raises(ValueError, match=reason) as error:
        tl.backbones.get(f"keras_hub:{tmp_path}")
    assert str(tmp_path) in str(error.value)


def test_a_damaged_folder_of_hugging_face_is_named(tensors, tmp_path):
    name = whispers.hugging_face(tmp_path / "whisper", tensors)
    config = tmp_path / "whisper" / "config.json"
    text = config.read_text()
    config.write_text(text.replace('"decoder_attention_heads": 2', '"decoder_attention_heads": 4'))
    with pytest.raises(ValueError, match="another network than KerasHub's Whisper"):
        tl.backbones.get(name)
    config.write_text(text)
    file = tmp_path / "whisper" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(ValueError, match="safetensors is damaged"):
        tl.backbones.get(name)
