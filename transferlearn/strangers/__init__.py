"""Reads models and weight files from strangers without running anything that they bring along."""

from transferlearn.strangers.configs import check_config as check_config
from transferlearn.strangers.models import read_model as read_model
from transferlearn.strangers.models import read_model_of_save as read_model_of_save
from transferlearn.strangers.presets import check_preset as check_preset
from transferlearn.strangers.presets import plain_settings as plain_settings
from transferlearn.strangers.refusal import RefusalError as RefusalError
from transferlearn.strangers.sizes import check_size as check_size
from transferlearn.strangers.tensors import check_finite as check_finite
from transferlearn.strangers.weights import checked_weights as checked_weights
