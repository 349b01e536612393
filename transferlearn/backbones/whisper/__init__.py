"""Reads Whisper's files, and makes its encoder a backbone for recordings."""

from transferlearn.backbones.whisper.encoder import encoder_of as encoder_of
from transferlearn.backbones.whisper.speech import speech_of as speech_of
from transferlearn.backbones.whisper.weights import is_whisper as is_whisper
from transferlearn.backbones.whisper.weights import read_whisper as read_whisper
