"""Runs `transferlearn monitor`, which says whether items at work are like those in training."""

import re
import shlex
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from transferlearn.cli.checking import check_data, check_save
from transferlearn.cli.command import CommandResult, add_model
from transferlearn.cli.replacing import refuse_other_file
from transferlearn.cli.starting import import_keras
from transferlearn.extras import require

if TYPE_CHECKING:
    from transferlearn.monitoring import Watch

_BEGINNINGS = {
    b"\xff\xd8\xff": ".jpg",
    b"\x89PNG": ".png",
    b"GIF8": ".gif",
    b"WEBP": ".webp",
    b"II*\0": ".tiff",
    b"MM\0*": ".tiff",
    b"BM": ".bmp",
}
NAME = "monitor"
HELP = "Say whether photos, or logged predictions, are like those that a model was trained for."


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `monitor`."""
    add_model(parser)
    add = parser.add_argument
    add("photos", nargs="?", type=Path, help="a folder of photos; with --labelled, of classes")
    add("--labelled", action="store_true", help="the photos are in folders named by their class")
    add("--log", type=Path, metavar="FILE", help="what 'serve --log' wrote, in place of photos")
    add("--hours", type=float, default=24.0, help="of the log, the last so many hours")
    add(
        "--false-alarms",
        type=float,
        default=0.05,
        metavar="SHARE",
        help="how often an alarm may come though nothing changed",
    )
    add(
        "--label",
        type=Path,
        metavar="FOLDER",
        help="with a log that keeps photos: write those to label first into this new folder",
    )
    add(
        "--make-reference",
        action="store_true",
        help="make what is compared with of these labelled photos, which the model was not trained "
        "on, and write it into the model",
    )
    add(
        "--trained-on",
        type=Path,
        metavar="PHOTOS",
        help="with --make-reference: what it was trained on; by default half of the photos",
    )
    add("--output", type=Path, metavar="FILE", help="write what was found as an HTML page, too")


def run(options: Namespace) -> CommandResult:
    """Watches photos or a log; an alarm gives the exit code 3."""
    if (options.photos is None) == (options.log is None):
        raise ValueError("Give photos, or --log predictions.sqlite: one of them.")
    if options.label is not None and (options.log is None or options.label.exists()):
        raise ValueError("--label is a new folder, for photos from --log predictions.sqlite.")
    if options.output is not None:
        refuse_other_file(options.output)
    if options.trained_on is not None and not options.make_reference:
        raise ValueError("--trained-on goes with --make-reference.")
    if options.make_reference:
        return _make_reference(options)
    require("Monitoring", "monitor", "scipy")
    found = _of_log(options) if options.log else _of_photos(options)
    if options.output is not None:
        options.output.write_text(found.to_page(), "utf-8")
    if options.label is not None:
        _write_photos(options.log, found.label_first, options.label)
    return CommandResult(found.to_dict(), str(found), 3 if found.alarm else 0)


def _make_reference(options: Namespace) -> CommandResult:
    """Makes the reference of a saved model, and writes it into the save."""
    if options.photos is None:
        raise ValueError("--make-reference takes labelled photos, in place of --log.")
    check_save(options.model)
    check_data(options.photos)
    check_data(options.trained_on)
    import_keras()
    from transferlearn import load, make_reference

    fitted = load(options.model, trusted=options.trusted)
    made = make_reference(fitted, options.photos, trained_on=options.trained_on)
    fitted.reference = made
    fitted.save(options.model)
    said = f"{options.model} has a reference of {made.summary}. Watched at work: {made.watched}."
    return CommandResult(
        {"model": str(options.model), "items": len(made), "watched": made.watched},
        f"{said}\nExport the model anew, so that a server of the export has it, too.",
    )


def _of_photos(options: Namespace) -> "Watch":
    """Watches photos."""
    check_save(options.model)
    check_data(options.photos)
    import_keras()
    from transferlearn import load, monitor

    fitted = load(options.model, trusted=options.trusted)
    if fitted.reference is None:
        raise _no_reference(options.model)
    return monitor(
        fitted, options.photos, labelled=options.labelled, false_alarms=options.false_alarms
    )


def _of_log(options: Namespace) -> "Watch":
    """Watches what a server logged; the model itself is not needed."""
    from transferlearn.edge import Description
    from transferlearn.edge.description import FILE
    from transferlearn.monitoring import read_reference, watch
    from transferlearn.serving.log import read_log

    reference = read_reference(options.model)
    if reference is None:
        raise _no_reference(options.model)
    since = time.time() - 3600 * options.hours
    # A log may hold several models; a save does not say its hash, so all are taken.
    is_export = (options.model / FILE).is_file()
    hash = Description.read(options.model).model_hash if is_export else ""
    logged = read_log(options.log, reference, since=since, hash=hash)
    return watch(reference, logged.signals, false_alarms=options.false_alarms, names=logged.names)


def _no_reference(model: Path) -> ValueError:
    """Returns the error for a model that has no reference, with the command that makes one."""
    return ValueError(
        f"{model} holds no reference. Make one of labelled photos that it was not trained on: "
        f"transferlearn monitor {shlex.quote(str(model))} PHOTOS --make-reference"
    )


def _write_photos(log: Path, names: Sequence[str], folder: Path) -> None:
    """Writes the photos and texts that are to be labelled first, under the ids of their requests.

    Feedback names a request and has a label for each of its items, in order.
    """
    from transferlearn.serving.log import photos_of

    kept = list(photos_of(log, names))
    folder.mkdir(parents=True)
    for name, content in kept:
        safe = re.sub(r"[^A-Za-z0-9_-]", "_", name)
        (folder / f"{safe}{_ending(content)}").write_bytes(content)


def _ending(content: bytes) -> str:
    """Returns the ending of a file's name by its content: that of a photo, or of a text."""
    return next((end for begun, end in _BEGINNINGS.items() if begun in content[:12]), ".txt")
