"""Defines the builder of networks that classify images."""

from dataclasses import dataclass

from transferlearn.builders.classifier import Classifier
from transferlearn.builders.images import ImageBuilder
from transferlearn.tasks import ClassPrediction


@dataclass(frozen=True)
class ImageClassifierBuilder(ImageBuilder[ClassPrediction], Classifier):
    """Fine-tunes a pretrained network to classify one's own images.

    When to use it: with a few dozen to a few million labelled images. Images go in as they are, RGB
    pixels in [0, 255]; each network's own preprocessing is inside the model.

    Args:
        backbone: A name (`transferlearn backbones` lists them), a functional `keras.Model` without
            its head, or a `tl.backbones.Backbone`.
        weights: `"imagenet"`, the path of a weight file, or `None` for random weights.
        head: The layers behind the backbone, such as `tl.heads.PooledDense()`.
        freeze: `"all"`, `"none"`, the name of a layer or block (up to and with it), a number of
            layers, a share in (0, 1) of those that have weights, or a `tl.freezing` strategy. By
            default the schedule chooses; `build` then freezes a pretrained backbone whole, and a
            random one not at all.
        batch_norm: `"frozen"` keeps the backbone's BatchNorm (gamma, beta, statistics) fixed in
            trained blocks too; `"train"` trains it there, as always with `weights=None`.
        optimizer: The name of a Keras optimizer, or an optimizer, of which copies are used.
        learning_rate: The learning rate; by default the optimizer's own.
        loss, metrics, multi_label, class_names, class_weight: See `tl.builders.Classifier`.
        batch_size: The number of images in a step.
        precision: A Keras dtype policy: `"mixed_bfloat16"` or `"mixed_float16"` for GPUs.
        on_error: What to do with broken files: `"skip"` them (and say so) or `"raise"`.
        groups: Which items belong together (photos of a patient, a camera, a day), so that none is
            held out without the others: the name of a table's column; a function that gives the
            name of a group for a path; or for `(x, y)` a group for each item. Duplicates belong
            together anyway.
        seed: Makes a run repeatable (it sets Python's, NumPy's and the backend's seeds). Another
            one holds out other items; `None` holds out those of 0.
        image_size, value_range, augmentation, views, mixup: See `tl.builders.ImageBuilder`.

    Example:
        head = tl.heads.FlattenDense(units=(128,))
        builder = tl.ImageClassifierBuilder("VGG16", head=head, freeze="all")
        fitted = builder.fit("train", validation_data="validation", epochs=10)
    """
