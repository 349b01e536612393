"""Reads the names of the ImageNet classes, and finds the classes that folders are named by."""

import difflib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

_URL = "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json"
_CLASSES = 1000


@dataclass(frozen=True)
class ClassIndex:
    """Holds the classes of a classifier, in the order of its outputs.

    Attributes:
        wordnet_ids: The WordNet id of each class, such as `"n02123045"`.
        names: The name of each class, such as `"tabby"`; a few occur twice.
    """

    wordnet_ids: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The names, with the WordNet id behind those that occur twice."""
        times = Counter(self.names)
        pairs = zip(self.names, self.wordnet_ids, strict=True)
        return tuple(name if times[name] == 1 else f"{name} ({id_})" for name, id_ in pairs)

    def find(self, folder: str) -> int:
        """Finds the number of the class that a folder is named by.

        Args:
            folder: A WordNet id or a name, in which case, spaces, hyphens and underscores do not
                matter.

        Raises:
            ValueError: There is no such class, or several have that name.
        """
        wanted = _plain(folder)
        ids = [i for i, known in enumerate(self.wordnet_ids) if known == wanted]
        found = ids or [i for i, name in enumerate(self.names) if _plain(name) == wanted]
        if len(found) > 1:
            several = ", ".join(self.wordnet_ids[i] for i in found)
            raise ValueError(
                f"{len(found)} classes are called {folder!r}. Name the folder by the WordNet id of "
                f"the one that you mean: {several}."
            )
        if not found:
            known = {_plain(name): name for name in (*self.names, *self.wordnet_ids)}
            closest = [known[name] for name in difflib.get_close_matches(wanted, known, n=3)]
            hint = f"Closest: {', '.join(closest)}." if closest else "Name it by its WordNet id."
            raise ValueError(f"No class is called {folder!r}, the name of a folder. {hint}")
        return found[0]


def read_class_index(path: str | Path | None) -> ClassIndex:
    """Reads the classes from a JSON file in the form of Keras's, `{"0": ["n01440764", "tench"]}`.

    Args:
        path: The file; `None` for Keras's own of the 1,000 ImageNet classes, which Keras downloads
            once.

    Raises:
        OSError: There is no such file, or it could not be downloaded.
        ValueError: The file has another form.
    """
    if path is None:
        return _of_keras()
    if not Path(path).is_file():
        raise OSError(
            f"There is no file {path}. Download {_URL}, and pass its path as class_index."
        )
    try:
        listed = json.loads(Path(path).read_text("utf-8"))
        pairs = [listed[str(i)] for i in range(len(listed))]
        ids, names = zip(*((str(id_), str(name)) for id_, name in pairs), strict=True)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            f'{path} is no list of classes. Expected JSON like {{"0": ["n01440764", "tench"], '
            f'"1": ...}}, with all numbers from 0 on: {error!r}'
        ) from error
    return ClassIndex(ids, names)


def _of_keras() -> ClassIndex:
    """Returns Keras's own list, by the order in which it decodes rising numbers."""
    rising = np.arange(_CLASSES, dtype="float32")[None]
    try:
        (listed,) = keras.applications.imagenet_utils.decode_predictions(rising, top=_CLASSES)
    except Exception as error:  # whatever a download may raise
        raise OSError(
            f"The names of the ImageNet classes could not be downloaded: {error}. Download {_URL} "
            "elsewhere, and pass class_index='imagenet_class_index.json'."
        ) from error
    ids, names, _ = zip(*listed[::-1], strict=True)
    return ClassIndex(ids, names)


def find_classes(index: ClassIndex, folders: Sequence[str]) -> np.ndarray:
    """Finds the class of each folder, int64 `(folders,)`; two folders may not be of one class."""
    found = np.array([index.find(folder) for folder in folders], dtype="int64")
    for number in sorted(set(found.tolist())):
        same = [folders[int(i)] for i in np.flatnonzero(found == number)]
        if len(same) > 1:
            raise ValueError(
                f"The folders {', '.join(map(repr, same))} are of one class, "
                f"{index.names[number]}: put their images into one folder."
            )
    return found


def _plain(name: str) -> str:
    """Returns a name in lower case, with single spaces."""
    return re.sub(r"[\s_-]+", " ", name).strip().lower()
