"""After a long run: how many subjects were screened, and what they reached."""

from __future__ import annotations

from collections import Counter

import pytest

_COUNTS: Counter[str] = Counter()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call":
        for name, counts in report.user_properties:
            if name == "reached":
                assert isinstance(counts, dict)
                _COUNTS.update(counts)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _COUNTS:
        terminalreporter.section("generated subjects")
        for name in sorted(_COUNTS):
            terminalreporter.write_line(f"{_COUNTS[name]:>10,}  {name}")
