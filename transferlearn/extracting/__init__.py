"""Computes and stores the output of frozen layers alone, here or on many workers."""

from transferlearn.extracting.entrance import extract as extract
