"""Checks the head and the backbone that a builder is given."""

import keras

from transferlearn.backbones import Backbone
from transferlearn.heads import Decoder, Head


def check_parts(head: object, backbone: object) -> None:
    """Raises `TypeError` unless the head and the backbone have types that builders take."""
    if not isinstance(head, (Head, Decoder)):
        raise TypeError(
            f"head is an object such as tl.heads.PooledDense(). Received: head={head!r}"
        )
    if not isinstance(backbone, (str, keras.Model, Backbone)):
        raise TypeError(
            "backbone is a name such as 'VGG16', a functional keras.Model, or a Backbone. "
            f"Received: backbone={backbone!r}"
        )
