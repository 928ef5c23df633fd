"""Decision records written by hand, for the reports: invented subjects, no rule was fired."""

from __future__ import annotations

from typing import Any, Literal, cast

from engine.record.shape import (
    SEMANTICS,
    CriterionRecord,
    Decision,
    EngineFaultRecord,
    EntryRecord,
    Firing,
    ListRecord,
    LookAgain,
    Message,
    Missing,
    PassedOver,
    ReadingRecord,
    Rejection,
    Why,
)
from engine.terms import Basis, Kind, Reason, Status, Truth, Verdict

TODO: Message = {"id": "condition.todo", "arguments": {}}
"""Reports print the sentences of these records, which no template makes."""

OPPOSITE: dict[Truth, Truth] = {"true": "false", "false": "true", "unknown": "unknown"}

CRITERIA: dict[str, tuple[str, str]] = {
    "I01": (
        "Ages 2 to 18 years with relapsed or refractory CD19+ B-ALL",
        "From the 2nd birthday to the day before the 19th, as registries count. CD19+: more than"
        " 20 % of blasts carry CD19 by flow cytometry, in marrow or blood, within 3 months.",
    ),
    "I02": (
        "Presence of disease in the bone marrow",
        "At least 5 % lymphoblasts by morphology within 28 days. Minimal residual disease alone"
        " does not count.",
    ),
    "I03": (
        "Able to tolerate the apheresis process",
        "The apheresis physician's signed judgement within 28 days; no weight or count is set as"
        " a limit.",
    ),
    "I04": (
        "Life expectancy > 12 weeks",
        "The treating physician's signed estimate within 28 days; exactly 12 weeks does not"
        " qualify.",
    ),
    "I05": (
        "Lansky or Karnofsky score > 50%",
        "Lansky under 16 years, Karnofsky from 16; a score of exactly 50 does not qualify.",
    ),
    "I06": (
        "At least 7 days passed since the last chemotherapy and the last treatment with"
        " corticosteroids",
        "Counted in calendar days to the day of screening; the 7th day after the last dose"
        " qualifies. Replacement doses of corticosteroids are included.",
    ),
    "I07": (
        "Informed consent",
        "Signed by a parent or guardian, confirmed by the investigator within 90 days.",
    ),
    "I08": (
        "Having potential donor for stem cell transplantation",
        "At least one donor found within 6 months by HLA typing or registry search.",
    ),
    "E01": (
        "Presence of active malignancy other than the disease under study",
        "Active: under treatment, or with evidence of disease, now.",
    ),
    "E02": (
        "Chloroma and leukemic infiltration on MRI or significant neurological symptoms",
        "Any one of the three excludes. Without an MRI the criterion stays open.",
    ),
    "E03": (
        "Any CNS disorder",
        "A seizure disorder or another disorder of the CNS, present or under treatment; or CNS-3"
        " by cerebrospinal fluid. CNS-2 alone does not exclude.",
    ),
    "E04": (
        "Presence of active GVHD",
        "Acute grade II to IV (Glucksberg) or chronic of any severity. Acute grade I does not"
        " exclude.",
    ),
    "E05": (
        "Radiation therapy within last 14 days",
        "Any site and dose; the 14th day after the last fraction still excludes.",
    ),
    "E06": (
        "History of Anti-CD19 or Anti-CD20 therapy",
        "At any time and whatever the response: antibodies, bispecifics, conjugates and CAR-T"
        " cells alike.",
    ),
    "E07": (
        "Donor lymphocyte injection or other cell therapy methods within the last 30 days",
        "The 30th day after the infusion still excludes. A stem cell transplant counts.",
    ),
    "E08": (
        "Presence of severe active infection",
        "Clinically active and uncontrolled within 7 days.",
    ),
    "E09": (
        "Organ dysfunction",
        "Creatinine above the limit for age and sex, ALT or AST above 5 times the upper limit of"
        " normal, bilirubin above 2.0 mg/dL, ejection fraction below 50 % or oxygen saturation"
        " below 90 % on room air.",
    ),
}


def reading(fact: str, ask: str, value: Any, **more: str) -> ReadingRecord:
    return cast(ReadingRecord, {"fact": fact, "ask": ask, "value": value, **more})


def unknown(fact: str, ask: str, reason: Reason) -> ReadingRecord:
    return {"fact": fact, "ask": ask, "value": None, "reason": reason}


