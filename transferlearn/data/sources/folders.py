"""Lists folders of class folders, folders to train and validate on, and plain folders of files."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from transferlearn.data.kind import Kind
from transferlearn.data.listed import ByFolder, ByRow, Listed
from transferlearn.data.messages import counts, notice
from transferlearn.edge.folders import files_with, is_hidden, walk
from transferlearn.wording import counted

_TRAIN, _VALIDATION, _TEST = ("train", "training"), ("validation", "val", "valid"), "test"


def list_folder(folder: Path, kind: Kind) -> Listed:
    """Lists a kind's files in `folder/<name>/**/*`, each with the name of its folder.

    Raises:
        ValueError: There are class folders, but no file of this kind in any of them.
    """
    ignored: Counter[str] = Counter()
    folders = _subfolders(folder, ignored)
    _warn_of_hidden(folder, kind)
    beside = [entry for entry in sorted(folder.iterdir()) if entry.is_file()]
    ignored[beside_folders(kind)] = len(files_with(beside, kind.endings, ignored))
    paths: list[str] = []
    of_item: list[str] = []
    for path in folders:
        found = files_below(path, kind, ignored)
        paths += found
        of_item += [path.name] * len(found)
    if folders and not paths:
        raise ValueError(
            f"No {kind.noun} in {folder}: expected {folder}/<class>/*{kind.endings[0]}"
            f"{_others(kind)}. Ignored: {counts(ignored) or 'nothing'}."
        )
    names = tuple(path.name for path in folders)
    origin = ByFolder(str(folder), of_item, names, f"*{kind.endings[0]}")
    return Listed(items=paths, origin=origin, noun=kind.noun, what=str(folder), ignored=ignored)


def list_beside(folder: Path, kind: Kind, name: str, advice: str) -> Listed:
    """Lists a kind's files in `folder/<name>/**/*`, beside which `folder` holds their targets.

    Args:
        folder: The folder.
        kind: The kind of data that the items are.
        name: The name of the folder in it that holds the items.
        advice: What else to do where there are no items: a sentence, or empty.

    Raises:
        ValueError: There is no such folder, or no file of this kind in it.
    """
    ignored: Counter[str] = Counter()
    below = folder / name
    paths = files_below(below, kind, ignored) if below.is_dir() else []
    if not paths:
        raise ValueError(
            f"No {kind.noun} in {below}: expected {below}/*{kind.endings[0]}{_others(kind)}. "
            f"Ignored: {counts(ignored) or 'nothing'}.{advice and f' {advice}'}"
        )
    origin = ByFolder(str(folder), [name] * len(paths), (name,), f"*{kind.endings[0]}")
    return Listed(items=paths, origin=origin, noun=kind.noun, what=str(folder), ignored=ignored)


def files_of(names: Sequence[str], kind: Kind) -> Listed:
    """Lists files, and all files of this kind below folders, without any targets.

    Raises:
        FileNotFoundError: The only path does not exist.
        ValueError: There is no file of this kind in a folder.
    """
    ignored: Counter[str] = Counter()
    paths: list[str] = []
    for path in (Path(name).expanduser() for name in names):
        if len(names) == 1 and not path.exists():
            raise FileNotFoundError(f"No such file or folder: {path} (from {Path.cwd()}).")
        found = files_below(path, kind, ignored) if path.is_dir() else [str(path)]
        if not found:
            raise ValueError(f"No {kind.noun} in {path} or below.")
        paths += found
    what = names[0] if len(names) == 1 else "The list of files"
    return Listed(items=paths, origin=ByRow(()), noun=kind.noun, what=what, ignored=ignored)


def beside_folders(kind: Kind) -> str:
    """Returns the words by which messages call files of this kind that are in no class folder."""
    return f"{kind.noun}s beside the class folders"


def _others(kind: Kind) -> str:
    """Names all endings of the kind for a message; empty if there is only one."""
    return f" or another of {', '.join(kind.endings)}" if len(kind.endings) > 1 else ""


def split_folders(source: object) -> tuple[object, Path | None]:
    """Finds `train/` (or `training/`) and `validation/` (`val/`, `valid/`) in a folder.

    Where there are no such folders, it gives the source itself, and `None` to validate on. Where
    other folders than these and `test/` lie beside `train/`, all are classes, of which one happens
    to be called "train".

    Raises:
        ValueError: There are two folders for one part, or folders to train and to validate on with
            others beside them.
    """
    if not isinstance(source, (str, Path)) or not (folder := Path(source).expanduser()).is_dir():
        return source, None
    parts = {path.name.lower(): path for path in _subfolders(folder, Counter())}
    train = [parts[name] for name in _TRAIN if name in parts]
    validation = [parts[name] for name in _VALIDATION if name in parts]
    others = [str(parts[name]) for name in sorted(set(parts) - {*_TRAIN, *_VALIDATION, _TEST})]
    if train and validation and others:
        raise ValueError(
            f"{folder} holds {train[0].name}/ and {validation[0].name}/ to train and validate on, "
            f"and others beside them: {', '.join(others[:10])}. Take these out, or pass train and "
            "validation_data."
        )
    if not train or others:
        return source, None
    for several in (train, validation):
        if len(several) > 1:
            raise ValueError(
                f"Two folders for one part: {', '.join(map(str, several))}. Keep one, or pass "
                "train and validation_data."
            )
    return train[0], validation[0] if validation else None


def files_below(folder: Path, kind: Kind, ignored: Counter[str]) -> list[str]:
    """Returns all files of a kind below a folder, in a fixed order, and counts the others."""
    return files_with(walk(folder, ignored), kind.endings, ignored)


def _subfolders(folder: Path, ignored: Counter[str]) -> list[Path]:
    """Returns the folders in a folder without the hidden ones, which `ignored` counts."""
    folders = [path for path in sorted(folder.iterdir()) if path.is_dir()]
    ignored["hidden"] += sum(is_hidden(path.name) for path in folders)
    return [path for path in folders if not is_hidden(path.name)]


def _warn_of_hidden(folder: Path, kind: Kind) -> None:
    """Warns of folders beside the class folders whose names begin with a dot, and hold items."""
    hidden = [path for path in sorted(folder.iterdir()) if path.name.startswith(".")]
    for path in (path for path in hidden if path.is_dir()):
        if found := files_below(path, kind, Counter()):
            notice(
                f"{path} is left out, with {counted(len(found), kind.noun)}, since its name "
                "begins with a dot, which hides it. If it is a class: "
                f"mv {path} {path.with_name(path.name[1:])}"
            )
