"""What a command of the command line is."""

from argparse import ArgumentParser, Namespace
from typing import Any, NamedTuple, Protocol


class Outcome(NamedTuple):
    """What a command found: data for `--json`, and the same as text."""

    data: Any
    text: str


class Command(Protocol):
    """A module of this package that is a command.

    Attributes:
        NAME: What is typed.
        HELP: What it does, in a line.
    """

    NAME: str
    HELP: str

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Says what can be written after the name."""

    def run(self, options: Namespace) -> Outcome:
        """Does it. Keras and our own packages are imported here, so that help comes at once."""
