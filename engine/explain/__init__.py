"""What was compared, what is missing, what time changes, what was not used."""
