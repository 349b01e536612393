"""Cuts texts into words, and makes entities and parts of speech of a network's outputs."""
