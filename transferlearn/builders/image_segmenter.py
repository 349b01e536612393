"""Defines the builder of networks that tell the class of each pixel of images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import keras

from transferlearn.builders.augmentation import transform_of
from transferlearn.builders.images import ImageBuilder
from transferlearn.checks import whole
from transferlearn.data import Dataset, Masks, Transform
from transferlearn.data.targets import Weigh
from transferlearn.heads import Decoder, Head, SegFormerDecoder
from transferlearn.json_fields import Json
from transferlearn.schedules import AutoForMasks, Schedule
from transferlearn.tasks import LayerEncoding, MaskEncoding, MaskPrediction, Segmentation, Task
from transferlearn.tasks.segmentation import pixel_weights


@dataclass(frozen=True)
class ImageSegmenterBuilder(ImageBuilder[MaskPrediction]):
    """Fine-tunes a pretrained network to tell the class of each pixel of one's own images.

    When to use it: for defects, organs, fields or roads, with a few dozen images or more whose
    masks are drawn. Images go in as they are; `predict` gives a mask of the photo's own size, and
    the saved `.keras` model gives the probability of each class for each pixel.

    Args:
        backbone, weights, freeze, batch_norm, optimizer, learning_rate, batch_size, precision,
            on_error, groups, seed: See `ImageClassifierBuilder`.
        image_size, value_range: See `tl.builders.ImageBuilder`.
        augmentation: What is done to images and masks together: `"light"` (each epoch sees each
            image mirrored or not), `"strong"` (also turned, zoomed, moved, and in other colours),
            `"none"`, or a `tl.data.Transform` such as `tl.data.Warped(turn=180)`; by default the
            schedule's, which is `"light"`.
        views: Of `"strong"`, how many views of each image, with its mask, are made and stored; with
            1 each epoch makes new ones.
        head: The decoder, which reads the backbone's pyramid.
        class_names, void: See `tl.data.Masks`.
        multi_label: Whether a pixel can have several classes, or none. `predict` gives a mask for
            each class then, and figures are computed class by class.
        class_weight: The weights of pixels by their class: `"balanced"` (all classes count alike),
            or a mapping from names or ids of classes to weights; other classes have 1.
        loss: By default cross-entropy plus the Dice loss; `tl.tasks.CrossEntropyDice(focus=2)`,
            `tl.tasks.Tversky()` or `tl.tasks.Boundary()`; or a loss of your own, which gets class
            ids `(batch, height, width)`, -1 where there is void, and probabilities; with
            `multi_label`, 1, 0 and -1 for void, `(batch, height, width, classes)`.
        metrics: Keras metrics that read the same; by default the mean IoU.

    Example:
        builder = tl.ImageSegmenterBuilder("EfficientNetLite0", image_size=(256, 256), seed=0)
        fitted = builder.fit("photos")  # images/ and masks/
        fitted.predict("photo.jpg").save("mask.png")
    """

    head: Head | Decoder = field(default_factory=SegFormerDecoder)
    class_names: Sequence[str] | None = None
    void: int | str | None = 255
    class_weight: Mapping[Any, float] | str | None = None
    multi_label: bool = False

    auto: ClassVar[Schedule] = AutoForMasks()
    _makes: ClassVar[str] = "segmenter"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "class_names", Masks(self.class_names, self.void).class_names)
        if self.multi_label and self.class_weight is not None:
            raise ValueError(
                "class_weight weighs a pixel by its one class, and with multi_label=True it may "
                "have several: leave it out. loss=tl.tasks.Tversky(missed=0.7, invented=0.3) "
                f"weighs what is missed. Received: class_weight={self.class_weight!r}"
            )
        if self.mixup:
            raise ValueError(f"Masks cannot be mixed: leave mixup out. Received: {self.mixup}")
        self._transform("none")  # refuses an augmentation of images alone
        if not isinstance(self.head, Decoder):
            raise TypeError(
                "A segmenter's head is a decoder, such as tl.heads.SegFormerDecoder(). "
                f"Received: head={self.head!r}"
            )

    def _variation(self, shape: tuple[int, ...], plan: Schedule) -> Json:
        """Returns the augmentation of images and masks together."""
        return {"transform": self._transform(plan.augmentation)}

    def _transform(self, default: str) -> Transform | None:
        """Makes what changes images and masks, by the builder's setting or else the default."""
        given: object = default if self.augmentation is None else self.augmentation
        return transform_of(given, self.views, "masks as they were", "tl.data.Warped(turn=180)")

    def _weigh(self, train: Dataset) -> Weigh | None:
        """Returns the weights of pixels by their class."""
        return pixel_weights(self.class_weight, train)

    @property
    def task(self) -> Task[MaskPrediction]:
        """The task: segmentation into these classes, of which a pixel has one, or several."""
        masks = Masks(self.class_names, void=self.void, multi_label=self.multi_label)
        return Segmentation(masks)

    def build(self, num_classes: int) -> keras.Model:
        """Makes the compiled model, for plain `model.fit` and everything else that Keras does.

        Args:
            num_classes: How many classes a pixel can have.

        Returns:
            A plain, flat, functional `keras.Model`, with probabilities
            `(batch, height, width, num_classes)` out. Its loss takes class ids
            `(batch, height, width)`, -1 where there is void; with `multi_label`, 1, 0 and -1,
            `(batch, height, width, num_classes)`.

        Example:
            model = tl.ImageSegmenterBuilder("MobileNetV2", freeze="all").build(3)
            model.fit(images, ids, epochs=10)
        """
        return self._build(self._blank(num_classes))

    def summary(self, num_classes: int, *, print_fn: Callable[[str], object] = print) -> None:
        """Prints, block by block, what is frozen or trained, and how many parameters that is."""
        self._summary(self._blank(num_classes), print_fn)

    def _blank(self, num_classes: int) -> MaskEncoding:
        """Makes an encoding for building without data."""
        count = whole("num_classes", num_classes, least=1 if self.multi_label else 2)
        encoding = LayerEncoding if self.multi_label else MaskEncoding
        return encoding(
            class_names=tuple(map(str, range(count))),
            mask_values=tuple(range(count)),
            void=self.void,
            size=self.kind.size,
        )