def leaf(
    condition: str, truth: Truth, says: str, looked_at: ReadingRecord, changes_on: str = ""
) -> Why:
    why: Why = {
        "node": "", "condition": condition, "condition_message": TODO, "truth": truth,
        "says": says, "says_message": TODO, "reading": looked_at, "children": [],
    }  # fmt: skip
    if changes_on:
        why["changes_on"] = changes_on
    return why


def group(condition: str, truth: Truth, *children: Why) -> Why:
    return {
        "node": "", "condition": condition, "condition_message": TODO, "truth": truth,
        "children": list(children),
    }  # fmt: skip


def missing(
    fact: str, reason: Reason, detail: str, collect: str, ask: str, found_in: str = ""
) -> Missing:
    lack: Missing = {
        "fact": fact, "reason": reason, "detail": detail, "message": TODO, "collect": collect,
        "ask": ask,
    }  # fmt: skip
    if found_in:
        lack["found_in"] = found_in
    return lack


def criterion(name: str, why: Why, *lacks: Missing, basis: Basis = "assumed") -> CriterionRecord:
    """A criterion of the protocol, its answer and status as its condition's truth sets them."""
    kind: Kind = "inclusion" if name.startswith("I") else "exclusion"
    number_nodes(why, name)
    text, interpretation = CRITERIA[name]
    good: Truth = "true" if kind == "inclusion" else "false"
    status: Status = (
        "open" if why["truth"] == "unknown" else "passed" if why["truth"] == good else "failed"
    )
    return {
        "id": name,
        "kind": kind,
        "text": text,
        "interpretation": interpretation,
        "basis": basis,
        "answer": {"true": "yes", "false": "no", "unknown": "unknown"}[why["truth"]],  # type: ignore[typeddict-item]
        "status": status,
        "why": why,
        "missing": list(lacks),
    }


def number_nodes(why: Why, node: str) -> None:
    why["node"] = node
    for at, child in enumerate(why["children"], 1):
        number_nodes(child, f"{node}.{at}")


def firings(criteria: list[CriterionRecord], verdict: Verdict) -> list[Firing]:
    found: list[Firing] = []

    def fire(why: Why) -> None:
        for child in why["children"]:
            fire(child)
        looked_at = why.get("reading")
        because = (
            [f"reading {looked_at['fact']}"]
            if looked_at
            else [f"{child['node']} {child['truth']}" for child in why["children"]]
        )
        found.append(
            {
                "rule": f"{why['node']} {why['truth']}",
                "because": because,
                "concluded": f"{why['node']} is {why['truth']}",
            }
        )

    for one in criteria:
        fire(one["why"])
        found.append(
            {
                "rule": f"{one['id']} answers {one['answer']}",
                "because": [f"{one['id']} is {one['why']['truth']}"],
                "concluded": f"{one['id']} {one['status']}",
            }
        )
    found.append(
        {
            "rule": f"verdict {verdict}",
            "because": ["inclusions", "exclusions"],
            "concluded": f"verdict {verdict}",
        }
    )
    return found


def again(on: str, because: list[str]) -> LookAgain:
    return {"on": on, "because": because, "messages": [TODO for _ in because]}


def decision(
    subject: str, verdict: Verdict, criteria: list[CriterionRecord], look_again: LookAgain | None
) -> Decision:
    wanted = {"ineligible": "failed", "undetermined": "open", "eligible": ""}[verdict]
    return {
        "schema": "eligo.decision/2",
        "semantics": SEMANTICS,
        "subject": subject,
        "as_of": "2026-11-20",
        "protocol": {
            "id": "cd19-car-t-b-all",
            "version": "1.0",
            "digest": "sha256:" + "5f2a9c0d41e87b36" * 4,
            "title": "Anti-CD19 CAR-T cells in children with relapsed or refractory B-ALL",
        },
        "facts_digest": "sha256:" + "0b64d1e2c3f5a798" * 4,
        "software": {"eligo": "0.1.0", "durable_rules": "2.0.28", "python": "3.11"},
        "verdict": verdict,
        "determined_by": [one["id"] for one in criteria if one["status"] == wanted],
        "look_again": look_again,
        "passed_over": [],
        "records": [],
        "criteria": criteria,
        "firings": firings(criteria, verdict),
    }


# --- readings and conditions that several subjects share -------------------------------

