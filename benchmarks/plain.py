"""The shipped protocol's criteria as one hand-written function: what a benchmark is held against.

Nobody should decide with this: no trace, no reasons, no partial dates, no units, no second
derivation. It shows what the least that could give 17 answers costs in this language.
"""

from __future__ import annotations

from datetime import date, timedelta

from engine.terms import MILLION, Amount, Days, Subject

Answers = dict[str, bool | None]
_RADIATION, _STEROID, _CHEMO = ("radiation",), ("corticosteroid",), ("chemotherapy",)
_CELLS = ("donor_lymphocytes", "transplant", "cell_therapy")
_ANTIBODIES = ("antibody", "cell_therapy", "other")


def _latest(subject: Subject, name: str, days: int, as_of: date) -> object:
    """The last value of a fact, if it was recorded within so many days."""
    best, when = None, None
    for statement in subject.facts.get(name, ()):
        if statement.voided or statement.on is None or statement.on > as_of:
            continue
        if when is None or statement.on > when:
            best, when = statement.value, statement.on
    return None if when is None or (as_of - when).days > days else best


def _number(subject: Subject, name: str, days: int, as_of: date) -> float | None:
    value = _latest(subject, name, days, as_of)
    return value.amount_u / MILLION if isinstance(value, Amount) else None


def _lasting(subject: Subject, name: str) -> object:
    statements = subject.facts.get(name, ())
    return statements[-1].value if statements else None


def _last_entry(subject: Subject, kinds: tuple[str, ...], as_of: date) -> date | None:
    listed = subject.records.get("therapy")
    if listed is None:
        return None
    last = date.min
    for entry in listed.entries:
        if entry.values.get("kind") in kinds:
            ended = entry.values.get("ended")
            last = max(last, ended.last if isinstance(ended, Days) else as_of)
    return last


def _targeted(subject: Subject) -> bool | None:
    listed = subject.records.get("therapy")
    if listed is None:
        return None
    for entry in listed.entries:
        targets = entry.values.get("target", ())
        aimed = isinstance(targets, tuple) and ("cd19" in targets or "cd20" in targets)
        if aimed and entry.values.get("kind") in _ANTIBODIES:
            return True
    return False


def _above(value: float | None, limit: float) -> bool | None:
    return None if value is None else value > limit


def answers(subject: Subject, as_of: date) -> Answers:
    """True, false or None for each criterion's statement."""
    born = _lasting(subject, "birth_date")
    age = None
    if isinstance(born, Days):
        day = born.first
        age = as_of.year - day.year - ((as_of.month, as_of.day) < (day.month, day.day))
    sex = _lasting(subject, "sex")
    score = _number(subject, "lansky" if (age or 0) < 16 else "karnofsky", 28, as_of)
    course = _latest(subject, "disease_course", 28, as_of)
    cd19 = _number(subject, "cd19_blasts", 92, as_of)
    chemo = _last_entry(subject, _CHEMO, as_of)
    steroid = _last_entry(subject, _STEROID, as_of)
    radiation = _last_entry(subject, _RADIATION, as_of)
    cells = _last_entry(subject, _CELLS, as_of)
    week = as_of - timedelta(days=7)
    creatinine = _number(subject, "creatinine", 14, as_of)
    bands = ((6, 0.8), (10, 1.0), (13, 1.2), (16, 1.5 if sex == "male" else 1.4))
    limit = 1.7 if sex == "male" else 1.4
    for end, top in bands:
        if (age or 0) < end:
            limit = top
            break
    organ = [
        _above(creatinine, limit),
        _above(_number(subject, "alt", 14, as_of), 200),
        _above(_number(subject, "ast", 14, as_of), 200),
        _above(_number(subject, "bilirubin", 14, as_of), 2.0),
    ]
    for name, least, days in (("lvef", 50, 28), ("spo2", 90, 7)):
        value = _number(subject, name, days, as_of)
        organ.append(None if value is None else value < least)
    mri = [
        _latest(subject, "chloroma_on_mri", 28, as_of),
        _latest(subject, "infiltration_on_mri", 28, as_of),
        _latest(subject, "neurological_symptoms", 14, as_of),
    ]
    in_age = None if age is None else 2 <= age <= 18
    relapsed = course in (
        "second_relapse",
        "relapse_after_transplant",
        "primary_refractory",
        "refractory_relapse",
    )
    return {
        "I01": in_age and _lasting(subject, "disease") == "b_all" and relapsed and _above(cd19, 20),
        "I02": _above(_number(subject, "marrow_blasts", 28, as_of), 4.999999),
        "I03": _latest(subject, "apheresis_tolerated", 28, as_of) is True,
        "I04": _above(_number(subject, "life_expectancy", 28, as_of), 12),
        "I05": _above(score, 50),
        "I06": None if chemo is None or steroid is None else chemo <= week and steroid <= week,
        "I07": _latest(subject, "consent", 90, as_of) is True,
        "I08": _latest(subject, "donor_identified", 184, as_of) is True,
        "E01": _latest(subject, "other_malignancy", 28, as_of) is True,
        "E02": True if True in mri else None if None in mri else False,
        "E03": _latest(subject, "cns_disorder", 28, as_of) not in (None, "none")
        or _latest(subject, "cns_status", 28, as_of) == "cns_3",
        "E04": _latest(subject, "gvhd_active", 14, as_of) not in (None, "none", "acute_1"),
        "E05": None if radiation is None else (as_of - radiation).days <= 14,
        "E06": _targeted(subject),
        "E07": None if cells is None else (as_of - cells).days <= 30,
        "E08": _latest(subject, "infection", 7, as_of) == "uncontrolled",
        "E09": True if True in organ else None if None in organ else False,
    }
