"""What lies on a disk: files written whole or not at all, the log's database."""
