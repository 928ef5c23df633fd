"""Screening reports in text, Markdown, HTML and PDF, rendered from the decision record alone."""
