"""Reads files that hold texts together with the tags of their words."""

from collections.abc import Callable
from pathlib import Path

from transferlearn.data.listed import Listed
from transferlearn.data.sequences.conll import read_conll
from transferlearn.data.sequences.json_lines import read_json_lines

_READERS: dict[str, Callable[[Path, str], Listed]] = {
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), read_json_lines),
    **dict.fromkeys((".conll", ".iob", ".iob2", ".bio", ".bioes", ".conllu", ".txt"), read_conll),
}
ENDINGS = frozenset(_READERS)


def list_file(path: Path, noun: str) -> Listed | None:
    """Lists the texts of a CoNLL file or of JSON lines, by its ending; `None` for other files."""
    reader = _READERS.get(path.suffix.lower())
    return None if reader is None else reader(path, noun)
