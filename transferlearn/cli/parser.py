"""Makes the parser of the command line."""

import argparse

import transferlearn
from transferlearn.cli import (
    backbones,
    cache,
    demo,
    doubt,
    evaluate,
    export,
    monitor,
    predict,
    report,
    serve,
    suggest,
    train,
)
from transferlearn.cli.command import Command

_COMMANDS: tuple[Command, ...] = (
    demo,
    train,
    predict,
    evaluate,
    export,
    serve,
    monitor,
    report,
    suggest,
    doubt,
    backbones,
    cache,
)


def make_parser() -> argparse.ArgumentParser:
    """Makes the parser; what it parses has the command's function `run`, to call on it."""
    parser = argparse.ArgumentParser(
        prog="transferlearn",
        allow_abbrev=False,
        description="Fine-tune a pretrained network on your own photos, texts or recordings, and "
        "use the model.",
        epilog="First steps: 'transferlearn demo', then 'transferlearn train photos/'.",
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {transferlearn.__version__}"
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print the result as JSON")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in _COMMANDS:
        made = commands.add_parser(
            command.NAME,
            help=command.HELP,
            description=command.HELP,
            parents=[shared],
            allow_abbrev=False,
            formatter_class=_Help,
        )
        made.set_defaults(run=command.run)
        command.add_arguments(made)
    return parser


class _Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows the defaults of options in their help, except `None` and `False`.

    The lines of examples at the end stay as they are.
    """

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False):  # these would say nothing
            return action.help
        return super()._get_help_string(action)