AGE = reading("age", "Age in completed years", 9, unit="a", entry="facts.birth_date")
DISEASE = reading(
    "disease", "Confirmed diagnosis", "b_all", label="B-cell ALL", on="2026-10-30",
    source="marrow report 4417", entry="facts.disease",
)  # fmt: skip
COURSE = reading(
    "disease_course", "How the disease has relapsed or been refractory", "second_relapse",
    label="Second or later marrow relapse", on="2026-11-10",
    source="haematology summary letter of 10 November", entry="facts.disease_course",
    good_until="2026-12-08",
)  # fmt: skip
CD19 = reading(
    "cd19_blasts", "Leukaemic blasts that carry CD19, by flow cytometry", 96.5, unit="%",
    on="2026-10-30", source="flow cytometry 2291", entry="facts.cd19_blasts",
    good_until="2027-01-30",
)  # fmt: skip
BLASTS = reading(
    "marrow_blasts", "Lymphoblasts in the bone marrow, by morphology",
    {"low": 80.000001, "high": 100}, unit="%", recorded=">80 %",
    on="2026-10-30", source="marrow report 4417",
    entry="facts.marrow_blasts", good_until="2026-11-27",
)  # fmt: skip
APHERESIS = reading(
    "apheresis_tolerated", "Able to tolerate apheresis (access, weight, counts, haemodynamics)",
    True, on="2026-11-16", source="apheresis consult note", by="Dr P. Example",
    entry="facts.apheresis_tolerated", good_until="2026-12-14",
)  # fmt: skip
LIFE = reading(
    "life_expectancy", "Life expectancy, estimated", {"low": 12.000001, "high": 5200}, unit="wk",
    recorded=">12 weeks",
    on="2026-11-16", by="Dr A. Example", entry="facts.life_expectancy", good_until="2026-12-14",
)  # fmt: skip
LANSKY = reading(
    "lansky", "Lansky play-performance score (under 16 years)", 80, unit="%", on="2026-11-18",
    source="bedside assessment", entry="facts.lansky", good_until="2026-12-16",
)  # fmt: skip
CONSENT = reading(
    "consent", "Informed consent signed (and assent, where the child is able)", True,
    on="2026-11-15", by="Dr A. Example", source="study binder", entry="facts.consent",
    good_until="2027-02-13",
)  # fmt: skip
DONOR = reading(
    "donor_identified", "Potential stem cell donor identified", True, on="2026-09-02",
    source="HLA typing report 118", entry="facts.donor_identified", good_until="2027-03-02",
)  # fmt: skip
THERAPY = {"good_until": "2026-11-25"}
CHEMO = reading(
    "last_chemotherapy", "Last chemotherapy", "2026-11-09",
    entry="records.therapy.entries[0]", source="medication chart", **THERAPY,
)  # fmt: skip
STEROID = reading(
    "last_corticosteroid", "Last systemic corticosteroid",
    {"low": "2026-10-01", "high": "2026-10-31"}, entry="records.therapy.entries[1]",
    source="referral letter", **THERAPY,
)  # fmt: skip
RADIATION = reading("last_radiation", "Last radiation therapy", "never", **THERAPY)
CELLS = reading(
    "last_cell_therapy", "Last donor lymphocytes, transplant or other cell therapy", "never",
    **THERAPY,
)  # fmt: skip
NO_ANTI_CD19 = reading(
    "prior_anti_cd19_cd20", "Any anti-CD19 or anti-CD20 therapy", False, **THERAPY
)
MALIGNANCY = reading(
    "other_malignancy", "Active malignancy other than B-ALL", False, on="2026-11-10",
    source="oncology history", entry="facts.other_malignancy", good_until="2027-02-10",
)  # fmt: skip
CHLOROMA = reading(
    "chloroma_on_mri", "Chloroma on MRI", False, on="2026-11-03", source="MRI report 77",
    entry="facts.chloroma_on_mri", good_until="2026-12-01",
)  # fmt: skip
INFILTRATION = reading(
    "infiltration_on_mri", "Leukaemic infiltration on MRI", False, on="2026-11-03",
    source="MRI report 77", entry="facts.infiltration_on_mri", good_until="2026-12-01",
)  # fmt: skip
SYMPTOMS = reading(
    "neurological_symptoms", "Significant neurological symptoms", False, on="2026-11-18",
    source="neurological examination", entry="facts.neurological_symptoms",
    good_until="2026-12-02",
)  # fmt: skip
CNS_DISORDER = reading(
    "cns_disorder", "Other disorder of the central nervous system, present or under treatment",
    "none", label="None", on="2026-11-10", source="problem list", entry="facts.cns_disorder",
    good_until="2026-12-08",
)  # fmt: skip
CNS_STATUS = reading(
    "cns_status", "Leukaemia in the cerebrospinal fluid", "cns_1", label="CNS-1: no blasts",
    on="2026-11-03", source="lumbar puncture report", entry="facts.cns_status",
    good_until="2026-12-01",
)  # fmt: skip
GVHD = reading(
    "gvhd_active", "Graft-versus-host disease, active now", "none", label="None",
    on="2026-11-17", source="transplant clinic note", entry="facts.gvhd_active",
    good_until="2026-12-01",
)  # fmt: skip
INFECTION = reading(
    "infection", "Infection", "controlled", label="Treated, without progression",
    on="2026-11-18", source="ward round note", entry="facts.infection", good_until="2026-11-25",
    note="line infection, day 6 of antibiotics",
)  # fmt: skip
CREATININE = reading(
    "creatinine", "Serum creatinine", 0.497738, unit="mg/dL", on="2026-11-18",
    source="lab 99182", entry="facts.creatinine[1]", recorded="44 umol/L",
    good_until="2026-12-02",
)  # fmt: skip
ALT = reading(
    "alt", "ALT", 61, unit="U/L", uln="45 U/L", on="2026-11-18", source="lab 99182",
    entry="facts.alt", good_until="2026-12-02",
)  # fmt: skip
AST = reading(
    "ast", "AST", 38, unit="U/L", uln="40 U/L", on="2026-11-18", source="lab 99182",
    entry="facts.ast", good_until="2026-12-02",
)  # fmt: skip
BILIRUBIN = reading(
    "bilirubin", "Total bilirubin", {"low": 0, "high": 0.299999}, unit="mg/dL",
    recorded="<0.3 mg/dL",
    on="2026-11-18", source="lab 99182", entry="facts.bilirubin", good_until="2026-12-02",
)  # fmt: skip
LVEF = reading(
    "lvef", "Left ventricular ejection fraction", 62, unit="%", on="2026-11-05",
    source="echocardiography report", entry="facts.lvef", good_until="2026-12-03",
)  # fmt: skip
SPO2 = reading(
    "spo2", "Oxygen saturation by pulse oximetry, on room air", 98, unit="%", on="2026-11-18",
    source="vital signs chart", entry="facts.spo2", good_until="2026-11-25",
)  # fmt: skip


