"""Checks and settles what a training is given, where several processes run it together."""

from collections.abc import Sequence

import keras

from transferlearn.assembling import Network
from transferlearn.builders.run_description import digest_of_weights
from transferlearn.distributing import processes
from transferlearn.training import TrainingData

_WRITERS = (  # callbacks that write files, once for all processes
    keras.callbacks.CSVLogger,
    keras.callbacks.ModelCheckpoint,
    keras.callbacks.RemoteMonitor,
    keras.callbacks.TensorBoard,
)


def among_processes(
    network: Network,
    data: TrainingData,
    callbacks: Sequence[keras.callbacks.Callback],
    resume: object,
    time_limit: object,
) -> list[keras.callbacks.Callback]:
    """Returns the callbacks of this process; those of Keras's that write are the first one's.

    Raises:
        ValueError: An argument is given that each process would decide by its own clock or folder,
            or the network or the data is not that of the first process.
    """
    if processes().count == 1:
        return list(callbacks)
    for name, given in (("resume", resume), ("time_limit", time_limit)):
        if given is not None:
            raise ValueError(
                f"Several processes train without {name}=. Leave it out; the features that a "
                "tl.Cache(directory=...) holds are found again after a stop."
            )
    held_out = data.validation.count if data.validation else None
    processes().check_same("items", (data.train.count, held_out, data.batch_size))
    processes().check_same("weights", digest_of_weights(network))
    return [x for x in callbacks if processes().is_first or not isinstance(x, _WRITERS)]
