"""Reads streams of images: `tf.data`, `ImageDataGenerator` iterators, and other `PyDataset`s."""

from transferlearn.data.images.streams.base import StreamDataset as StreamDataset
from transferlearn.data.images.streams.generators import load_generator as load_generator
from transferlearn.data.images.streams.tf_data import load_tf_data as load_tf_data
