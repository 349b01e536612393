"""Runs `transferlearn demo`, which fine-tunes on data that comes with Python packages."""

import shlex
from argparse import ArgumentParser, Namespace
from pathlib import Path

from transferlearn.cli.command import Outcome
from transferlearn.cli.output import say, verbosity

NAME = "demo"
HELP = "Fine-tune on 800 photos of solar cells; takes some 2 minutes."


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `demo`."""
    parser.add_argument(
        "--text", action="store_true", help="on film reviews instead; takes some 5 minutes"
    )
    parser.add_argument(
        "--output", type=Path, help="folder to save in; by default solar-cells, or film-reviews"
    )


def run(options: Namespace) -> Outcome:
    """Runs the demo with photos, or with `--text` the one with texts."""
    if options.text:
        from transferlearn import demo_text

        output = options.output or Path("film-reviews")
        found = demo_text.run(output, say, verbose=verbosity())
        frozen, unit = f", frozen {found['frozen_accuracy']:.3f}", "reviews"
    else:
        from transferlearn import demo

        found = demo.run(options.output or Path("solar-cells"), say, verbose=verbosity())
        frozen, unit = "", "photos"
    lines = [f"{s['step']:<32}{s['items']:>6} {unit}{s['seconds']:>8.1f} s" for s in found["steps"]]
    majority = f"majority class {found['majority']:.3f}"
    lines += [
        f"Test accuracy {found['accuracy']:.3f}{frozen}, {majority}.",
        f"Saved. Try it: transferlearn predict {found['model']} {shlex.quote(found['try'])}",
    ]
    return Outcome(found, "\n".join(lines))
