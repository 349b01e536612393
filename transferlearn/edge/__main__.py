"""Predicts in a shell: `python -m transferlearn.edge flowers-onnx photo.jpg`."""

import argparse
import sys
from pathlib import Path

from transferlearn.edge.runner import Runner
from transferlearn.tables import visible


def main() -> int:
    """Predicts on the files or texts that were named, and prints a line for each."""
    parser = argparse.ArgumentParser(prog="python -m transferlearn.edge", description=main.__doc__)
    parser.add_argument("folder", help="what transferlearn export wrote")
    parser.add_argument("items", nargs="+", metavar="ITEM", help="files, or texts")
    options = parser.parse_args()
    items = [Path(item) if Path(item).is_file() else item for item in options.items]
    try:
        predictions = Runner(options.folder).predict(items)
    except (OSError, ValueError, ImportError) as error:
        print(f"transferlearn.edge: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    for item, prediction in zip(options.items, predictions, strict=True):
        print(f"{visible(item)}\t{prediction}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
