"""What an import came to, over all patients: short enough to be read, the worst first."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from engine.exchange.recorded import clean

Level = Literal["refused", "unread", "unconfirmed", "unclassified", "unusable", "remark"]
TITLES: dict[Level, str] = {
    "refused": "Not imported",
    "unread": "In the input, and in no subject file",
    "unconfirmed": "Lists that this import confirms for nobody, or not for everybody",
    "unclassified": "Given or active, and may match anything until its code is in the map (as what"
    " it is, or under `irrelevant`)",
    "unusable": "Results that could not be used: unknown in the subject files",
    "remark": "To be looked at",
}
_LOST = ("refused", "unread", "unconfirmed")
EXAMPLES = 5
MOST_KINDS = 10_000
"""How many different things are told apart; the rest is counted together."""

ON_SCREEN = 8
"""How many kinds of one level the terminal shows."""


@dataclass(slots=True)
class Group:
    """Things of one kind: how many, whom or what they are about, and what to do."""

    count: int = 0
    about: list[str] = field(default_factory=list)
    hint: str = ""
    example: str = ""


@dataclass(slots=True)
class Summary:
    """The summary while it is gathered; `refused` holds the ids that gave no subject file."""

    kind: str
    inputs: tuple[str, ...]
    pack: str
    imported: int = 0
    refused: list[str] = field(default_factory=list)
    removed: int = 0
    figures: list[str] = field(default_factory=list)
    groups: dict[tuple[Level, str], Group] = field(default_factory=dict)

    def note(
        self,
        level: Level,
        what: str,
        *,
        about: str = "",
        hint: str = "",
        example: str = "",
        times: int = 1,
    ) -> None:
        """Count one thing: `what` it is, word for word the same for all of its kind, and whom
        or what it is `about`. The first `hint` and `example` of a kind are shown."""
        key = (level, what)
        if key not in self.groups and len(self.groups) >= MOST_KINDS:
            key = (level, "other things; the report names each")
        group = self.groups.setdefault(key, Group(hint=hint, example=example))
        group.count += times
        if about and len(group.about) < EXAMPLES and about not in group.about:
            group.about.append(about)

    def refuse(self, subject: str) -> None:
        """Say that a subject gave no file."""
        self.refused.append(clean(subject) or "(no id)")

    @property
    def clear(self) -> bool:
        """Whether everybody was imported and nothing of the input was left unread."""
        return not self.refused and not any(level in _LOST for level, _ in self.groups)

    def text(self, most: int = 0, named: int = 0) -> str:
        """The summary at 80 columns. `most`: how many kinds of a level, `named`: how many of
        those that were refused by name; 0 is all."""
        inputs = ", ".join(self.inputs[:EXAMPLES])
        more = ", ..." if len(self.inputs) > EXAMPLES else ""
        lines = [f"Import ({self.kind}) of {inputs}{more} for {self.pack}"]
        lines += [f"subjects imported: {self.imported}, refused: {len(self.refused)}"]
        lines += self.figures
        if self.removed:
            lines.append(f"files of the earlier import that it removed: {self.removed}")
        for level, title in TITLES.items():
            lines += self._level(level, title, most, named)
        return "\n".join(line for one in lines for line in _wrapped(one)) + "\n"

    def _level(self, level: Level, title: str, most: int, named: int) -> Iterator[str]:
        groups = [(what, group) for (at, what), group in self.groups.items() if at == level]
        refused = self.refused if level == "refused" else []
        if groups or refused:
            yield ""
            yield title
        if refused:
            shown = refused[: named or len(refused)]
            more = len(refused) - len(shown)
            yield "  " + ", ".join(shown) + (f", and {more} more" if more else "")
        groups.sort(key=lambda one: -one[1].count)
        for what, group in groups[: most or len(groups)]:
            about = ", ".join(group.about)
            about += ", ..." if group.count > len(group.about) else ""
            yield f"  {group.count} x {what}" + (f" ({about})" if group.about else "")
            if group.example:
                yield f"      as in: {group.example}"
            if group.hint:
                yield f"      hint: {group.hint}"
        if most and len(groups) > most:
            yield f"  and {len(groups) - most} more kinds; the summary file names them"


def _wrapped(text: str) -> list[str]:
    indent = " " * (len(text) - len(text.lstrip()))
    return textwrap.wrap(
        text.strip(),
        80,
        initial_indent=indent,
        subsequent_indent=indent + "    ",
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]
