"""Adds and reads the options that say how texts are written."""

from argparse import Namespace, _ActionsContainer

from transferlearn.cli.types import at_least_1
from transferlearn.json_fields import Json

_SETTINGS = ("max_new_tokens", "temperature", "top_k", "top_p", "stop", "seed", "num_beams")


def add_sampling(group: _ActionsContainer) -> None:
    """Adds the options that say how tokens are chosen, and when a text ends."""
    add = group.add_argument
    add("--max-new-tokens", type=at_least_1, help="the most tokens that are written; usually 64")
    add("--temperature", type=float, help="0: always the likeliest token; 1: as likely as it is")
    add("--top-k", type=at_least_1, help="draw from so many of the likeliest tokens")
    add("--top-p", type=float, help="draw from the likeliest tokens with this probability together")
    add("--stop", action="append", metavar="TEXT", help="end before this; repeat it for several")
    add("--seed", type=int, help="the same seed draws the same tokens")


def add_beams(group: _ActionsContainer) -> None:
    """Adds the option that says how many texts are gone on with."""
    group.add_argument(
        "--num-beams",
        type=at_least_1,
        metavar="N",
        help="search for the likeliest text by going on with so many, such as 4; by default the "
        "likeliest token is taken always",
    )


def sampling_of(options: Namespace) -> Json:
    """Returns the settings that were typed."""
    given = {name: getattr(options, name, None) for name in _SETTINGS}
    return {name: value for name, value in given.items() if value is not None}
