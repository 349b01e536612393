"""Recordings from files to a saved model, an export and its runner."""

import subprocess
import sys

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.sounds import RATE, backbone, tones, write
from transferlearn import backbones
from transferlearn.assembling import assemble
from transferlearn.backbones.log_mel import (
    _fourier_kernel,
    log_mel,
    mel_filters,
    picture_of,
    window_and_hop,
)
from transferlearn.features.extraction import trunk
from transferlearn.plotting.items import draw_items
from transferlearn.splitting import boundary

pytest.importorskip("soundfile")


def reference(wave, rate, mels):
    """Log-mel by NumPy's Fourier transform."""
    window, hop = window_and_hop(rate)
    padded = np.pad(wave.astype(float), window // 2)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    begins = range(0, len(padded) - window + 1, hop)
    power = np.stack(
        [np.abs(np.fft.rfft(padded[begin : begin + window] * hann)) ** 2 for begin in begins]
    )
    return 10 * np.log10(np.maximum(power @ mel_filters(rate, window, mels), 1e-10))


@pytest.mark.core
def test_the_spectrogram_is_that_of_a_fourier_transform():
    waves, _ = tones(4)
    audio = keras.Input((waves.shape[1],))
    made = keras.Model(audio, log_mel(audio, RATE, 40)).predict(waves, verbose=0)
    wanted = np.stack([reference(wave, RATE, 40) for wave in waves])
    np.testing.assert_allclose(made, wanted, atol=2e-3)  # dB


@pytest.mark.core
def test_slaneys_filters_have_equal_areas_and_peak_at_their_mel():
    filters = mel_filters(16000, 512, 40)
    spacing = 16000 / 512
    areas = filters.sum(axis=0) * spacing
    np.testing.assert_allclose(areas[20:], 1, rtol=0.05)
    assert (np.diff(filters.argmax(axis=0)) >= 0).all()


@pytest.mark.core
def test_how_loud_a_recording_is_makes_no_difference_to_its_picture():
    waves, _ = tones(2)
    audio = keras.Input((waves.shape[1],))
    model = keras.Model(audio, picture_of(audio, RATE, 32, 2))
    loud, soft = model.predict(waves, verbose=0), model.predict(waves / 8, verbose=0)
    np.testing.assert_allclose(loud, soft, atol=0.05)
    assert 240 < loud.max() <= 255  # between two frames, enlarging rounds the peak off
    assert loud.shape[-1] == 3
    silent = model.predict(np.zeros_like(waves), verbose=0)
    assert np.isfinite(silent).all()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("tones"), *tones(32))


