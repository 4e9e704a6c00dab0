"""Who is let in, and what happens when a credential holds no longer."""

import asyncio
import logging
import time
from pathlib import Path

import pytest
from conftest import StartNode
from credentials import jwks_settings, make_key, take_away
from issuer import SESSION, USER, rsa_key, signed, user_claims, user_token
from node import FUTURE, Node

from models.database import Database
from models.key import Scope

WATCH = "subscription { sessionStatusChanged { cursor status session { id } } }"
VIEWER = "{ viewer { kind userId organizationId permissions scopes session { id isCurrent } } }"
CREATE = "mutation ($input: CreateSessionInput!) { createSession(input: $input) { session { id } } }"
END = "mutation ($input: EndSessionInput!) { endSession(input: $input) { outcome } }"


@pytest.fixture
async def secured(start_node: StartNode, tmp_path: Path) -> Node:
    """A server that believes tokens."""
    return await start_node(**jwks_settings(tmp_path))


@pytest.fixture
async def service(database: Database) -> str:
    """An API key that may do everything."""
    text, _ = await make_key(database, *Scope)
    return text


async def create_session(node: Node, key: str, session_id: str = SESSION, user_id: str = USER) -> None:
    async with node.acting(key) as acting:
        given = {"id": session_id, "userId": user_id, "expiresAt": FUTURE}
        await acting.query(CREATE, input=given)


async def end_session(node: Node, key: str, session_id: str = SESSION) -> None:
    async with node.acting(key) as acting:
        assert await acting.end(session_id) == "ENDED"


async def test_knows_a_user_by_the_token(secured: Node, service: str) -> None:
    await create_session(secured, service)
    async with secured.acting(user_token(org_id="org_1", permissions=["b", "a"])) as user:
        assert (await user.query(VIEWER))["viewer"] == {
            "kind": "USER",
            "userId": USER,
            "organizationId": "org_1",
            "permissions": ["a", "b"],
            "scopes": [],
            "session": {"id": SESSION, "isCurrent": True},
        }


async def test_knows_a_service_by_the_key(secured: Node, database: Database) -> None:
    key, _ = await make_key(database, Scope.READ, organization_id="org_1")
    async with secured.acting(key) as acting:
        assert (await acting.query(VIEWER))["viewer"] == {
            "kind": "SERVICE",
            "userId": None,
            "organizationId": "org_1",
            "permissions": [],
            "scopes": ["sessions:read"],
            "session": None,
        }


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Basic YTpi"},
        {"authorization": "Bearer nonsense"},
        {"authorization": "Bearer sgk_nonsense"},
        {"authorization": f"Bearer {'x' * 60_000}"},
    ],
)
async def test_answers_401_to_whoever_has_no_credential_that_holds(
    secured: Node, headers: dict[str, str]
) -> None:
    answer = await secured.http.post(
        "/graphql", json={"query": "{ __schema { types { name } } }"}, headers=headers
    )
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    (error,) = answer.json()["errors"]
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}
    assert "data" not in answer.json()


@pytest.mark.parametrize(
    ("credential", "code"),
    [
        (None, 4401),
        ("nonsense", 4401),
        ("sgk_nonsense", 4401),
        (lambda: user_token(exp=int(time.time()) - 100), 4403),
    ],
)
async def test_closes_a_socket_that_brings_no_credential_that_holds(
    secured: Node, credential: object, code: int
) -> None:
    given = credential() if callable(credential) else credential
    payload = {} if given is None else {"Authorization": f"Bearer {given}"}
    async with secured.socket(init=False) as socket:
        await socket.send({"type": "connection_init", "payload": payload})
        assert await socket.close_code() == code


async def test_takes_the_credential_of_the_handshake_as_well(secured: Node, service: str) -> None:
    headers = {"Authorization": f"Bearer {service}"}
    async with secured.socket(init=False, additional_headers=headers) as socket:
        await socket.send({"type": "connection_init"})
        assert await socket.receive() == {"type": "connection_ack"}


async def test_refuses_a_token_that_lives_too_long(start_node: StartNode, tmp_path: Path) -> None:
    node = await start_node(
        **jwks_settings(tmp_path), token_lifetime_limit_seconds=300, token_leeway_seconds=0
    )
    async with node.acting(user_token(exp=int(time.time()) + 299)) as user:
        assert (await user.post(VIEWER))["data"]["viewer"]["userId"] == USER
    async with node.acting(user_token(exp=int(time.time()) + 320)) as user:
        assert (await user.http.post("/graphql", json={"query": VIEWER})).status_code == 401


async def test_refuses_the_token_of_an_ended_session_at_once(
    start_node: StartNode, tmp_path: Path, database: Database
) -> None:
    """At once where it ended, within a second elsewhere, and after a restart."""
    settings = jwks_settings(tmp_path)
    near, far = await start_node(**settings), await start_node(**settings)
    key, _ = await make_key(database, *Scope)
    await create_session(near, key)
    async with near.acting(user_token()) as here, far.acting(user_token()) as there:
        assert (await here.query(VIEWER))["viewer"]["session"]["id"] == SESSION
        await there.query(VIEWER)
        await end_session(near, key)
        ended_at = time.monotonic()
        assert (await here.http.post("/graphql", json={"query": VIEWER})).status_code == 401
        while (await there.http.post("/graphql", json={"query": VIEWER})).status_code != 401:
            assert time.monotonic() - ended_at < 1
    restarted = await start_node(**settings)
    async with restarted.acting(user_token()) as later:
        answer = await later.http.post("/graphql", json={"query": VIEWER})
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (
        401,
        "The session of this access token has ended; sign in again.",
    )


