"""Both derivations read limits of normal alike, in every mixture of stated, lacking and denied."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from engine import terms as m
from engine.reference import evaluator as reference
from engine.select.readings import find_readings, readings_only
from tests import build
from tests.generators import LONG

AS_OF = date(2026, 11, 20)
ULN = build.millionths("40")
VALID = build.duration("30 days")
PACK = build.pack(
    facts=[
        build.fact("bare", "quantity", valid_for=VALID),
        build.fact("lab", "quantity", valid_for=VALID, uln_u=ULN),
        build.fact("lasting", "quantity", changes="never", uln_u=ULN),
        build.fact("ranged", "quantity", uln_u=ULN, range_u=(0, 100 * m.MILLION)),
    ]
)
VALUES = [*(build.amount(text) for text in ("40", "80", "<80", ">=40")), build.amount("0.4", "g/L")]
DAYS = ["2026-11-20", "2026-11-19", "2026-11", "2025", "2027-11-19", None]
LIMITS = [None, ULN, build.millionths("50"), build.millionths("0.4"), "none"]
STATED = st.lists(
    st.tuples(
        st.sampled_from(VALUES),
        st.sampled_from(DAYS),
        st.sampled_from(LIMITS),
        st.sampled_from([None, None, None, None, "pending"]),
    ),
    min_size=1,
    max_size=3,
)
Stated = Sequence[tuple[m.Amount, str | None, int | str | None, m.SaidUnknown | None]]


@given(STATED, st.sampled_from(list(PACK.facts)))
@settings(max_examples=20_000 if LONG else 500)
def test_both_derivations_read_limits_of_normal_alike(stated: Stated, name: str) -> None:
    statements = [
        build.said(
            None if unknown else value, day, unknown=unknown,
            uln_u=None if limit == "none" else limit, no_limit=limit == "none",
        )
        for value, day, limit, unknown in stated
    ]  # fmt: skip
    subject = build.subject({name: statements})
    found = readings_only(find_readings(PACK, subject, AS_OF))
    assert found == reference.readings(PACK, subject, AS_OF)
