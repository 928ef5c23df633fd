"""What a trial hands on, from decision and outcome records: CDISC SDTM and FHIR R4."""
