"""Rules fired in durable_rules."""
