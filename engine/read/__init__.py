"""The text of a file to typed values, or every fault in it."""
