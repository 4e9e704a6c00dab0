"""The console for everybody: what is offered to whom, with the keyboard, on a phone, to a screen reader."""

import re
from pathlib import Path
from typing import Any

import pytest
from conftest import StartNode
from console import END, PHONE, READ, Board, open_console, shortened, signed_in
from credentials import jwks_settings, make_key
from issuer import user_token
from node import ORGANIZATION, USER, Node
from playwright.async_api import Browser, expect
from scripts import CLIENTS
from stored import row, session_id, store

from models.database import Database
from models.key import Scope

OTHER = "user_01E4ZCR3C56J083X43JQXF3JK6"
DARK: dict[str, Any] = {"color_scheme": "dark"}
AXE = CLIENTS / "node_modules/axe-core/axe.min.js"
VIOLATIONS = """
axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]))
"""
UNAUTHENTICATED = ("Failed to load resource: the server responded with a status of 401",)


@pytest.fixture
def engine() -> str:
    return "sqlite"  # the page knows no database


@pytest.fixture
async def sessions(database: Database) -> None:
    """One of the user's, which they ask with, another of theirs, and two of colleagues."""
    await store(
        database,
        row(1, organization_id=ORGANIZATION),
        row(2, organization_id=ORGANIZATION),
        row(3, organization_id=ORGANIZATION, user_id=OTHER),
        row(4, organization_id=ORGANIZATION, user_id=OTHER),
    )


async def start_as(
    start_node: StartNode, directory: Path, *permissions: str, end_permission: str = END
) -> Node:
    """Start a server whose console is signed in to by the user of session 1."""
    token = user_token(sid=session_id(1), org_id=ORGANIZATION, permissions=list(permissions))
    console = signed_in(token, end_permission=end_permission)
    return await start_node(console_page=console, **jwks_settings(directory))


async def active(database: Database, start_node: StartNode) -> list[str]:
    """Return the active sessions, oldest first, as a service sees them."""
    key, _ = await make_key(database, Scope.READ)
    document = (
        "{ sessions(filter: {status: [ACTIVE]}, orderBy: {direction: ASC}, first: 100) { nodes { id } } }"
    )
    async with (await start_node()).acting(key) as service:
        return [one["id"] for one in (await service.query(document))["sessions"]["nodes"]]


@pytest.mark.usefixtures("sessions")
async def test_offers_an_administrator_to_end_all(
    browser: Browser, database: Database, start_node: StartNode, tmp_path: Path
) -> None:
    node = await start_as(start_node, tmp_path, READ, END)
    async with open_console(browser, node.url) as board:
        await board.lists(*map(session_id, (4, 3, 2, 1)))
        await expect(board.button(f"End the session of {shortened(OTHER)}")).to_have_count(2)
        await board.button("End all that match…").click()
        await expect(board.dialog).to_contain_text(
            "3 sessions will be ended. The session that you are using stays."
        )
        await board.button("End 3 sessions").click()
        await board.lists(session_id(1))
    assert await active(database, start_node) == [session_id(1)]


@pytest.mark.usefixtures("sessions")
async def test_offers_a_user_to_end_their_own_alone(
    browser: Browser, database: Database, start_node: StartNode, tmp_path: Path
) -> None:
    node = await start_as(start_node, tmp_path, READ)
    async with open_console(browser, node.url) as board:
        await board.lists(*map(session_id, (4, 3, 2, 1)))
        await expect(board.button(f"End the session of {shortened(OTHER)}")).to_have_count(0)
        await expect(board.button(f"End the session of {shortened(USER)}")).to_have_count(2)
        await expect(board.button("End all that match…")).to_have_count(0)
        await board.button("End mine that match…").click()
        await expect(board.dialog).to_contain_text("1 session will be ended.")
        await board.button("End 1 session").click()
        await board.lists(*map(session_id, (4, 3, 1)))
    assert await active(database, start_node) == [session_id(1), session_id(3), session_id(4)]


