"""Runs `transferlearn generate`, which goes on with texts by a saved language model."""

import sys
from argparse import ArgumentParser, Namespace

from transferlearn.cli.checking import check_save
from transferlearn.cli.command import CommandResult, add_model
from transferlearn.cli.starting import import_keras
from transferlearn.cli.types import at_least_1

NAME = "generate"
HELP = "Go on with texts by a language model."
_SETTINGS = ("max_new_tokens", "temperature", "top_k", "top_p", "stop", "seed")


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `generate`."""
    add_model(parser)
    add = parser.add_argument
    add(
        "prompts", nargs="+", metavar="TEXT", help="the beginnings of texts; - reads one from stdin"
    )
    add("--max-new-tokens", type=at_least_1, help="the most tokens that are written; usually 64")
    add("--temperature", type=float, help="0: always the likeliest token; 1: as likely as it is")
    add("--top-k", type=at_least_1, help="draw from so many of the likeliest tokens")
    add("--top-p", type=float, help="draw from the likeliest tokens with this probability together")
    add("--stop", action="append", metavar="TEXT", help="end before this; repeat it for several")
    add("--seed", type=int, help="the same seed draws the same tokens")


def run(options: Namespace) -> CommandResult:
    """Goes on with each prompt, and returns prompts and texts."""
    check_save(options.model)
    given = {name: getattr(options, name) for name in _SETTINGS}
    settings = {name: value for name, value in given.items() if value is not None}
    prompts = [sys.stdin.read() if prompt == "-" else prompt for prompt in options.prompts]
    import_keras()
    from transferlearn import load

    found = load(options.model, trusted=options.trusted).generate(prompts, **settings)
    pairs = list(zip(prompts, found, strict=True))
    result = [{"prompt": prompt, "text": made.text} for prompt, made in pairs]
    return CommandResult(result, "\n".join(f"{prompt}{made.text}" for prompt, made in pairs))
