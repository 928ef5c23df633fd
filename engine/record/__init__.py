"""The published decision record: its types, its sentences, and its validation."""
