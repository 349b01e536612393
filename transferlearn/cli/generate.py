"""Runs `transferlearn generate`, which goes on with texts by a saved language model."""

import sys
from argparse import ArgumentParser, Namespace

from transferlearn.cli.checking import check_save
from transferlearn.cli.command import CommandResult, add_model
from transferlearn.cli.sampling_options import add_sampling, sampling_of
from transferlearn.cli.starting import import_keras

NAME = "generate"
HELP = "Go on with texts by a language model."


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `generate`."""
    add_model(parser)
    add = parser.add_argument
    add(
        "prompts", nargs="+", metavar="TEXT", help="the beginnings of texts; - reads one from stdin"
    )
    add_sampling(parser)


def run(options: Namespace) -> CommandResult:
    """Goes on with each prompt, and returns prompts and texts."""
    check_save(options.model)
    prompts = [sys.stdin.read() if prompt == "-" else prompt for prompt in options.prompts]
    import_keras()
    from transferlearn import load

    found = load(options.model, trusted=options.trusted).generate(prompts, **sampling_of(options))
    pairs = list(zip(prompts, found, strict=True))
    result = [{"prompt": prompt, "text": made.text} for prompt, made in pairs]
    return CommandResult(result, "\n".join(f"{prompt}{made.text}" for prompt, made in pairs))
