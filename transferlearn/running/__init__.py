"""Keeps the states of a training in a folder, so that a later process goes on exactly there."""

from transferlearn.running.differences import ITEMS as ITEMS
from transferlearn.running.folder import Position as Position
from transferlearn.running.folder import RunFolder as RunFolder
from transferlearn.running.state import State as State
