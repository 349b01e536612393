"""Measures what a small pretrained BART is worth for a translator of few pairs.

    python benchmarks/translation.py --folder FOLDER --seeds 0 1 2

A BART of .7 million weights learns to repair 2,600 lines of English and German number words, parts
of which are left out. Then it learns to translate 60 and 200 pairs, beside the same network from
random weights. 200 further pairs are the test. Seconds are the processor's.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

PAIRS, TEST, LINES = (60, 200), 200, 2600
LENGTH, WIDTH, LAYERS = 72, 128, 2
EPOCHS, STEPS, RATE = 30, 600, 1e-3
GAP = "_"  # stands in the place of what is left out
NUMBERS = {
    "en": """one two three four five six seven eight nine ten eleven twelve thirteen fourteen
        fifteen sixteen seventeen eighteen nineteen""",
    "de": """eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn
        fünfzehn sechzehn siebzehn achtzehn neunzehn""",
}
TENS = {
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "de": "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
}


def main() -> None:
    """Pretrains where the folder holds no network yet, and prints each figure as a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="of the pretrained network")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--pairs", type=int, nargs="+", default=PAIRS)
    options = parser.parse_args()
    if not (options.folder / "config.json").exists():
        print(json.dumps(pretrained(options.folder)), flush=True)
    for seed in options.seeds:
        for count in options.pairs:
            for weights in ("pretrained", None):
                line = translated(options.folder, weights, count, seed)
                print(json.dumps({"pairs": count, "seed": seed, **line}), flush=True)


def english(number: int) -> str:
    """Returns a number below 1,000 in English words."""
    ones, tens = ["", *NUMBERS["en"].split()], TENS["en"].split()
    hundreds, rest = divmod(number, 100)
    if rest < len(ones):
        words = ones[rest]
    else:
        words = "-".join(filter(None, (tens[rest // 10 - 2], ones[rest % 10])))
    return " and ".join(filter(None, (f"{ones[hundreds]} hundred" * bool(hundreds), words)))


def german(number: int) -> str:
    """Returns a number below 1,000 in German words."""
    ones, tens = ["", *NUMBERS["de"].split()], TENS["de"].split()
    before = [one.replace("eins", "ein") for one in ones]
    hundreds, rest = divmod(number, 100)
    if rest < len(ones):
        words = ones[rest]
    else:
        words = f"{before[rest % 10]}und" * bool(rest % 10) + tens[rest // 10 - 2]
    return f"{before[hundreds]}hundert" * bool(hundreds) + words


def with_gaps(line: str, random: np.random.Generator) -> str:
    """Returns a line of which some parts are left out."""
    for _ in range(random.integers(1, 4)):
        begin = random.integers(0, len(line))
        line = line[:begin] + GAP + line[begin + random.integers(1, 6) :]
    return line


def lines(random: np.random.Generator) -> list[str]:
    """Returns lines of one to three numbers, half of them English, half German."""
    made = []
    for i in range(LINES):
        numbers = random.integers(1, 1000, random.integers(1, 3))
        made.append(" ".join((english, german)[i % 2](int(one)) for one in numbers)[: LENGTH - 4])
    return made


def tokenizer() -> Any:
    """Returns a tokenizer of bytes."""
    import keras_hub

    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [i for i in range(256) if i not in printable]
    letters = {i: chr(i) for i in printable} | {i: chr(256 + n) for n, i in enumerate(others)}
    marks = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
    vocabulary = {mark: i for i, mark in enumerate(marks)}
    vocabulary |= {letters[i]: len(marks) + i for i in range(256)} | {"th": 261}
    return keras_hub.models.BartTokenizer(vocabulary=vocabulary, merges=["t h"])


def pretrained(folder: Path) -> dict[str, Any]:
    """Pretrains a BART by denoising, and saves it as a preset of KerasHub."""
    import keras
    import keras_hub

    keras.utils.set_random_seed(0)
    random, begun = np.random.default_rng(0), time.process_time()
    backbone = keras_hub.models.BartBackbone(
        vocabulary_size=262,
        num_layers=LAYERS,
        num_heads=4,
        hidden_dim=WIDTH,
        intermediate_dim=2 * WIDTH,
        max_sequence_length=128,
        dropout=0.1,
    )
    preprocessor = keras_hub.models.BartSeq2SeqLMPreprocessor(
        tokenizer(), encoder_sequence_length=LENGTH, decoder_sequence_length=LENGTH
    )
    model = keras_hub.models.BartSeq2SeqLM(backbone, preprocessor=None)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(RATE, LINES // 32 * EPOCHS)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    given, loss = lines(random), 0.0
    for _ in range(EPOCHS):
        noised = [with_gaps(line, random) for line in given]
        x, y, weights = preprocessor({"encoder_text": noised, "decoder_text": given})
        history = model.fit(x, y, sample_weight=weights, batch_size=32, verbose=0)
        loss = history.history["loss"][0]
    backbone.save_to_preset(str(folder))
    keras_hub.models.BartSeq2SeqLMPreprocessor(tokenizer()).save_to_preset(str(folder))
    seconds = time.process_time() - begun
    return {"weights": backbone.count_params(), "loss": loss, "seconds": round(seconds, 1)}


def translated(folder: Path, weights: str | None, count: int, seed: int) -> dict[str, Any]:
    """Trains a translator, and returns its figures on the test."""
    import transferlearn as tl

    drawn = np.random.default_rng(seed).permutation(np.arange(1, 1000)).tolist()
    pairs = [(english(number), german(number)) for number in drawn]
    builder = tl.Seq2SeqLMBuilder(
        f"keras_hub:{folder}",
        weights=weights,
        freeze="none",
        learning_rate=RATE,
        seed=seed,
        sequence_length=LENGTH,
        sampling=tl.edge.Sampling(max_new_tokens=LENGTH),
    )
    begun = time.process_time()
    epochs = STEPS // -(-count // builder.batch_size)
    fitted = builder.fit(pairs[:count], epochs=epochs, validation_split=0, verbose=0)
    seconds = time.process_time() - begun
    scores = fitted.evaluate(pairs[-TEST:])
    figures = {name: round(scores[name], 3) for name in ("exact", "chrf", "perplexity")}
    return {"weights": weights or "random", **figures, "seconds": round(seconds, 1)}


if __name__ == "__main__":
    main()
