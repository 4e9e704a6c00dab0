"""How long the worst documents hold the event loop: to prepare them, and to answer those about the schema.

    python benchmarks/hostile_documents.py
    python benchmarks/hostile_documents.py --memory

Every document is as large as the bounds allow. The cases take turns, and of each the best turn counts; the
ratio is to a usual document of the same number of tokens. With `--memory` it prints how the process grows
while 1,000,000 different documents are prepared.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from graphql import get_introspection_query, parse

from api.documents import Documents
from api.execution.operation import Operation
from api.limits.bounds import Bounds
from api.schema import build_schema

BOUNDS = Bounds()
TURNS = 7
FIELDS = "id userId status authMethod createdAt expiresAt endedAt endReason ipAddress userAgent"


def main() -> None:
    documents = Documents(build_schema().core, BOUNDS)
    texts = dict(hostile_documents())
    best = dict.fromkeys(texts, float("inf"))
    for _ in range(TURNS):
        for name, text in texts.items():
            best[name] = min(best[name], seconds_of(documents, text))
    usual = best["a usual document"]
    for name, seconds in sorted(best.items(), key=lambda one: -one[1]):
        outcome = outcome_of(Documents(build_schema().core, BOUNDS), texts[name])
        print(f"{name:38} {seconds * 1e3:6.1f} ms {seconds / usual:5.1f}  {outcome}")


def seconds_of(documents: Documents, text: str) -> float:
    """Return for how many seconds of CPU a document holds others up: prepared, or then answered."""
    documents._kept.clear()  # noqa: SLF001  as if it came for the first time
    start = time.process_time()
    operation = documents.operation(text, None)
    prepared = time.process_time()
    if (
        not isinstance(operation, Operation)
        or "__" not in text
        or operation.cost.under(None) > BOUNDS.cost_limit
    ):
        return prepared - start
    asyncio.run(operation.execute(None, None))  # after others had their turn
    return max(prepared - start, time.process_time() - prepared)


def outcome_of(documents: Documents, text: str) -> str:
    found = documents.operation(text, None)
    if isinstance(found, Operation):
        cost = found.cost.under(None)
        return f"costs {cost:,}" + (" (refused)" if cost > BOUNDS.cost_limit else "")
    return f"{len(found)} errors: {found[0].message[:70]!r}"


def filled(unit: Callable[[int], str], before: str = "{", after: str = "}", last: str = "") -> str:
    """Repeat a unit as often as a document may have it; in `last`, COUNT stands for how often."""

    def text(count: int) -> str:
        return before + "".join(map(unit, range(count))) + last.replace("COUNT", str(count)) + after

    def fits(count: int) -> bool:
        tokens = parse(text(count)).token_count
        return len(text(count)) <= BOUNDS.document_limit and tokens <= BOUNDS.token_limit

    low, high = 1, BOUNDS.document_limit
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return text(low)


def padded(before: str, unit: str, after: str) -> str:
    """Repeat a few characters of one token as often as a document may have them."""
    return before + unit * ((BOUNDS.document_limit - len(before) - len(after)) // len(unit)) + after


def hostile_documents() -> Iterator[tuple[str, str]]:
    yield from usual_documents()
    yield from hostile_tokens()
    yield from hostile_fields()
    yield from hostile_names()
    yield from hostile_values()
    yield from hostile_fragments()
    yield from hostile_operations()
    yield from hostile_introspection()


def usual_documents() -> Iterator[tuple[str, str]]:
    page = f"sessions(first: 50, filter: {{status: [ACTIVE]}}) {{ nodes {{ {FIELDS} }} asOf }}"
    yield "a usual document", "{" + "".join(f"page{number}: {page} " for number in range(20)) + "}"


def hostile_tokens() -> Iterator[tuple[str, str]]:
    yield "one string", padded('{session(id: "', "a", '") {id}}')
    yield "one string of escapes", padded('{session(id: "', "\\u0041", '") {id}}')
    yield "one block string of lines", padded('{session(id: """', "\n a", '""") {id}}')
    yield "one block string of empty lines", padded('{session(id: """', "\n", '""") {id}}')
    yield "one comment", padded("{__typename} #", "#", "")
    yield "many comments", filled(lambda _: "#\n", "{__typename}", "")
    yield "white space", padded("{__typename", " ", "}")
    yield "empty lines", padded("{__typename", "\n", "}")
    yield "one integer", padded("{sessions(first: ", "9", ") {asOf}}")
    yield "one float", padded("{sessions(first: 1.", "9", ") {asOf}}")
    yield "one name", padded("{", "a", "}")


def hostile_fields() -> Iterator[tuple[str, str]]:
    yield "one leaf repeated", filled(lambda _: "__typename ")
    yield "one object repeated", filled(lambda _: "viewer{kind}")
    yield "one object with arguments repeated", filled(lambda _: 'session(id:"1"){id}')
    within = ("{viewer{", "}}")
    yield "one object repeated, not at the root", filled(lambda _: "session{id}", *within)
    yield "two levels repeated, not at the root", filled(lambda _: "sessions{nodes{id}}", *within)
    yield "one leaf repeated, not at the root", filled(lambda _: "kind ", *within)
    yield (
        "differing arguments, not at the root",
        filled(lambda _: "sessions(first:1){asOf}", "{viewer{", "sessions(first:2){asOf}}}"),
    )
    yield "one subscription repeated", filled(lambda _: "sessionStatusChanged{cursor}", "subscription{")
    yield "differing arguments last", filled(lambda _: "sessions{asOf}", "{", "sessions(first:1){asOf}}")
    yield "aliases of leaves", filled(lambda number: f"a{number}:__typename ")
    yield "aliases of pages", filled(lambda number: f"a{number}:sessions{{nodes{{id}}}}")
    yield "deep fields", "{sessions{nodes{" + "history{session{" * 99 + "id" + "}" * 201
    yield "deep inline fragments", "{" + "...{" * 190 + "__typename" + "}" * 191
    yield "directives", filled(lambda _: "@skip(if:true)", "{__typename", "}")
    yield "arguments of a directive", filled(lambda _: "if:true ", "{__typename @skip(", ")}")


def hostile_names() -> Iterator[tuple[str, str]]:
    yield "unknown fields", filled(lambda number: f"sesions{number} ")
    yield "unknown fields of long names", filled(lambda number: "sessionStatusChange" * 2 + f"{number} ")
    yield "unknown arguments", filled(lambda number: f"firs{number}:1 ", "{sessions(", ") {asOf}}")
    yield "unknown types", filled(lambda number: f"fragment f{number} on Sesion{number}{{id}}", "", "")
    yield (
        "unknown types of variables",
        filled(lambda number: f"$a{number}:Sesion ", "query(", "){__typename}"),
    )
    yield "unknown directives", filled(lambda number: f"@skp{number}", "{__typename", "}")
    yield "unknown values of an enum", filled(lambda _: "STATU ", "{sessionCounts(by:[", "]) {count}}")
    unknown = "{sessions(filter:{", "}){asOf}}"
    yield "unknown fields of an input", filled(lambda number: f"statu{number}:1 ", *unknown)
    yield "… with long values", filled(lambda number: f'statu{number}:"{"a" * 40}"', *unknown)


def hostile_values() -> Iterator[tuple[str, str]]:
    string = '"' + "a" * 15_000 + '"'
    nine = " ".join(f"statu{number}:1" for number in range(9))
    yield "unknown fields beside a long string", f"{{sessions(filter:{{userId:{string} {nine}}}){{asOf}}}}"
    long_list = "[" + "1 " * 130 + "]"
    yield "unknown fields beside a list", f"{{sessions(filter:{{ids:{long_list} {nine}}}){{asOf}}}}"
    yield "integers", filled(lambda number: f"a{number}:sessions(first:{'9' * 160}){{asOf}}")
    yield "a list of ids", filled(lambda _: '"1" ', "{nodes(ids:[", "]) {id}}")
    yield "a list of wrong ids", filled(lambda _: "{} ", "{nodes(ids:[", "]) {id}}")
    yield "a deep list", "{nodes(ids:" + "[" * 190 + "]" * 190 + ") {id}}"
    yield "a deep object", "{sessions(filter:" + "{a:" * 190 + "1" + "}" * 190 + ") {asOf}}"
    yield "a deep type", "query($a:" + "[" * 190 + "Int" + "]" * 190 + "){__typename}"
    yield "variables", filled(lambda number: f"$a{number}:Int ", "query(", "){__typename}")
    declared = "".join(f"$a{number}:Int " for number in range(100))
    used = "".join(f"sessions(first:$a{number}){{asOf}}" for number in range(60))
    yield "variables that are used", f"query({declared}){{{used}}}"
    given = "".join(f"$a{number} " for number in range(100))
    yield "variables in a list", f"query({declared}){{nodes(ids:[{given * 5}]) {{id}}}}"


def hostile_fragments() -> Iterator[tuple[str, str]]:
    chain = "fragment f{0} on Query{{...f{1}}}"
    end = "fragment fCOUNT on Query{__typename}"
    yield "a chain", filled(lambda number: chain.format(number, number + 1), "{...f0}", "", end)
    yield (
        "a cycle",
        filled(
            lambda number: chain.format(number, number + 1), "{...f0}", "", "fragment fCOUNT on Query{...f0}"
        ),
    )
    one = "fragment f{0} on Query{{__typename}}"
    yield (
        "a spread of each",
        "{"
        + "".join(f"...f{number} " for number in range(90))
        + "}"
        + "".join(one.format(number) for number in range(90)),
    )
    each = ("".join(f"...f{other} " for other in range(one + 1, 25)) + "__typename" for one in range(25))
    yield (
        "a spread of each in each",
        "{...f0}" + "".join(f"fragment f{one} on Query{{{all_}}}" for one, all_ in enumerate(each)),
    )
    double = "fragment f{0} on Session{{a:history{{session{{...f{1}}}}}b:history{{session{{...f{1}}}}}}}"
    yield (
        "doubled at each step",
        filled(
            lambda number: double.format(number, number + 1),
            "{session(id:1){...f0}}",
            "",
            "fragment fCOUNT on Session{id}",
        ),
    )
    plain = "fragment f{0} on Query{{...f{1} ...f{1}}}"
    yield (
        "spread twice at each step",
        filled(lambda number: plain.format(number, number + 1), "{...f0}", "", end),
    )
    yield "unknown fragments", filled(lambda number: f"...f{number} ")
    yield "unused fragments", filled(one.format, "{__typename}", "")


def hostile_operations() -> Iterator[tuple[str, str]]:
    yield "operations", filled(lambda number: f"query q{number}{{__typename}}", "", "")
    spreading = "".join(f"query q{number}{{...f0}}" for number in range(BOUNDS.operation_limit))
    yield (
        "operations that share a chain",
        filled(
            lambda number: f"fragment f{number} on Query{{...f{number + 1}}}",
            spreading,
            "",
            "fragment fCOUNT on Query{__typename}",
        ),
    )
    yield (
        "operations that share fields",
        spreading + "fragment f0 on Query{viewer{" + "session{id}" * 24 + "}}",
    )
    yield "definitions of types", filled(lambda number: f"type A{number}{{a:Int}}", "", "")
    yield "definitions of an enum", filled(lambda number: f"A{number} ", "enum E{", "}")


def hostile_introspection() -> Iterator[tuple[str, str]]:
    yield "the usual introspection", get_introspection_query()
    yield "the schema by each alias", filled(lambda number: f"a{number}:__schema{{types{{name}}}}")
    leaves = " ".join(f"a{number}:name" for number in range(30))
    yield "aliases in each field", f"{{__schema{{types{{fields{{{leaves}}}}}}}}}"
    yield "aliases in each value", f"{{__schema{{types{{enumValues{{{leaves}}}}}}}}}"
    fields = " ".join(f"a{number}:fields{{name}}" for number in range(30))
    yield "fields by each alias", f"{{__schema{{types{{{fields}}}}}}}"
    enums = " ".join(f"a{number}:enumValues{{name}}" for number in range(30))
    yield "values by each alias", f"{{__schema{{types{{{enums}}}}}}}"
    every = "name kind description specifiedByURL isOneOf "
    types = f"type{{{every}enumValues{{name}} ofType{{{every}enumValues{{name}} ofType{{{every}}}}}}}"
    inner = f"fields{{name description isDeprecated args{{name description {types}}} {types}}}"
    yield "fields of types of fields", f"{{__schema{{types{{fields{{type{{{inner} ofType{{{inner}}}}}}}}}}}}}"
    yield (
        "fields of types of fields, few",
        "{__schema{types{fields{type{ofType{fields{name description}}}}}}}",
    )
    yield "fields with all their types", f"{{__schema{{types{{{inner}}}}}}}"
    one = (
        '__type(name:"Session"){fields{name description type{fields{name} ofType{fields{name description}}}}}'
    )
    yield "one type by each alias", "{" + "".join(f"a{number}:{one}" for number in range(20)) + "}"


def measure_memory() -> None:
    documents = Documents(build_schema().core, BOUNDS)
    for number in range(1_000_001):
        wrong = number % 2
        documents.operation(f"{{ a{number}: {'kind' if wrong else '__typename'} }}", None)
        if number % 100_000 == 0:
            print(f"{number:10,} documents {resident_megabytes():8.1f} MB", flush=True)


def resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


if __name__ == "__main__":
    measure_memory() if "--memory" in sys.argv else main()
