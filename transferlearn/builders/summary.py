"""Writes the table that shows, by block, how many parameters are frozen and trained."""

from collections.abc import Sequence
from math import prod

from transferlearn.assembling import Network
from transferlearn.backbones import Block
from transferlearn.splitting import boundary
from transferlearn.tables import as_table
from transferlearn.training import set_trainable

NO_FREEZE = "This is what build gives. Without a freeze, fit lets the schedule choose one."


def summarise(
    network: Network, blocks: Sequence[Block], mask: Sequence[bool], *, batch_norm: str
) -> str:
    """Sets what is frozen in a network, and writes it as a table with a row for each block.

    Args:
        network: The network; its layers are frozen and made trainable as the mask says.
        blocks: The backbone's blocks.
        mask: For each of the backbone's layers, whether it is frozen.
        batch_norm: What becomes of BatchNorm in trained blocks: `"frozen"` or `"train"`.
    """
    set_trainable(network, mask, batch_norm=batch_norm)
    rows = [("block", "layers", "parameters", "trained", "")]
    for block in blocks:
        members = [network.layers[i] for i in block.layers]
        rows.append((block.name, str(len(members)), *_counts(members)))
    rows.append(("head", str(len(network.head)), *_counts(network.head)))
    rows.append(("total", str(len(network.model.layers)), *_counts(network.model.layers)))
    notes = [_trunk_note(network, list(mask))]
    if batch_norm == "frozen" and not all(mask):
        notes.append("BatchNorm of the backbone stays fixed in trained blocks too.")
    return "\n".join([network.model.name, as_table(rows, right=(1, 2, 3)), *notes])


def _counts(layers: Sequence[object]) -> tuple[str, str, str]:
    """Returns a row's last cells: all parameters, trained ones, and `frozen` or `trained`."""
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
    """Names the layer up to which the network is frozen without a gap from its input."""
    cut = boundary(network, mask)
    if not cut.operations:
        return "Nothing at the network's beginning is frozen."
    each = "an item" if cut.has_one_size else "a token"
    return f"Frozen from the input up to {cut.name} ({cut.values:,} values {each})."
