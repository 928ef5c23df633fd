"""The vocabulary: protocols, conditions, subjects, readings, faults, units, the calendar."""
