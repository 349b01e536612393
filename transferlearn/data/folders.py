"""Class folders, split folders, and plain folders of files."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .kinds import Kind
from .labels import closest
from .listing import Listing
from .notices import counts
from .options import Options

_TRAIN, _VALIDATION, _TEST = ("train", "training"), ("validation", "val", "valid"), "test"
_HIDDEN = ("Thumbs.db", "__MACOSX")


def list_folder(folder: Path, options: Options, kind: Kind) -> Listing:
    """What `folder/<class>/**/*` holds."""
    ignored: Counter[str] = Counter()
    classes = _subfolders(folder, ignored)
    beside = [entry for entry in sorted(folder.iterdir()) if entry.is_file()]
    ignored[beside_folders(kind)] = len(_files_among(beside, kind, ignored))
    class_names = _class_names(folder, [path.name for path in classes], options, kind)
    paths: list[str] = []
    labels: list[int] = []
    for path in classes:
        found = files_below(path, kind, ignored)
        paths += found
        labels += [class_names.index(path.name)] * len(found)
    if not paths:
        raise ValueError(
            f"No {kind.noun} in {folder}: expected {folder}/<class>/*{kind.endings[0]}"
            f"{_others(kind)}. Ignored: {counts(ignored) or 'nothing'}."
        )
    return Listing(
        kind=kind,
        items=paths,
        labels=_labels(np.array(labels, np.int32), len(class_names), options),
        class_names=class_names,
        what=str(folder),
        ignored=ignored,
    )


def beside_folders(kind: Kind) -> str:
    """What files of a kind are counted as that lie in no class folder."""
    return f"{kind.noun}s beside the class folders"


def _others(kind: Kind) -> str:
    return f" or another of {', '.join(kind.endings)}" if len(kind.endings) > 1 else ""


def _class_names(folder: Path, found: list[str], options: Options, kind: Kind) -> tuple[str, ...]:
    if not found:
        raise ValueError(
            f"{folder} has no class folders: expected {folder}/<class>/*{kind.endings[0]}, one "
            f"folder for each class. A list of {kind.noun}s goes in as ({kind.noun}s, labels)."
        )
    names = tuple(options.class_names or found)
    unknown = sorted(set(found) - set(names))
    if unknown:
        raise ValueError(
            f"{folder} has {len(unknown)} folders that are no class: {unknown[:20]}. "
            f"{closest(unknown[0], names)}"
        )
    return names


def _labels(ids: np.ndarray, count: int, options: Options) -> np.ndarray:
    return np.eye(count, dtype=np.float32)[ids] if options.multi_label else ids


def split_folders(source: object) -> tuple[object, Path | None]:
    """`train/` (`training`) and `validation/` (`val`, `valid`) below one folder, where it has them.

    A folder that holds others besides these and `test/` is one of classes, of which one happens
    to be called "train".
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
    """All of a kind below a folder in a fixed order; what is passed over is counted."""
    return _files_among(_walk(folder, ignored), kind, ignored)


def _files_among(
    files: Iterator[Path] | list[Path], kind: Kind, ignored: Counter[str]
) -> list[str]:
    found = []
    for path in files:
        if _is_hidden(path.name):
            ignored["hidden"] += 1
        elif path.suffix.lower() in kind.endings:
            found.append(str(path))
        else:
            ignored[path.suffix.lower() or "no ending"] += 1
    return found


def _walk(folder: Path, ignored: Counter[str]) -> Iterator[Path]:
    # A link to a folder above would never end, and bring in the files of other classes.
    seen = set(folder.resolve().parents)
    for root, folders, files in os.walk(folder, onerror=_refuse, followlinks=True):
        if (real := Path(root).resolve()) in seen:
            folders.clear()
            continue
        seen.add(real)
        ignored["hidden"] += sum(map(_is_hidden, folders))
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        yield from (Path(root) / name for name in sorted(files))


def _refuse(error: OSError) -> None:
    raise error


def _subfolders(folder: Path, ignored: Counter[str]) -> list[Path]:
    folders = [path for path in sorted(folder.iterdir()) if path.is_dir()]
    ignored["hidden"] += sum(_is_hidden(path.name) for path in folders)
    return [path for path in folders if not _is_hidden(path.name)]


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in _HIDDEN
