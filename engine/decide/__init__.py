"""Both derivations, compared: a decision, or no verdict."""
