"""For the author of a pack: findings, cases, mutants, what an amendment changes."""
