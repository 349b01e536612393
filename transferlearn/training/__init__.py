"""Runs the phases of a training; only this package sets `.trainable`, compiles and fits."""

from transferlearn.features.limits import check_cache as check_cache
from transferlearn.training.ahead import Ahead as Ahead
from transferlearn.training.compiling import CompileSettings as CompileSettings
from transferlearn.training.compiling import as_callbacks as as_callbacks
from transferlearn.training.compiling import compile_network as compile_network
from transferlearn.training.compiling import freeze_and_compile as freeze_and_compile
from transferlearn.training.compiling import set_trainable as set_trainable
from transferlearn.training.feeding import FedBatch as FedBatch
from transferlearn.training.feeding import first_batch as first_batch
from transferlearn.training.held_out_score import HeldOutScore as HeldOutScore
from transferlearn.training.inputs import PhaseInput as PhaseInput
from transferlearn.training.inputs import TrainingData as TrainingData
from transferlearn.training.limit import TimeLimit as TimeLimit
from transferlearn.training.phases import PhaseRunner as PhaseRunner
from transferlearn.training.recording import say_inexact as say_inexact
from transferlearn.training.resumption import Resumption as Resumption
from transferlearn.training.solving import LeftOut as LeftOut
