"""What a network has to give for a task."""

from typing import Literal, NamedTuple


class Output(NamedTuple):
    """One output of a network.

    Attributes:
        units: How many numbers it gives for each item, cell, token or query.
        per: What it gives them for: the whole `"item"`, each `"cell"` of a map, each `"token"`, or
            each `"query"` of a detector.
    """

    units: int
    per: Literal["item", "cell", "token", "query"] = "item"
