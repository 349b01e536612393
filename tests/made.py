"""Models whose weights are set by hand, so that what they look at is known exactly."""

import keras
import numpy as np

from transferlearn.data import Characters, Images, Texts
from transferlearn.fitted import FittedModel, Outline
from transferlearn.tasks import ClassEncoding, NumberEncoding

SIZE = (8, 8)
_LETTERS = 2**16


def fitted(model, kind, encoding):
    """A `FittedModel` that nobody trained."""
    history = keras.callbacks.History()
    history.history, history.epoch = {}, []
    outline = Outline(backbone="made", source="by hand", batch_size=4)
    return FittedModel(
        model=model, kind=kind, encoding=encoding, history=history, phases=(), outline=outline
    )


def of_colours(kernel, activation="softmax", encoding=None):
    """A model of images that adds up the mean red, green and blue of 2 x 2 pixels by a kernel."""
    kernel = np.asarray(kernel, "float32")
    image = keras.Input((*SIZE, 3), name="image")
    x = keras.layers.Rescaling(1 / 255)(image)
    conv = keras.layers.Conv2D(3, 2, strides=2, use_bias=False, name="mean")
    x = keras.layers.GlobalAveragePooling2D()(conv(x))
    head = keras.layers.Dense(kernel.shape[1], activation=activation, name="predictions")
    model = keras.Model(image, head(x))
    conv.set_weights([np.tile(np.eye(3) / 4, (2, 2, 1, 1))])
    head.set_weights([kernel, np.zeros(kernel.shape[1])])
    encoding = encoding or ClassEncoding(
        class_names=("red", "blue"), activation=activation, units=kernel.shape[1]
    )
    return fitted(model, Images(image_size=SIZE), encoding)


def of_letters(weights, activation="softmax", encoding=None):
    """A model of texts that adds up numbers of letters: `weights` goes from letters to rows."""
    units = len(next(iter(weights.values())))
    table = np.zeros((_LETTERS, units), "float32")
    for letter, row in weights.items():
        table[ord(letter)] = row
    tokens = keras.Input((None,), dtype="int32", name="token_ids")
    embedding = keras.layers.Embedding(_LETTERS, units)
    x = keras.ops.sum(embedding(tokens), axis=1)
    head = keras.layers.Dense(units, activation=activation, name="predictions")
    model = keras.Model(tokens, head(x))
    embedding.set_weights([table])
    head.set_weights([np.eye(units), np.zeros(units)])
    encoding = encoding or ClassEncoding(
        class_names=("bad", "good"), activation=activation, units=units
    )
    return fitted(model, Texts(Characters(), sequence_length=64), encoding)


def numbers(*names):
    """The encoding of numbers with these names."""
    return NumberEncoding(names=names, mean=(0.0,) * len(names), spread=(1.0,) * len(names))


def photos():
    """Two grey images: the first with a red upper left corner, the second with a blue one."""
    pixels = np.full((2, *SIZE, 3), 60, "uint8")
    pixels[0, :2, :4] = [250, 10, 10]
    pixels[1, :4, :2] = [10, 10, 250]
    return pixels
