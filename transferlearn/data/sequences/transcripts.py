"""Lists folders of recordings with what is said in them, in several layouts."""

import csv
from collections.abc import Sequence
from pathlib import Path

from transferlearn.data.listed import ByRow, Listed
from transferlearn.data.sequences.kaldi import is_kaldi, list_kaldi
from transferlearn.data.texts.reading import Unreadable, read_text
from transferlearn.edge.folders import is_hidden

_LJSPEECH = ("metadata.csv", "wavs")  # id|as written|in words, and wavs/<id>.wav
_COMMON_VOICE = ("train.tsv", "validated.tsv", "clips")  # path, sentence; clips/<path>


def list_transcripts(folder: Path, endings: Sequence[str], noun: str) -> Listed | None:
    """Lists the recordings of a folder with their words; `None`: it is no such folder."""
    if is_kaldi(folder):
        paths, texts, speakers, names = list_kaldi(folder)
        return Listed(
            items=paths,
            origin=ByRow(texts),
            noun=noun,
            what=str(folder),
            groups=speakers,
            named=[f"{name} ({path})" for name, path in zip(names, paths, strict=True)],
        )
    metadata, wavs = (folder / name for name in _LJSPEECH)
    *tables, clips = (folder / name for name in _COMMON_VOICE)
    if metadata.is_file() and wavs.is_dir():
        found = _of_ljspeech(metadata, wavs)
    elif clips.is_dir() and (table := next(filter(Path.is_file, tables), None)):
        found = _of_common_voice(table, clips)
    else:
        found = _beside(folder, endings)
    if not found:
        return None
    paths, texts = map(list, zip(*found, strict=True))
    return Listed(items=paths, origin=ByRow(texts), noun=noun, what=str(folder))


def _of_ljspeech(metadata: Path, wavs: Path) -> list[tuple[str, object]]:
    """Reads LJSpeech's table: a recording, its text, and its text in words on each line."""
    text = read_text(metadata)
    if isinstance(text, Unreadable):
        raise ValueError(f"{metadata} cannot be read: {text.problem}.")
    rows = [line.split("|") for line in text.splitlines() if line.strip()]
    return [(str(wavs / f"{row[0]}.wav"), row[-1] if len(row) > 1 else "") for row in rows]


def _of_common_voice(table: Path, clips: Path) -> list[tuple[str, object]]:
    """Reads one of Common Voice's tables."""
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(str(clips / (row["path"] or "")), row["sentence"] or "") for row in rows]


def _beside(folder: Path, endings: Sequence[str]) -> list[tuple[str, object]]:
    """Finds the recordings in a folder and below, each with the text in the .txt file beside it."""
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in endings and not is_hidden(path.name)
    )
    texts = [path.with_suffix(".txt") for path in files]
    if not any(map(Path.is_file, texts)):
        return []
    missing = Unreadable("no .txt file with its words beside it")
    return [
        (str(path), read_text(text) if text.is_file() else missing)
        for path, text in zip(files, texts, strict=True)
    ]
