"""Describes texts as a kind of data, and how strings, files and streams become token ids."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import keras
import numpy as np

from transferlearn.data.dataset import Dataset
from transferlearn.data.iterating import is_tf_data
from transferlearn.data.kind import Kind, One, Spec
from transferlearn.data.listed import Listed
from transferlearn.data.messages import Skipped, indented, notice, report_skipped
from transferlearn.data.rows import shared_weights
from transferlearn.data.sources.tuples import list_arrays
from transferlearn.data.targets.base import Target, Targets
from transferlearn.data.texts.dataset import TextDataset
from transferlearn.data.texts.reading import (
    Unreadable,
    as_text,
    empty,
    labelled_stream,
    problem,
    read_text,
    to_predict,
    warn_of_unknown,
)
from transferlearn.data.texts.tokenizer import (
    Tokenizer,
    TokenizerInKeras,
    load_tokenizer,
    save_tokenizer,
)
from transferlearn.data.texts.tokens import TokenItems
from transferlearn.edge import ItemReader, TextReader
from transferlearn.edge.tokenizers import EdgeTokenizer
from transferlearn.json_fields import Json
from transferlearn.keras_internals import layers_within
from transferlearn.monitoring.traits import Traits, of_tokens
from transferlearn.types import TfData

_FOLDER = "tokenizer"  # of the tokenizer's files, in a save


@dataclass(frozen=True)
class Texts(Kind):
    """Reads texts as rows of token ids.

    Args:
        tokenizer: The tokenizer of the network that the texts are for.
        sequence_length: The greatest number of tokens of a row, including those that mark its
            start and its end.
        long_texts: What is done with a longer text: `"truncate"` takes its beginning, `"split"`
            makes several rows, which together weigh as much as one in training.
        text_column: The column of a table that holds the texts; by default one of `columns`.
    """

    name: ClassVar[str] = "texts"
    noun: ClassVar[str] = "text"
    endings: ClassVar[tuple[str, ...]] = (".txt",)
    columns: ClassVar[tuple[str, ...]] = ("text", "review", "sentence", "content")
    in_cells: ClassVar[bool] = True
    for_long: ClassVar[str] = "long_texts='split' reads all of them, in pieces."
    fed: ClassVar[str] = "It takes token ids, which the tokenizer in this folder makes of texts."

    tokenizer: Tokenizer
    sequence_length: int
    long_texts: str = "truncate"
    text_column: str | None = None

    def __post_init__(self) -> None:
        if self.text_column is not None:
            object.__setattr__(self, "columns", (self.text_column,))

    def inputs(self, shape: tuple[int, ...] | None = None) -> dict[str, Spec]:
        """Returns the shape and dtype of the one input, `token_ids`; by default of any length."""
        return {"token_ids": Spec(shape or (None,), "int32")}

    def as_paths(self, items: Any) -> list[str] | None:
        """Returns the paths if all of `items` are `Path`s, else `None`: a string is a text."""
        are_paths = [isinstance(item, Path) for item in items]
        return [str(item) for item in items] if are_paths and all(are_paths) else None

    def is_stream(self, source: object) -> bool:
        """Returns whether a source is a `tf.data.Dataset`."""
        return is_tf_data(source)

    def stream(self, source: TfData, target: Target, *, on_error: str) -> TextDataset:
        """Reads all texts and labels of a `tf.data.Dataset`, and makes a dataset of them."""
        listed = list_arrays(labelled_stream(source), self)
        return self.open(listed, target.gather(listed), on_error=on_error)

    def open(self, listed: Listed, targets: Targets, *, on_error: str) -> TextDataset:
        """Reads the files, leaves out items that are empty or no text, and tokenizes the others."""
        texts = [
            read_text(Path(item)) if listed.in_files else self._as_text(item)
            for item in listed.items
        ]
        if not texts:
            raise ValueError("Expected texts. Received: none")
        problems = {i: wrong for i, text in enumerate(texts) if (wrong := problem(text))}
        skipped = tuple(Skipped(listed.called(i), wrong) for i, wrong in problems.items())
        report_skipped(
            listed.what if listed.in_files else "The texts",
            skipped,
            count=len(texts),
            noun="text",
            on_error=on_error,
            ignored=listed.ignored,
        )
        kept = np.array([i for i in range(len(texts)) if i not in problems], int)
        good = listed.take(kept)
        dataset = self.tokens(
            [texts[i] for i in kept],
            targets=targets.take(kept),
            sample_weight=good.sample_weight,
            groups=good.groups,
            names=good.items if good.in_files else None,
        )
        return replace(dataset, skipped=skipped, ignored=+Counter(listed.ignored))

    def _as_text(self, item: object) -> Any:
        """Returns an item of a source as a text, or says why it is none."""
        return as_text(item)

    def is_one(self, source: object) -> bool:
        """Returns whether a source is a single text: a string, or a `Path` that is no folder."""
        return isinstance(source, str) or (isinstance(source, Path) and not source.is_dir())

    def unlabelled(self, source: object, *, on_error: str = "skip") -> TextDataset:
        """Makes a dataset of texts to predict on.

        Args:
            source: A text, a list or an array of texts, a `Path` of a `.txt` file or of a folder of
                them, a list of such files, or a `tf.data.Dataset` of strings.
            on_error: What is done about bad files: `"skip"` leaves them out, `"raise"` raises.
        """
        texts, names = to_predict(source, self)
        called = names or [f"text {i}" for i in range(len(texts))]
        pairs = list(zip(called, texts, strict=True))
        bad = [Skipped(name, text.problem) for name, text in pairs if isinstance(text, Unreadable)]
        report_skipped("The texts", bad, count=len(texts), noun="file", on_error=on_error)
        good = [(name, text) for name, text in pairs if isinstance(text, str)]
        self._say_empty([name for name, text in good if empty(text)])
        dataset = self.tokens(
            [text for _, text in good], names=[name for name, _ in good] if names else None
        )
        return replace(dataset, skipped=tuple(bad))

    def _say_empty(self, names: Sequence[str]) -> None:
        """Says which texts to predict on are empty."""
        if names:
            notice(f"Empty, and predicted on all the same:{indented(names)}")

    def one(self, item: object) -> One | None:
        """Tokenizes a single text; `None` if it is empty, unreadable or needs several rows."""
        (text,), names = to_predict(item, self)
        if problem(text):
            return None
        dataset = self.tokens([str(text)])
        if len(dataset.items) > 1:
            return None
        return One(dataset.first_batch(1), names[0] if names else None)

    def traits(self, batch: np.ndarray) -> Traits:
        """Measures the number of tokens and the share of unknown ones."""
        return of_tokens(batch, self.tokenizer.padding, self.tokenizer.unknown)

    def of_one_shape(self, datasets: Sequence[Dataset]) -> list[Dataset]:
        """Fills the rows of all datasets up to the length of the longest row in any of them."""
        texts = [dataset for dataset in datasets if isinstance(dataset, TextDataset)]
        longest = max(dataset.longest for dataset in texts)
        return [dataset.of_length(longest) for dataset in texts]

    def size_in_words(self, shape: tuple[int, ...]) -> str:
        """Returns the most tokens of a row."""
        return f"{shape[0]} tokens"

    def settings(self) -> Json:
        """Returns the settings that a save holds, without the tokenizer."""
        names = ("sequence_length", "long_texts", *(["text_column"] if self.text_column else ()))
        return {name: getattr(self, name) for name in names}

    def item_reader(self) -> ItemReader:
        """Returns what reads texts without Keras, or token ids where the tokenizer needs it."""
        tokenizer = self.tokenizer.for_edge()
        return super().item_reader() if tokenizer is None else self._reader(tokenizer)

    def reader_in_keras(self) -> ItemReader:
        """Returns what reads texts with whatever tokenizer."""
        return self._reader(self.tokenizer.for_edge() or TokenizerInKeras(self.tokenizer))

    def check_network(self, model: keras.Model) -> None:
        """Compares the tokenizer with the network's embeddings, if it has Keras's."""
        layers = layers_within(model)
        known = [x.input_dim for x in layers if isinstance(x, keras.layers.Embedding)]
        tokens = getattr(self.tokenizer, "size", 0)
        if known and tokens > max(known):
            raise ValueError(f"the tokenizer has {tokens:,} tokens, the network {max(known):,}.")
        places = [x.sequence_length for x in layers if type(x).__name__ == "PositionEmbedding"]
        if places and self.sequence_length > min(places):
            raise ValueError(
                f"texts have up to {self.sequence_length:,} tokens, the network {min(places):,}."
            )

    def export_note(self) -> str | None:
        """Explains that texts cannot be read where the tokenizer needs Keras."""
        if self.tokenizer.for_edge() is not None:
            return None
        return (
            f"The tokenizer {type(self.tokenizer).__name__} runs where Keras is only, so what is "
            "exported takes token ids and no texts. Serve the save, which answers texts: "
            "transferlearn serve FOLDER; or write Tokenizer.for_edge, see docs/exporting.md."
        )

    def _reader(self, tokenizer: EdgeTokenizer) -> TextReader:
        """Returns what reads texts by a tokenizer."""
        return TextReader(
            tokenizer,
            self.sequence_length,
            self.long_texts,
            self.tokenizer.start,
            self.tokenizer.end,
            self.tokenizer.padding,
        )

    @classmethod
    def load(cls, settings: Json, folder: Path) -> Self:
        """Makes the kind that was saved with these settings, with its tokenizer."""
        return cls(tokenizer=load_tokenizer(folder / _FOLDER), **settings)

    def write(self, folder: Path) -> None:
        """Writes the tokenizer's files into the folder of a save."""
        save_tokenizer(self.tokenizer, folder / _FOLDER)

    def tokens(
        self,
        texts: Sequence[str],
        *,
        names: Sequence[str] | None = None,
        targets: Targets | None = None,
        sample_weight: np.ndarray | None = None,
        groups: Sequence[str] | None = None,
    ) -> TextDataset:
        """Tokenizes texts, and makes a dataset of their rows with what is known of each text."""
        rows, text_of = list[np.ndarray](), list[int]()
        ids_of_texts = self.tokenizer.tokenize(texts)
        for number, ids in enumerate(ids_of_texts):
            for piece in self._pieces(ids):
                rows.append(self._framed(piece))
                text_of.append(number)
        self._warn_of_long([len(ids) for ids in ids_of_texts])
        warn_of_unknown(ids_of_texts, texts, self.tokenizer.unknown)
        of_row = np.array(text_of)
        weights = None if targets is None else shared_weights(sample_weight, of_row, len(texts))
        length = max(map(len, rows))
        return TextDataset(
            items=TokenItems(rows, length, self.tokenizer.padding),
            shape=(length,),
            sequence_length=self.sequence_length,
            size=len(rows),
            source_of=of_row,
            texts=[texts[i] for i in text_of],
            targets=None if targets is None else targets.take(of_row),
            sample_weight=weights,
            groups=None if groups is None else [groups[i] for i in text_of],
            names=None if names is None else [names[i] for i in text_of],
        )

    @property
    def _room(self) -> int:
        """Counts the tokens of a text that fit into a row, between its start and its end."""
        return self.sequence_length - len(self.tokenizer.start) - len(self.tokenizer.end)

    def _framed(self, ids: np.ndarray) -> np.ndarray:
        """Puts the ids of start and end around the ids of a row."""
        return np.array([*self.tokenizer.start, *ids, *self.tokenizer.end], np.int32)

    def _pieces(self, ids: np.ndarray) -> Iterable[np.ndarray]:
        """Cuts ids to the length of one row, or into several rows if texts are split."""
        if self.long_texts == "truncate" or len(ids) <= self._room:
            return [ids[: self._room]]
        return np.array_split(ids, -(-len(ids) // self._room))

    def _warn_of_long(self, lengths: list[int]) -> None:
        """Warns of texts that are cut short."""
        ends = self.sequence_length - self._room
        long = [length + ends for length in lengths if length > self._room]
        if long and self.long_texts == "truncate":
            notice(
                f"Of {len(lengths):,} texts {len(long):,} with more than sequence_length="
                f"{self.sequence_length} tokens (the longest has {max(long):,}) are cut short: "
                f"their beginnings are read. {self.for_long}"
            )
