"""Trusted documents: what is executed where there is a manifest, and which manifests there can be."""

import json
from pathlib import Path
from typing import Any

import pytest
from commands import run
from conftest import StartNode
from node import FUTURE, Node
from test_documents import parsed

from api.app import create_app
from api.settings import Settings
from api.trusted import BadManifest

KIND = "query Kind { viewer { kind } }"
WATCH = "subscription Watch { sessionStatusChanged { status } }"
PAGE = "query Page($n: Int) { sessions(first: $n) { nodes { id } } }"
RELAY = {"kind": KIND, "watch": WATCH, "page": PAGE}
APOLLO = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [
        {"id": id_, "name": id_.title(), "type": text.split()[0], "body": text} for id_, text in RELAY.items()
    ],
}
KINDS = {"data": {"viewer": {"kind": "SERVICE"}}}


def written(directory: Path, manifest: object) -> Path:
    path = directory / "manifest.json"
    path.write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))
    return path


def by_document_id(id_: object) -> dict[str, Any]:
    return {"documentId": id_}


def by_hash(id_: object) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": id_}}}


async def answers(node: Node, body: dict[str, Any]) -> list[Any]:
    """Return what is answered over HTTP, over SSE and over a WebSocket."""
    plain = (await node.http.post("/graphql", json=body)).json()
    headers = {"accept": "text/event-stream"}
    (event,) = parsed((await node.http.post("/graphql", json=body, headers=headers)).text)
    async with node.socket() as socket:
        await socket.send({"type": "subscribe", "id": "1", "payload": body})
        message = await socket.receive()
    if message["type"] == "error":
        return [plain, event, {"errors": message["payload"]}]
    return [plain, event, message["payload"]]


@pytest.mark.parametrize("manifest", [RELAY, APOLLO], ids=["relay", "apollo"])
@pytest.mark.parametrize("named", [by_document_id, by_hash])
async def test_executes_what_is_in_the_manifest(
    start_node: StartNode, tmp_path: Path, manifest: object, named: Any
) -> None:
    node = await start_node(trusted_documents=written(tmp_path, manifest))
    assert await answers(node, named("kind")) == [KINDS] * 3
    assert await answers(node, named("kind") | {"query": None}) == [KINDS] * 3
    assert await answers(node, {"query": KIND}) == [KINDS] * 3
    page: Any = {"data": {"sessions": {"nodes": []}}}
    assert await answers(node, named("page") | {"variables": {"n": 5}, "operationName": "Page"}) == [page] * 3
    async with node.socket() as socket:
        await socket.send({"type": "subscribe", "id": "1", "payload": named("watch")})
        await socket.send({"type": "ping"})
        assert await socket.receive() == {"type": "pong"}
        await (await start_node()).create()
        assert await socket.next() == {"sessionStatusChanged": {"status": "ACTIVE"}}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"query": "{ viewer { kind } }"}, "this text is none of them."),
        ({"query": f"{KIND} "}, "this text is none of them."),
        ({"query": "{"}, "this text is none of them."),
        ({"query": "{ __schema { types { name } } }"}, "this text is none of them."),
        (by_document_id("unknown"), "none has this id."),
        (by_hash("unknown"), "none has this id."),
        (by_document_id("unknown") | {"query": KIND}, "none has this id."),
    ],
)
async def test_executes_nothing_else(
    start_node: StartNode, tmp_path: Path, body: dict[str, Any], message: str
) -> None:
    node = await start_node(trusted_documents=written(tmp_path, RELAY))
    expected = {
        "message": f"Only trusted documents are executed here; {message}",
        "extensions": {"code": "FORBIDDEN"},
    }
    assert await answers(node, body) == [{"errors": [expected]}] * 3


async def test_executes_what_is_in_the_manifest_over_get(start_node: StartNode, tmp_path: Path) -> None:
    node = await start_node(trusted_documents=written(tmp_path, RELAY), queries_over_get=True)
    named = {"extensions": json.dumps(by_hash("kind")["extensions"])}
    for parameters in ({"documentId": "kind"}, named, {"query": KIND}):
        assert (await node.http.get("/graphql", params=parameters)).json() == KINDS
    refused = (await node.http.get("/graphql", params={"documentId": "unknown"})).json()
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_changes_nothing_by_what_is_not_trusted(start_node: StartNode, tmp_path: Path) -> None:
    node, free = await start_node(trusted_documents=written(tmp_path, RELAY)), await start_node()
    mutation = f'mutation {{ createSession(input: {{userId: "u", expiresAt: "{FUTURE}"}}) {{ created }} }}'
    assert (await node.refusal(mutation))[0] == "FORBIDDEN"
    assert await free.query("{ sessions { totalCount } }") == {"sessions": {"totalCount": 0}}


