"""Records of others as subject files: FHIR R4, tables, REDCap, questionnaires.

Every importer makes the plain values that a subject file holds and has the engine's own
reader check them: units, ranges, dates and codes are judged in one place.
"""
