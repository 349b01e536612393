"""Reads models and weight files from strangers without running anything that they bring along."""

from transferlearn.untrusted.configs import check_config as check_config
from transferlearn.untrusted.models import read_model as read_model
from transferlearn.untrusted.models import read_model_of_save as read_model_of_save
from transferlearn.untrusted.presets import check_preset as check_preset
from transferlearn.untrusted.presets import plain_settings as plain_settings
from transferlearn.untrusted.refusal import RefusalError as RefusalError
from transferlearn.untrusted.sizes import check_size as check_size
from transferlearn.untrusted.tensors import check_finite as check_finite
from transferlearn.untrusted.tensors import checked_weights as checked_weights
