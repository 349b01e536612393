"""Describes the outputs that a task needs of a network."""

from typing import Literal, NamedTuple


class Output(NamedTuple):
    """Describes one output of a network: how many numbers it has, and for each of what.

    Attributes:
        units: How many numbers the output has for each item, cell, token or query.
        per: The thing that has these numbers: the whole `"item"`, each `"cell"` of a map, each
            `"token"`, or each `"query"` of a detector.
    """

    units: int
    per: Literal["item", "cell", "token", "query"] = "item"