def i01(age: Why) -> CriterionRecord:
    return criterion(
        "I01",
        group(
            "all of",
            age["truth"],
            age,
            leaf("disease is B-cell ALL", "true", "Confirmed diagnosis is B-cell ALL", DISEASE),
            leaf(
                "disease_course is one of 4",
                "true",
                "How the disease has relapsed or been refractory is Second or later marrow relapse",
                COURSE,
            ),
            leaf("cd19_blasts above 20 %", "true", "96.5 % of blasts carry CD19", CD19),
        ),
    )


def e09(creatinine: Why, liver: Why, *lacks: Missing) -> CriterionRecord:
    heart = leaf("lvef below 50 %", "false", "Ejection fraction is 62 %, not below 50 %", LVEF)
    lung = leaf("spo2 below 90 %", "false", "Oxygen saturation is 98 %, not below 90 %", SPO2)
    truths = {why["truth"] for why in (creatinine, liver)}
    truth: Truth = "true" if "true" in truths else "unknown" if "unknown" in truths else "false"
    return criterion("E09", group("any of", truth, creatinine, liver, heart, lung), *lacks)


def passed() -> dict[str, CriterionRecord]:
    """The 17 criteria of a child who passes all of them."""
    good_age = leaf("age between 2 and 18 years", "true", "Age is 9 years", AGE)
    creatinine = group(
        "creatinine_high",
        "false",
        group(
            "all of",
            "false",
            leaf("age below 6 years", "false", "Age is 9 years, not below 6 years", AGE),
            leaf("creatinine above 0.8 mg/dL", "false", "Creatinine is 0.497738 mg/dL", CREATININE),
        ),
        group(
            "all of",
            "false",
            leaf("age between 6 and 9 years", "true", "Age is 9 years", AGE),
            leaf("creatinine above 1 mg/dL", "false", "Creatinine is 0.497738 mg/dL", CREATININE),
        ),
    )
    liver = group(
        "liver_dysfunction",
        "false",
        leaf("alt above 5 x ULN", "false", "ALT is 61 U/L, not above 5 times 45", ALT),
        leaf("ast above 5 x ULN", "false", "AST is 38 U/L, not above 5 times 40", AST),
        leaf("bilirubin above 2 mg/dL", "false", "Bilirubin is below 0.3 mg/dL", BILIRUBIN),
    )
    every = [
        i01(good_age),
        criterion("I02", leaf("marrow_blasts at least 5 %", "true", "Over 80 % blasts", BLASTS)),
        criterion("I03", leaf("apheresis_tolerated", "true", "Tolerates apheresis", APHERESIS)),
        criterion("I04", leaf("life_expectancy above 12 weeks", "true", "Over 12 weeks", LIFE)),
        criterion(
            "I05",
            group(
                "any of",
                "true",
                group(
                    "all of",
                    "true",
                    leaf("age below 16 years", "true", "Age is 9 years, below 16", AGE),
                    leaf("lansky above 50 %", "true", "Lansky is 80 %, above 50 %", LANSKY),
                ),
                group(
                    "all of",
                    "false",
                    leaf("age at least 16 years", "false", "Age is 9 years", AGE),
                    leaf(
                        "karnofsky above 50 %",
                        "unknown",
                        "Karnofsky is not recorded",
                        unknown("karnofsky", "Karnofsky performance score", "not_recorded"),
                    ),
                ),
            ),
        ),
        criterion(
            "I06",
            group(
                "all of",
                "true",
                leaf("last_chemotherapy at least 7 days ago", "true", "11 days ago", CHEMO),
                leaf("last_corticosteroid at least 7 days ago", "true", "In October", STEROID),
            ),
        ),
        criterion("I07", leaf("consent", "true", "Consent is signed", CONSENT)),
        criterion("I08", leaf("donor_identified", "true", "A donor is identified", DONOR)),
        criterion("E01", leaf("other_malignancy", "false", "No other malignancy", MALIGNANCY)),
        criterion(
            "E02",
            group(
                "any of",
                "false",
                leaf("chloroma_on_mri", "false", "No chloroma on MRI", CHLOROMA),
                leaf("infiltration_on_mri", "false", "No infiltration on MRI", INFILTRATION),
                leaf("neurological_symptoms", "false", "No significant symptoms", SYMPTOMS),
            ),
        ),
        criterion(
            "E03",
            group(
                "any of",
                "false",
                leaf("cns_disorder is one of 6", "false", "No CNS disorder", CNS_DISORDER),
                leaf("cns_status is CNS-3", "false", "CNS-1", CNS_STATUS),
            ),
        ),
        criterion("E04", leaf("gvhd_active is one of 4", "false", "No active GVHD", GVHD)),
        criterion(
            "E05", leaf("last_radiation within the last 14 days", "false", "Never", RADIATION)
        ),
        criterion(
            "E06", leaf("prior_anti_cd19_cd20", "false", "None", NO_ANTI_CD19), basis="stated"
        ),
        criterion(
            "E07", leaf("last_cell_therapy within the last 30 days", "false", "Never", CELLS)
        ),
        criterion("E08", leaf("infection is uncontrolled", "false", "Controlled", INFECTION)),
        e09(creatinine, liver),
    ]
    return {one["id"]: one for one in every}


