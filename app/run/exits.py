"""The exit codes of the command line."""

from __future__ import annotations

FOUND, REJECTED, DOUBT = 1, 2, 3
