"""Recordings of tones, whose class is their pitch."""

import keras
import numpy as np

from transferlearn import backbones

RATE = 8000


def tones(count, seconds=0.5, seed=0, rate=RATE):
    """Low and high tones in noise, float32 `(count, samples)`, and which each is."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    hertz = np.where(labels, 1500, 400) * random.uniform(0.9, 1.1, count)
    times = np.arange(round(seconds * rate)) / rate
    waves = np.sin(2 * np.pi * hertz[:, None] * times + random.uniform(0, 6, (count, 1)))
    noise = random.normal(0, 0.05, waves.shape)
    return (0.3 * waves + noise).astype("float32"), np.array(["low", "high"])[labels]


def filled_up(rate):
    """Tones of .6 and .8 seconds, filled up with zeros to .8."""
    made = tones(2, seconds=0.8, rate=rate)[0]
    made[0, round(0.6 * rate) :] = 0
    return made


def write(folder, waves, labels, rate=RATE, ending=".wav"):
    """Writes a folder of recordings for each class."""
    import soundfile

    for i, (wave, label) in enumerate(zip(waves, labels, strict=True)):
        (folder / label).mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / label / f"{i}{ending}", wave, rate)
    return folder


def network(samples):
    """A network that takes samples: the energy in a few bands."""
    keras.utils.set_random_seed(0)
    audio = keras.Input((samples,), name="audio")
    x = keras.layers.Reshape((samples, 1))(audio)
    x = keras.layers.Conv1D(16, 32, strides=4, activation="relu", name="first")(x)
    x = keras.layers.Conv1D(16, 8, strides=4, activation="relu", name="second")(x)
    return keras.Model(audio, keras.layers.GlobalAveragePooling1D(name="mean")(x), name="bands")


def backbone(samples):
    """`network` as a backbone."""
    return backbones.from_model(network(samples), raw="audio")
