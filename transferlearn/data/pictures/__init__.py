"""Reads pictures as targets: pairs of pictures, and pictures that are degraded to learn from."""

from transferlearn.data.pictures.degradations import Degradation as Degradation
from transferlearn.data.pictures.degradations import Grey as Grey
from transferlearn.data.pictures.degradations import Holes as Holes
from transferlearn.data.pictures.degradations import Noisy as Noisy
from transferlearn.data.pictures.degradations import Shrunk as Shrunk
from transferlearn.data.pictures.degradations import colourise as colourise
from transferlearn.data.pictures.degradations import denoise as denoise
from transferlearn.data.pictures.degradations import inpaint as inpaint
from transferlearn.data.pictures.degradations import super_resolution as super_resolution
from transferlearn.data.pictures.degraded import DegradedImages as DegradedImages
from transferlearn.data.pictures.target import Originals as Originals
from transferlearn.data.pictures.target import Pictures as Pictures
from transferlearn.data.pictures.targets import PictureTargets as PictureTargets
from transferlearn.data.pictures.targets import Pixels as Pixels
