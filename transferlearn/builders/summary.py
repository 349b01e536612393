"""The table that shows what is frozen, what is trained, and how much that is."""

from collections.abc import Sequence
from math import prod

from transferlearn.assembling import Network
from transferlearn.backbones import Block
from transferlearn.splitting import boundary


def summarise(
    network: Network, blocks: Sequence[Block], mask: Sequence[bool], *, batch_norm: str
) -> str:
    """Writes, block by block, what is frozen and trained, and how far the frozen trunk goes."""
    rows = [("block", "layers", "parameters", "trained", "")]
    for block in blocks:
        members = [network.layers[i] for i in block.layers]
        rows.append((block.name, str(len(members)), *_counts(members)))
    rows.append(("head", str(len(network.head)), *_counts(network.head)))
    rows.append(("total", str(len(network.model.layers)), *_counts(network.model.layers)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            c.ljust(w) if i in (0, 4) else c.rjust(w)
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    notes = [_trunk_note(network, list(mask))]
    if batch_norm == "frozen" and not all(mask):
        notes.append("BatchNorm of the backbone stays fixed in trained blocks too.")
    return "\n".join([network.model.name, *(line.rstrip() for line in lines), *notes])


def _counts(layers: Sequence[object]) -> tuple[str, str, str]:
    weights = [w for layer in layers for w in getattr(layer, "weights", ())]
    total = sum(prod(w.shape) for w in weights)
    trained = sum(
        prod(w.shape) for layer in layers for w in getattr(layer, "trainable_weights", ())
    )
    state = (
        ""
        if not total
        else "frozen"
        if not trained
        else "trained"
        if trained == total
        else "partly trained"
    )
    return f"{total:,}", f"{trained:,}", state


def _trunk_note(network: Network, mask: list[bool]) -> str:
    cut = boundary(network, mask)
    if not cut.operations:
        return "Nothing at the network's beginning is frozen."
    return f"Frozen from the input up to {cut.name} ({cut.values:,} values an item)."
