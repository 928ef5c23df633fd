"""The map: its faults, its codes, and that it says something of every fact."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.exchange.fhir.files import read_map
from app.store.packs import read_pack
from app.store.shipped import shipped_pack
from engine.exchange.fhir.map import FactRule
from engine.exchange.fhir.map_read import map_of
from engine.exchange.fhir.path import NotFhirPath, expression
from engine.read.packs import MAP_FILE
from engine.terms.faults import InputRejected
from tests.interop.written import LOINC, RXNORM, SNOMED, shipped

TEXT = (shipped_pack() / MAP_FILE).read_text("utf-8")


def broken(change: Callable[[dict[str, Any]], object]) -> list[str]:
    """The faults of the shipped map after a change, as `code: message`."""
    value = yaml.safe_load(TEXT)
    change(value)
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    with pytest.raises(InputRejected) as rejected:
        map_of("fhir.yaml", text.encode(), shipped()[0])
    assert all(fault.span.line >= 1 for fault in rejected.value.faults)
    return [f"{fault.code}: {fault.message}" for fault in rejected.value.faults]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda v: v.pop("facts"), "missing-key: `facts` is missing here"),
        (lambda v: v.update(fhir="5.0.0"), "option: FHIR 4.0.1"),
        (lambda v: v.update(fact={}), "unknown-key: `fact` is not a key here"),
        (lambda v: v["types"].update(Observatoin={}), "option: `Observatoin` is not a resource"),
        (lambda v: v["types"]["Observation"].update(value="value.("), "fhirpath: "),
        (lambda v: v["types"]["Observation"].update(on="a b"), "fhirpath: "),
        (lambda v: v["types"]["Observation"].update(on="x.nonsense()"), "no function `nonsense`"),
        (lambda v: v["facts"].update(creatinin={"resource": "Patient"}), "no fact `creatinin`"),
        (lambda v: v["facts"].update(age={"resource": "Patient"}), "records no fact `age`"),
        (lambda v: v["facts"]["alt"].update(codes="altt"), "`codes` has no `altt`"),
        (lambda v: v["facts"]["alt"].pop("codes"), "missing-key: `codes` is missing"),
        (lambda v: v["facts"]["alt"].update(unit_as="%"), "unknown-key: `unit_as`"),
        (lambda v: v["facts"]["alt"].update(resource="Encounter"), "a type that `types` lacks"),
        (lambda v: v["facts"]["alt"].update(resource="MedicationRequest"), "proves nothing"),
        (lambda v: v["facts"]["disease"].update({"is": "b-all"}), "option: `b-all`"),
        (lambda v: v["facts"]["disease"].pop("is"), "a choice needs `is`"),
        (lambda v: v["facts"].pop("alt"), "missing-key: the map says nothing of `alt`"),
        (lambda v: v["not_carried"].update(alt="no"), "fed by a rule and said to be carried by no"),
        (lambda v: v["not_carried"].update(nothing="no"), "the dictionary records no `nothing`"),
        (lambda v: v["codes"].update(extra=[]), "no rule uses the codes `extra`"),
        (lambda v: v["codes"]["alt"][0].pop("from"), "missing-key: `from` is missing"),
        (lambda v: v["codes"]["alt"][0].update(system="icd9"), "a system that `systems` lacks"),
        (lambda v: v["codes"]["alt"][0].update(under="1"), "either `code` or `under`"),
        (lambda v: v.update(irrelevant=["examinations"]), "`codes` has no `examinations`"),
        (lambda v: v.update(unread={"Observation": []}), "option: `Observation` is not"),
        (lambda v: v.update(unread={"Condition": ["consent"]}), "no rule feeds `consent`"),
        (lambda v: v["records"]["therapy"][2].update(not_by="routes"), "`codes` has no `routes`"),
        (lambda v: v["records"].update(therapies=[]), "no record list `therapies`"),
        (lambda v: v["records"]["therapy"][0]["fields"].update(kin={"is": "x"}), "no field `kin`"),
        (lambda v: v["records"]["therapy"][0]["fields"].update(kind={"is": "x"}), "option: `x`"),
        (lambda v: v["records"]["therapy"][0]["fields"].update(kind={"as": "x"}), "`as` is not"),
    ],
)  # fmt: skip
def test_a_fault_of_the_map_is_named(
    change: Callable[[dict[str, Any]], object], expected: str
) -> None:
    found = broken(change)
    assert any(expected in fault for fault in found), found


def test_a_pack_without_a_map_says_so(tmp_path: Path) -> None:
    for name in ("protocol.yaml", "facts.yaml", "eligibility.yaml"):
        (tmp_path / name).write_bytes((shipped_pack() / name).read_bytes())
    with pytest.raises(InputRejected, match="1 fault"):
        read_map(tmp_path, read_pack(tmp_path))


@pytest.mark.parametrize("text", ["value.(", "a b", "x.nonsense()", "", "value ~~ 3", "'open"])
def test_what_is_not_fhirpath(text: str) -> None:
    with pytest.raises(NotFhirPath):
        expression(text)


# --- codes ------------------------------------------------------------------------------


def codes(system: str) -> list[str]:
    return sorted(
        code.code
        for listed in shipped()[1].code_sets.values()
        for code in listed
        if code.system == system and not code.prefix
    )


def loinc_check_digit(body: str) -> int:
    """Source: LOINC Users' Guide, appendix on the mod 10 check digit."""
    backwards = body[::-1]
    doubled = str(int(backwards[::2]) * 2)
    total = sum(int(digit) for digit in doubled + backwards[1::2])
    return -total % 10


