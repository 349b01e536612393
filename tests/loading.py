"""Shorthand for tests: loads data with the settings of images, targets and errors in one call."""

from transferlearn import data
from transferlearn.data.dataset import Request
from transferlearn.data.targets import Binary, ClassIds, OneHot
from transferlearn.tasks.classification.encoding import ClassWeights

_IMAGES = ("image_size", "default_image_size", "value_range", "interpolation")


def reading(*, class_names=None, multi_label=False, on_error="skip", **options):
    """How images of classes are read."""
    images = {name: options.pop(name) for name in _IMAGES if name in options}
    target = (data.Tags if multi_label else data.Classes)(class_names)
    return data.Reading(data.Images(**images, **options), target, on_error)


def load(source, **options):
    """`data.load` of images of classes."""
    how = reading(**options)
    return data.load(source, how.kind, how.target, on_error=how.on_error)


def load_pair(train, validation_data=None, *, validation_split=0.1, seed=None, **options):
    """`data.load_pair` of images of classes."""
    how = reading(**options)
    return data.load_pair(train, validation_data, how, validation_split=validation_split, seed=seed)


def load_images(source, *, on_error="skip", **options):
    """Images to predict on."""
    return data.Images(**options).unlabelled(source, on_error=on_error)


def request(dataset, *, batch_size, encoding=None, class_weight=None, shuffle=False, seed=None):
    """A request for batches, with the classes' encoding by name and weights by class id."""
    count = 0 if dataset.targets is None else len(dataset.targets.class_names)
    encode = {None: None, "index": ClassIds(), "one-hot": OneHot(count), "binary": Binary()}
    weigh = None
    if class_weight:
        weigh = ClassWeights(tuple(float(class_weight.get(i, 1)) for i in range(count)))
    return Request(batch_size, encode[encoding], weigh, shuffle, seed)


def batches_of(dataset, **options):
    """`Dataset.batches`, see `request`."""
    return dataset.requested(request(dataset, **options))


def contents_of(dataset, **options):
    """`Dataset.contents`, see `request`."""
    return dataset.contents(request(dataset, **options))
