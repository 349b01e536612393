"""Reads texts from strings, files and streams, to learn from and to predict on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from transferlearn.data.iterating import is_tf_data, refuse_endless
from transferlearn.data.kind import Kind
from transferlearn.data.messages import indented, notice
from transferlearn.data.sources.folders import files_below
from transferlearn.edge.words.sentences import Sentence
from transferlearn.types import TfData

_LARGEST = 50_000_000  # bytes of a text, since all of it is cut into tokens at once
_TOO_LARGE = "larger than 50 MB: cut it into several texts, each a file or a line of its own"
_STRANGE = 0.5  # share of unknown tokens above which a text is pointed out


@dataclass(frozen=True)
class Unreadable:
    """Stands in the place of a text that cannot be read, and says what is wrong with it."""

    problem: str


def read_text(path: Path) -> str | Unreadable:
    """Reads a file in UTF-8, or says why it cannot be read."""
    try:
        if path.exists() and not path.is_file():
            return Unreadable("no file, but a folder, a pipe or a device")
        if path.exists() and path.stat().st_size > _LARGEST:
            return Unreadable(_TOO_LARGE)
        text = path.read_bytes().decode("utf-8-sig")
        # English in UTF-16 without a mark is valid UTF-8 too, with a zero beside each letter.
        return Unreadable("not UTF-8: it holds bytes that are 0") if "\0" in text else text
    except UnicodeDecodeError as error:
        return Unreadable(
            f"not UTF-8 (byte {error.object[error.start]:#04x} at place {error.start}); "
            "save it in that encoding"
        )
    except OSError as error:
        return Unreadable(error.strerror or str(error))


def as_text(item: object) -> str | Unreadable:
    """Returns an item as a string, or says why it is no text."""
    if isinstance(item, bytes):  # TensorFlow gives strings as bytes
        try:
            item = item.decode("utf-8")
        except UnicodeDecodeError as error:
            return Unreadable(f"not UTF-8 (byte {item[error.start]:#04x} at place {error.start})")
    if not isinstance(item, str):
        return Unreadable(f"no string, but {item!r:.60}")
    if len(item) > _LARGEST:
        return Unreadable(_TOO_LARGE)
    if "\0" in item:
        return Unreadable("not a text: it holds a character that is 0")
    try:
        item.encode()  # Python lets a string hold half of a surrogate pair
    except UnicodeEncodeError as error:
        return Unreadable(f"half a character ({error.object[error.start]!a}) at {error.start}")
    return str(item)


def empty(text: str) -> str:
    """Returns `"empty"` for a text that holds nothing but blanks, and `""` for any other."""
    return "" if text.strip() else "empty"


def labelled_stream(source: TfData) -> tuple[list[bytes], np.ndarray]:
    """Reads all texts and labels of a `tf.data.Dataset`, batched or not."""
    spec = source.element_spec
    _check_stream(source, "(string, label)")
    if not isinstance(spec, tuple) or len(spec) != 2:
        raise ValueError(
            "A tf.data.Dataset of texts to learn from must hold (string, label), batched or not. "
            f"Received: element_spec={spec}"
        )
    pairs = list(source.as_numpy_iterator())
    if not pairs:
        raise ValueError("The tf.data.Dataset is empty: it gave no element.")
    batched = bool(spec[0].shape.rank and spec[1].shape.rank)
    labels = (np.concatenate if batched else np.stack)([y for _, y in pairs])
    if labels.dtype.kind in "SO":
        labels = np.array([label.decode("utf-8", "backslashreplace") for label in labels.ravel()])
    return [text for x, _ in pairs for text in np.ravel(x).tolist()], labels


def _check_stream(source: TfData, expected: str) -> None:
    """Refuses a stream that is endless, or does not give strings."""
    import tensorflow as tf

    spec = source.element_spec
    first = spec[0] if isinstance(spec, tuple) and spec else spec
    if getattr(first, "dtype", None) != tf.string:
        raise ValueError(
            f"A tf.data.Dataset of texts must hold {expected}, batched or not. "
            f"Received: element_spec={spec}"
        )
    refuse_endless(source)


def to_predict(source: object, kind: Kind) -> tuple[Sequence[str | Unreadable], list[str] | None]:
    """Reads the texts of a source, and gives them with the paths of their files, if any.

    Raises:
        TypeError: The source is of a type that holds no texts.
        FileNotFoundError: There is no such file or folder.
        ValueError: The source holds no text, or a list or stream holds something else too.
    """
    source = source[None] if isinstance(source, np.ndarray) and not source.ndim else source
    if (paths := _paths(source, kind)) is not None:
        return [read_text(Path(path)) for path in paths], paths
    texts = [as_text(item) for item in _strings(source)]
    wrong = [f"text {i}: {t.problem}" for i, t in enumerate(texts) if isinstance(t, Unreadable)]
    if wrong or not texts:
        raise ValueError(f"Expected texts.{indented(wrong) or ' Received: none'}")
    return texts, None


def _paths(source: Any, kind: Kind) -> list[str] | None:
    """Returns the files below a folder, or those that are listed; `None` for texts."""
    given = [source] if isinstance(source, Path) else source
    is_list = isinstance(given, (list, tuple, np.ndarray))
    if not is_list or kind.as_paths(given) is None:
        return None
    found: list[str] = []
    for path in (Path(item).expanduser() for item in given):
        if not path.exists():
            raise FileNotFoundError(f"No such file or folder: {path} (from {Path.cwd()}).")
        if path.is_file() and path.suffix.lower() not in kind.endings:
            raise ValueError(f"{path} is no text file: expected a name that ends in .txt.")
        found += files_below(path, kind, Counter()) if path.is_dir() else [str(path)]
    if not found:
        raise ValueError(f"No text file in {source} or below: expected names that end in .txt.")
    return found


def _strings(source: Any) -> list[Any]:
    """Lists the texts that a string, list, array or stream holds."""
    if isinstance(source, str):
        return [source]
    if is_tf_data(source):
        _check_stream(source, "strings")
        batches = (x[0] if isinstance(x, tuple) else x for x in source.as_numpy_iterator())
        return [text for batch in batches for text in np.ravel(batch).tolist()]
    if isinstance(source, (list, tuple)) or hasattr(source, "to_list"):
        return list(source)
    if isinstance(source, np.ndarray):
        if source.size != len(source):
            raise ValueError(
                f"An array of texts has the shape (n,). Received: shape={source.shape}"
            )
        return source.ravel().tolist()
    raise TypeError(
        "Texts are a string, a list or an array of strings, a Path of a .txt file or a folder, or "
        f"a tf.data.Dataset. Received: {type(source).__name__}"
    )


def warn_of_unknown(
    ids_of_texts: list[np.ndarray], texts: Sequence[str], unknown: int | None
) -> None:
    """Warns of texts of which the tokenizer does not know the greater part.

    Args:
        ids_of_texts: The token ids of each text.
        texts: The texts.
        unknown: The id of tokens that the tokenizer does not know; `None` if there is none.
    """
    strange = [
        f"{text!r:.80}"
        for ids, text in zip(ids_of_texts, texts, strict=True)
        if len(ids) and (ids == unknown).mean() > _STRANGE
    ]
    if strange:
        notice(
            f"{len(strange)} of {len(texts)} texts are mostly of characters that the tokenizer "
            f"does not know, so the network cannot tell them apart:{indented(strange)}"
        )


def problem(text: str | Sentence | Unreadable) -> str:
    """Returns what is wrong with a text; empty if nothing is."""
    if isinstance(text, Sentence):
        return "" if text.spans else "empty"
    return text.problem if isinstance(text, Unreadable) else empty(text)
