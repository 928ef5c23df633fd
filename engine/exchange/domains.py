"""The SDTM domains that are written, as CDISC defines their variables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

LONGEST = 200
"""The longest text that a variable of SDTM, and XPT version 5, can hold."""

LONGEST_CODE = 8
"""The longest IETESTCD, RSTESTCD and variable name."""

LONGEST_LABEL = 40


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable: its name, label, type, and place among the keys (0 if it is none)."""

    name: str
    label: str
    type: Literal["string", "integer", "date"] = "string"
    key: int = 0


@dataclass(slots=True)
class Dataset:
    """A domain and its rows; every row has a value, or None, for every variable."""

    name: str
    label: str
    variables: tuple[Variable, ...]
    rows: list[dict[str, str | int | None]] = field(default_factory=list)
    reference: bool = False

    def add(self, **values: str | int | None) -> None:
        """Add a row; a variable that is not named is null."""
        unknown = values.keys() - {variable.name for variable in self.variables}
        assert not unknown, unknown
        self.rows.append({variable.name: values.get(variable.name) for variable in self.variables})


STUDYID = Variable("STUDYID", "Study Identifier", key=1)
DOMAIN = Variable("DOMAIN", "Domain Abbreviation")
USUBJID = Variable("USUBJID", "Unique Subject Identifier", key=2)
IETEST = (
    Variable("IETEST", "Inclusion/Exclusion Criterion"),
    Variable("IECAT", "Inclusion/Exclusion Category"),
)
TI = (
    STUDYID,
    DOMAIN,
    Variable("IETESTCD", "Incl/Excl Criterion Short Name", key=2),
    *IETEST,
    Variable("TIRL", "Inclusion/Exclusion Criterion Rule"),
    Variable("TIVERS", "Protocol Criteria Versions", key=3),
)
IE = (
    STUDYID,
    DOMAIN,
    USUBJID,
    Variable("IESEQ", "Sequence Number", "integer"),
    Variable("IETESTCD", "Inclusion/Exclusion Criterion Short Name", key=3),
    *IETEST,
    Variable("IEORRES", "I/E Criterion Original Result"),
    Variable("IESTRESC", "I/E Criterion Result in Std Format"),
    Variable("IEDTC", "Date/Time of Collection", "date"),
    Variable("IEDY", "Study Day of Collection", "integer"),
)
DM = (
    STUDYID,
    DOMAIN,
    USUBJID,
    Variable("SUBJID", "Subject Identifier for the Study"),
    Variable("RFSTDTC", "Subject Reference Start Date/Time", "date"),
    Variable("RFENDTC", "Subject Reference End Date/Time", "date"),
    Variable("RFXSTDTC", "Date/Time of First Study Treatment", "date"),
    Variable("RFXENDTC", "Date/Time of Last Study Treatment", "date"),
    Variable("RFICDTC", "Date/Time of Informed Consent", "date"),
    Variable("RFPENDTC", "Date/Time of End of Participation", "date"),
    Variable("DTHDTC", "Date/Time of Death", "date"),
    Variable("DTHFL", "Subject Death Flag"),
    Variable("SITEID", "Study Site Identifier"),
    Variable("BRTHDTC", "Date/Time of Birth"),
    Variable("AGE", "Age", "integer"),
    Variable("AGEU", "Age Units"),
    Variable("SEX", "Sex"),
    Variable("RACE", "Race"),
    Variable("ETHNIC", "Ethnicity"),
    Variable("ARMCD", "Planned Arm Code"),
    Variable("ARM", "Description of Planned Arm"),
    Variable("ACTARMCD", "Actual Arm Code"),
    Variable("ACTARM", "Description of Actual Arm"),
    Variable("ARMNRS", "Reason Arm and/or Actual Arm is Null"),
    Variable("ACTARMUD", "Description of Unplanned Actual Arm"),
    Variable("COUNTRY", "Country"),
)
RS = (
    STUDYID,
    DOMAIN,
    USUBJID,
    Variable("RSSEQ", "Sequence Number", "integer"),
    Variable("RSTESTCD", "Assessment Short Name", key=3),
    Variable("RSTEST", "Assessment Name"),
    Variable("RSCAT", "Category for Assessment"),
    Variable("RSORRES", "Result or Finding in Original Units"),
    Variable("RSSTRESC", "Character Result/Finding in Std Format"),
    Variable("RSDTC", "Date/Time of Assessment", "date", key=4),
    Variable("RSDY", "Study Day of Assessment", "integer"),
)
DS = (
    STUDYID,
    DOMAIN,
    USUBJID,
    Variable("DSSEQ", "Sequence Number", "integer"),
    Variable("DSTERM", "Reported Term for the Disposition Event"),
    Variable("DSDECOD", "Standardized Disposition Term", key=3),
    Variable("DSCAT", "Category for Disposition Event"),
    Variable("DSSTDTC", "Start Date/Time of Disposition Event", "date", key=4),
    Variable("DSSTDY", "Study Day of Start of Disposition Event", "integer"),
)
