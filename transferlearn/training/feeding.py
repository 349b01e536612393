"""Returns a batch as a network is trained on it, to look at."""

from typing import Any, NamedTuple

import keras
import numpy as np

from transferlearn.data.dataset import Request
from transferlearn.data.iterating import iterate
from transferlearn.randomness import random_states_kept
from transferlearn.training.inputs import TrainingData
from transferlearn.training.mixup import MixedBatches


class FedBatch(NamedTuple):
    """Holds a batch as a network is trained on it.

    Attributes:
        items: The items alone, without the further inputs that come with the targets: images
            `(batch, height, width, 3)` in [0, 255], or token ids.
        targets: The targets, as the loss reads them.
        weights: The weights of the items, float32 `(batch,)`; `None`: all weigh the same.
    """

    items: np.ndarray
    targets: Any
    weights: np.ndarray | None


def first_batch(data: TrainingData) -> FedBatch:
    """Returns the first batch of a training, augmented and mixed; no random state is changed."""
    request = Request(data.batch_size, data.encode, data.weigh, shuffle=True, seed=data.seed)
    request = request._replace(transform=data.transform)
    batches = data.train.requested(request)
    if data.mixup and isinstance(batches, keras.utils.PyDataset):
        batches = MixedBatches(batches, data.mixup, data.seed)
    inputs, targets, *rest = next(iter(iterate(batches)))
    items = np.asarray(keras.tree.flatten(inputs)[0])
    if data.augmentation is not None:
        with random_states_kept():
            layer = data.augmentation
            own = type(layer).from_config(layer.get_config())  # it draws numbers of its own
            image = keras.ops.convert_to_tensor(items.astype(np.float32))
            items = keras.ops.convert_to_numpy(own(image, training=True))
    return FedBatch(items, targets, rest[0] if rest else None)
