"""FHIR R4 input, resource by resource: read, chosen, kept, gathered for a patient."""
