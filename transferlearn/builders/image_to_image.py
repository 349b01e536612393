"""Defines the builder of networks that make pictures of pictures."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import keras

from transferlearn import backbones
from transferlearn.backbones import Backbone
from transferlearn.builders.images import ImageBuilder
from transferlearn.checks import whole
from transferlearn.data import Degradation, DegradedImages, Images, Originals, Pictures
from transferlearn.data.transforms import Mirrored
from transferlearn.heads import Decoder, Head, PictureUNet
from transferlearn.json_fields import Json
from transferlearn.schedules import AutoForPictures, Schedule
from transferlearn.tasks import Encoding, ImageToImage, PictureEncoding, PicturePrediction, Task


@dataclass(frozen=True)
class ImageToImageBuilder(ImageBuilder[PicturePrediction]):
    """Fine-tunes a pretrained network to make a picture of each picture.

    When to use it: to enlarge, to remove noise, to colour, to fill holes, or to make of one sort of
    picture another, of which you have pairs. Images go in as they are; `predict` gives pictures,
    and so does the saved `.keras` model: raw pixels in, pixels from 0 to 255 out.

    Args:
        backbone, weights, freeze, batch_norm, optimizer, learning_rate, precision,
            on_error, groups, seed: See `ImageClassifierBuilder`.
        image_size: `(height, width)` in pixels of what goes in. The answer is larger where the
            targets are, by a whole number. By default it is the data's own (arrays), or such that
            the answer has the backbone's size.
        value_range: See `tl.builders.ImageBuilder`.
        augmentation: `"light"` (each epoch sees each picture, with its target, mirrored or not) or
            `"none"`; by default the schedule's, which is `"light"`.
        batch_size: How many pictures a step learns from. Each has thousands of pixels, so that few
            are enough, and more steps are taken in the same time.
        degradation: What makes the pictures to train on worse, so that the network learns to make
            them good again: `tl.data.super_resolution(4)`, `tl.data.denoise(0.1)`,
            `tl.data.colourise()`, `tl.data.inpaint()` or a `tl.data.Degradation` of your own. The
            data is then good pictures: a folder, a list or an array. `None`: the data is pairs, see
            `tl.data.Pictures`.
        head: The decoder, which reads the backbone's pyramid, and the picture itself as `"image"`.
        loss: By default the mean absolute error, in values of 255; `tl.tasks.PerceptualLoss()`, or
            a loss of your own, which gets pixels in [0, 255].
        metrics: Keras metrics that read the same; by default PSNR and SSIM.

    Example:
        builder = tl.ImageToImageBuilder(
            "EfficientNetLite0", degradation=tl.data.super_resolution(4), image_size=(32, 32)
        )
        fitted = builder.fit("photos")
        fitted.predict("small.png").save("large.png")
    """

    degradation: Degradation | None = None
    head: Head | Decoder = field(default_factory=PictureUNet)
    batch_size: int = field(default=8, kw_only=True)

    auto: ClassVar[Schedule] = AutoForPictures()
    _makes: ClassVar[str] = "image_to_image"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.augmentation not in (None, "none", "light") or self.views > 1 or self.mixup:
            raise ValueError(
                "An augmentation of what goes in alone would leave the targets as they were: "
                "augmentation is 'light' (mirrored, with the targets) or 'none'; leave views and "
                f"mixup out. Received: augmentation={self.augmentation!r}, views={self.views}, "
                f"mixup={self.mixup}"
            )
        if not isinstance(self.head, Decoder):
            raise TypeError(
                "What makes pictures is a decoder, such as tl.heads.PictureUNet(). "
                f"Received: head={self.head!r}"
            )
        _ = self.kind  # refuses what is no degradation

    @property
    def kind(self) -> Images:
        """The settings to read pictures by, and what makes them worse."""
        if self.degradation is None:
            return super().kind
        scale = getattr(self.degradation, "scale", 1)
        height, width = backbones.default_image_size(self.backbone)
        return DegradedImages(
            image_size=self.image_size,
            default_image_size=(max(1, height // scale), max(1, width // scale)),
            value_range=self.value_range,
            degradation=self.degradation,
        )

    @property
    def task(self) -> Task[PicturePrediction]:
        """The task: image to image, of pairs or of good pictures."""
        pairs = self.degradation is None
        return ImageToImage(Pictures(self.value_range) if pairs else Originals())

    def _variation(self, shape: tuple[int, ...], plan: Schedule) -> Json:
        """Returns the mirroring of pictures and targets, if the builder or the schedule asks."""
        wanted = plan.augmentation if self.augmentation is None else self.augmentation
        return {"transform": Mirrored() if wanted == "light" else None}

    def _read_backbone(
        self, shape: tuple[int, ...] | None, encoding: Encoding[PicturePrediction]
    ) -> Backbone:
        """Loads the backbone for pictures of the size of the answer: it sees them enlarged."""
        assert isinstance(encoding, PictureEncoding)
        return super()._read_backbone((*encoding.size, 3), encoding)

    def build(self, scale: int | None = None) -> keras.Model:
        """Makes the compiled model, for plain `model.fit` and everything else that Keras does.

        Args:
            scale: How many times larger the answer is than what goes in; by default as the
                degradation says, or 1.

        Returns:
            A plain, flat, functional `keras.Model`: pixels in [0, 255], `(batch, height, width, 3)`
            in, and out, `scale` times as large.

        Example:
            model = tl.ImageToImageBuilder("MobileNetV2", freeze="all").build()
            model.fit(noisy, clean, epochs=10)
        """
        return self._build(self._blank(scale))

    def summary(
        self, scale: int | None = None, *, print_fn: Callable[[str], object] = print
    ) -> None:
        """Prints, block by block, what is frozen or trained, and how many parameters that is."""
        self._summary(self._blank(scale), print_fn)

    def _blank(self, scale: int | None) -> PictureEncoding:
        """Makes an encoding for building without data."""
        if scale is None:
            scale = 1 if self.degradation is None else self.degradation.scale
        times = whole("scale", scale, least=1)
        height, width = self.kind.size
        return PictureEncoding(
            scale=times,
            size=(height * times, width * times),
            originals=self.degradation is not None,
        )
