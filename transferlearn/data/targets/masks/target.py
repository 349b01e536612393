"""Finds a mask for each image: for each pixel, which class it has."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import ImageColor

from transferlearn.data.listed import (
    ByAnnotation,
    ByColumn,
    ByFolder,
    ByRow,
    Listed,
    as_paths,
    path_in,
)
from transferlearn.data.messages import indented, notice
from transferlearn.data.targets.base import ByBatch, Target, Targets
from transferlearn.data.targets.columns import find_column
from transferlearn.data.targets.labels import check_names, is_missing
from transferlearn.data.targets.masks.layers import (
    GROUND,
    CocoMasks,
    LayeredMasks,
    LayerFiles,
    Layout,
)
from transferlearn.data.targets.masks.pairing import Compared, compare, notice_turned, pair_masks
from transferlearn.data.targets.masks.sources import (
    Colour,
    Examined,
    MaskFiles,
    MaskRows,
    MaskSource,
    ReadBefore,
    as_layers,
    as_mask,
    examined,
)
from transferlearn.data.targets.masks.targets import (
    MaskTargets,
    listed,
    say_void_ground,
    unknown_of,
    void_value,
)
from transferlearn.data.targets.masks.values import (
    BINARY,
    Census,
    classes_by_value,
    refuse_unnamed,
)
from transferlearn.edge.pictures import ImageFileError

_VOID = 255


@dataclass(frozen=True)
class Masks(Target):
    """Learns the class of each pixel, by a mask for each image.

    Args:
        class_names: The names of the classes in the order of their values 0, 1, 2 and so on; by
            default the values found in the masks are the names, or those of class folders or of a
            COCO file.
        void: The value of pixels that have no class, which neither count in training nor in
            figures, or its colour in masks with a palette (`"white"`, `"#ff00ff"`); `None`: there
            are no such pixels.
        values: The value that the pixels of each class have in a mask; by default 0, 1, 2 and so
            on, or what is found.
        multi_label: Whether a pixel may have several classes, or none.

    A folder holds `images/` and, beside it, `masks/` with a file of the same name but for its
    ending (`images/a/1.jpg`, `masks/a/1.png`): ids in grey or in a palette. Masks of 0 and 255
    alone show one thing, the foreground. Or each class has a folder with files of 0 and another
    value, `masks/<class>/a/1.png`. Tables have a column of paths, `mask`. Arrays hold whole
    numbers, `(n, height, width)`; with `multi_label`, 0 and 1, `(n, height, width, classes)`.

    Example:
        data = tl.data.load("photos", target=tl.data.Masks(class_names=["road", "sky", "car"]))
        print(data.targets.summary())
    """

    class_names: Sequence[str] | None = None
    void: int | str | None = _VOID
    values: Sequence[int] | None = None
    multi_label: bool = False

    items_folder: ClassVar[str | None] = "images"
    targets_folder: ClassVar[str | None] = "masks"
    reads_annotations: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "class_names", check_names(self.class_names))
        if self.values is not None:
            object.__setattr__(self, "values", tuple(map(int, self.values)))
        if isinstance(self.void, str):
            ImageColor.getrgb(self.void)  # says which names it knows
        elif self.void is not None and not 0 <= self.void <= 255:
            raise ValueError(
                "void is a value from 0 to 255, a colour such as 'white', or None. "
                f"Received: void={self.void}"
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """The usual names of a column of masks."""
        return ("mask", "masks", "mask_path")

    @property
    def ranks(self) -> tuple[int, ...]:
        """Returns how many axes a mask has in a stream."""
        return (3,) if self.multi_label else (2, 3)

    @property
    def _colour(self) -> Colour | None:
        """The colour of void, if it is one."""
        return ImageColor.getrgb(self.void)[:3] if isinstance(self.void, str) else None

    def gather(self, listed: Listed) -> Targets:
        """Finds the masks, and compares their sizes with those of the images."""
        origin = listed.origin
        if isinstance(origin, ByRow):
            return self._targets(self._source(origin.rows), listed)
        return super().gather(listed)

    def of_folders(self, origin: ByFolder, listed: Listed) -> MaskTargets:
        """Finds the mask of each image in the folder `masks` beside the folder `images`."""
        folder = Path(origin.folder)
        paired = pair_masks(listed.items, folder / "images", folder / "masks")
        if paired.by_class is not None:
            layout = self._layout(paired.classes)
            return self._targets(LayerFiles(paired.by_class, layout), listed)
        return self._targets(self._files(paired.files), listed)

    def of_columns(self, origin: ByColumn, listed: Listed) -> MaskTargets:
        """Takes the paths of masks, or masks themselves, from the column `mask`."""
        name = find_column(origin, listed, self.columns, "mask", "call it mask")
        cells = origin.columns[name]
        if all(isinstance(cell, (str, Path)) or is_missing(cell) for cell in cells):
            paths = [None if is_missing(cell) else path_in(cell, origin.folder) for cell in cells]
            return self._targets(self._files(paths), listed)
        return self._targets(MaskRows(cells, several=self.multi_label), listed)

    def of_annotations(self, origin: ByAnnotation, listed: Listed) -> MaskTargets:
        """Draws the annotations of a COCO file."""
        layout = self._layout(tuple(origin.categories.values()))
        return self._targets(CocoMasks(origin, layout), listed)

    def of_rows(self, origin: ByRow) -> MaskTargets:
        """Takes the masks that were passed, without looking at the images."""
        return self._targets(self._source(origin.rows), None)

    def of_stream(self, origin: ByBatch) -> Targets:
        """Reads the whole stream once for the values that its masks have."""
        take = as_layers if self.multi_label else as_mask
        found: list[Examined] = []
        for batch in origin.read():
            for mask in batch:
                try:
                    found.append(examined(take(np.asarray(mask), f"mask {len(found)}")))
                except ImageFileError as error:
                    raise ValueError(f"{origin.what} cannot be used: {error}.") from error
        if not found:
            raise ValueError(f"{origin.what} is empty: it gave no element.")
        return self._of(ReadBefore(len(found)), found, [""] * len(found))

    def _source(self, rows: Sequence[object] | np.ndarray) -> MaskSource:
        """Returns the source of masks that were passed, as arrays or as paths."""
        paths = as_paths(rows)
        if paths is not None:
            return self._files(paths)
        return MaskRows(rows, several=self.multi_label)

    def _files(self, paths: Sequence[str | None]) -> MaskFiles:
        """Returns the source of masks in files, in which a pixel has one class."""
        if self.multi_label:
            raise ValueError(
                "One file for a mask holds one class a pixel. With multi_label=True each class has "
                "a folder, masks/<class>/photo.png; or pass arrays of 0 and 1 "
                "(n, height, width, classes), or a COCO file."
            )
        return MaskFiles(paths, self._colour)

    def _layout(self, layers: Sequence[str]) -> Layout:
        """Returns which values layers of these names get."""
        void = void_value(self.void)
        return Layout.of(layers, self.class_names, self.values, void, several=self.multi_label)

    def _targets(self, source: MaskSource, listed: Listed | None) -> MaskTargets:
        """Examines all masks, and makes targets of them that say which cannot be used."""
        with ThreadPoolExecutor() as threads:
            found = list(threads.map(source.examine, range(len(source))))
        _refuse_smeared(found)
        reasons = [one.reason for one in found]
        if listed is not None:
            compared = [
                Compared(one.reason) if one.reason else compare(item, one.size)
                for item, one in zip(listed.items, found, strict=True)
            ]
            reasons = [pair.reason for pair in compared]
            turned = [i for i, pair in enumerate(compared) if pair.unclear]
            turned = [i for i in turned if not source.says_upright(i)]
            notice_turned([listed.called(i) for i in turned])
        if isinstance(source, LayeredMasks) and source.overlapping:
            notice(
                f"In {len(source.overlapping)} of {len(source)} masks classes overlap; a pixel has "
                "the class of the smallest region there. multi_label=True keeps all of them."
            )
        if isinstance(source, LayeredMasks) and self.values is None and not self.multi_label:
            say_void_ground(self.class_names)
        return self._of(source, found, reasons)

    def _of(self, source: MaskSource, found: Sequence[Examined], reasons: list[str]) -> MaskTargets:
        """Makes targets of masks that were examined, and finds what else cannot be used."""
        good = [i for i, reason in enumerate(reasons) if not reason]
        names, values, void = self._classes(Census(source, good, found))
        for i, one in enumerate(found):
            reasons[i] = reasons[i] or self._unusable(one, values, void)
        return MaskTargets(
            class_names=names,
            values=values,
            void=void,
            several=self.multi_label,
            source=source,
            rows=np.arange(len(source)),
            examined=found,
            reasons={i: reason for i, reason in enumerate(reasons) if reason},
        )

    def _unusable(self, one: Examined, values: tuple[int, ...], void: int | str | None) -> str:
        """Explains why a mask that could be read cannot be used; empty if it can be."""
        if self.multi_label:
            return "" if one.seen else "all of its mask is void"
        if new := unknown_of(one.pixels, values, void_value(void)):
            return (
                f"its mask has the values {listed(new)}, which no class has ({listed(values)} have)"
            )
        return "" if one.pixels[list(values)].any() else "all of its mask is void"

    def _classes(self, census: Census) -> tuple[tuple[str, ...], tuple[int, ...], int | str | None]:
        """Returns names and values of the classes, and void, by what the masks hold."""
        names, source = self.class_names, census.source
        if self.multi_label:
            return self._of_layers(source, [census.examined[i] for i in census.numbers])
        if source.names is not None:
            layout = self._layout(source.names)
            # A background of which no pixel is left over would be a class of nothing.
            nothing = (
                names is None and layout.names[0] == GROUND and layout.values[0] not in census.found
            )
            first = 1 if nothing else 0
            empty = layout.void if self.void is None else self.void
            return layout.names[first:], layout.values[first:], empty
        if self.values is None:
            values, void = classes_by_value(census, names, self.void)
        else:
            values, void = tuple(self.values), self.void
        if names is None:
            named = ("background", "foreground") if values == BINARY else map(str, values)
            return tuple(named), values, void
        if len(names) != len(values):
            raise ValueError(
                f"There are {len(names)} class names for {len(values)} values: {listed(values)}."
            )
        fixed = self.values is not None
        refuse_unnamed(census, values, void_value(void), names, fixed=fixed)
        return tuple(names), values, void

    def _of_layers(
        self, source: MaskSource, good: Sequence[Examined]
    ) -> tuple[tuple[str, ...], tuple[int, ...], int | str | None]:
        """Returns the classes where a pixel may have several: those of the layers."""
        counts = {len(one.pixels) for one in good}
        names = source.names or self.class_names or tuple(map(str, range(max(counts, default=0))))
        if counts - {len(names)}:
            raise ValueError(
                f"There are {len(names)} classes, and masks with {listed(sorted(counts))} layers."
            )
        return tuple(names), tuple(range(len(names))), self.void


def _refuse_smeared(found: Sequence[Examined]) -> None:
    """Refuses masks of a lossy format, all of which were written in the same wrong way."""
    if smeared := [one.reason for one in found if one.smeared]:
        raise ValueError(
            "Masks must be PNG, BMP, GIF or TIFF files: a lossy format changes ids a little, which "
            "makes other classes of them. Write masks anew, from what these were made "
            f"of:{indented(smeared)}"
        )
