"""Defines what a module must have to be a command, and what a command gives."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import NamedTuple, Protocol

from transferlearn.cli.own import module_name


class CommandResult(NamedTuple):
    """Holds the result of a command: data for `--json`, the same as text, and the exit code."""

    data: object
    text: str
    code: int = 0


class Command(Protocol):
    """Describes what each module of this package that is a command has.

    Attributes:
        NAME: The word that is typed.
        HELP: The line that says what the command does.
    """

    NAME: str
    HELP: str

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the command's arguments to its parser."""

    def run(self, options: Namespace) -> CommandResult:
        """Runs the command: it checks what it can, then calls `import_keras`, and does the work.

        So `--help` is there at once, and so is what is wrong with the arguments.
        """


def add_model(parser: ArgumentParser) -> None:
    """Adds the arguments that say which saved model a command uses."""
    parser.add_argument("model", type=Path, help="what 'train' or 'demo' saved")
    parser.add_argument(
        "--trusted", action="store_true", help="run the code in the model, if there is any"
    )
    parser.add_argument(
        "--import",
        dest="imports",
        type=module_name,
        action="append",
        metavar="MODULE",
        help="a module of yours with a kind, a task or layers that the model has",
    )
