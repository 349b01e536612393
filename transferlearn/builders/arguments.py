"""Checks the arguments of a builder."""

import keras

from transferlearn.backbones import Backbone
from transferlearn.heads import Decoder, Head


def check_parts(head: object, backbone: object) -> None:
    """Raises `TypeError` where the head is no head, or the backbone no backbone."""
    if not isinstance(head, (Head, Decoder)):
        raise TypeError(
            f"head is an object such as tl.heads.PooledDense(). Received: head={head!r}"
        )
    if not isinstance(backbone, (str, keras.Model, Backbone)):
        raise TypeError(
            "backbone is a name such as 'VGG16', a functional keras.Model, or a Backbone. "
            f"Received: backbone={backbone!r}"
        )
