"""Lists the images of a COCO file, with the annotations of each."""

import json
from collections import Counter, defaultdict
from pathlib import Path, PurePosixPath, PureWindowsPath

from transferlearn.data.kind import Kind
from transferlearn.data.listed import ByAnnotation, Listed
from transferlearn.data.messages import indented, notice
from transferlearn.json_fields import Json
from transferlearn.wording import counted

_LOOKED_AT = 100  # images, by which the folder of the images is found


def list_coco(path: Path, kind: Kind) -> Listed:
    """Lists the images that a COCO file names, the file's annotations with each of them.

    The images are looked for in the folder of the file, in the folder above, and in the folders in
    either; the one that holds the most of them is taken.

    Args:
        path: The path of the `.json` file.
        kind: The kind of data that the items are.

    Raises:
        ValueError: The file is no COCO file; the message says what it lacks.
    """
    content = _read(path)
    images, categories = _entries(content, "images", path), _categories(content, path)
    if not images:
        raise ValueError(f"{path} lists no images.")
    numbers = _numbered([image.get("id") for image in images], "images", path)
    names = [_file_name(image, path) for image in images]
    of_image: dict[int, list[Json]] = defaultdict(list)
    lost = []
    for annotation in _entries(content, "annotations", path):
        number = numbers.get(_key(annotation.get("image_id")))
        if number is None:
            lost.append(
                f"annotation {annotation.get('id')!r:.40}: {annotation.get('image_id')!r:.40}"
            )
        else:
            of_image[number].append(annotation)
    if lost:
        notice(
            f"{path}: {counted(len(lost), 'annotation')} of an image id that no image has, not "
            f"used:{indented(lost)}"
        )
    folder = folder_of(names, path.parent)
    return Listed(
        items=[str(folder / name) for name in names],
        origin=ByAnnotation(
            categories=categories,
            sizes=[(image.get("height"), image.get("width")) for image in images],
            annotations=[of_image[i] for i in range(len(images))],
        ),
        noun=kind.noun,
        what=str(path),
    )


def coco_file_in(folder: Path) -> Path | None:
    """Finds the one `.json` file in a folder, or in the folder `annotations` in it.

    Raises:
        ValueError: There are several.
    """
    for place in (folder, folder / "annotations"):
        files = sorted(file for file in place.glob("*.json") if not file.name.startswith("."))
        if len(files) > 1:
            raise ValueError(
                f"{place} holds {len(files)} .json files, and targets are read from one, in the "
                "form of COCO, with all photos. Pass it itself, and another one as "
                "validation_data; files for one photo each have to become "
                f"one:{indented([*map(str, files)])}"
            )
        if files:
            return files[0]
    return None


def _read(path: Path) -> Json:
    """Reads the JSON of a file, which is an object."""
    try:
        content = json.loads(path.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON that can be read: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} is no COCO file: it holds a {type(content).__name__}.")
    return content


def _entries(content: Json, name: str, path: Path) -> list[Json]:
    """Returns one of the lists of a COCO file, all of whose entries are objects."""
    entries = content.get(name)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(
            f'{path} is no COCO file: expected "images", "annotations" and "categories", lists of '
            f"objects. Received: {name} is {entries!s:.40}"
        )
    return entries


def _categories(content: Json, path: Path) -> dict[object, str]:
    """Returns the names of the categories by their ids, in the order of the ids."""
    entries = _entries(content, "categories", path)
    _numbered([entry.get("id") for entry in entries], "categories", path)
    names = [str(entry.get("name", "")).strip() for entry in entries]
    twice = [name for name, count in Counter(names).items() if count > 1 or not name]
    if twice:
        raise ValueError(f"{path}: categories need names, each of its own. Received: {twice[:5]}")
    found = {_key(entry["id"]): name for entry, name in zip(entries, names, strict=True)}
    return dict(sorted(found.items(), key=lambda pair: (isinstance(pair[0], str), pair[0])))


def _key(value: object) -> object:
    """Returns an id, a whole number or a text, so that it can be looked up; else `None`."""
    return value if isinstance(value, (int, str)) else None


def _numbered(ids: list[object], what: str, path: Path) -> dict[object, int]:
    """Returns the place of each id; refuses ids that are missing or come twice."""
    places = {_key(value): place for place, value in enumerate(ids)}
    if len(places) < len(ids) or None in places:
        twice = [value for value, count in Counter(map(_key, ids)).items() if count > 1]
        raise ValueError(
            f"{path}: the ids of {what} must be whole numbers or texts, none of them twice. "
            f"Received: {(twice or [None])[:5]}"
        )
    return places


def _file_name(image: Json, path: Path) -> str:
    """Returns the name of an image's file; refuses one that leads out of the folder."""
    name = image.get("file_name")
    # A stranger's file must not have others read: their pixels would be in reports.
    if (
        not isinstance(name, str)
        or not name.strip()
        or ".." in PureWindowsPath(name).parts
        or PurePosixPath(name).is_absolute()
        or PureWindowsPath(name).drive
        or PureWindowsPath(name).root
    ):
        raise ValueError(
            f"{path}: a file_name is a path below the folder of the images, without '..'. "
            f"Received: {name!r:.200}"
        )
    return name


def folder_of(names: list[str], beside: Path) -> Path:
    """Finds the folder that holds most of the files: `beside`, the one above, or one in either."""
    looked_at = names[:: max(1, len(names) // _LOOKED_AT)]

    def held(folder: Path) -> int:
        return sum(_is_there(folder / name) for name in looked_at)

    near = [beside, beside.parent] if beside.parent != beside else [beside]
    places = []
    for folder in near:
        below = sorted(entry for entry in folder.iterdir() if entry.is_dir())
        places += [folder, *(entry for entry in below if not entry.name.startswith("."))]
    return max(places, key=held)  # of several alike, the first


def _is_there(path: Path) -> bool:
    """Returns whether there is a file; a stranger's name may be one that no file can have."""
    try:
        return path.exists()
    except OSError:
        return False
