"""HTTP: which requests are let in, in which form, and from which pages."""

import json

import pytest
import websockets
from conftest import StartNode
from credentials import make_key
from node import Node
from pydantic import ValidationError

from api.settings import Settings, load_settings
from models.database import Database
from models.key import Scope

JSON = "application/json"
GRAPHQL_RESPONSE = "application/graphql-response+json"
QUERY = {"query": "{ __typename }"}
ANSWER = {"data": {"__typename": "Query"}}
NOT_WELCOME = "Pages of this origin may not call; see the setting `allowed_origins`."
ADMIN = "https://admin.example.com"


def refusal(message: str) -> dict[str, object]:
    return {"errors": [{"message": message, "extensions": {"code": "BAD_USER_INPUT"}}]}


@pytest.mark.parametrize(
    "accept", ["image/png", "text/html", "application/json;q=0", "application/xml, text/*;q=0"]
)
async def test_answers_406_where_it_has_nothing_that_is_accepted(node: Node, accept: str) -> None:
    answer = await node.http.post("/graphql", json=QUERY, headers={"accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (406, JSON)
    offered = f"{JSON}, {GRAPHQL_RESPONSE}, text/event-stream"
    assert answer.json() == refusal(f"There is {offered}, and the request accepts none of them.")


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=a",
        "application/jsonp",
        "application/json; charset=utf-7",
        "application/json; charset=iso-8859-1",
    ],
)
async def test_answers_415_to_a_body_of_another_type(node: Node, content_type: str) -> None:
    headers = {"content-type": content_type} if content_type else {}
    answer = await node.http.post("/graphql", content=json.dumps(QUERY), headers=headers)
    assert answer.status_code == 415
    assert answer.json() == refusal("The body must be of the type `application/json`, in UTF-8.")


@pytest.mark.parametrize("parameters", ["", ";charset=utf-8", '; charset="UTF-8"', "; charset=utf8; x=y"])
async def test_takes_json_in_utf8_however_it_is_called(node: Node, parameters: str) -> None:
    headers = {"content-type": f"Application/JSON{parameters}"}
    answer = await node.http.post("/graphql", content=json.dumps(QUERY), headers=headers)
    assert (answer.status_code, answer.json()) == (200, ANSWER)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (f"{GRAPHQL_RESPONSE}, {JSON};q=0.9", GRAPHQL_RESPONSE),
        (JSON, JSON),
        ("*/*", JSON),
        ("text/event-stream", JSON),
    ],
)
async def test_refuses_in_the_media_type_in_which_clients_look_for_errors(
    node: Node, accept: str, media_type: str
) -> None:
    wrong = {"accept": accept, "authorization": "Basic x"}
    answer = await node.http.post("/graphql", json=QUERY, headers=wrong)
    assert (answer.status_code, answer.headers["content-type"]) == (401, media_type)
    (error,) = answer.json()["errors"]
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}
    answer = await node.http.post("/graphql", content=b"[]", headers={"accept": accept, "content-type": JSON})
    assert (answer.status_code, answer.headers["content-type"]) == (400, media_type)
    assert [one["extensions"]["code"] for one in answer.json()["errors"]] == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
async def test_answers_405_to_other_methods(start_node: StartNode, method: str) -> None:
    for is_on, allowed in ((False, "POST"), (True, "GET, POST")):
        node = await start_node(queries_over_get=is_on)
        answer = await node.http.request(method, "/graphql", headers={"accept": JSON})
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


async def test_answers_queries_to_get_where_that_is_on(start_node: StartNode) -> None:
    node = await start_node(queries_over_get=True)
    document = "query One($id: ID!) { session(id: $id) { id } } query Two { __typename }"
    id_ = await node.create()
    parameters = {
        "query": document,
        "variables": json.dumps({"id": id_}),
        "operationName": "One",
        "extensions": "",
        "_": "{",  # whatever else is in the address is not for us
    }
    answer = await node.http.get("/graphql", params=parameters)
    assert (answer.status_code, answer.json()) == (200, {"data": {"session": {"id": id_}}})
    assert answer.headers["cache-control"] == "no-store"
    wrong = {
        "query={": (400, "GRAPHQL_PARSE_FAILED"),
        "": (400, "BAD_USER_INPUT"),
        "query={__typename}&query={__typename}": (400, "BAD_USER_INPUT"),
        "query={__typename}&variables={": (400, "BAD_USER_INPUT"),
        "query={__typename}&variables=[]": (400, "BAD_USER_INPUT"),
        'query={__typename}&variables={"a":1,"a":2}': (400, "BAD_USER_INPUT"),
        "query=%FF%00": (400, "GRAPHQL_PARSE_FAILED"),
        "query={__typename}&variables=%FF": (400, "BAD_USER_INPUT"),
    }
    for query_string, expected in wrong.items():
        answer = await node.http.get(f"/graphql?{query_string}", headers={"accept": GRAPHQL_RESPONSE})
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == expected, (
            query_string
        )


@pytest.mark.parametrize("accept", [JSON, GRAPHQL_RESPONSE, "text/event-stream"])
async def test_never_runs_a_mutation_over_get(start_node: StartNode, accept: str) -> None:
    node = await start_node(queries_over_get=True)
    id_ = await node.create()
    document = f'mutation {{ endSession(input: {{id: "{id_}"}}) {{ outcome }} }}'
    answer = await node.http.get("/graphql", params={"query": document}, headers={"accept": accept})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json() == refusal("A mutation must come by POST.")
    assert await node.end(id_) == "ENDED"


