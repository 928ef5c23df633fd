"""What every test shares: how long the property tests search."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

# A busy machine is no finding: no test here may depend on how fast it runs.
_PATIENT = [HealthCheck.too_slow]

settings.register_profile(
    "ci", derandomize=True, deadline=None, max_examples=100, suppress_health_check=_PATIENT
)
settings.register_profile(
    "long", deadline=None, max_examples=1_000, print_blob=True, suppress_health_check=_PATIENT
)
settings.register_profile("quick", settings.get_profile("ci"), max_examples=10)
_NO_SHRINKING = [Phase.explicit, Phase.generate]
settings.register_profile("mutants", settings.get_profile("quick"), phases=_NO_SHRINKING)
settings.load_profile(os.environ.get("ELIGO_FUZZ", "ci"))
