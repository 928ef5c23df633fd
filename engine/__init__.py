"""The functional core: values in, values out."""

__version__ = "0.2.0"
"""Stated here once: to ask the installation takes longer than to read a pack."""
