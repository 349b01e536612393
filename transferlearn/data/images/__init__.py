"""Reads images as a kind of data: files, arrays and streams of pixels."""

from transferlearn.data.images.dataset import ImageDataset as ImageDataset
from transferlearn.data.images.kind import Images as Images
