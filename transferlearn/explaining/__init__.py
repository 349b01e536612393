"""Explains why a model answers as it does, as arrays: heat maps, words that count, features."""

from transferlearn.explaining.answers import Answers as Answers
from transferlearn.explaining.answers import answers_of as answers_of
from transferlearn.explaining.explanations import explain as explain
from transferlearn.explaining.explanations import explainer as explainer
from transferlearn.explaining.features import features as features
from transferlearn.explaining.features import in_plane as in_plane
from transferlearn.explaining.heat_maps import HeatMap as HeatMap
from transferlearn.explaining.heat_maps import heat_maps as heat_maps
from transferlearn.explaining.words import WordImportances as WordImportances
from transferlearn.explaining.words import word_importances as word_importances
