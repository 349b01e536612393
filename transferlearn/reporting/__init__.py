"""Joins what is known of a trained model in one file that opens in any browser."""

from transferlearn.reporting.writing import report as report
