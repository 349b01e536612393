"""Reads the few keys of a YOLO `data.yaml`, without a parser of all of YAML."""

import re
from pathlib import Path
from typing import NamedTuple

from transferlearn.data.targets.boxes.files import AnnotationError, read_text

_KEY = re.compile(r"(?P<key>[\w-]+)\s*:(?:\s+(?P<rest>.*))?$").match
_ENTRY = re.compile(r"(?:-|(?P<number>\d{1,6})\s*:)\s+(?P<name>.+)$").match


class DataYaml(NamedTuple):
    """Holds what a `data.yaml` says.

    Attributes:
        names: The names of the classes in order, or `None`.
        train: The folder of photos to train on, or `None`.
        validation: The folder of photos to validate on, or `None`.
    """

    names: tuple[str, ...] | None
    train: Path | None
    validation: Path | None


def read_data_yaml(path: Path) -> DataYaml:
    """Reads the keys `names`, `path`, `train` and `val`.

    Names are a list in brackets, or one a line, `- car` or `0: car`.

    Raises:
        ValueError: It cannot be read, or the names are written in another way.
    """
    try:
        lines = [_bare(line) for line in read_text(path).splitlines()]
    except AnnotationError as error:
        raise ValueError(f"{path} cannot be read: {error}.") from error
    found: dict[str, str] = {}
    below: dict[str, list[tuple[int, str]]] = {}
    key = ""
    for number, line in enumerate(lines, start=1):
        if line and not line[0].isspace() and (match := _KEY(line)):
            key = match["key"]
            found[key], below[key] = (match["rest"] or "").strip(), []
        elif line.strip() and key:
            below[key].append((number, line.strip()))
    names = _names(path, found["names"], below["names"]) if "names" in found else None
    root = _folder(path.parent, found.get("path", "")) or path.parent
    train, validation = (_folder(root, found.get(name, "")) for name in ("train", "val"))
    return DataYaml(names, train, validation)


def _bare(line: str) -> str:
    """Returns a line without its comment."""
    return re.sub(r"(^|\s)#.*", "", line).rstrip()


def _names(path: Path, rest: str, below: list[tuple[int, str]]) -> tuple[str, ...]:
    """Reads the names of the classes, in order."""
    whole = " ".join([rest, *(line for _, line in below)]).strip()
    if whole[:1] + whole[-1:] in ("[]", "{}"):
        numbered = whole[0] == "{"
        texts = [part if numbered else f"- {part}" for part in _parts(whole[1:-1])]
        matches = [(path.name, _ENTRY(text)) for text in texts]
    else:
        matches = [(f"line {number}", _ENTRY(line)) for number, line in below]
    found: dict[int, str] = {}
    for place, (where, match) in enumerate(matches):
        if match is None or (rest and whole[:1] not in "[{"):
            raise ValueError(_refusal(path, where))
        found[place if match["number"] is None else int(match["number"])] = _unquoted(match["name"])
    if not found or sorted(found) != list(range(len(found))) or len(found) != len(matches):
        raise ValueError(_refusal(path, "names"))
    return tuple(found[i] for i in range(len(found)))


def _parts(text: str) -> list[str]:
    """Splits a text at the commas that are not within quotation marks."""
    parts, quote = [""], ""
    for letter in text:
        if letter in "'\"" and quote in ("", letter):
            quote = "" if quote else letter
        if letter == "," and not quote:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def _refusal(path: Path, where: str) -> str:
    """Describes how names are written."""
    return (
        f"{path}, {where}: the names of the classes are a list, names: [car, dog], or one a line, "
        "- car, or numbered without gaps from 0 on, 0: car."
    )


def _unquoted(text: str) -> str:
    """Returns a text without the quotation marks around it."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _folder(root: Path, text: str) -> Path | None:
    """Finds a folder that the file names; what is written `../train/images` may be beside it.

    No folder outside the file's own is looked for: a stranger's file must not have others read.
    """
    parts = [part for part in Path(_unquoted(text)).parts if part not in ("..", ".", "/")]
    if not parts:
        return None
    # An export may name the folders of the machine that it was made on.
    for begin in range(len(parts)):
        if (folder := root.joinpath(*parts[begin:])).is_dir():
            return folder
    return None