# --- the subjects -----------------------------------------------------------------------


def eligible() -> Decision:
    """All 17 criteria passed; the treatment list and two results expire first."""
    return decision(
        "CAR-001",
        "eligible",
        list(passed().values()),
        again(
            "2026-11-26",
            [
                "the list Prior treatment was confirmed complete for use until 2026-11-25",
                "Infection of 2026-11-18 may be relied on until 2026-11-25",
                "Oxygen saturation of 2026-11-18 may be relied on until 2026-11-25",
            ],
        ),
    )


def ineligible() -> Decision:
    """E06 failed for good, I06 failed for now, and one criterion is open."""
    criteria = passed()
    blinatumomab = reading(
        "prior_anti_cd19_cd20", "Any anti-CD19 or anti-CD20 therapy", True,
        entry="records.therapy.entries[3]", source="referral letter of 2 June 2025",
        note="blinatumomab, 1 cycle",
    )  # fmt: skip
    criteria["E06"] = criterion(
        "E06",
        leaf(
            "prior_anti_cd19_cd20 is yes",
            "true",
            "Any anti-CD19 or anti-CD20 therapy is yes: blinatumomab, ended 2025-05-19",
            blinatumomab,
        ),
        basis="stated",
    )
    recent = reading(
        "last_chemotherapy", "Last chemotherapy", "2026-11-17",
        entry="records.therapy.entries[5]", source="medication chart", **THERAPY,
    )  # fmt: skip
    criteria["I06"] = criterion(
        "I06",
        group(
            "all of",
            "false",
            leaf(
                "last_chemotherapy at least 7 days ago",
                "false",
                "Last chemotherapy was on 2026-11-17, 3 days ago, not at least 7 days ago",
                recent,
                "2026-11-24",
            ),
            leaf("last_corticosteroid at least 7 days ago", "true", "In October", STEROID),
        ),
    )
    criteria["I07"] = criterion(
        "I07",
        leaf(
            "consent",
            "unknown",
            "Informed consent is not known: nobody is named who attested it",
            unknown("consent", "Informed consent signed", "not_attested"),
        ),
        missing(
            "consent",
            "not_attested",
            "the value of 2026-11-15 names nobody; it needs the investigator",
            "consent",
            "Informed consent signed (and assent, where the child is able)",
            "signed consent form, study binder",
        ),
    )
    return decision(
        "CAR-014",
        "ineligible",
        list(criteria.values()),
        again("2026-11-24", ["Last chemotherapy is then at least 7 days ago (I06)"]),
    )


