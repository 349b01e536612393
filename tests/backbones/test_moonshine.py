"""Moonshine's encoder is read from Hugging Face's files, and hears recordings."""

import subprocess
import sys

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests import moonshines
from tests.sounds import filled_up, tones

pytest.importorskip("keras_hub")
RATE = 16_000
# The first features of `waves` by transformers 5.25 with the same tensors and an attention mask.
WANTED = [
    [-0.08104, -0.1632, 0.11279, 0.2749, 0.15895, 0.00347],
    [-0.07699, -0.15916, 0.07429, 0.31087, 0.15112, 0.00108],
]


@pytest.fixture(scope="module")
def name(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub") / "moonshine"
    return moonshines.hugging_face(folder, moonshines.state())


@pytest.fixture(scope="module")
def waves():
    return filled_up(RATE)


def features(name, waves):
    backbone = tl.backbones.get(name)
    audio = keras.Input((waves.shape[1],), name="audio")
    network = keras.Model(backbone.model.input, backbone.model.output)
    return keras.Model(audio, network(backbone.prepare(audio))).predict(waves, verbose=0)


def test_the_features_are_those_of_transformers(name, waves):
    found = features(name, waves)
    assert found.shape == (2, moonshines.WIDTH)
    np.testing.assert_allclose(found[:, :6], WANTED, atol=2e-5)


def test_silence_and_less_than_one_state_have_features(name, waves):
    assert np.isfinite(features(name, np.zeros_like(waves))).all()
    short, longer = features(name, waves[1:, :400]), features(name, waves[1:, :895])
    assert np.isfinite(short).all()
    assert not np.allclose(short, longer)


def test_settings_of_transformers_4_are_read(name, waves, tmp_path):
    older = {"rope_parameters": None, "partial_rotary_factor": 0.8, "rope_theta": 500.0}
    again = moonshines.hugging_face(tmp_path / "older", moonshines.state(), **older)
    np.testing.assert_allclose(features(again, waves)[:, :6], WANTED, atol=2e-5)


def test_a_preset_of_kerashub_is_read(name, waves, tmp_path):
    import keras_hub

    keras.utils.set_random_seed(0)
    network = keras_hub.models.MoonshineBackbone(
        vocabulary_size=9,
        filter_dim=16,
        encoder_num_layers=1,
        decoder_num_layers=1,
        hidden_dim=16,
        intermediate_dim=32,
        encoder_num_heads=2,
        decoder_num_heads=2,
    )
    network.save_to_preset(str(tmp_path / "preset"))
    found = features(f"keras_hub:{tmp_path / 'preset'}", waves[1:])
    given = {"encoder_input_values": waves[1:, :, None], "encoder_padding_mask": waves[1:] != 2}
    given |= {"decoder_token_ids": np.ones((1, 2)), "decoder_padding_mask": np.ones((1, 2))}
    states = network(given, training=False)["encoder_sequence_output"]
    np.testing.assert_allclose(found, np.asarray(states).mean(axis=1), atol=1e-5)


@pytest.fixture(scope="module")
def fitted(name):
    pytest.importorskip("soundfile")
    x, y = tones(24, seconds=0.5, rate=RATE)
    return tl.AudioClassifierBuilder(name, seed=0).fit((list(x), y), schedule="probe", verbose=0)


def test_a_fit_is_saved(fitted, tmp_path):
    x, y = tones(20, seconds=0.5, rate=RATE, seed=4)
    assert fitted.evaluate((list(x), y)).accuracy > 0.8
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


@pytest.mark.full
def test_layers_are_frozen_by_block(name):
    x, y = tones(8, seconds=0.5, rate=RATE)
    builder = tl.AudioClassifierBuilder(name, freeze="block_0", seed=0)
    fitted = builder.fit((list(x), y), epochs=1, verbose=0)
    before = tl.backbones.get(name).model
    moved = {
        layer.name
        for layer in before.layers
        if layer.weights
        for old, new in zip(
            layer.get_weights(), fitted.model.get_layer(layer.name).get_weights(), strict=True
        )
        if not np.array_equal(old, new)
    }
    assert moved == {"encoder_block_1", "encoder_final_layer_norm"}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"encoder_num_attention_heads": 3}, "16 channels cannot be shared by 3 heads"),
        ({"encoder_num_attention_heads": "2"}, "shared by '2' heads"),
        ({"encoder_num_key_value_heads": 1}, "another network than KerasHub's Moonshine"),
        ({"encoder_hidden_act": "relu"}, "another network"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "another network"),
        ({"rope_parameters": {"partial_rotary_factor": 0.7}}, "another network"),
        ({"rope_parameters": {"rope_theta": "x"}}, "could not convert"),
    ],
)
def test_another_network_is_refused(tmp_path, settings, reason):
    name = moonshines.hugging_face(tmp_path / "other", moonshines.state(), **settings)
    with pytest.raises(ValueError, match=reason) as error:
        tl.backbones.get(name)
    assert str(tmp_path) in str(error.value)


def test_damaged_tensors_are_named(tmp_path):
    tensors = moonshines.state()
    left = {k: v for k, v in tensors.items() if "layers.1.self_attn.q" not in k}
    with pytest.raises(ValueError, match=r"no tensor encoder.layers.1.self_attn.q_proj.weight"):
        tl.backbones.get(moonshines.hugging_face(tmp_path / "a", left))
    wrong = tensors | {"model.encoder.conv2.bias": np.zeros(3, "float32")}
    with pytest.raises(ValueError, match=r"conv2.bias has the shape \(3,\)"):
        tl.backbones.get(moonshines.hugging_face(tmp_path / "b", wrong))


def test_what_it_cannot_do_is_said(name):
    with pytest.raises(ValueError, match="hears 16,000 Hz: pass sample_rate=16000"):
        tl.AudioClassifierBuilder(name, sample_rate=8000).build(2)
    with pytest.raises(ValueError, match="hears 64 seconds at once"):
        tl.AudioClassifierBuilder(name, seconds=65.0).build(2)
    with pytest.raises(ValueError, match="takes no images"):
        tl.ImageClassifierBuilder(name).build(2)
