"""The console: how it is served, and in Chromium what it shows of sessions, live, and ends."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import StartNode
from console import END, READ, open_console, shortened
from credentials import jwks_settings
from issuer import user_token
from node import ORGANIZATION, USER, Node
from playwright.async_api import Browser, expect
from stored import NEVER, minute, row, session_id, store

from api.console.page import BUILT, Console
from api.console.page import __file__ as page_file
from api.pages.assets import Assets
from api.settings import Settings
from models.database import Database
from models.session import utc_now

HTML = {"Accept": "text/html"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; require-trusted-types-for 'script'; "
    "trusted-types lit-html; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
OPERATIONS = Path(page_file).with_name("operations.graphql").read_text(encoding="utf-8")
OTHER = "user_01E4ZCR3C56J083X43JQXF3JK6"
CHROME = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36"
)
STATUS = "query ($id: ID!) { session(id: $id) { status endedBy endReason } }"
ENDED_ALIKE = {"status": "REVOKED", "endedBy": "SYSTEM"}


@pytest.fixture
def engine() -> str:
    return "sqlite"  # the page knows no database


async def test_serves_the_page_with_a_strict_policy(node: Node) -> None:
    answer = await node.http.get("/console", headers=HTML)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    sources = re.findall(r'(?:src|href)="(console/[^"]+)"', answer.text)
    assert [source.rpartition("/")[2] for source in sources] == ["page.css", "page.js"]
    assert {path.stem for path in BUILT.iterdir()} == {"page.css", "page.js"}
    for source in sources:
        assert (await node.http.get(f"/{source}")).status_code == 200


async def test_says_what_to_run_where_it_was_not_built(start_node: StartNode, tmp_path: Path) -> None:
    node = await start_node(console_page=Console(READ, END, assets=Assets("console", tmp_path)))
    answer = await node.http.get("/console", headers=HTML)
    assert (answer.status_code, answer.text) == (503, "The console is not built here: run `make console`.\n")


async def test_is_shown_where_nobody_else_can_reach_it_or_as_asked_for(
    start_node: StartNode, tmp_path: Path
) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"console": OPERATIONS}))
    assert not Settings(host="0.0.0.0").shows_console
    assert Settings(host="0.0.0.0", console=True).shows_console
    for settings in ({"console": False}, {"trusted_documents": manifest}):
        answer = await (await start_node(**settings)).http.get("/console", headers=HTML)
        assert answer.status_code == 404


async def test_needs_only_its_own_document_to_be_trusted(
    browser: Browser, start_node: StartNode, tmp_path: Path
) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"console": OPERATIONS}))
    free, node = await start_node(), await start_node(trusted_documents=manifest, console=True)
    created = await free.create()
    async with open_console(browser, node.url) as board:
        await board.lists(created)
        await board.is_live()
        await free.end(created)
        await board.lists()


async def test_lists_who_is_signed_in_where_and_with_what(
    browser: Browser, database: Database, start_node: StartNode, tmp_path: Path
) -> None:
    impersonation = {
        "auth_method": "impersonation",
        "impersonator_email": "dana@support.example.com",
        "impersonator_reason": "Ticket 4127",
    }
    await store(
        database,
        row(1, auth_method="magic_code", ip_address="192.0.2.7", user_agent=CHROME),
        row(2, user_id=OTHER, organization_id=ORGANIZATION, user_agent="curl-like/1", **impersonation),
        row(3, status="revoked", ended_at=minute(9)),
    )
    settings = jwks_settings(tmp_path)
    token = user_token(sid=session_id(1), org_id=ORGANIZATION, permissions=[READ])
    node = await start_node(console_page=Console(READ, END, {"Somebody": token}), **settings)
    async with open_console(browser, node.url) as board:
        await board.lists(session_id(2), session_id(1))
        other, mine = board.rows.nth(0).get_by_role("cell"), board.rows.nth(1).get_by_role("cell")
        await expect(other.nth(0)).to_have_text(
            f"Session of {shortened(OTHER)} in {shortened(ORGANIZATION)} "
            "Impersonated by dana@support.example.com"
        )
        await expect(mine.nth(0)).to_have_text(
            f"Session of {shortened(USER)} This session in no organization"
        )
        await expect(mine.nth(1).locator("time")).to_have_attribute("datetime", "2026-01-15T12:01:00.000Z")
        await expect(mine.nth(1).locator(".under")).to_have_text("Magic code")
        await expect(mine.nth(2)).to_have_text("Chrome 142 on macOS")
        await expect(mine.nth(2).locator("span")).to_have_attribute("title", CHROME)
        await expect(mine.nth(3)).to_have_text("192.0.2.7")
        await expect(mine.nth(4)).to_contain_text("Active")
        await expect(board.region("Impersonated now")).to_contain_text(
            f"dana@support.example.com as {shortened(OTHER)}"
        )
        await expect(board.region("Impersonated now").get_by_role("listitem")).to_have_count(1)
        await expect(board.region("You")).to_contain_text(f"You are {shortened(USER)} of")
        await board.counts(2, 0, 1)
        await expect(board.region("By method").get_by_role("listitem")).to_have_text(
            ["Impersonation 1", "Magic code 1"]
        )


async def test_keeps_the_filter_in_its_address(browser: Browser, database: Database, node: Node) -> None:
    await store(database, row(1, user_id=OTHER), row(2), row(3, status="revoked", ended_at=minute(9)), row(4))
    async with open_console(browser, node.url) as board:
        await board.lists(session_id(4), session_id(2), session_id(1))
        await board.field("User").fill(USER)
        await board.page.keyboard.press("Enter")
        await board.lists(session_id(4), session_id(2))
        await board.page.get_by_label("Revoked").check()
        await board.lists(session_id(4), session_id(3), session_id(2))
        query = f"?status=ACTIVE&status=REVOKED&userId={USER}"
        assert board.page.url == f"{node.url}/console{query}"
        await board.page.reload()
        await board.lists(session_id(4), session_id(3), session_id(2))
        await expect(board.field("User")).to_have_value(USER)
        await board.page.go_back()
        await board.lists(session_id(4), session_id(2))
        await expect(board.page.get_by_label("Revoked")).not_to_be_checked()
        await board.button("Clear").click()
        await board.lists(session_id(4), session_id(2), session_id(1))
        assert board.page.url == f"{node.url}/console"


async def test_asks_with_the_filter_of_the_api(browser: Browser, node: Node) -> None:
    query = (
        f"?status=&authMethod=PASSKEY&authMethod=SSO&ids={session_id(1)}&ids={session_id(2)}&userId={USER}"
        f"&organizationId={ORGANIZATION}&ipAddress=192.0.2.7&impersonatorEmail=dana%40example.com"
        "&impersonated=true&createdAt.from=2026-01-15T12:00:00.000Z&createdAt.to=2026-01-15T13:00:00.000Z"
        "&endedAt.from=2026-01-15T12:30:00.000Z"
    )
    given = {
        "authMethod": ["PASSKEY", "SSO"],
        "ids": [session_id(1), session_id(2)],
        "userId": USER,
        "organizationId": ORGANIZATION,
        "ipAddress": "192.0.2.7",
        "impersonatorEmail": "dana@example.com",
        "impersonated": True,
        "createdAt": {"from": "2026-01-15T12:00:00.000Z", "to": "2026-01-15T13:00:00.000Z"},
        "endedAt": {"from": "2026-01-15T12:30:00.000Z"},
    }
    async with open_console(browser, node.url, query, timezone_id="Europe/Berlin") as board:
        await board.is_live()
        await board.page.get_by_text("More", exact=False).first.click()
        await board.page.get_by_label("Expires before").fill("2026-02-01T00:00")
        await board.page.keyboard.press("Enter")
        await expect(board.page).to_have_url(re.compile("expiresAt"))
        await board.is_live()
        bodies: list[Any] = [post.post_data_json for post in board.opened.posts]
    filters = [body["variables"]["filter"] for body in bodies if body["operationName"] == "List"]
    assert filters == [given, {**given, "expiresAt": {"to": "2026-01-31T23:00:00.000Z"}}]


async def test_sees_what_other_clients_do_and_counts_it(
    browser: Browser, database: Database, node: Node
) -> None:
    await store(database, row(1, auth_method="sso"), row(2))
    async with open_console(browser, node.url) as board:
        await board.lists(session_id(2), session_id(1))
        await board.is_live()
        await board.counts(2, 0, 0)
        created = await node.create(authMethod="PASSKEY")
        await board.lists(created, session_id(2), session_id(1))
        await node.end(session_id(1), "Laptop lost")
        await board.lists(created, session_id(2))
        await board.counts(2, 0, 1)
        await expect(board.region("By method").get_by_role("listitem")).to_have_text(
            ["Passkey 1", "Password 1"]
        )
        await expect(board.region("Sessions").get_by_text("2 sessions")).to_be_visible()
        at = r"\d\d:\d\d:\d\d"
        await expect(board.changes).to_have_text(
            [
                re.compile(rf"^\s*{at}\s+Ended by a program\s+{shortened(USER)}\s+Laptop lost\s*$"),
                re.compile(rf"^\s*{at}\s+Signed in\s+{shortened(USER)}\s+Passkey\s*$"),
            ]
        )


async def test_lets_a_session_go_when_it_expires(browser: Browser, database: Database, node: Node) -> None:
    await store(database, row(1))
    async with open_console(browser, node.url) as board:
        await board.lists(session_id(1))
        await board.is_live()
        short = await node.create(expiresAt=(utc_now() + timedelta(seconds=2)).isoformat())
        await board.lists(short, session_id(1))
        await board.lists(session_id(1))
        await board.counts(1, 1, 0)
        await expect(board.changes.first).to_contain_text("Expired")


async def test_ends_one_session_when_it_is_confirmed(
    browser: Browser, database: Database, node: Node
) -> None:
    await store(database, row(1), row(2, user_id=OTHER))
    async with open_console(browser, node.url) as board:
        await board.lists(session_id(2), session_id(1))
        await board.button(f"End the session of {shortened(OTHER)}").click()
        await expect(board.dialog).to_contain_text(OTHER)
        await board.button("Cancel").click()
        await expect(board.dialog).to_be_hidden()
        assert (await node.query(STATUS, id=session_id(2)))["session"]["status"] == "ACTIVE"
        await board.button(f"End the session of {shortened(OTHER)}").click()
        await board.dialog.get_by_label("Reason").fill("Laptop lost")
        await board.button("End session").click()
        await expect(board.dialog).to_be_hidden()
        await board.lists(session_id(1))
        await expect(board.page.get_by_text("The session was ended.")).to_be_visible()
    ended = (await node.query(STATUS, id=session_id(2)))["session"]
    assert ended == {**ENDED_ALIKE, "endReason": "Laptop lost"}
    assert (await node.query(STATUS, id=session_id(1)))["session"]["status"] == "ACTIVE"


async def test_ends_all_that_match_and_no_more_than_it_said(
    browser: Browser, database: Database, node: Node
) -> None:
    await store(database, row(1), row(2, user_id=OTHER), row(3), row(4))
    async with open_console(browser, node.url, f"?userId={USER}") as board:
        await board.lists(session_id(4), session_id(3), session_id(1))
        await board.button("End all that match…").click()
        await expect(board.dialog).to_contain_text("3 sessions will be ended.")
        later = await node.create()
        await board.button("End 3 sessions").click()
        await expect(board.page.get_by_text("3 sessions ended.")).to_be_visible()
        await board.lists(later)
        await board.counts(1, 0, 3)
    statuses = [(await node.query(STATUS, id=id_))["session"]["status"] for id_ in (session_id(2), later)]
    assert statuses == ["ACTIVE", "ACTIVE"]


async def test_shows_a_session_with_its_history(browser: Browser, database: Database, node: Node) -> None:
    await store(database, row(1, user_agent=CHROME, ip_address="192.0.2.7", expires_at=NEVER))
    async with open_console(browser, node.url) as board:
        await board.is_live()
        await board.button(f"Session of {shortened(USER)}").click()
        history = board.dialog.get_by_role("listitem")
        await expect(history).to_have_text([re.compile(r"^\s*Signed in\s")])
        for fact in (session_id(1), USER, CHROME, "Chrome 142 on macOS", "192.0.2.7", "Active"):
            await expect(board.dialog).to_contain_text(fact)
        await node.end(session_id(1), "Laptop lost")
        await expect(history).to_have_text(
            [re.compile(r"^\s*Signed in\s"), re.compile(r"^\s*Ended by a program\s.*Laptop lost\s*$")]
        )
        await expect(board.button("End…", within=board.dialog)).to_have_count(0)