async def test_sends_the_last_event_of_an_ended_session_and_closes(
    start_node: StartNode, tmp_path: Path, database: Database
) -> None:
    settings = jwks_settings(tmp_path)
    near, far = await start_node(**settings), await start_node(**settings)
    key, _ = await make_key(database, *Scope)
    await create_session(near, key)
    other = "session_01H93ZY4F80QPBEZ1R5B2SHQG9"
    await create_session(near, key, other)
    async with (
        far.acting(user_token()) as user,
        far.acting(user_token(sid=other)) as another,
        user.socket() as socket,
        another.socket() as bystander,
    ):
        await socket.subscribe(WATCH)
        await bystander.subscribe(WATCH)
        await end_session(near, key)
        for watching in (socket, bystander):
            change = (await watching.next())["sessionStatusChanged"]
            assert (change["status"], change["session"]["id"]) == ("REVOKED", SESSION)
        assert await socket.close_code() == 4401
        # The user's other session goes on.
        await create_session(near, key, "session_01H93ZY4F80QPBEZ1R5B2SHQGA")
        assert (await bystander.next())["sessionStatusChanged"]["status"] == "ACTIVE"


async def test_ends_the_event_stream_of_an_ended_session_after_its_last_event(
    secured: Node, service: str
) -> None:
    await create_session(secured, service)
    headers = {"accept": "text/event-stream"}
    async with (
        secured.acting(user_token()) as user,
        user.http.stream("POST", "/graphql", json={"query": WATCH}, headers=headers) as answer,
    ):
        await end_session(secured, service)
        text = "".join([part async for part in answer.aiter_text()])
    assert text.count("event: next") == 1
    assert SESSION in text
    assert "event: complete" not in text


async def test_closes_with_4403_when_the_token_runs_out(start_node: StartNode, tmp_path: Path) -> None:
    node = await start_node(**jwks_settings(tmp_path), token_leeway_seconds=0)
    expiry = int(time.time()) + 2
    async with node.acting(user_token(exp=expiry)) as user, user.socket() as socket:
        await socket.subscribe(WATCH)
        assert await socket.close_code() == 4403
        assert time.time() >= expiry


async def test_lets_go_of_a_service_whose_key_is_taken_away(
    start_node: StartNode, database: Database
) -> None:
    await make_key(database, Scope.READ)  # so that the server is not open
    node = await start_node()
    key, key_id = await make_key(database, Scope.READ)
    headers = {"accept": "text/event-stream"}
    async with (
        node.acting(key) as acting,
        acting.socket() as socket,
        acting.http.stream("POST", "/graphql", json={"query": WATCH}, headers=headers) as stream,
    ):
        await socket.subscribe(WATCH)
        await take_away(database, key_id)
        assert await socket.close_code() == 4401
        async for _ in stream.aiter_text():
            pass
        assert (await acting.http.post("/graphql", json={"query": VIEWER})).status_code == 401


async def test_is_open_only_until_there_is_a_way_to_authenticate(node: Node, database: Database) -> None:
    assert (await node.query(VIEWER))["viewer"]["kind"] == "SERVICE"
    key, key_id = await make_key(database, Scope.READ)
    while (await node.http.post("/graphql", json={"query": VIEWER})).status_code != 401:
        await asyncio.sleep(0.01)
    await take_away(database, key_id)
    async with node.acting(key) as acting:
        while (await acting.http.post("/graphql", json={"query": VIEWER})).status_code != 401:
            await asyncio.sleep(0.01)
    assert (await node.http.post("/graphql", json={"query": VIEWER})).status_code == 401


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_shows_no_credential_in_logs_or_errors(
    secured: Node, service: str, caplog: pytest.LogCaptureFixture
) -> None:
    await create_session(secured, service)
    wrong = jwt_of_another()
    seen = ""
    with caplog.at_level(logging.DEBUG):
        for credential in (user_token(), service, wrong, f"{service}x", f"{user_token()}x"):
            async with secured.acting(credential) as acting:
                for query in (VIEWER, "{", "{ nothing }"):
                    seen += (await acting.http.post("/graphql", json={"query": query})).text
    logged = "\n".join(
        record.getMessage() for record in caplog.records if record.name.partition(".")[0] != "httpcore"
    )
    for secret in (service, wrong.rpartition(".")[2], user_token().rpartition(".")[2]):
        assert secret not in seen
        assert secret not in logged


def jwt_of_another() -> str:
    return signed({"typ": "JWT", "alg": "RS256", "kid": "first"}, user_claims(), rsa_key("another"))


async def test_says_who_was_refused_what(
    secured: Node, service: str, caplog: pytest.LogCaptureFixture
) -> None:
    """By a hash: the log is not a list of sessions."""
    await create_session(secured, service)
    with caplog.at_level(logging.INFO, logger="api"):
        async with secured.acting(user_token()) as user:
            document = "mutation ($input: CreateSessionInput!) { createSession(input: $input) { created } }"
            code, _ = await user.refusal(document, input={"userId": USER, "expiresAt": FUTURE})
        await secured.http.post("/graphql", json={"query": VIEWER})
    assert code == "FORBIDDEN"
    messages = [record.getMessage() for record in caplog.records if record.name.startswith("api")]
    assert any(
        USER in message and "createSession" in message and "FORBIDDEN" in message for message in messages
    )
    assert any("UNAUTHENTICATED" in message for message in messages)
    assert not any(SESSION in message for message in messages)
