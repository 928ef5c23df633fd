"""From a registry's study record to the skeleton of a pack."""
