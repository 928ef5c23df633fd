"""FHIRPath, through the library fhirpathpy with its R4 model; imported only here.

The library is lenient: text that is not FHIRPath evaluates to something, and an unknown
function fails only on data. A map is checked strictly, before any data is seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

Resource = dict[str, Any]


class NotFhirPath(ValueError):
    """A text that is not FHIRPath, or one that calls a function that does not exist."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A FHIRPath expression, parsed."""

    text: str
    _run: Callable[..., Any]

    def values(self, resource: Resource, focus: str = "") -> list[Any]:
        """What it comes to on a resource; `focus` names the element for a part of one.

        A part is typed by its place (`Observation.component`), so that `value` finds
        `valueQuantity` there as well. An expression that fails on the data yields nothing.
        """
        from fhirpathpy.engine.nodes import ResourceNode

        node: Any = resource
        if focus:
            create: Any = ResourceNode.create_node  # the library states no types
            node = create(resource, focus)
        try:
            found = self._run(node)
        except Exception:  # the library raises bare exceptions on data of an unexpected shape
            return []
        return list(found) if isinstance(found, list) else [found]

    def holds(self, resource: Resource, focus: str = "") -> bool:
        """Whether it comes to exactly `true`."""
        return self.values(resource, focus) == [True]


@lru_cache(maxsize=1)
def resource_names() -> frozenset[str]:
    """The resources of FHIR R4."""
    from fhirpathpy.models import models

    parents = models["r4"]["type2Parent"].items()
    return frozenset(name for name, of in parents if of in ("Resource", "DomainResource"))


@lru_cache(maxsize=256)
def expression(text: str) -> Expression:
    """The expression in a text. Raises: NotFhirPath."""
    import fhirpathpy
    from fhirpathpy.models import models

    _check(text)
    return Expression(text, fhirpathpy.compile(text, models["r4"]))


def _check(text: str) -> None:
    from antlr4 import CommonTokenStream, InputStream
    from antlr4.error.ErrorListener import ErrorListener
    from antlr4.tree.Tree import ParseTreeWalker
    from fhirpathpy.engine.invocations import invocation_registry
    from fhirpathpy.parser.generated.FHIRPathLexer import FHIRPathLexer
    from fhirpathpy.parser.generated.FHIRPathListener import FHIRPathListener
    from fhirpathpy.parser.generated.FHIRPathParser import FHIRPathParser

    called: list[str] = []
    wrong: list[Any] = []

    # The parser calls four methods of its listener, of which one matters here.
    errors = type("Errors", (ErrorListener,), {"syntaxError": lambda *told: wrong.append(told[5])})

    class Calls(FHIRPathListener):
        def enterFunctn(self, ctx: Any) -> None:
            called.append(ctx.getChild(0).getText())

    lexer = FHIRPathLexer(InputStream(text))
    lexer.removeErrorListeners()
    lexer.addErrorListener(errors())
    parser: Any = FHIRPathParser(CommonTokenStream(lexer))  # generated, without types
    parser.removeErrorListeners()
    parser.addErrorListener(errors())
    tree = parser.entireExpression()
    if wrong:
        raise NotFhirPath(f"`{text}` is not FHIRPath")
    ParseTreeWalker().walk(Calls(), tree)
    for name in called:
        if name not in invocation_registry:
            raise NotFhirPath(f"FHIRPath has no function `{name}`")
