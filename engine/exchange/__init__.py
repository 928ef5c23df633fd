"""Records of others and forms of ours, as values: FHIR R4, REDCap, questionnaires."""
