"""Puts masks together from layers: one file a class, or the annotations of a COCO file."""

import abc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from transferlearn.data.listed import ByAnnotation
from transferlearn.data.targets.masks.regions import Patch, RegionError, draw
from transferlearn.data.targets.masks.sources import VOID, MaskSource, open_mask, read_mask
from transferlearn.edge.pictures import ImageFileError, upright_size

_MOST_BYTES = 2**31  # of all regions of one mask together
GROUND, EMPTY = "background", "void"  # the names of pixels in no layer, and of the layer of void


@dataclass(frozen=True)
class Layout:
    """Says which value the pixels of each layer get.

    Attributes:
        names: The names of the classes.
        values: Their values.
        void: The value of void.
        several: Whether a pixel may have several classes; then it has a 1 for each.
    """

    names: tuple[str, ...]
    values: tuple[int, ...]
    void: int
    several: bool

    @classmethod
    def of(
        cls,
        layers: Sequence[str],
        names: Sequence[str] | None,
        values: Sequence[int] | None,
        void: int | None,
        *,
        several: bool,
    ) -> "Layout":
        """Gives the layout of masks with these layers.

        Args:
            layers: The names of the layers.
            names: The names of the classes in the order of their values; `None`: the background,
                and then the layers.
            values: The values of the classes; `None`: 0, 1, 2 and so on.
            void: The value of void; `None`: 255.
            several: Whether a pixel may have several classes.

        Raises:
            ValueError: A layer is no class.
        """
        shown = [name for name in layers if name != EMPTY]
        if names is None:
            ground = () if several else (GROUND,)
            names = (*ground, *(name for name in shown if name not in ground))
        if unknown := [name for name in shown if name not in names]:
            raise ValueError(
                f"The masks have the classes {', '.join(unknown[:10])}, which are not in "
                f"class_names: {', '.join(names[:20])}."
            )
        void = VOID if void is None else void
        if values is None:
            free = (i for i in range(len(names) + 1) if i != void)
            values = [next(free) for _ in names]
        return cls(tuple(names), tuple(values), void, several)

    @property
    def ground(self) -> int:
        """Gives the value of pixels in no layer: the background's, or else void."""
        return self.values[self.names.index(GROUND)] if GROUND in self.names else self.void


class LayeredMasks(MaskSource):
    """Puts masks together from layers; where classes overlap, the smaller layer counts.

    Args:
        layout: Says which value each layer gets.

    Attributes:
        overlapping: The numbers of the masks that were read and in which classes overlap.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self._layout = layout
        self.names = layout.names
        self.overlapping: set[int] = set()

    @abc.abstractmethod
    def layers(self, i: int) -> Iterator[tuple[str, Patch]]:
        """Yields the layers of mask `i`: the name of a class, and where it is."""

    @abc.abstractmethod
    def size(self, i: int) -> tuple[int, int]:
        """Gives the `(height, width)` of mask `i`."""

    def mask(self, i: int) -> np.ndarray:
        """Puts the layers of mask `i` together."""
        size, layers, held = self.size(i), [], 0
        for layer in self.layers(i):
            layers.append(layer)
            held += layer[1].inside.size
            if held > _MOST_BYTES:
                raise ImageFileError(f"its regions cover over {_MOST_BYTES:,} pixels")
        voids = [patch for name, patch in layers if name == EMPTY]
        shown = [(name, patch) for name, patch in layers if name != EMPTY]
        several = self._layout.several
        mask = self._several(size, shown) if several else self._single(i, size, shown)
        for patch in voids:
            patch.of(mask)[patch.inside] = VOID if several else self._layout.void
        return mask

    def _single(self, i: int, size: tuple[int, int], layers: list[tuple[str, Patch]]) -> np.ndarray:
        """Gives each pixel one value: of the layers that it is in, that of the smallest."""
        layout = self._layout
        mask = np.full(size, layout.ground, np.uint8)
        for name, patch in sorted(layers, key=lambda layer: -np.count_nonzero(layer[1].inside)):
            value, part = layout.values[layout.names.index(name)], patch.of(mask)
            before = part[patch.inside]
            if ((before != layout.ground) & (before != value)).any():
                self.overlapping.add(i)
            part[patch.inside] = value
        return mask

    def _several(self, size: tuple[int, int], layers: list[tuple[str, Patch]]) -> np.ndarray:
        """Gives each pixel a 1 for each layer that it is in."""
        mask = np.zeros((*size, len(self._layout.names)), np.uint8)
        for name, patch in layers:
            patch.of(mask)[patch.inside, self._layout.names.index(name)] = 1
        return mask


class LayerFiles(LayeredMasks):
    """Reads masks of which each class has a file of its own.

    Args:
        files: For each mask the path of each of its classes, by name.
        layout: Says which value each class gets.
    """

    def __init__(self, files: Sequence[Mapping[str, str]], layout: Layout) -> None:
        super().__init__(layout)
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def size(self, i: int) -> tuple[int, int]:
        """Gives the size of the first file."""
        if not self._files[i]:
            raise ImageFileError("no mask of this name in any class folder")
        return upright_size(open_mask(next(iter(self._files[i].values()))))

    def layers(self, i: int) -> Iterator[tuple[str, Patch]]:
        """Reads the files of mask `i`, in which all but 0 is of the class."""
        size = self.size(i)
        for name, path in self._files[i].items():
            pixels = read_mask(path)
            values = np.flatnonzero(np.bincount(pixels.ravel()))
            if len(values[values > 0]) > 1:
                raise ImageFileError(
                    f"{path} has the values {', '.join(map(str, values[:10]))}; the file of one "
                    "class has 0 and one other; was it resized smoothly, and not by nearest?"
                )
            if pixels.shape != size:
                raise ImageFileError(f"{path} has another size than the files of other classes")
            yield name, Patch(0, 0, pixels > 0)

    def called(self, i: int) -> str:
        """Names the files."""
        return " and ".join(self._files[i].values())


class CocoMasks(LayeredMasks):
    """Draws masks by the annotations of a COCO file.

    Args:
        told: What the file says of its images.
        layout: Says which value each category gets.
    """

    def __init__(self, told: ByAnnotation, layout: Layout) -> None:
        super().__init__(layout)
        self._told = told

    def __len__(self) -> int:
        return len(self._told.sizes)

    def size(self, i: int) -> tuple[int, int]:
        """Gives the size that the file says."""
        height, width = self._told.sizes[i]
        limit = Image.MAX_IMAGE_PIXELS or 2**31
        if not all(type(side) is int and side > 0 for side in (height, width)):
            raise ImageFileError(
                f"the COCO file gives the height {height!r:.40} and the width {width!r:.40}"
            )
        if height * width > limit:
            raise ImageFileError(f"the COCO file gives {height} x {width} pixels, over {limit}")
        return height, width

    def layers(self, i: int) -> Iterator[tuple[str, Patch]]:
        """Draws the annotations of image `i`."""
        for annotation in self._told.annotations[i]:
            name = self._name(annotation)
            try:
                patches = draw(annotation.get("segmentation"), self.size(i))
            except RegionError as error:
                number = annotation.get("id")
                raise ImageFileError(f"annotation {number!r:.40}: {error}") from None
            yield from ((name, patch) for patch in patches)

    def _name(self, annotation: Mapping[str, Any]) -> str:
        """Gives the name of an annotation's category."""
        category = annotation.get("category_id")
        if not isinstance(category, (int, str)) or category not in self._told.categories:
            raise ImageFileError(
                f"annotation {annotation.get('id')!r:.40} has the category {category!r:.40}, "
                "which the file does not list"
            )
        return self._told.categories[category]