def undetermined() -> Decision:
    """Open for every reason there is, nothing failed."""
    criteria = passed()
    chart = "laboratory, chemistry panel"

    def one(
        name: str, fact: str, ask: str, reason: Reason, detail: str, found_in: str = ""
    ) -> None:
        criteria[name] = criterion(
            name,
            leaf(fact, "unknown", f"{ask} is not known: {detail}", unknown(fact, ask, reason)),
            missing(fact, reason, detail, fact, ask, found_in),
        )

    born = {"low": "2007-11-01", "high": "2007-11-30"}
    half_known = reading("age", "Age in completed years", {"low": 18, "high": 19}, unit="a")
    criteria["I01"] = i01(
        leaf(
            "age between 2 and 18 years",
            "unknown",
            "Age is 18 or 19 years: the date of birth is given as November 2007",
            half_known,
            "2026-11-30",
        )
    )
    criteria["I01"]["missing"] = [
        missing(
            "age",
            "imprecise",
            f"recorded as between {born['low']} and {born['high']}",
            "birth_date",
            "Date of birth",
            "admission sheet or identity document",
        )
    ]
    one(
        "I02",
        "marrow_blasts",
        "Lymphoblasts in the bone marrow, by morphology",
        "out_of_date",
        "the latest is of 2026-10-20 and could be relied on until 2026-11-17",
        "marrow aspirate report",
    )
    one(
        "I03",
        "apheresis_tolerated",
        "Able to tolerate apheresis",
        "not_attested",
        "the value of 2026-11-16 names nobody; it needs the apheresis physician",
        "apheresis unit's consult note",
    )
    one(
        "I04",
        "life_expectancy",
        "Life expectancy, estimated",
        "conflicting",
        "two values of 2026-11-16 differ: 10 weeks and 16 weeks",
        "treating physician's note",
    )
    one(
        "I05",
        "lansky",
        "Lansky play-performance score (under 16 years)",
        "undated",
        "a value is recorded without its date",
        "bedside assessment",
    )
    one(
        "I08",
        "donor_identified",
        "Potential stem cell donor identified",
        "not_yet",
        "recorded only for 2026-11-23, after the day of screening",
        "HLA typing report or donor registry search",
    )
    one(
        "E01",
        "other_malignancy",
        "Active malignancy other than B-ALL",
        "not_recorded",
        "nothing is recorded",
        "oncology history",
    )
    one(
        "E03",
        "cns_status",
        "Leukaemia in the cerebrospinal fluid",
        "not_done",
        "recorded as not done on 2026-11-12",
        "lumbar puncture report",
    )
    one(
        "E04",
        "gvhd_active",
        "Graft-versus-host disease, active now",
        "pending",
        "recorded as pending on 2026-11-18: consult on 2026-11-25",
        "transplant clinic note",
    )
    one(
        "E07",
        "last_cell_therapy",
        "Last cell therapy",
        "calendar",
        "counted from 2026-10-31, the time is up on 2026-11-30 or on 2026-12-01",
        "transplant record",
    )
    one(
        "E08",
        "infection_days",
        "Days between the two cultures",
        "no_date",
        "the second culture is recorded as never",
        "ward round note, cultures, imaging",
    )
    for name, fact, ask in (
        ("I06", "last_chemotherapy", "Last chemotherapy"),
        ("E05", "last_radiation", "Last radiation therapy"),
    ):
        criteria[name] = criterion(
            name,
            leaf(
                fact,
                "unknown",
                f"{ask} is not known for sure: the list was last confirmed complete on 2026-11-01",
                reading(fact, ask, {"low": "2026-11-02", "high": "2026-11-20"}),
            ),
            missing(
                fact,
                "history_not_confirmed",
                "last confirmed complete on 2026-11-01, for use until 2026-11-08",
                "therapy",
                "Prior treatment",
                "medication chart, referral letters, transplant record",
            ),
        )
    liver = group(
        "liver_dysfunction",
        "unknown",
        leaf(
            "alt above 5 x ULN",
            "unknown",
            "ALT is 230 U/L, but no upper limit of normal is known",
            reading("alt", "ALT", 230, unit="U/L", on="2026-11-18", source="lab 99182"),
        ),
        leaf("ast above 5 x ULN", "false", "AST is 38 U/L, not above 5 times 40", AST),
    )
    creatinine = leaf(
        "creatinine above 1 mg/dL",
        "unknown",
        "Serum creatinine is not known: too old",
        unknown("creatinine", "Serum creatinine", "out_of_date"),
    )
    criteria["E09"] = e09(
        creatinine,
        liver,
        missing("creatinine", "out_of_date",
                "the latest is of 2026-11-01 and could be relied on until 2026-11-15",
                "creatinine", "Serum creatinine", chart),
        missing("alt", "no_limit", "the result of 2026-11-18 carries no upper limit of normal",
                "alt", "ALT", chart),
    )  # fmt: skip
    decided = decision(
        "CAR-007",
        "undetermined",
        list(criteria.values()),
        again("2026-11-23", ["a value of Potential stem cell donor is dated then"]),
    )
    decided["imported"] = {"from": "a table of the clinic", "whole": False, "left_out": 3}
    decided["passed_over"] = [
        passed_over("creatinine", "facts.creatinine[0]", "older",
                    "Serum creatinine: 0.9 mg/dL (2026-10-02): something newer is recorded"),
        passed_over("therapy", "records.therapy.entries[2]", "voided",
                    "Prior treatment: entry 3: Agent: rituximab: it is marked as wrong"),
        passed_over("assessment", "records.assessment.entries[0]", "not_asked", "Assessment", "x"),
        passed_over("assessment", "records.assessment.entries[1]", "not_asked", "Assessment", "x"),
        passed_over("died_on", "facts.died_on", "not_asked", "Death", "x"),
    ]  # fmt: skip
    decided["records"] = [treatments()]
    return decided


