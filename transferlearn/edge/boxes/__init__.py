"""Finds which objects a photo shows and where, without Keras."""