@pytest.mark.usefixtures("sessions")
async def test_signs_a_user_out_everywhere_else(
    browser: Browser, database: Database, start_node: StartNode, tmp_path: Path
) -> None:
    node = await start_as(start_node, tmp_path)
    async with open_console(browser, node.url) as board:
        await board.lists(session_id(2), session_id(1))
        await expect(board.button("Only mine")).to_have_count(0)
        await board.button("Sign out everywhere else…").click()
        await expect(board.dialog).to_contain_text(
            "1 session will be ended. The session that you are using stays."
        )
        await board.button("End 1 session").click()
        await board.lists(session_id(1))
    assert await active(database, start_node) == [session_id(1), session_id(3), session_id(4)]


@pytest.mark.usefixtures("sessions")
async def test_offers_a_service_that_may_only_read_to_end_none(
    browser: Browser, database: Database, start_node: StartNode
) -> None:
    key, _ = await make_key(database, Scope.READ)
    node = await start_node(console_page=signed_in(key))
    async with open_console(browser, node.url) as board:
        await board.lists(*map(session_id, (4, 3, 2, 1)))
        await expect(board.region("You")).to_contain_text(
            "You are a service of all organizations with sessions:read."
        )
        await expect(board.page.get_by_role("button", name="End")).to_have_count(0)
        await board.button(f"Session of {shortened(USER)}").first.click()
        await expect(board.dialog.get_by_role("button")).to_have_text(["Close"])


@pytest.mark.usefixtures("sessions")
async def test_changes_nothing_when_an_end_is_refused(
    browser: Browser, database: Database, start_node: StartNode, tmp_path: Path
) -> None:
    """The page is told another name of the permission, so it offers what the server refuses."""
    node = await start_as(start_node, tmp_path, READ, end_permission=READ)
    async with open_console(browser, node.url) as board:
        await board.button(f"End the session of {shortened(OTHER)}").first.click()
        await board.button("End session").click()
        await expect(board.dialog.get_by_role("alert")).to_have_text(
            "You may see this session, but not end it."
        )
        await board.button("Cancel").click()
        await board.lists(*map(session_id, (4, 3, 2, 1)))
        await board.counts(4, 0, 0)
    assert await active(database, start_node) == [session_id(number) for number in (1, 2, 3, 4)]


@pytest.mark.usefixtures("sessions")
async def test_is_left_when_the_session_that_asks_has_ended(
    browser: Browser, start_node: StartNode, tmp_path: Path
) -> None:
    node = await start_as(start_node, tmp_path)
    async with open_console(browser, node.url, complaints=UNAUTHENTICATED) as board:
        await board.lists(session_id(2), session_id(1))
        await board.is_live()
        await (
            board.button("End…", within=board.rows.last)
            .or_(board.button(f"End the session of {shortened(USER)}", within=board.rows.last))
            .click()
        )
        await expect(board.dialog).to_contain_text("you will be signed out")
        await board.button("End session").click()
        await expect(board.region("Sign in").get_by_role("alert")).to_have_text(
            "The session has ended; sign in again."
        )


async def test_asks_who_is_asking_and_keeps_it_in_its_tab(
    browser: Browser, database: Database, start_node: StartNode
) -> None:
    key, _ = await make_key(database, *Scope)
    node = await start_node()
    async with node.acting(key) as service:
        created = await service.create()
    async with open_console(browser, node.url, complaints=UNAUTHENTICATED) as board:
        await expect(board.page.get_by_role("alert")).to_have_count(0)
        field = board.page.get_by_label("Access token or API key")
        await field.fill("sgk_wrong")
        await board.button("Sign in").click()
        await expect(board.page.get_by_role("alert")).to_be_visible()
        await field.fill(key)
        await board.button("Sign in").click()
        await board.lists(created)
        await board.page.reload()
        await board.lists(created)
        stored = "[Object.values(sessionStorage), Object.values(localStorage), document.cookie]"
        assert await board.page.evaluate(stored) == [[key], [], ""]
        assert key not in board.page.url
        await board.button("Change credential…").click()
        await board.button("Sign out").click()
        await expect(board.region("Sign in")).to_be_visible()
        assert await board.page.evaluate(stored) == [[""], [], ""]


