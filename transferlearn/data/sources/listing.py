"""Lists what a source holds, whatever its type."""

from pathlib import Path

from transferlearn.data.kind import Kind
from transferlearn.data.listed import Listed
from transferlearn.data.sources.coco import coco_file_in, list_coco
from transferlearn.data.sources.folders import list_beside, list_folder
from transferlearn.data.sources.parquet import list_parquet
from transferlearn.data.sources.tables import list_csv, list_frame
from transferlearn.data.sources.tuples import list_arrays, refuse_one_part_a_class
from transferlearn.data.targets import Classes
from transferlearn.data.targets.base import Target

_TABLES = (".csv", ".tsv")  # endings of files that are read as tables


def list_source(source: object, kind: Kind, target: Target) -> Listed:
    """Lists what a source holds, without opening any item.

    Raises:
        TypeError: The source is of no type that can be read.
        ValueError: The source holds nothing of this kind.
        FileNotFoundError: There is no such folder or table.
    """
    if target.takes_two_files and isinstance(source, tuple) and _are_paths(source):
        source = ",".join(map(str, source))
    if isinstance(source, (str, Path)):
        return _list_path(Path(source).expanduser(), kind, target)
    if hasattr(source, "columns"):
        return list_frame(source, kind, target)
    if target.alone:
        return _list_alone(source, kind)
    if isinstance(source, list) and source and all(map(_is_pair, source)):
        source = tuple(list(part) for part in zip(*source, strict=True))
    if isinstance(target, Classes) and isinstance(source, (tuple, list)):
        refuse_one_part_a_class(source, kind)
    if isinstance(source, tuple):
        rows = (target.as_rows(part) if i == 1 else part for i, part in enumerate(source))
        return list_arrays(tuple(rows), kind)
    raise TypeError(
        "Labelled data is a folder, a CSV file, a DataFrame, (x, y), a list of pairs, a "
        "tf.data.Dataset or a keras.utils.PyDataset; x and y go in together, as one tuple. "
        f"Received: {type(source).__name__}.{target.advice and f' {target.advice}'}"
    )


def _list_alone(source: object, kind: Kind) -> Listed:
    """Lists a list or an array of items that are their own targets."""
    is_pairs = isinstance(source, list) and any(map(_is_pair, source))
    if isinstance(source, tuple) or is_pairs or not hasattr(source, "__len__"):
        raise TypeError(
            f"Data is a folder, a list or an array of {kind.noun}s, which are their own targets: "
            f"give x alone, and no (x, y). Received: {type(source).__name__}"
        )
    return list_arrays((source, source), kind)


def _list_path(path: Path, kind: Kind, target: Target) -> Listed:
    """Lists what a folder, a .csv, .tsv or .parquet file, or a COCO file holds."""
    if (found := target.listed(path, kind.endings, kind.noun)) is not None:
        return found
    if path.is_dir():
        return _list_folder(path, kind, target)
    expected = f"Expected {_places(kind, target)}, or a .csv, .tsv or .parquet file"
    if not path.exists():
        raise FileNotFoundError(
            f"No such folder or file: {path!s:.200} (from {Path.cwd()}). {expected}."
        )
    if path.suffix.lower() == ".json" and target.reads_annotations:
        return list_coco(path, kind)
    if path.suffix.lower() == ".parquet":
        return list_parquet(path, kind, target)
    if path.suffix.lower() not in _TABLES:
        raise ValueError(
            f"{path} is neither a folder nor a table. {expected} of {kind.columns[0]}s and labels."
        )
    return list_csv(path, kind, target)


def _list_folder(folder: Path, kind: Kind, target: Target) -> Listed:
    """Lists what a folder holds: class folders, items beside their targets, or a COCO file."""
    name, beside = target.items_folder, target.targets_folder
    if name is None:
        return list_folder(folder, kind)
    if target.reads_annotations and not (beside and (folder / beside).is_dir()):
        if (file := coco_file_in(folder)) is not None:
            return list_coco(file, kind)
        if not (folder / name).is_dir():
            raise ValueError(
                f"No {kind.noun}s with targets in {folder}: expected {_places(kind, target)}."
            )
    return list_beside(folder, kind, name, target.advice)


def _places(kind: Kind, target: Target) -> str:
    """Returns which folders and files this target is read from."""
    if target.expected:
        return target.expected
    if target.items_folder is None:
        return f"a folder {kind.noun}s/<class>/*{kind.endings[0]}"
    if target.targets_folder is None:
        return f"a folder of {kind.noun}s"
    coco = ", or a COCO file such as annotations.json" if target.reads_annotations else ""
    return f"a folder with {target.items_folder}/ and {target.targets_folder}/{coco}"


def _is_pair(row: object) -> bool:
    """Returns whether an entry of a list is an item with its target."""
    return isinstance(row, tuple) and len(row) == 2


def _are_paths(parts: tuple[object, ...]) -> bool:
    """Returns whether a tuple holds two paths."""
    return len(parts) == 2 and all(isinstance(part, (str, Path)) for part in parts)
