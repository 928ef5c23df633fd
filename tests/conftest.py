"""What every test shares: how long the property tests search."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# A busy machine is no finding: no test here may depend on how fast it runs.
_PATIENT = [HealthCheck.too_slow]

settings.register_profile(
    "ci", derandomize=True, deadline=None, max_examples=100, suppress_health_check=_PATIENT
)
settings.register_profile(
    "long", deadline=None, max_examples=1_000, print_blob=True, suppress_health_check=_PATIENT
)
settings.register_profile("quick", settings.get_profile("ci"), max_examples=10)
settings.load_profile(os.environ.get("ELIGO_FUZZ", "ci"))