def passed_over(
    what: str,
    where: str,
    reason: Literal["older", "voided", "not_yet", "not_asked"],
    says: str,
    told: str = "",
) -> PassedOver:
    message: Message = {"id": f"passed.{reason}", "arguments": {"ask": says}}
    return {"what": what, "where": where, "reason": reason, "says": told or says,
            "message": message}  # fmt: skip


def treatments(text: str = "") -> ListRecord:
    """A list with an entry of every standing."""

    def entry(number: int, agent: str, kind: str, **more: Any) -> EntryRecord:
        fields = [
            {"field": "agent", "ask": "Agent", "value": agent + text},
            {"field": "kind", "ask": "Kind", "value": "x", "label": kind + text},
            {"field": "target", "ask": "Target", "value": ["cd19", "cd20"],
             "labels": ["CD19", "CD20" + text]},
            {"field": "ended", "ask": "Last day given",
             "value": {"low": "2026-10-01", "high": "2026-10-31"}},
        ]  # fmt: skip
        place = f"records.therapy.entries[{number}]"
        return cast(EntryRecord, {"entry": place, "fields": fields, **more})

    dose = {"field": "dose", "ask": "Dose", "value": 4000, "unit": "mg", "confirm": True}
    last = entry(4, "prednisolone", "Corticosteroid", standing="listed", known=["prednisolone"])
    return {
        "name": "therapy",
        "ask": "Prior treatment" + text,
        "confirmation": {
            "complete_on": "2026-11-18", "counts": False, "by": "Dr P. Example" + text,
            "count": 4, "doubt": "more_entries",
        },
        "entries": [
            entry(0, "MabThera", "Antibody", standing="listed", known=["rituximab"]),
            entry(1, "XB-12", "Chemotherapy", standing="not_listed", source="letter" + text),
            entry(2, "rituximab", "Chemotherapy", voided=True, note="another child" + text),
            entry(3, "rituximab 375 mg/m2", "Antibody", standing="holds_listed",
                  known=["rituximab"], by="N. Nurse"),
            cast(EntryRecord, {**last, "fields": [*last["fields"], dose]}),
        ],
    }  # fmt: skip


