"""Reads Moonshine's files, and makes backbones for recordings of it."""

from transferlearn.backbones.moonshine.encoder import moonshine_encoder as moonshine_encoder
from transferlearn.backbones.moonshine.speech import moonshine_speech as moonshine_speech
from transferlearn.backbones.moonshine.weights import is_moonshine as is_moonshine
from transferlearn.backbones.moonshine.weights import read_moonshine as read_moonshine
