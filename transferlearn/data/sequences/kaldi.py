"""Lists folders of recordings in Kaldi's layout: wav.scp, text, and maybe segments and utt2spk."""

from pathlib import Path
from typing import NamedTuple

from transferlearn.data.listed import path_in
from transferlearn.data.texts.reading import Unreadable, read_text
from transferlearn.edge.recordings import with_times

_WAVES, _TEXT, _SEGMENTS, _SPEAKERS = "wav.scp", "text", "segments", "utt2spk"


class Utterances(NamedTuple):
    """Holds what is said in a folder of Kaldi's, in the order of its file `text`.

    Attributes:
        paths: The recordings, or the parts of them.
        texts: What is said in each, or why it is not known.
        speakers: Who says it; `None`: the folder does not tell.
        names: The names of the utterances.
    """

    paths: list[str]
    texts: list[str | Unreadable]
    speakers: list[str] | None
    names: list[str]


def is_kaldi(folder: Path) -> bool:
    """Returns whether a folder has Kaldi's layout."""
    return (folder / _WAVES).is_file() and (folder / _TEXT).is_file()


def list_kaldi(folder: Path) -> Utterances:
    """Lists the utterances of a folder. Paths are looked for in the folder first.

    Raises:
        ValueError: A file cannot be read, names something twice, or has a line of another form; or
            `wav.scp` has a command in the place of a file, which is not run.
    """
    waves, texts = _pairs(folder / _WAVES), _pairs(folder / _TEXT)
    for name, path in waves.items():
        if path.endswith("|") or path.startswith("|"):
            raise ValueError(
                f"{folder / _WAVES} has a command for {name!r}, and commands are not run: "
                f"{path!r:.120}. Run it yourself, and write the path of the file that it makes."
            )
    segments = _pairs(folder / _SEGMENTS) if (folder / _SEGMENTS).is_file() else None
    speakers = _pairs(folder / _SPEAKERS) if (folder / _SPEAKERS).is_file() else None
    paths, said = list[str](), list[str | Unreadable]()
    for name, text in texts.items():
        part = [name] if segments is None else segments.get(name, "").split()
        is_known = bool(part) and part[0] in waves
        if segments is not None and part and len(part) != 3:
            raise ValueError(
                f"{folder / _SEGMENTS} has a line of another form for {name!r}. Expected: "
                f"utterance, recording, start and end in seconds. Received: {segments[name]!r:.120}"
            )
        path = path_in(waves[part[0]], folder) if is_known else str(folder / name)
        paths.append(with_times(path, *part[1:]) if len(part) > 1 else path)
        where = _WAVES if segments is None or part else _SEGMENTS
        said.append(text if is_known else Unreadable(f"not in {where}"))
    found = None if speakers is None else [speakers.get(name, name) for name in texts]
    return Utterances(paths, said, found, list(texts))


def _pairs(file: Path) -> dict[str, str]:
    """Reads a file whose lines are a name and what belongs to it."""
    text = read_text(file)
    if isinstance(text, Unreadable):
        raise ValueError(f"{file} cannot be read: {text.problem}.")
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            name, *rest = line.strip().split(maxsplit=1)
            if name in found:
                raise ValueError(f"{file}, line {number}: {name!r} is there twice.")
            found[name] = rest[0] if rest else ""
    return found
