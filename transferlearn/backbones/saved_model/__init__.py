"""Reads TensorFlow SavedModels, and makes backbones that run their programs."""

from transferlearn.backbones.saved_model.layer import copy_programs as copy_programs
from transferlearn.backbones.saved_model.layer import looking_beside as looking_beside
from transferlearn.backbones.saved_model.modules import SavedModels as SavedModels
from transferlearn.backbones.saved_model.modules import from_saved_model as from_saved_model
from transferlearn.backbones.saved_model.modules import trust as trust
