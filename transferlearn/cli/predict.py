"""Runs `transferlearn predict`, which predicts classes, numbers, boxes, tags or pictures."""

import contextlib
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from transferlearn.cli.checking import check_items, check_save
from transferlearn.cli.command import CommandResult, add_model
from transferlearn.cli.messages import as_cell
from transferlearn.cli.sampling_options import add_beams, add_sampling, sampling_of
from transferlearn.cli.starting import import_keras
from transferlearn.cli.types import at_least_1
from transferlearn.edge.recordings import part_of

if TYPE_CHECKING:
    from transferlearn.fitted import FittedModel

_OF_TEXTS = (".txt", ".csv", ".tsv", ".conll", ".jsonl", ".json")
NAME = "predict"
HELP = "Predict classes, numbers or tags of items, or boxes, masks or pictures of photos."


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `predict`."""
    add_model(parser)
    parser.add_argument(
        "items",
        nargs="+",
        metavar="PHOTO",
        help="files or folders; or texts, if the model is for texts",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="PATH",
        help="where masks, pictures or photos with their boxes go: a new folder of PNG files, or "
        "the .png file of a single photo; masks and boxes also into one .json file, in the form "
        "of COCO",
    )
    parser.add_argument(
        "--tile",
        type=at_least_1,
        metavar="PIXELS",
        help="for boxes, masks or pictures of large photos: the side of overlapping tiles, such as "
        "that of the photos trained on",
    )
    parser.add_argument(
        "--windows",
        type=float,
        metavar="SECONDS",
        help="for long recordings: the length of windows, each of which has a line with its start "
        "and end in seconds",
    )
    parser.add_argument(
        "--hop",
        type=float,
        metavar="SECONDS",
        help="from the start of one window to that of the next (default: half a window)",
    )
    group = parser.add_argument_group("for models that write a text for each item")
    add_sampling(group)
    add_beams(group)


def run(options: Namespace) -> CommandResult:
    """Predicts, and gives a line for each item; where some cannot be used, the exit code is 1."""
    check_save(options.model)
    check_items(options)
    import_keras()
    from transferlearn import load

    fitted = load(options.model, trusted=options.trusted)
    items = [Path(item) for item in options.items]
    if options.windows is not None or options.hop is not None:
        return _in_windows(fitted, items, options.windows, options.hop)
    writer = fitted.encoding.output_reader()
    are_texts = fitted.kind.in_cells and not _are_files(options.items)
    dataset = fitted.kind.unlabelled(options.items if are_texts else items)
    if options.output is not None:
        writer.check_place(options.output, dataset.size or 0)
    predictions = fitted.predict(dataset, tile=options.tile, **sampling_of(options))
    if options.output is not None:
        writer.write_predictions(predictions, options.output)
    names = options.items if are_texts else [prediction.path for prediction in predictions]
    key = "text" if are_texts else "path"
    facts = [writer.as_facts(prediction) for prediction in predictions]
    if facts and key in facts[0]:  # a text is written of each
        key = "source"
    result = [
        {key: name, **{part: _plain(value) for part, value in of_one.items()}}
        for name, of_one in zip(names, facts, strict=True)
    ]
    lines = [
        "\t".join(map(as_cell, (str(name), *str(prediction).split("\t"))))
        for name, prediction in zip(names, predictions, strict=True)
    ]
    return CommandResult(result, "\n".join(lines), 1 if dataset.skipped else 0)


def _in_windows(
    fitted: "FittedModel", items: list[Path], windows: float, hop: float | None
) -> CommandResult:
    """Predicts on recordings window by window, and gives a line for each window."""
    writer, listed = fitted.encoding.output_reader(), fitted.kind.item_reader().listed(items)
    recordings = fitted.predict(listed, windows=windows, hop=hop)
    result, lines = [], []
    for window in (window for of_recording in recordings for window in of_recording):
        path = part_of(window.prediction.path).source
        facts = {part: _plain(value) for part, value in writer.as_facts(window.prediction).items()}
        result.append({"path": path, "start": window.start, "end": window.end, **facts})
        lines.append("\t".join(map(as_cell, (path, *str(window).split("\t")))))
    return CommandResult(result, "\n".join(lines), int(len(recordings) < len(listed)))


def _plain(value: object) -> object:
    """Returns a value that JSON can hold, such as the parts of a prediction."""
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _are_files(items: Sequence[str]) -> bool:
    """Returns whether all items are files or folders; if only some are, it raises `ValueError`."""
    named = [item for item in items if _is_file(item)]
    if named and len(named) < len(items):
        raise ValueError(f"{named[0]} is a file, and other arguments are texts or missing files.")
    return bool(named)


def _is_file(item: str) -> bool:
    """Returns whether an item is an existing file or folder, or is named like a file of texts."""
    # A file that is missing must not be taken for a text.
    if item.lower().endswith(_OF_TEXTS) and not item.isspace():
        return True
    with contextlib.suppress(OSError, ValueError):  # a long text is no name of a file
        return bool(item) and Path(item).exists()
    return False
