"""Advises on what to start from, what a run will take, which rate to use and what to change."""
