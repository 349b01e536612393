"""What is frozen is computed once: how much faster, how exact, at what memory.

    python benchmarks/frozen_epochs.py           # two cores: 25 minutes
    python benchmarks/frozen_epochs.py --full    # all epochs of the plain loop: hours

Prints Markdown tables, as in docs/performance.md; progress goes to standard error. It needs
`pip install -e ".[demo]"`.
"""

import argparse
import time
from dataclasses import dataclass
from statistics import median

import frozen_jobs as jobs
from children import call, machine, print_table

EPOCHS = 10
EXACT = ("VGG16", "ResNet50", "EfficientNetV2B0", "ConvNeXtTiny", "EfficientNetLite0")


@dataclass(frozen=True)
class Case:
    """A network, its head, how many photos, and what is aimed at."""

    name: str
    head: str
    photos: int
    target: float


CASES = (
    Case("VGG16", "classic", 128, 8.0),
    Case("ResNet50", "classic", 448, 8.0),
    Case("EfficientNetLite0", "pooled", 800, 8.0),
    Case("EfficientNetLite0", "classic", 800, 6.5),
)
LAST_BLOCK = (Case("VGG16", "classic", 64, 0.9), Case("ResNet50", "classic", 128, 0.9))
PASSES = (
    ("VGG16", 64, "bfloat16"),
    ("ResNet50", 128, "bfloat16"),
    ("EfficientNetLite0", 384, None),
)


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        epochs: Of each training.
        plain: How many of them the loop that stores nothing runs at a time; their median stands
            for all.
        last_block: The same, where the last block is trained, with a store and without.
        repeats: How often each is run.
        share: Of the photos of each case.
        exact: Pixels and photos of table 2.
        tries: How often a run that other processes disturbed is made, at most.
    """

    epochs: int = EPOCHS
    plain: int = 2
    last_block: int = 3
    repeats: int = 3
    share: float = 1.0
    exact: tuple[int, int] = (64, 40)
    tries: int = 5

    def photos(self, count: int) -> int:
        """How many photos are taken, at least a batch and a half."""
        return max(48, int(count * self.share))


def speed(effort: Effort) -> None:
    """Tables 1, 5 and 6: the plain loop, a loop by hand, and `builder.fit`."""
    rows, again, memory = [], [], []
    for case in CASES:
        count = effort.photos(case.photos)
        job = (case.name, case.head, count)
        plains, mines, hands = [], [], []
        for repeat in range(effort.repeats):
            plains.append(call(jobs.plain, *job, effort.plain, tries=effort.tries))
            mines.append(call(jobs.ours, *job, effort.epochs, tries=effort.tries))
            if repeat or effort.repeats == 1:
                hands.append(call(jobs.by_hand, *job, effort.epochs, tries=effort.tries))
        epoch = median(run["epoch"] for run in plains)
        plain = median(run["start"] for run in plains) + effort.epochs * epoch
        ours = median(run["seconds"] for run in mines)
        passed, head = (median(run[part] for run in hands) for part in ("pass", "head"))
        title = {"network": case.name, "head": case.head, "photos": count}
        rows.append(
            title
            | {
                "plain loop, s (an epoch)": f"{plain:.1f} ({epoch:.2f})",
                "ours, s": f"{ours:.1f}",
                "times faster": f"{plain / ours:.1f}",
                "target": case.target,
                "by hand: pass + head, s": f"{passed:.1f} + {head:.1f}",
                "allowed: 1.15 x that + 2 s": f"{1.15 * (passed + head) + 2:.1f}",
            }
        )
        second = median(run["again"] for run in mines)
        again.append(title | {"s": f"{second:.1f}", "it says": mines[0]["again_note"]})
        peaks = [max(run["peak"] for run in runs) for runs in (plains, mines, hands)]
        kinds = ("plain loop, GB", "ours, GB", "by hand, GB")
        memory.append(title | {k: f"{p / 1e9:.2f}" for k, p in zip(kinds, peaks, strict=True)})
        print(f"\n{case.name}, {case.head}: {mines[0]['note']}")
    run = effort.plain * effort.repeats
    print_table(
        f"1. {effort.epochs} epochs, from files on disk; of the plain loop {run} epochs were run, "
        "and their median multiplied",
        rows,
    )
    print_table("5. A second fit with another head, FlattenDense(units=(64,))", again)
    print_table("6. Most memory resident", memory)


def exactness(effort: Effort) -> None:
    """Table 2: weights with and without a store."""
    rows = []
    size, photos = effort.exact
    for name in EXACT:
        found = call(jobs.exactness, name, size, photos, effort.epochs, tries=1)
        del found["peak"]
        for trained, compared in found.items():
            without, stored = compared["accuracies"]
            rows.append(
                {
                    "network": name,
                    "trained": trained,
                    "difference after 1 epoch": f"{compared['first']:.1e}",
                    f"after {effort.epochs}": f"{compared['last']:.1e}",
                    "accuracy without a store": f"{without:.4f}",
                    "with one": f"{stored:.4f}",
                    "equal answers": f"{compared['equal']:.2%}",
                    "it says": compared["note"].split(":")[0],
                }
            )
    print_table(
        f"2. Largest relative L2 difference of a weight tensor; {size} px, {photos} photos, "
        f"{jobs.HELD_OUT} held out; target 1e-5 after 1 epoch",
        rows,
    )


def last_block(effort: Effort) -> None:
    """Table 3: the speed-up over what the operations allow.

    An epoch costs F for the frozen part, and for the rest R forward and 2 R backward. With a store
    F is spent once: E (F + 3 R) / (F + 3 E R) times faster at best.
    """
    rows = []
    for case in LAST_BLOCK:
        job = (case.name, effort.photos(case.photos), effort.epochs, effort.last_block)
        pairs = [
            [
                call(jobs.last_block, *job, cache=cache, tries=effort.tries)
                for cache in (False, True)
            ]
            for _ in range(max(1, effort.repeats // 2))
        ]
        plain, stored = (median(pair[i]["seconds"] for pair in pairs) for i in (0, 1))
        epoch, epoch_stored = (median(pair[i]["epoch"] for pair in pairs) for i in (0, 1))
        f, r, e = pairs[0][1]["before"], pairs[0][1]["behind"], effort.epochs
        allowed = e * (f + 3 * r) / (f + 3 * e * r)
        rows.append(
            {
                "network": case.name,
                "photos": job[1],
                "GFLOP frozen, rest": f"{f / 1e9:.2f}, {r / 1e9:.2f}",
                "no store, s (an epoch)": f"{plain:.1f} ({epoch:.2f})",
                "stored, s (an epoch)": f"{stored:.1f} ({epoch_stored:.2f})",
                "times faster": f"{plain / stored:.2f}",
                "operations allow": f"{allowed:.2f}",
                "share": f"{plain / stored / allowed:.0%}",
                "target": f"{case.target:.0%}",
            }
        )
        print(f"\n{case.name}, last block trained: {pairs[0][1]['note']}")
    print_table(f"3. Last block trained; {effort.last_block} of {effort.epochs} epochs run", rows)


def passes(effort: Effort) -> None:
    """Table 4: the pass, from files, against the network alone."""
    rows = []
    for name, photos, dtype in PASSES:
        count = effort.photos(photos)
        rate = call(jobs.one_pass, name, count, effort.repeats, dtype, tries=effort.tries)
        network, ours = rate["network"], rate["None"]
        bound = 1 / (1 / network + 1 / rate["decoding"])
        rows.append(
            {
                "network": name,
                "photos": count,
                "network alone, images/s": f"{network:.1f}",
                "decoding alone, all cores": f"{rate['decoding']:.0f}",
                "the pass": f"{ours:.1f}",
                "over network alone": f"{ours / network:.2f}",
                "over network + decoding": f"{ours / bound:.2f}",
                "in bfloat16": f"{rate[dtype]:.1f} ({rate[dtype] / ours:.2f} x)" if dtype else "",
            }
        )
    print_table("4. The one pass, decoding from files included", rows)


def main() -> None:
    """Runs what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="run all epochs, table 2 at 96 px")
    parser.add_argument(
        "--quick", action="store_true", help="few photos, 2 epochs: does it run? no numbers"
    )
    tables = {f.__name__.replace("_", "-"): f for f in (speed, exactness, last_block, passes)}
    parser.add_argument("tables", nargs="*", help=f"of {', '.join(tables)}; by default all")
    given = parser.parse_args()
    effort = Effort(plain=EPOCHS, last_block=EPOCHS, exact=(96, 104)) if given.full else Effort()
    if given.quick:
        effort = Effort(epochs=2, last_block=1, repeats=1, share=0.0, exact=(32, 8), tries=1)
    if unknown := set(given.tables) - set(tables):
        parser.error(f"Expected some of {', '.join(tables)}. Received: {', '.join(unknown)}")
    begun = time.monotonic()
    print(machine())
    for name in given.tables or tables:
        tables[name](effort)
    print(f"\n{(time.monotonic() - begun) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
