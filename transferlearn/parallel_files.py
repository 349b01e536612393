"""Finds two parallel files, whose lines belong together, by what stands for both of them."""

from pathlib import Path


def parallel_files(path: Path) -> tuple[Path, Path] | None:
    """Returns the files that `train.en,train.de` stands for; `None` where they are not there."""
    text = str(path)
    for place in (i for i, letter in enumerate(text) if letter == ","):
        pair = Path(text[:place]).expanduser(), Path(text[place + 1 :]).expanduser()
        if all(file.is_file() for file in pair):
            return pair
    return None
