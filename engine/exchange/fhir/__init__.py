"""FHIR R4 by a pack's map: elements, units, limits, statements, entries."""
