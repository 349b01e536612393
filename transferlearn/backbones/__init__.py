"""Loads pretrained networks without their heads, by name or from any functional model."""

from transferlearn.backbones.audio import AudioBackbone as AudioBackbone
from transferlearn.backbones.base import Backbone as Backbone
from transferlearn.backbones.base import BackboneSource as BackboneSource
from transferlearn.backbones.base import Facts as Facts
from transferlearn.backbones.base import Weights as Weights
from transferlearn.backbones.base import from_model as from_model
from transferlearn.backbones.blocks import Block as Block
from transferlearn.backbones.blocks import blocks_between_cuts as blocks_between_cuts
from transferlearn.backbones.blocks import blocks_by_name as blocks_by_name
from transferlearn.backbones.efficientnet_lite import efficientnet_lite0 as efficientnet_lite0
from transferlearn.backbones.registry import check_name as check_name
from transferlearn.backbones.registry import default_image_size as default_image_size
from transferlearn.backbones.registry import facts as facts
from transferlearn.backbones.registry import get as get
from transferlearn.backbones.registry import get_classifier as get_classifier
from transferlearn.backbones.registry import get_text as get_text
from transferlearn.backbones.registry import get_tokenizer as get_tokenizer
from transferlearn.backbones.registry import names as names
from transferlearn.backbones.registry import register as register
from transferlearn.backbones.registry import table as table
from transferlearn.backbones.saved_model import from_saved_model as from_saved_model
from transferlearn.backbones.saved_model import trust as trust
from transferlearn.backbones.texts import TextBackbone as TextBackbone
from transferlearn.backbones.texts import TextSource as TextSource
from transferlearn.backbones.texts import from_encoder as from_encoder
from transferlearn.backbones.weights import check_weights as check_weights