async def test_bounds_no_document_that_is_trusted_but_what_it_costs(
    start_node: StartNode, tmp_path: Path
) -> None:
    aliases = " ".join(f"a{number}: kind" for number in range(5_000))
    manifest = {"long": f"{{ viewer {{ {aliases} }} }}", "page": PAGE}
    node = await start_node(trusted_documents=written(tmp_path, manifest), cost_limit=10)
    answer = (await node.http.post("/graphql", json=by_document_id("long"))).json()
    assert len(answer["data"]["viewer"]) == 5_000
    body = by_document_id("page") | {"variables": {"n": 9}}
    (error,) = (await node.http.post("/graphql", json=body)).json()["errors"]
    assert error["message"] == "The operation may cost 11 nodes; `cost_limit` is 10."


async def test_sends_apollo_clients_back_for_the_text_where_nothing_is_trusted(node: Node) -> None:
    refused = {"message": "PersistedQueryNotSupported", "extensions": {"code": "BAD_USER_INPUT"}}
    assert await answers(node, by_hash("kind")) == [{"errors": [refused]}] * 3
    assert await answers(node, by_hash("kind") | {"query": KIND}) == [KINDS] * 3


@pytest.mark.parametrize("id_", [1, None, [], {}])
async def test_takes_nothing_but_text_for_an_id(node: Node, id_: object) -> None:
    for named in (by_document_id, by_hash):
        answer = await node.http.post("/graphql", json=named(id_))
        assert answer.status_code == 400
        assert "`query`" in answer.json()["errors"][0]["message"]


async def test_shows_no_graphiql_where_it_could_execute_nothing(
    start_node: StartNode, tmp_path: Path
) -> None:
    path = written(tmp_path, RELAY)
    node = await start_node(trusted_documents=path)
    assert (await node.http.get("/graphql", headers={"accept": "text/html"})).status_code == 404
    for shown in ({"graphiql": True}, {"demo": True}):
        given: dict[str, Any] = {"trusted_documents": path, **shown}
        with pytest.raises(ValueError, match="with trusted_documents nothing else is executed"):
            Settings(**given)


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        ("{", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "it is neither Relay's object of texts nor an apollo-persisted-query-manifest 1."),
        ({"a": 1}, "it is neither Relay's object"),
        (APOLLO | {"version": 2}, "it is neither Relay's object"),
        (APOLLO | {"operations": [{"id": "a"}]}, "an operation has no `id` or no `body` that is text."),
        (APOLLO | {"operations": APOLLO["operations"] * 2}, "the id 'kind' is in it twice."),  # type: ignore[operator]
        ({"a": "{"}, "'a' is not valid: Syntax Error: Expected Name, found <EOF>."),
        ({"a": KIND, "b": "{ nothing }"}, "'b' is not valid: Cannot query field 'nothing' on type 'Query'."),
        ({"a": "{ ...A } fragment A on Query { ...A }"}, "'a' is not valid: Cannot spread fragment"),
        ({"a": "fragment A on Query { __typename }"}, "'a' is not valid: Fragment 'A' is never used."),
        (None, "No such file or directory."),
    ],
)  # fmt: skip
def test_does_not_start_with_a_bad_manifest(tmp_path: Path, manifest: object, why: str) -> None:
    path = tmp_path / "none.json" if manifest is None else written(tmp_path, manifest)
    settings = Settings(trusted_documents=path, database_url=f"sqlite:///{tmp_path}/sessiongraph.db")
    with pytest.raises(BadManifest) as refused:
        create_app(settings)
    message = f"The manifest of trusted documents {path} cannot be used: {why}"
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


async def test_says_in_one_line_what_is_wrong_with_a_manifest(tmp_path: Path) -> None:
    path = str(written(tmp_path, []))
    code, out, errors = await run("serve", SESSIONGRAPH_TRUSTED_DOCUMENTS=path, cwd=tmp_path)
    assert (code, out) == (1, "")
    (line,) = errors.splitlines()
    assert line.startswith(f"sessiongraph: The manifest of trusted documents {path} cannot be used: ")
