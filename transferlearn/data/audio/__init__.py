"""Reads recordings of any rate and number of channels as rows of samples."""

from transferlearn.data.audio.changed import ChangedAudio as ChangedAudio
from transferlearn.data.audio.kind import Audio as Audio