def verhoeff(number: str) -> int:
    """0 for a valid SNOMED CT identifier. Source: SNOMED CT release file specification."""
    table = ["0123456789", "1576283094"]
    for _ in range(6):
        table.append("".join(table[-1][int(digit)] for digit in table[1]))
    check = 0
    for place, digit in enumerate(reversed(number)):
        right = int(table[place % 8][int(digit)])
        turn, mirror = check % 5, check // 5
        if not mirror:
            check = (turn + right % 5) % 5 + 5 * (right // 5)
        else:
            check = (turn - right % 5) % 5 + 5 * (1 - right // 5)
    return check


def test_loinc_codes_have_their_check_digit() -> None:
    found = [*codes(LOINC), *re.findall(r"code = '(\d+-\d)'", TEXT)]
    assert len(found) > 12
    for code in found:
        body, _, digit = code.partition("-")
        assert loinc_check_digit(body) == int(digit), code


def test_snomed_codes_have_their_check_digit() -> None:
    assert len(codes(SNOMED)) > 8
    assert [code for code in codes(SNOMED) if verhoeff(code)] == []
    assert verhoeff("277571005")


def test_rxnorm_codes_are_numbers() -> None:
    assert len(codes(RXNORM)) > 30
    assert all(re.fullmatch("[1-9][0-9]{2,6}", code) for code in codes(RXNORM))


def test_no_code_has_two_meanings() -> None:
    """Each code feeds one fact or one kind of entry (a marrow result feeds a fact and a list)."""
    protocol, fhir_map = shipped()
    for (kind, system, code), rules in fhir_map.exact.items():
        facts = {r.fact.name for n in rules if isinstance(r := fhir_map.rules[n], FactRule)}
        assert len(facts) <= 1, (kind, system, code)
    assert protocol.facts


def test_every_code_says_where_it_was_looked_up() -> None:
    known = set(
        re.findall(r"^#   (R4 routes|R4 examples|mCODE|CIBMTR|CPIC|ICD-10|public code)", TEXT, re.M)
    )
    for listed in shipped()[1].code_sets.values():
        for code in listed:
            assert code.display
            assert code.origin in known, code


def test_what_coded_data_can_carry_is_fed() -> None:
    fed = {r.fact.name for r in shipped()[1].rules if isinstance(r, FactRule)}
    asked = (
        "birth_date disease lansky karnofsky marrow_blasts creatinine alt ast bilirubin lvef spo2"
        " infection gvhd_active other_malignancy died_on"
    )
    assert set(asked.split()) <= fed