HOSTILE = (
    '#import "/etc/passwd"',
    '\\"); #panic("x") //',
    "<script>alert(1)</script>",
    "</title></style><img src=x onerror=alert(1)>",
    "{{ 7*7 }}{% raw %}",
    "*bold* _it_ `code` [link](http://x.invalid) | cell | $math$ @label <label>",
    "# heading",
    "- item",
    "1. item",
    "line\nbreak\ttab\r\nEND OF REPORT",
    "\x1b[31mred\x1b[0m \x07",
    "\u202egnp.exe\u202c \u2066x\u2069",
    "مریم ۱۲ (ab)",
    "Ωμέγα Дмитрий ≥ ≤ → µ",
    "漢字 \U0001f489 e\u0301\u0332",
    "'); } @import url(//x.invalid)",
    "\ud800",
    "--- ~~~ ``` = === // /* */",
)


def hostile() -> Decision:
    """Every free text a file can state is turned against the report."""
    criteria = passed()
    texts = iter(HOSTILE * 40)

    def spoil(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: spoil(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [spoil(inner, key) for inner in value]
        free = {"text", "interpretation", "says", "detail", "ask", "found_in", "source", "by",
                "note", "entry", "label", "recorded", "condition", "because"}  # fmt: skip
        return f"{next(texts)}" if isinstance(value, str) and key in free else value

    for name in ("E06", "I05", "E01"):
        criteria[name]["status"] = "failed"
    criteria["E09"]["status"] = "open"
    criteria["E09"]["missing"] = [
        missing("x", "pending", HOSTILE[at], f"x{at}", HOSTILE[at - 1], HOSTILE[at - 2])
        for at in range(len(HOSTILE))
    ]
    spoilt = cast(
        Decision,
        spoil(
            decision(
                "CAR<b>\"'\\#{}*مریم\u202e\x1b[2J",
                "ineligible",
                list(criteria.values()),
                again("2026-11-24", list(HOSTILE)),
            )
        ),
    )
    spoilt["protocol"]["title"] = "</style><script>x</script> #emph[x] مطالعه"
    spoilt["imported"] = {"from": HOSTILE[2], "whole": False, "left_out": 0}
    spoilt["records"] = [treatments(f" {text}") for text in HOSTILE[::5]]
    spoilt["passed_over"] = [
        passed_over("x", f"facts.x{text}", "older" if at % 2 else "not_asked", text)
        for at, text in enumerate(HOSTILE)
    ]
    return spoilt


def single() -> Decision:
    """A protocol of one criterion, failed for good: empty sections, and no day to look again."""
    criteria = ineligible()["criteria"]
    return decision("CAR-002", "ineligible", [one for one in criteria if one["id"] == "E06"], None)


SAMPLES = {
    "eligible": eligible,
    "ineligible": ineligible,
    "undetermined": undetermined,
    "hostile": hostile,
    "single": single,
}

REJECTION: Rejection = {
    "schema": "eligo.rejection/1",
    "subject": "CAR-031",
    "faults": [
        {
            "file": "subjects/car-031.yaml",
            "line": 6,
            "column": 13,
            "code": "unknown-field",
            "message": "`creatinin` is not a fact of this protocol",
            "hint": "did you mean `creatinine`?",
        },
        {
            "file": "subjects/car-031.yaml",
            "line": 9,
            "column": 3,
            "code": "implausible",
            "message": "`120` lies outside the range 0 to 100",
            "hint": "",
        },
    ],
}
ENGINE_FAULT: EngineFaultRecord = {
    "schema": "eligo.fault/1",
    "subject": "CAR-032",
    "where": "I06: the rules say true, the reference says unknown",
}
