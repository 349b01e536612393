"""Runs the whole library on data that it makes or carries: `transferlearn demo`."""
