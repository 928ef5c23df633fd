"""The doors: the command line, the web pages and the log of decisions."""
