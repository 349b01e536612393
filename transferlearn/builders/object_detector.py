"""Defines the builder of networks that find objects in images, each with a box."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import keras

from transferlearn.assembling import Network
from transferlearn.backbones import Backbone
from transferlearn.builders.augmentation import PRESETS, transform_of
from transferlearn.builders.images import ImageBuilder
from transferlearn.checks import whole
from transferlearn.data import Boxes, Images, Mosaic, Transform
from transferlearn.heads import Decoder, FCOSHead, Head, RetinaNetHead
from transferlearn.json_fields import Json
from transferlearn.schedules import AutoForBoxes, Schedule
from transferlearn.tasks import BoxEncoding, BoxPrediction, Detection, Encoding, Task
from transferlearn.tasks.detection.encoding import THRESHOLD


@dataclass(frozen=True)
class ObjectDetectorBuilder(ImageBuilder[BoxPrediction]):
    """Fine-tunes a pretrained network to find objects in one's own images, each with a box.

    When to use it: where a photo shows several things, and it matters how many and where: parts,
    animals, cars, defects that can be counted. A few hundred photos with boxes are a beginning.
    `predict` gives boxes in the photo's own pixels, with class names and scores. The saved `.keras`
    model gives what the head says of each place; `tl.export` adds the choice among them.

    Args:
        backbone, weights, freeze, batch_norm, optimizer, learning_rate, batch_size, precision,
            on_error, groups, seed: See `ImageClassifierBuilder`.
        image_size, value_range: See `tl.builders.ImageBuilder`. Small objects need large images.
        augmentation: What is done to images and boxes together: `"light"` (each epoch sees each
            image mirrored or not), `"strong"` (also turned, zoomed, moved, and in other colours),
            `"mosaic"` (parts of four images in one), `"none"`, or a `tl.data.Transform`; by default
            the schedule's, which is `"light"`.
        views: Of `"strong"` and `"mosaic"`, how many views of each image are made and stored; with
            1 each epoch makes new ones.
        head: The decoder, which reads the backbone's pyramid: `tl.heads.FCOSHead()`,
            `tl.heads.RetinaNetHead()` or one of your own. By default it leaves out levels that the
            sizes of the boxes do not need.
        class_names, bounding_box_format, most: See `tl.data.Boxes`.
        photo_fit: `"letterbox"`: photos keep their shape, between two bars; `"stretch"`: they fill
            `image_size`.
        loss: By default `tl.tasks.DetectionLoss`, or `tl.tasks.AnchorLoss` for a `RetinaNetHead`;
            or one of your own, which gets boxes `(batch, objects, 7)` and the head's output
            `(batch, queries, classes + 10)`.
        metrics: Keras metrics that read the same; by default none. After each epoch the mean
            average precision is computed on held-out photos.

    Example:
        builder = tl.ObjectDetectorBuilder("EfficientNetLite0", image_size=(256, 256), seed=0)
        fitted = builder.fit((photos, {"boxes": boxes, "labels": labels}))
        fitted.predict("photo.jpg").save("boxes.png")
    """

    head: Head | Decoder = field(default_factory=FCOSHead)
    class_names: Sequence[str] | None = None
    bounding_box_format: str = "xyxy"
    most: int = 100
    photo_fit: str = "letterbox"
    batch_size: int = 8

    auto: ClassVar[Schedule] = AutoForBoxes()
    _named: ClassVar[tuple[str, ...]] = (*PRESETS, "mosaic")
    _makes: ClassVar[str] = "detector"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "class_names", self._boxes.class_names)
        if self.mixup:
            raise ValueError(f"Boxes cannot be mixed: leave mixup out. Received: {self.mixup}")
        self._transform("none")  # refuses an augmentation of images alone
        if not isinstance(self.head, Decoder):
            raise TypeError(
                "A detector's head is a decoder, such as tl.heads.FCOSHead(). "
                f"Received: head={self.head!r}"
            )

    @property
    def kind(self) -> Images:
        """The settings to read images by, which keep their shape."""
        return replace(super().kind, fit=self.photo_fit)

    @property
    def task(self) -> Task[BoxPrediction]:
        """The task: detection of objects of these classes."""
        return Detection(self._boxes)

    @property
    def _boxes(self) -> Boxes:
        """The target, which finds boxes in the data."""
        return Boxes(self.class_names, self.bounding_box_format, self.most)

    def build(self, num_classes: int) -> keras.Model:
        """Makes the compiled model, for plain `model.fit` and everything else that Keras does.

        Args:
            num_classes: How many classes objects can have.

        Returns:
            A plain, flat, functional `keras.Model`, which gives
            `(batch, queries, num_classes + 10)`. Its loss takes boxes `(batch, objects, 7)`: x0,
            y0, x1, y1 in shares of the image's sides, class or -1 for padding, area, and 1 for a
            crowd.

        Example:
            model = tl.ObjectDetectorBuilder("MobileNetV2", freeze="all").build(3)
            model.fit(images, boxes, epochs=10)
        """
        return self._build(self._blank(num_classes))

    def summary(self, num_classes: int, *, print_fn: Callable[[str], object] = print) -> None:
        """Prints, block by block, what is frozen or trained, and how many parameters that is."""
        self._summary(self._blank(num_classes), print_fn)

    def _variation(self, shape: tuple[int, ...], plan: Schedule) -> Json:
        """Returns the augmentation of images and boxes together."""
        return {"transform": self._transform(plan.augmentation)}

    def _transform(self, default: str) -> Transform | None:
        """Makes what changes images and boxes, by the builder's setting or else the default."""
        given: object = default if self.augmentation is None else self.augmentation
        if given == "mosaic":
            return Mosaic(self.views)
        return transform_of(given, self.views, "boxes where they were", "tl.data.Warped(turn=10)")

    def _read_backbone(
        self, shape: tuple[int, ...] | None, encoding: Encoding[BoxPrediction]
    ) -> Backbone:
        """Loads the backbone, without the levels that the sizes of the boxes do not need."""
        return super(ObjectDetectorBuilder, self._for(encoding))._read_backbone(shape, encoding)

    def _network(
        self,
        backbone: Backbone,
        encoding: Encoding[BoxPrediction],
        shape: tuple[int, ...] | None,
    ) -> tuple[Network, Encoding[BoxPrediction]]:
        """Builds the network with the levels that the sizes of the boxes need."""
        assert isinstance(encoding, BoxEncoding)
        anchored = replace(encoding, anchored=isinstance(self.head, RetinaNetHead))
        return super(ObjectDetectorBuilder, self._for(encoding))._network(backbone, anchored, shape)

    def _for(self, encoding: Encoding[BoxPrediction]) -> "ObjectDetectorBuilder":
        """Returns this builder with a head that fits the sizes and shapes of the boxes."""
        assert isinstance(encoding, BoxEncoding)
        if isinstance(self.head, FCOSHead):
            return replace(self, head=self.head.for_sides(encoding.sides))
        if isinstance(self.head, RetinaNetHead):
            return replace(self, head=self.head.for_boxes(encoding.sides, encoding.ratios))
        return self

    def _blank(self, num_classes: int) -> BoxEncoding:
        """Makes an encoding for building without data."""
        count = whole("num_classes", num_classes, least=1)
        size = self.kind.size
        if size is None:
            raise ValueError("A detector is built for images of one size: pass image_size.")
        return BoxEncoding(
            class_names=tuple(map(str, range(count))),
            box_format=self.bounding_box_format,
            most=self.most,
            size=size,
            letterboxed=self.photo_fit == "letterbox",
            sides=(),
            ratios=(),
            thresholds=(THRESHOLD,) * count,
        )
