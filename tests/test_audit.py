"""GraphQL over HTTP as npm's graphql-http audits it, on the real server."""

from conftest import StartNode
from scripts import running_script


async def failures(start_node: StartNode, **settings: object) -> tuple[int, list[tuple[str, str]]]:
    node = await start_node(**settings)
    async with running_script("audit.js", f"{node.url}/graphql") as script:
        (outcomes,) = await script.ended()
    failed = [(one["id"], one["name"]) for one in outcomes if one["status"] != "ok"]
    return len(outcomes), failed


async def test_passes_every_audit_with_get(start_node: StartNode) -> None:
    assert await failures(start_node, queries_over_get=True) == (61, [])


async def test_misses_only_what_it_may_without_get(start_node: StartNode) -> None:
    number, failed = await failures(start_node)
    url_encoded = "MAY allow URL-encoded JSON string {variables} parameter in GETs when accepting "
    assert number == 61
    assert failed == [
        ("5A70", "MAY accept application/x-www-form-urlencoded formatted GET requests"),
        ("D6D5", f"{url_encoded}application/graphql-response+json"),
        ("6A70", f"{url_encoded}application/json"),
    ]
