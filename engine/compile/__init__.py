"""Criteria to rules."""
