"""Runs `transferlearn backbones`, which lists the backbones to start from."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from transferlearn.cli.command import CommandResult
from transferlearn.cli.starting import import_keras

NAME = "backbones"
HELP = "List the networks to start from."


def add_arguments(parser: ArgumentParser) -> None:
    """Adds nothing, since `backbones` takes no arguments."""


def run(options: Namespace) -> CommandResult:
    """Lists all registered backbones that a name stands for alone."""
    import_keras()
    from transferlearn import backbones

    table = backbones.table()
    return CommandResult([asdict(row) for row in table], str(table))
