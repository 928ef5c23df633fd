"""Recorded facts to readings, as of a date."""