async def test_begins_as_the_administrator_of_the_demo_and_changes_to_its_user(
    browser: Browser, start_node: StartNode
) -> None:
    node = await start_node(demo=True)
    async with open_console(browser, node.url) as board:
        await expect(board.region("You")).to_contain_text(
            re.compile(r"You see your organization.s sessions and may end\s+them")
        )
        await board.button("Administrator…").click()
        await board.button("User", within=board.dialog).click()
        await expect(board.region("You")).to_contain_text("You see your own sessions and may end them.")
        await board.button("User…").click()
        await board.button("Service", within=board.dialog).click()
        await expect(board.region("You")).to_contain_text("You are a service of all organizations")


@pytest.mark.usefixtures("sessions")
async def test_is_used_with_the_keyboard_alone(browser: Browser, node: Node) -> None:
    async with open_console(browser, node.url) as board:
        await board.lists(*map(session_id, (4, 3, 2, 1)))
        impersonation = board.page.get_by_role("combobox", name="Impersonation")
        page, end = board.page, board.button(f"End the session of {shortened(OTHER)}").first
        await tab_to(board, f"End the session of {shortened(OTHER)}")
        await page.keyboard.press("Enter")
        await expect(board.button("Cancel")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(board.dialog).to_be_hidden()
        await expect(end).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(board.button("Cancel")).to_be_focused()
        await page.keyboard.press("Tab")
        await expect(board.button("End session")).to_be_focused()
        await page.keyboard.press("Space")
        await board.lists(*map(session_id, (3, 2, 1)))
        await expect(page.get_by_role("heading", name="Sessions", exact=True)).to_be_focused()
        await page.keyboard.press("Shift+Tab")
        await expect(page.get_by_text("More")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(impersonation).to_be_visible()
        await page.keyboard.press("Tab")
        await expect(impersonation).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(impersonation).to_be_hidden()
        await expect(page.get_by_text("More")).to_be_focused()


async def tab_to(board: Board, name: str) -> None:
    """Press Tab until this button has the focus; it has to come within the page."""
    for _ in range(60):
        await board.page.keyboard.press("Tab")
        if await board.page.evaluate("document.activeElement.ariaLabel") == name:
            return
    raise AssertionError(f"the focus never came to {name!r}")


@pytest.mark.parametrize("options", [{}, DARK, PHONE], ids=["light", "dark", "phone"])
@pytest.mark.usefixtures("sessions")
async def test_has_no_fault_that_axe_finds(
    browser: Browser, database: Database, node: Node, options: dict[str, Any]
) -> None:
    await store(
        database,
        row(5, auth_method="impersonation", impersonator_email="dana@support.example.com"),
        row(6, status="expired", ended_at=row(6)["created_at"]),
    )
    async with open_console(browser, node.url, "?status=", **options) as board:
        await board.lists(*map(session_id, (6, 5, 4, 3, 2, 1)))
        await board.is_live()
        await node.end(session_id(4))
        await expect(board.changes).to_have_count(1)
        await board.page.evaluate(AXE.read_text(encoding="utf-8"))
        assert await board.page.evaluate(VIOLATIONS) == []
        await board.page.get_by_text("More").click()
        assert await board.page.evaluate(VIOLATIONS) == []
        await board.page.keyboard.press("Escape")
        await board.button("End all that match…").click()
        await expect(board.dialog).to_contain_text("4 sessions")
        assert await board.page.evaluate(VIOLATIONS) == []
        await board.button("Cancel").click()
        await board.button(f"Session of {shortened(USER)}").first.click()
        await expect(board.dialog.get_by_role("listitem")).to_have_count(1)
        assert await board.page.evaluate(VIOLATIONS) == []


@pytest.mark.usefixtures("sessions")
async def test_fits_a_phone(browser: Browser, node: Node) -> None:
    async with open_console(browser, node.url, **PHONE) as board:
        await board.lists(*map(session_id, (4, 3, 2, 1)))
        beyond = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert await board.page.evaluate(beyond) == 0
        for name in ("More", "Method"):
            await board.page.locator("summary", has_text=name).click()
            assert await board.page.evaluate(beyond) == 0
            box = await board.page.locator("details[open] > :not(summary)").bounding_box()
            assert box is not None
            assert 0 <= box["x"] < box["x"] + box["width"] <= 360
        await board.button(f"Session of {shortened(USER)}").first.click()
        await expect(board.dialog).to_be_in_viewport(ratio=0.99)
        assert await board.page.evaluate(beyond) == 0