async def test_answers_414_to_a_query_string_over_the_limit(start_node: StartNode) -> None:
    node = await start_node(queries_over_get=True, body_limit=1000)
    for length, status in ((1000, 200), (1001, 414)):
        query_string = "query={__typename}".ljust(length, "+")
        answer = await node.http.get(f"/graphql?{query_string}", headers={"accept": JSON})
        assert answer.status_code == status
    assert answer.json()["errors"][0]["message"] == "The query is longer than 1,000 bytes."


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://{host}"},
        {"origin": "http://{host}", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        # Behind a proxy that ends TLS or renames the host the browser still knows.
        {"origin": "https://sessions.example.com", "sec-fetch-site": "same-origin"},
    ],
)
async def test_lets_in_its_own_pages_and_what_is_no_page(node: Node, headers: dict[str, str]) -> None:
    host = f"127.0.0.1:{node.server.port}"
    sent = {name: value.format(host=host) for name, value in headers.items()}
    assert (await node.http.post("/graphql", json=QUERY, headers=sent)).json() == ANSWER


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example.com"},
        {"origin": "null"},
        {"origin": "https://["},
        {"origin": "http://127.0.0.1:1"},
        {"origin": ADMIN, "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://{host}", "sec-fetch-site": "cross-site"},
    ],
)
async def test_refuses_pages_from_elsewhere(start_node: StartNode, headers: dict[str, str]) -> None:
    node = await start_node(queries_over_get=True)
    host = f"127.0.0.1:{node.server.port}"
    sent = {name: value.format(host=host) for name, value in headers.items()}
    for answer in (
        await node.http.post("/graphql", json=QUERY, headers=sent),
        await node.http.get("/graphql", params=QUERY, headers=sent),
    ):
        assert (answer.status_code, answer.json()) == (403, refusal(NOT_WELCOME))
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "127.1.2.3", "[::1]", "[::1]:8000"]
)
async def test_is_called_by_the_names_of_this_machine_while_it_is_open(node: Node, host: str) -> None:
    answer = await node.http.post("/graphql", json=QUERY, headers={"host": host})
    assert (answer.status_code, answer.json()) == (200, ANSWER)


@pytest.mark.parametrize(
    "host", ["evil.example.com:8000", "localhost.example.com", "127.0.0.1.example.com", ""]
)
async def test_is_called_by_no_other_name_while_it_is_open(
    database: Database, start_node: StartNode, host: str
) -> None:
    # A page whose own name leads here (DNS rebinding) is of the same origin.
    headers = {"host": host, "origin": f"http://{host}", "sec-fetch-site": "same-origin"}
    node = await start_node()
    answer = await node.http.post("/graphql", json=QUERY, headers=headers)
    message = "A server without authentication is called by the name localhost."
    assert (answer.status_code, answer.json()) == (403, refusal(message))
    with pytest.raises(websockets.InvalidStatus) as failed:
        async with websockets.connect(f"ws://{host or 'a'}/graphql", host="127.0.0.1", port=node.server.port):
            pass
    assert failed.value.response.status_code == 403
    key, _ = await make_key(database, Scope.READ)
    async with (await start_node()).acting(key) as guarded:
        assert (await guarded.http.post("/graphql", json=QUERY, headers=headers)).json() == ANSWER


async def test_lets_in_the_pages_that_are_allowed(start_node: StartNode) -> None:
    node = await start_node(allowed_origins=(ADMIN,))
    headers = {"origin": ADMIN, "sec-fetch-site": "cross-site"}
    preflight = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,last-event-id",
    }
    answer = await node.http.options("/graphql", headers={**headers, **preflight})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ADMIN
    assert answer.headers["access-control-max-age"] == "7200"
    assert "access-control-allow-credentials" not in answer.headers
    answer = await node.http.post("/graphql", json=QUERY, headers=headers)
    assert (answer.json(), answer.headers["access-control-allow-origin"]) == (ANSWER, ADMIN)
    # A refusal can be read by the page as well.
    answer = await node.http.post("/graphql", json={}, headers=headers)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (400, ADMIN)
    other = {"origin": "https://other.example.com"}
    assert (await node.http.options("/graphql", headers={**other, **preflight})).status_code == 400
    answer = await node.http.post("/graphql", json=QUERY, headers=other)
    assert (answer.status_code, answer.json()) == (403, refusal(NOT_WELCOME))


async def test_lets_in_every_page_where_all_are_allowed(start_node: StartNode) -> None:
    node = await start_node(allowed_origins=("*",))
    headers = {"origin": "https://any.example.com", "sec-fetch-site": "cross-site"}
    answer = await node.http.post("/graphql", json=QUERY, headers=headers)
    assert (answer.json(), answer.headers["access-control-allow-origin"]) == (ANSWER, "*")


def test_reads_origins_as_browsers_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSIONGRAPH_ALLOWED_ORIGINS", "https://B.example.com:443/, https://a.example.com")
    assert load_settings().allowed_origins == ("https://a.example.com", "https://b.example.com")
    for wrong in ("admin.example.com", "https://a.example.com/path", "null"):
        with pytest.raises(ValidationError):
            Settings(allowed_origins=(wrong,))
