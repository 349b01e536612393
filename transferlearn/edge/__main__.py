"""Predicts in a shell: `python -m transferlearn.edge flowers-onnx photo.jpg`."""

import argparse
import contextlib
import sys
from pathlib import Path

from transferlearn.edge.runner import Runner
from transferlearn.tables import visible

_OUTPUT = "where masks or pictures go: a new folder, a .png file for one photo, or a .json file"


def main() -> int:
    """Predicts on the files or texts that were named, and prints a line for each."""
    parser = argparse.ArgumentParser(prog="python -m transferlearn.edge", description=main.__doc__)
    parser.add_argument("folder", help="what transferlearn export wrote")
    parser.add_argument("items", nargs="+", metavar="ITEM", help="files, or texts")
    parser.add_argument("--output", type=Path, help=_OUTPUT)
    parser.add_argument("--tile", type=int, help="the side of tiles of large photos, in pixels")
    options = parser.parse_args()
    items = [_item(word) for word in options.items]
    try:
        runner = Runner(options.folder)
        listed = runner.item_reader.listed(items)
        if options.output is not None:
            runner.output_reader.check_place(options.output, len(listed))
        predictions = runner.predict(listed, tile=options.tile)
        if options.output is not None:
            runner.output_reader.write_predictions(predictions, options.output)
    except (OSError, ValueError, ImportError) as error:
        print(f"transferlearn.edge: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    for item, prediction in zip(listed, predictions, strict=True):
        print(f"{visible(str(item))}\t{prediction}")
    return 0


def _item(word: str) -> str | Path:
    """Gives the path of a file or folder that is there, else the word itself: a text."""
    with contextlib.suppress(OSError, ValueError):  # a long text is no name of a file
        if Path(word).exists():
            return Path(word)
    return word


if __name__ == "__main__":
    raise SystemExit(main())
