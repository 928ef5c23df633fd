"""The decision log in its SQLite file: appending, proving, verifying, replaying."""
