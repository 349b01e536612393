"""TensorFlow SavedModels: what their programs are, and the backbones that run them."""

from transferlearn.backbones.saved_model.layer import copy_programs as copy_programs
from transferlearn.backbones.saved_model.layer import looking_beside as looking_beside
from transferlearn.backbones.saved_model.modules import SavedModels as SavedModels
from transferlearn.backbones.saved_model.modules import from_saved_model as from_saved_model
