"""The shape of `outcomes.yaml`: which keys there are, and what each is for."""

from typing import Annotated, Any, Literal, NotRequired

from typing_extensions import TypedDict

from engine.read.files import SOME, DateField, Scalar


class WordsFile(TypedDict):
    """The protocol's words for something, and how they were read where they leave it open."""

    label: NotRequired[str]
    text: NotRequired[str]
    interpretation: NotRequired[str]
    basis: NotRequired[Literal["stated", "assumed"]]
    source: NotRequired[str]


class ClassFile(WordsFile):
    """One class of a scale and the condition under which it is stated."""

    id: Scalar
    holds_when: dict[str, Any]


class ScaleFile(TypedDict):
    """Ordered classes for the entries of a record list. `over` is `LIST.DATE_FIELD`."""

    ask: str
    over: DateField
    classes: Annotated[list[ClassFile], SOME]
    order: NotRequired[Literal["stated"]]


class MrdFile(TypedDict):
    """Which scale tells residual disease, and its classes that count as negative."""

    scale: str
    negative: list[Scalar]


class ResponseFile(WordsFile):
    """How best response is taken from the assessments."""

    scale: str
    remission: list[Scalar]
    within: str
    until: NotRequired[list[str]]
    mrd: NotRequired[MrdFile]


class EventFile(WordsFile):
    """An event: at least one of `on`, `after_remission`, `failure`."""

    on: NotRequired[str]
    after_remission: NotRequired[dict[str, Any]]
    failure: NotRequired[Literal["last_assessment", "window_end", "start"]]


class CensoringFile(WordsFile):
    """One rule of censoring; `at` lists the dates at the first of which follow-up ends."""

    id: str
    at: NotRequired[list[str]]


class EndpointFile(WordsFile):
    """A time-to-event endpoint; the first of `rules` is primary."""

    events: list[str]
    censored_at: list[str]
    landmarks: list[str]
    rules: NotRequired[list[CensoringFile]]


class FatalFile(ClassFile):
    """The class of a toxicity that the patient died of; a condition over facts."""


class ToxicityFile(WordsFile):
    """A toxicity: the worst class of a scale within periods after the start."""

    scale: str
    severe: list[Scalar]
    within: list[str]
    fatal: NotRequired[FatalFile]


class OutcomesFile(TypedDict):
    """outcomes.yaml: response, events, endpoints, toxicities."""

    start: str
    died: str
    scales: dict[str, ScaleFile]
    response: ResponseFile
    events: dict[str, EventFile]
    endpoints: dict[str, EndpointFile]
    definitions: NotRequired[dict[str, dict[str, dict[str, Any]]]]
    toxicities: NotRequired[dict[str, ToxicityFile]]
    in_order: NotRequired[list[list[str]]]
