"""Joins the processes that the environment names, and divides batches among their devices."""

import os

import keras

from transferlearn.distributing.processes import join, processes


def distribute() -> None:
    """Divides training among all devices of all processes; call it before anything else, on JAX.

    When to use it: the first line of a program that is started once on each machine or device, by
    `transferlearn launch`, `torchrun`, Slurm or Kubernetes. Each process runs the same program, and
    the processes find each other by `MASTER_ADDR`, `MASTER_PORT`, `WORLD_SIZE` and `RANK`; where
    these are not set, by what JAX finds of Slurm, MPI or a TPU pod. A program that is started alone
    takes the devices of its machine.

    Raises:
        ValueError: Keras runs on another backend, or a variable is no number.

    Example:
        ```python
        import transferlearn as tl

        tl.distribute()
        fitted = tl.ImageClassifierBuilder("EfficientNetLite0", seed=0).fit("photos")
        fitted.save("model")
        ```
    """
    if keras.backend.backend() != "jax":
        raise ValueError(
            "Several processes train on JAX: set KERAS_BACKEND=jax before Python starts. "
            f"Received: {keras.backend.backend()}"
        )
    import jax

    found = os.environ
    if "WORLD_SIZE" in found:
        count, number = _number("WORLD_SIZE"), _number("RANK")
        address = f"{found.get('MASTER_ADDR', '127.0.0.1')}:{found.get('MASTER_PORT', '29500')}"
        # Of several processes on a machine, each has one accelerator.
        several = int(found.get("LOCAL_WORLD_SIZE", 1)) > 1
        own = _number("LOCAL_RANK") if several else None
        if count > 1:
            jax.distributed.initialize(address, count, number, local_device_ids=own)
    elif {"SLURM_STEP_NODELIST", "OMPI_MCA_orte_hnp_uri", "TPU_WORKER_HOSTNAMES"} & found.keys():
        jax.distributed.initialize()
    if jax.process_count() == 1:
        keras.distribution.set_distribution(keras.distribution.DataParallel())
        return
    join(jax.process_count(), jax.process_index())
    seed = processes().seed()
    keras.utils.set_random_seed(seed)  # all draw the same weights, and mirror the same images


def _number(name: str) -> int:
    """Returns the whole number in an environment variable."""
    value = os.environ.get(name, "")
    if not value.isdigit():
        raise ValueError(f"{name} is a whole number. Received: {name}={value!r}")
    return int(value)
