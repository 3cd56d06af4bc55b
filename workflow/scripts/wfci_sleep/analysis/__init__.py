"""Analysis of scores: performance, agreement, bouts, attention, comparison of experiments.

One module for each concept; functions take tables and return tables, `figures` draw them.
"""
