"""Puts masks together from layers: one file a class, or the annotations of a COCO file."""

import abc
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from PIL import Image

from transferlearn.data.listed import ByAnnotation
from transferlearn.data.targets.masks.regions import Patch, RegionError, draw, parts
from transferlearn.data.targets.masks.sources import VOID, MaskSource, open_mask, read_mask
from transferlearn.edge.pictures import ImageFileError, upright_size

_MOST_PIXELS = 2**31  # that the boxes around all regions of one mask have together
_MOST_TIMES = 1000  # the pixels of a mask that these boxes have, more than it can have classes
_KEPT = 2  # times the pixels of a mask: layers that take more are drawn again, and not kept
GROUND, EMPTY = "background", "void"  # the names of pixels in no layer, and of the layer of void


@dataclass(frozen=True)
class Layout:
    """Describes which value the pixels of each layer get.

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
        """Returns the layout of masks with these layers.

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
        """The value of pixels in no layer: the background's, or else void."""
        return self.values[self.names.index(GROUND)] if GROUND in self.names else self.void


class Layer(NamedTuple):
    """Holds a layer of a mask: where one of its classes is.

    Attributes:
        name: The name of the class.
        called: Names the region for messages.
        draw: Draws it.
        pixels: The number of its pixels, once it was drawn.
    """

    name: str
    called: str
    draw: Callable[[], Patch]
    pixels: int = 0


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
    def layers(self, i: int) -> Iterator[Layer]:
        """Yields the layers of mask `i`."""

    @abc.abstractmethod
    def size(self, i: int) -> tuple[int, int]:
        """Returns the `(height, width)` of mask `i`."""

    def mask(self, i: int) -> np.ndarray:
        """Puts the layers of mask `i` together."""
        size, layers = self.size(i), self._measured(i)
        voids = [layer for layer in layers if layer.name == EMPTY]
        shown = [layer for layer in layers if layer.name != EMPTY]
        several = self._layout.several
        mask = self._several(size, shown) if several else self._single(i, size, shown)
        for layer in voids:
            patch = layer.draw()
            patch.of(mask)[patch.inside] = VOID if several else self._layout.void
        return mask

    def _measured(self, i: int) -> list[Layer]:
        """Draws each layer of mask `i` once, to know its size, and keeps what is small."""
        height, width = self.size(i)
        most, drawn = min(_MOST_PIXELS, _MOST_TIMES * height * width), 0
        layers: list[Layer] = []
        for region in self.layers(i):
            patch = region.draw()
            drawn += patch.inside.size
            if drawn > most:
                raise ImageFileError(
                    f"{region.called} is one too many: {len(layers) + 1:,} regions cover "
                    f"{drawn:,} pixels together, where the mask has {height} x {width}"
                )
            keep = drawn <= _KEPT * height * width
            pixels = int(np.count_nonzero(patch.inside))
            again = partial(_same, patch) if keep else region.draw
            layers.append(region._replace(draw=again, pixels=pixels))
        return layers

    def _single(self, i: int, size: tuple[int, int], layers: list[Layer]) -> np.ndarray:
        """Returns each pixel one value: of the layers that it is in, that of the smallest."""
        layout = self._layout
        mask = np.full(size, layout.ground, np.uint8)
        for layer in sorted(layers, key=lambda layer: -layer.pixels):
            patch, value = layer.draw(), layout.values[layout.names.index(layer.name)]
            part = patch.of(mask)
            before = part[patch.inside]
            if ((before != layout.ground) & (before != value)).any():
                self.overlapping.add(i)
            part[patch.inside] = value
        return mask

    def _several(self, size: tuple[int, int], layers: list[Layer]) -> np.ndarray:
        """Returns a 1 for each layer that a pixel is in."""
        mask = np.zeros((*size, len(self._layout.names)), np.uint8)
        for layer in layers:
            patch = layer.draw()
            patch.of(mask)[patch.inside, self._layout.names.index(layer.name)] = 1
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
        """Returns the size of the first file."""
        if not self._files[i]:
            raise ImageFileError("no mask of this name in any class folder")
        return upright_size(open_mask(next(iter(self._files[i].values()))))

    def layers(self, i: int) -> Iterator[Layer]:
        """Lists the files of mask `i`, in which all but 0 is of the class."""
        size = self.size(i)
        for name, path in self._files[i].items():
            yield Layer(name, path, partial(_read_layer, path, size))

    def called(self, i: int) -> str:
        """Names the files."""
        return " and ".join(self._files[i].values())


class CocoMasks(LayeredMasks):
    """Draws masks by the annotations of a COCO file.

    Args:
        origin: What the file says of its images.
        layout: Says which value each category gets.
    """

    def __init__(self, origin: ByAnnotation, layout: Layout) -> None:
        super().__init__(layout)
        self._origin = origin

    def __len__(self) -> int:
        return len(self._origin.sizes)

    def size(self, i: int) -> tuple[int, int]:
        """Returns the size that the file says."""
        height, width = self._origin.sizes[i]
        limit = Image.MAX_IMAGE_PIXELS or 2**31
        if not all(type(side) is int and side > 0 for side in (height, width)):
            raise ImageFileError(
                f"the COCO file gives the height {height!r:.40} and the width {width!r:.40}"
            )
        if height * width > limit:
            raise ImageFileError(f"the COCO file gives {height} x {width} pixels, over {limit}")
        return height, width

    def layers(self, i: int) -> Iterator[Layer]:
        """Lists the parts of all annotations of image `i`."""
        size = self.size(i)
        for annotation in self._origin.annotations[i]:
            name = self._name(annotation)
            with _naming(annotation):
                listed = parts(annotation.get("segmentation"))
            for part in listed:
                yield Layer(name, _called(annotation), partial(_draw_part, annotation, part, size))

    def _name(self, annotation: Mapping[str, object]) -> str:
        """Returns the name of an annotation's category."""
        category = annotation.get("category_id")
        if not isinstance(category, (int, str)) or category not in self._origin.categories:
            raise ImageFileError(
                f"{_called(annotation)} has the category {category!r:.40}, "
                "which the file does not list"
            )
        return self._origin.categories[category]


def _same(patch: Patch) -> Patch:
    """Returns a layer that was kept."""
    return patch


def _read_layer(path: str, size: tuple[int, int]) -> Patch:
    """Reads the file of one class of a mask, in which all but 0 is of the class."""
    pixels = read_mask(path)
    values = np.flatnonzero(np.bincount(pixels.ravel()))
    if len(values[values > 0]) > 1:
        raise ImageFileError(
            f"{path} has the values {', '.join(map(str, values[:10]))}; the file of one class has "
            "0 and one other; was it resized smoothly, and not by nearest?"
        )
    if pixels.shape != size:
        raise ImageFileError(f"{path} has another size than the files of other classes")
    return Patch(0, 0, pixels > 0)


def _draw_part(annotation: Mapping[str, object], part: object, size: tuple[int, int]) -> Patch:
    """Draws a part of an annotation."""
    with _naming(annotation):
        return draw(part, size)


@contextlib.contextmanager
def _naming(annotation: Mapping[str, object]) -> Iterator[None]:
    """Names an annotation in the error of a region that cannot be drawn."""
    try:
        yield
    except RegionError as error:
        raise ImageFileError(f"{_called(annotation)}: {error}") from None


def _called(annotation: Mapping[str, object]) -> str:
    """Names an annotation for messages."""
    return f"annotation {annotation.get('id')!r:.40}"
