"""Makes the parser of the command line."""

import argparse
import difflib
from collections.abc import Sequence

import transferlearn
from transferlearn.cli import (
    backbones,
    cache,
    demo,
    doubt,
    evaluate,
    export,
    extract,
    generate,
    launch,
    monitor,
    predict,
    report,
    serve,
    suggest,
    train,
    transcribe,
)
from transferlearn.cli.command import Command

_COMMANDS: tuple[Command, ...] = (
    demo,
    train,
    extract,
    predict,
    generate,
    launch,
    transcribe,
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
    parser = _Parser(
        prog="transferlearn",
        allow_abbrev=False,
        description="Fine-tune a pretrained network on your own photos, texts or recordings, and "
        "use the model.",
        epilog="First steps: 'transferlearn demo', then 'transferlearn train photos/'.",
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {transferlearn.__version__}"
    )
    shared = _Parser(add_help=False)
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


class _Parser(argparse.ArgumentParser):
    """Names the closest option, or command, where one is not known; so do its commands' parsers."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parses, and refuses words that are no arguments of this parser or command."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            options = [word.partition("=")[0] for word in unknown if word.startswith("-")]
            near = [self._closest(option) for option in options]
            hint = f". Closest: {', '.join(filter(None, near))}" if any(near) else ""
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return found, unknown

    def _closest(self, option: str) -> str:
        """Returns the option of this parser that is written most alike, or nothing."""
        known = [name[2:] for name in self._option_string_actions if name.startswith("--")]
        return next((f"--{name}" for name in difflib.get_close_matches(option[2:], known, 1)), "")


class _Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows the defaults of options in their help, except `None` and `False`.

    The lines of examples at the end stay as they are.
    """

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False):  # these would say nothing
            return action.help
        return super()._get_help_string(action)
