"""Makes of a fitted model the function that is exported: raw items in, what is meant out."""

import json
from dataclasses import dataclass
from typing import Any

import keras

from transferlearn.edge import ImageReader, TensorSpec
from transferlearn.exporting.description import embedded
from transferlearn.fitted import FittedModel
from transferlearn.json_fields import Json
from transferlearn.tables import visible
from transferlearn.tasks import OnePass


@dataclass(frozen=True, kw_only=True, eq=False)
class ServedNetwork:
    """Holds the function that is exported, and what is known of it.

    Attributes:
        model: The Keras model whose variables the function uses.
        function: The `tf.function`; it takes one tensor for each input, in order, and gives a
            mapping of outputs by name.
        inputs: The inputs by name.
        outputs: The outputs by name.
        metadata: What a file that can hold texts holds of the model, such as its class names.
        labels: The name of each number in the output, such as the classes.
    """

    model: keras.Model
    function: Any
    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]
    metadata: dict[str, str]
    labels: tuple[str, ...]

    @property
    def signature(self) -> list[Any]:
        """The inputs as a list of `tf.TensorSpec`."""
        import tensorflow as tf

        return [tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in self.inputs.items()]

    @property
    def classifies_photos(self) -> bool:
        """Returns whether photos go in and a number for each label comes out."""
        shapes = [spec.shape for spec in self.outputs.values()]
        reads_photos = json.loads(self.metadata["item_reader"])["name"] == ImageReader.name
        return reads_photos and [shape[1:] for shape in shapes] == [(len(self.labels),)]

    def texts(self) -> dict[str, str]:
        """Returns the metadata as text files by name, as phones read them: one label a line."""
        lines = "".join(f"{visible(label)}\n" for label in self.labels)
        return {"metadata.json": json.dumps(self.metadata, indent=2), "labels.txt": lines}


def check_backend() -> None:
    """Raises `ValueError` where Keras does not run on TensorFlow, whose converters are used."""
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "Exports are made with Keras on TensorFlow; a save is read there as it is. "
            f"Received: KERAS_BACKEND={keras.backend.backend()}. In a shell: "
            "KERAS_BACKEND=tensorflow transferlearn export <save> <folder> <photos>"
        )


def serve(fitted: FittedModel, *, whole: bool = False) -> ServedNetwork:
    """Makes the function of a fitted model that is exported.

    Args:
        fitted: The model.
        whole: Whether inputs are whole numbers if the items are, such as uint8 pixels.

    Raises:
        ValueError: Keras does not run on TensorFlow, whose converters are used.
    """
    check_backend()
    import tensorflow as tf

    answerer, encoding = fitted.answerer(), fitted.encoding
    if not isinstance(answerer, OnePass):
        raise ValueError(
            f"A model of {encoding.name} answers in several passes, which one exported network "
            "cannot do. Serve the save itself: transferlearn serve <save>"
        )
    model = answerer.model
    dtype = fitted.kind.item_reader().whole if whole else None
    inputs = {
        tensor.name: TensorSpec((None, *tensor.shape[1:]), dtype or str(tensor.dtype))
        for tensor in model.inputs
    }

    def function(*tensors: object) -> Json:
        taken = [keras.ops.cast(x, to.dtype) for x, to in zip(tensors, model.inputs, strict=True)]
        # `Model.export` leaves `training` open, and layers such as Resizing then turn it on.
        outputs = model(taken if len(taken) > 1 else taken[0], training=False)
        return {
            name: keras.ops.cast(tensor, "float32")
            for name, tensor in encoding.meant(outputs).items()
        }

    signature = [tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in inputs.items()]
    traced = tf.function(function, input_signature=signature, autograph=False)
    found = traced.get_concrete_function().structured_outputs
    return ServedNetwork(
        model=model,
        function=traced,
        inputs=inputs,
        outputs={name: TensorSpec(tuple(out.shape), out.dtype.name) for name, out in found.items()},
        metadata=embedded(fitted),
        labels=encoding.output_reader().labels,
    )
