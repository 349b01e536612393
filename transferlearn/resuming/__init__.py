"""Keeps the states of a training in a folder, so that a later process goes on exactly there."""

from transferlearn.resuming.folder import ITEMS as ITEMS
from transferlearn.resuming.folder import Position as Position
from transferlearn.resuming.folder import RunFolder as RunFolder
from transferlearn.resuming.state import State as State
