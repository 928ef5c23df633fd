"""The second derivation of every decision, written from SEMANTICS alone."""
