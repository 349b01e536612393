"""Divides batches among the devices of `keras.distribution`, and among processes, on JAX."""

from transferlearn.distributing.devices import divided_batches as divided_batches
from transferlearn.distributing.devices import on_devices as on_devices
from transferlearn.distributing.joining import distribute as distribute
from transferlearn.distributing.processes import Processes as Processes
from transferlearn.distributing.processes import apart as apart
from transferlearn.distributing.processes import first_prints as first_prints
from transferlearn.distributing.processes import processes as processes
from transferlearn.distributing.processes import together as together
from transferlearn.distributing.shares import SharedBatches as SharedBatches