@pytest.fixture(scope="module")
def fitted(folder):
    builder = tl.AudioClassifierBuilder(backbone(RATE // 2), sample_rate=RATE, seed=0)
    return builder.fit(folder, schedule="probe", verbose=0)


def test_tones_are_told_apart(fitted, tmp_path):
    waves, labels = tones(20, seed=5)
    test = write(tmp_path, waves, labels)
    assert fitted.evaluate(test).accuracy == 1
    assert fitted.kind.seconds == 0.5
    one = fitted.predict(test / "low" / "0.wav")
    assert one.class_name == "low"
    assert fitted.predict(waves[1]).class_name == "high"
    # At another rate, as a pair; and a long one, which has several windows.
    twice = np.repeat(waves[1], 2)
    assert fitted.predict((twice, 2 * RATE)).class_name == "high"
    assert fitted.predict(np.tile(waves[1], 5)).class_name == "high"
    assert [p.class_name for p in fitted.predict([waves[0], waves[1]])] == ["low", "high"]
    assert fitted.predict(np.stack([waves[1], waves[1]], axis=1)).class_name == "high"
    assert [p.class_name for p in fitted.predict(waves[:2])] == ["low", "high"]
    with pytest.raises(FileNotFoundError, match="No such file"):
        fitted.predict(tmp_path / "missing.wav")
    (tmp_path / "text.wav").write_text("no recording")
    with pytest.raises(ValueError, match="is no recording"):
        fitted.predict(tmp_path / "text.wav")


def test_streams_are_evaluated_and_predicted(fitted):
    tf = pytest.importorskip("tensorflow")
    waves, labels = tones(8, seed=5)
    stream = tf.data.Dataset.from_tensor_slices((waves, labels)).batch(3)
    assert fitted.evaluate(stream).accuracy == 1
    found = fitted.predict(stream.map(lambda x, y: x))
    assert [prediction.class_name for prediction in found] == labels.tolist()


def test_a_save_and_an_export_answer_alike(fitted, folder, tmp_path):
    pytest.importorskip("tf2onnx")
    waves = [np.tile(tones(1, seed=9)[0][0], 3), *tones(2, seed=8)[0]]
    wanted = [list(p.probabilities.values()) for p in fitted.predict(waves)]
    fitted.save(tmp_path / "save")
    found = tl.load(tmp_path / "save").predict(waves)
    np.testing.assert_allclose([list(p.probabilities.values()) for p in found], wanted, atol=1e-6)
    tl.export(fitted, tmp_path / "export", folder)
    found = tl.edge.Runner(tmp_path / "export").predict(waves)
    np.testing.assert_allclose([list(p.probabilities.values()) for p in found], wanted, atol=1e-5)


def pictures_seen(size):
    """A small network for pictures, as pretrained."""
    image = keras.Input((*size, 3))
    x = keras.layers.Conv2D(8, 3, strides=4, activation="relu", name="first")(image)
    x = keras.layers.Conv2D(16, 3, strides=4, activation="relu", name="second")(x)
    preprocessing = keras.layers.Rescaling(1 / 127.5, -1.0)
    return backbones.from_model(keras.Model(image, x, name="seen"), preprocessing=preprocessing)


def test_a_network_for_images_sees_the_spectrogram_and_stays_plain(folder, tmp_path):
    builder = tl.AudioClassifierBuilder(
        pictures_seen((102, 128)),
        sample_rate=RATE,
        freeze="all",
        seed=0,
        head=tl.heads.FlattenDense(),
    )
    frozen = [w.numpy() for w in builder.load_backbone((RATE // 2,)).model.weights]
    fitted = builder.fit(folder, schedule="probe", verbose=0)
    waves, labels = tones(20, seed=5)
    assert fitted.evaluate((list(waves), labels)).accuracy > 0.9
    layers = [fitted.model.get_layer(name) for name in ("first", "second")]
    kept = [w.numpy() for layer in layers for w in layer.weights]
    for weight, before in zip(kept, frozen, strict=True):
        np.testing.assert_array_equal(weight, before)
    pytest.importorskip("ai_edge_litert")
    tl.export(fitted, tmp_path / "export", folder, format="litert")
    found = tl.edge.Runner(tmp_path / "export").predict(waves)
    found = [list(prediction.probabilities.values()) for prediction in found]
    np.testing.assert_allclose(found, fitted.model.predict(waves, verbose=0), atol=1e-4)
    fitted.save(tmp_path / "save")
    code = (
        "import keras, numpy as np, sys\n"
        "model = keras.models.load_model(sys.argv[1])\n"
        "np.save(sys.argv[2], model.predict(np.load(sys.argv[3]), verbose=0))\n"
        "assert 'transferlearn' not in sys.modules\n"
    )
    np.save(tmp_path / "waves.npy", waves)
    files = [tmp_path / "save" / "model.keras", tmp_path / "out.npy", tmp_path / "waves.npy"]
    subprocess.run([sys.executable, "-c", code, *map(str, files)], check=True)
    np.testing.assert_allclose(
        np.load(tmp_path / "out.npy"), fitted.model.predict(waves, verbose=0), atol=1e-6
    )


@pytest.mark.full
def test_stored_views_train_as_live_ones(folder):
    fits = []
    for cache in (True, False):
        builder = tl.AudioClassifierBuilder(
            backbone(RATE // 2), sample_rate=RATE, freeze="all", augmentation="light", views=2,
            seed=0, batch_size=8,
        )  # fmt: skip
        fits.append(builder.fit(folder, epochs=3, cache=cache, verbose=0))
    for stored, live in zip(*(fitted.model.weights for fitted in fits), strict=True):
        np.testing.assert_allclose(stored, live, atol=1e-5)


def test_numbers_of_recordings():
    random = np.random.default_rng(0)
    hertz = random.uniform(300, 1800, 100)
    times = np.arange(RATE // 2) / RATE
    waves = np.sin(2 * np.pi * hertz[:, None] * times).astype("float32")
    builder = tl.AudioRegressorBuilder(backbone(RATE // 2), sample_rate=RATE, seed=0)
    fitted = builder.fit((list(waves[:80]), hertz[:80]), schedule="probe", verbose=0)
    assert fitted.evaluate((list(waves[80:]), hertz[80:])).r2 > 0.5


def test_augmentations_that_are_none():
    with pytest.raises(ValueError, match="augmentation is 'none'"):
        tl.AudioClassifierBuilder("EfficientNetLite0", augmentation="loud")


def test_recordings_are_drawn_as_spectrograms(fitted, folder):
    items = [str(folder / "low" / "0.wav"), tones(2, seed=3)[0][1], str(folder / "gone.wav")]
    figure = draw_items(fitted.kind, items, [["low"], ["high"], ["?"]])
    low, high, gone = (ax.get_images() for ax in figure.axes)
    loudest = [image[0].get_array().mean(axis=1).argmax() for image in (low, high)]
    wanted = np.array([400, 1500]) / RATE * 512
    assert np.abs(np.array(loudest) / wanted - 1).max() < 0.2
    assert not gone


def test_the_spectrogram_is_computed_in_float32_where_the_network_is_not():
    backbone = tl.AudioClassifierBuilder(pictures_seen((102, 128)), sample_rate=RATE).load_backbone(
        (RATE // 2,)
    )
    network = assemble(
        backbone,
        lambda features: {"y": keras.layers.Flatten()(features["last"])[:, :2]},
        items={"audio": tl.data.Spec((RATE // 2,), "float32")},
        outputs={"y": tl.heads.Output(2)},
        name="made",
    )
    cut = boundary(network, [True] * len(network.layers))
    model = trunk(network.items, cut, dtype="bfloat16", layers=network.layers)
    dtypes = [model.get_layer(name).compute_dtype for name in ("fourier", "mel_bands", "first")]
    assert dtypes == ["float32", "float32", "bfloat16"]
    waves, _ = tones(2)
    whole = trunk(network.items, cut, dtype=None).predict(waves, verbose=0)
    found = np.asarray(model.predict(waves, verbose=0), "float32")
    np.testing.assert_allclose(found, whole, atol=0.02 * np.abs(whole).max())


def test_the_spectrogram_is_never_trained(folder):
    builder = tl.AudioClassifierBuilder(
        pictures_seen((102, 128)), sample_rate=RATE, freeze="none", seed=0, batch_size=8
    )
    model = builder.fit(folder, epochs=1, schedule="one-phase", verbose=0).model
    window, _ = window_and_hop(RATE)
    bands = model.get_layer("mel_bands").get_weights()[0]
    np.testing.assert_array_equal(bands, np.tile(mel_filters(RATE, window, 64), (2, 1)))
    fourier = model.get_layer("fourier").get_weights()[0]
    np.testing.assert_array_equal(fourier, _fourier_kernel(window))
    first = builder.load_backbone((RATE // 2,)).model.get_layer("first").get_weights()[0]
    assert not np.array_equal(model.get_layer("first").get_weights()[0], first)
