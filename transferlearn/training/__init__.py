"""Runs the phases of a training: the one place that sets `.trainable`, compiles and fits."""

from .feeding import Sources as Sources
from .feeding import check_cache as check_cache
from .phases import run as run
from .recipe import Recipe as Recipe
from .recipe import as_callbacks as as_callbacks
from .recipe import check_recipe as check_recipe
from .recipe import compile_network as compile_network
from .recipe import freeze_and_compile as freeze_and_compile
from .recipe import outputs_of as outputs_of
from .recipe import set_trainable as set_trainable
