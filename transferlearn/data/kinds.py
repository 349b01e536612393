"""What the items of a source are: images, or another kind of data."""

import abc
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from .dataset import Dataset, ItemDataset
    from .listing import Listing
    from .options import Options


class Kind(abc.ABC):
    """Where items are found in a source, and how they are opened.

    Attributes:
        noun: What messages call an item.
        endings: Of the names of files that hold one.
        columns: What a table's column of items is called.
        in_cells: Whether a table's cells hold the items themselves, or paths of files.
    """

    noun: ClassVar[str]
    endings: ClassVar[tuple[str, ...]]
    columns: ClassVar[tuple[str, ...]]
    in_cells: ClassVar[bool]

    @abc.abstractmethod
    def as_paths(self, x: Any) -> list[str] | None:
        """The paths in `x`, or `None` if it holds the items themselves."""

    @abc.abstractmethod
    def open(self, listing: "Listing", options: "Options", share: float) -> "ItemDataset":
        """Checks what a source lists, and keeps the good items.

        Args:
            listing: Of the source.
            options: How to read them.
            share: That these items are of all, and take of the memory for decoded ones.
        """

    @abc.abstractmethod
    def is_stream(self, source: Any) -> bool:
        """Whether it is a `tf.data.Dataset` or a generator."""

    @abc.abstractmethod
    def stream(self, source: Any, options: "Options") -> "Dataset":
        """The labelled data of such a stream."""

    def like(self, first: "Dataset", options: "Options") -> "Options":
        """How data is read that goes with `first`."""
        return options
