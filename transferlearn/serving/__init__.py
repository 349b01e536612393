"""Serves exported models over HTTP, without TensorFlow and Keras."""

from transferlearn.serving.app import app as app
from transferlearn.serving.running import serve as serve
from transferlearn.serving.settings import Settings as Settings
