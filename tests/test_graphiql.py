"""What a browser gets at /graphql: the page itself, and in Chromium what it does without a network."""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from browser import Visit, visit
from conftest import StartNode
from credentials import make_key
from node import Node
from playwright.async_api import Browser, Locator, expect

from api.graphiql.examples import EXAMPLES
from api.graphiql.page import BUILT, GraphiQL, built_assets
from api.pages.assets import Assets
from models.database import Database
from models.key import Scope

LOCK = Path(__file__).parent.parent / "package-lock.json"
HTML = {"Accept": "text/html"}
POLICY = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline' {styles}; worker-src 'self'; "
    "font-src 'self' data:; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
FILES = {
    "page.js": "text/javascript; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "graphql.worker.js": "text/javascript; charset=utf-8",
    "json.worker.js": "text/javascript; charset=utf-8",
    "editor.worker.js": "text/javascript; charset=utf-8",
    "codicon.ttf": "font/ttf",
}
NOT_FOUND = {"errors": [{"message": "Not Found", "extensions": {"code": "BAD_USER_INPUT"}}]}
AWKWARD = {"X-Demo": "<\"demo\" & 'key'>"}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}}
UNPKG = "https://unpkg.com/"


@pytest.fixture
def engine() -> str:
    return "sqlite"  # the page knows no database


async def test_serves_the_page_with_a_strict_policy(node: Node) -> None:
    answer = await node.http.get("/graphql", headers=HTML)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == POLICY.format(scripts="'self'", styles="'self'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text.count("<script") == 1


async def test_serves_the_built_files_for_ever_and_no_others(node: Node) -> None:
    page = (await node.http.get("/graphql", headers=HTML)).text
    sources = re.findall(r'(?:src|href)="(graphiql/[^"]+)"', page)
    assert [source.rpartition("/")[2] for source in sources] == ["page.css", "page.js"]
    base = sources[0].rpartition("/")[0]
    assert {path.stem for path in BUILT.iterdir()} == set(FILES)
    for name, media_type in FILES.items():
        answer = await node.http.get(f"/{base}/{name}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["x-content-type-options"] == "nosniff"
    for path in (f"/{base}/page.py", f"/{base}/..%2fpage.py", f"/{base}/", "/graphiql/0/page.js"):
        answer = await node.http.get(path)
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    answer = await node.http.post(f"/{base}/page.js")
    assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, {"GET", "HEAD"})
    assert answer.json()["errors"][0]["message"] == "Method Not Allowed"


async def test_is_switched_off_with_its_files(start_node: StartNode) -> None:
    node = await start_node(graphiql=False)
    for path in ("/graphql", f"/{built_assets().path}/page.js"):
        answer = await node.http.get(path, headers=HTML)
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


async def test_has_examples_that_run(node: Node) -> None:
    as_of = (await node.query("{ sessions { asOf } }"))["sessions"]["asOf"]
    created = await node.create()
    listing, end, watch, resume = EXAMPLES
    assert (await node.query(listing.query))["sessions"]["nodes"][0]["id"] == created
    variables = json.loads(end.variables)
    assert await node.query(end.query, **variables) == {
        "endSession": {"outcome": "NOT_FOUND", "session": None}
    }
    assert json.loads(resume.variables) == {"after": None}
    async with node.socket() as live, node.socket() as resumed:
        await live.subscribe(watch.query, **json.loads(watch.variables))
        await resumed.subscribe(resume.query, after=as_of)
        variables["input"]["id"] = created
        ended = (await node.query(end.query, **variables))["endSession"]
        assert (ended["outcome"], ended["session"]["endReason"]) == ("ENDED", "Tried out in GraphiQL")
        change = (await live.next())["sessionStatusChanged"]
        assert (change["status"], change["session"]["id"]) == ("REVOKED", created)
        changes = [(await resumed.next())["sessionStatusChanged"]["status"] for _ in range(2)]
        assert changes == ["ACTIVE", "REVOKED"]


async def test_comes_from_a_cdn_where_it_was_not_built(start_node: StartNode, tmp_path: Path) -> None:
    node = await start_node(graphiql_page=GraphiQL(Assets("graphiql", tmp_path), AWKWARD))
    answer = await node.http.get("/graphql", headers=HTML)
    assert "GraphiQL is not installed here, so this page loads it from a CDN." in answer.text
    scripts = re.findall(r'<script\s+crossorigin\s+src="([^"]+)"\s+integrity="sha384-', answer.text)
    styles = re.findall(r'href="(https:[^"]+)"\s+integrity="sha384-', answer.text)
    assert (len(scripts), len(styles)) == (5, 2)
    assert answer.text.count(UNPKG) == 7
    links = re.findall(r'<a href="([^"]+)">', answer.text)
    assert [sorted(parse_qs(urlsplit(unescape(link)).query)) for link in links] == [
        ["q"],
        *3 * [["q", "variables"]],
    ]
    (headers,) = re.findall(r'<p id="notice" role="status" data-headers="([^"]*)">', answer.text)
    assert json.loads(unescape(headers)) == AWKWARD
    assert 'React.useState(document.getElementById("notice").dataset.headers)' in answer.text
    assert "parameters.headers" not in answer.text  # a link could fill in what it likes
    (source,) = re.findall(r"'sha256-[\w+/]+=*'", answer.headers["content-security-policy"])
    assert answer.headers["content-security-policy"] == POLICY.format(
        scripts=" ".join([*scripts, source]), styles=" ".join(styles)
    )


async def test_is_locked_by_hashes_and_names_no_registry() -> None:
    lock = json.loads(LOCK.read_text(encoding="utf-8"))
    packages = [package for name, package in lock["packages"].items() if name]
    assert len(packages) > 50
    assert all(package["integrity"].startswith("sha512-") for package in packages)
    assert not any("resolved" in package for package in packages)


async def test_loads_and_explains_the_schema_without_a_network(browser: Browser, node: Node) -> None:
    async with visit(browser, node.url, "/graphql") as opened:
        page = opened.page
        await expect(page.get_by_role("tab")).to_contain_text(
            ["ListSessions", "EndSession", "WatchSessions", "ResumeWatching"]
        )
        await page.get_by_role("button", name="Show Documentation Explorer").click()
        await page.get_by_role("link", name="Query", exact=True).click()
        await expect(page.get_by_text("The sessions that you may see, newest first")).to_be_visible()
        assert (opened.foreign, opened.complaints) == ([], [])


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop", "phone"])
async def test_shows_the_answer_of_a_query(browser: Browser, node: Node, options: dict[str, Any]) -> None:
    session_id = await node.create()
    async with visit(browser, node.url, "/graphql", **options) as opened:
        await run(opened)
        answer = answer_of(opened)
        await expect(answer).to_contain_text('"totalCount": 1')
        await expect(answer).to_contain_text(wrapped(session_id))
        await expect(opened.page.locator(".graphiql-response")).to_be_in_viewport(ratio=1)
        assert await answer.evaluate("lines => lines.clientWidth") > 200
        assert (opened.foreign, opened.complaints) == ([], [])


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop", "phone"])
async def test_shows_what_another_client_changes(
    browser: Browser, node: Node, options: dict[str, Any]
) -> None:
    as_of = (await node.query("{ sessions { asOf } }"))["sessions"]["asOf"]
    before, after = await node.create(), await node.create()
    await node.end(before)
    async with visit(browser, node.url, "/graphql", **options) as opened:
        await choose(opened, "subscription ResumeWatching")
        await tool_of(opened).get_by_text("null").dblclick()
        await opened.page.keyboard.type(f'"{as_of}')  # the editor closes the string
        await run(opened)
        answer = answer_of(opened)
        await expect(answer).to_contain_text(wrapped(before))
        await expect(answer).to_contain_text("REVOKED")
        await node.end(after)
        await expect(answer).to_contain_text(wrapped(after))
        await opened.page.get_by_role("button", name="Stop").click()
        assert (opened.foreign, opened.complaints) == ([], [])


async def test_signs_in_with_the_headers_that_are_filled_in(
    browser: Browser, database: Database, start_node: StartNode
) -> None:
    key, _ = await make_key(database, Scope.READ)
    headers = {"Authorization": f"Bearer {key}", **AWKWARD}
    node = await start_node(graphiql_page=GraphiQL(default_headers=headers))
    async with visit(browser, node.url, "/graphql") as opened:
        await run(opened)
        await expect(answer_of(opened)).to_contain_text('"totalCount": 0')
        await opened.page.reload()  # GraphiQL keeps tabs, but not their headers
        await choose(opened, "subscription WatchSessions")
        await run(opened)
        await expect(opened.page.get_by_role("button", name="Stop")).to_be_visible()
        await opened.page.get_by_role("button", name="Headers").click()
        await expect(tool_of(opened)).to_contain_text(key[:20])
        assert (opened.foreign, opened.complaints) == ([], [])
    assert [post.headers["authorization"] for post in opened.posts] == 3 * [headers["Authorization"]]
    assert json.loads(opened.frames[0]) == {"type": "connection_init", "payload": headers}


async def test_asks_only_the_cdn_where_it_was_not_built(
    browser: Browser, start_node: StartNode, tmp_path: Path
) -> None:
    node = await start_node(graphiql_page=GraphiQL(Assets("graphiql", tmp_path), AWKWARD))
    async with visit(browser, node.url, "/graphql") as opened:
        notice = opened.page.get_by_role("status")
        await expect(notice).to_contain_text("GraphiQL is not installed here")
        assert len(opened.foreign) == 7
        assert all(address.startswith(UNPKG) for address in opened.foreign)
        assert "Content Security Policy" not in "".join(opened.complaints)
        await notice.get_by_role("link", name="end").click()
        query = urlsplit(opened.page.url).query
    parameters = dict(unquote(part).split("=", 1) for part in query.split("&"))
    end = EXAMPLES[1]
    assert parameters == {"q": end.query, "variables": end.variables}


async def ready(opened: Visit) -> None:
    """Wait for the editors: they come a moment after the tabs and buttons, which do nothing until then."""
    for pane in (".graphiql-query-editor", ".graphiql-response"):
        await expect(opened.page.locator(f"{pane} .view-lines")).to_be_visible()


async def choose(opened: Visit, operation: str) -> None:
    """Open the tab of an operation, and wait until GraphiQL has read it: it does so a moment later."""
    await ready(opened)
    await opened.page.get_by_role("tab", name=operation.split()[1]).click()
    await opened.page.wait_for_function(
        "operation => localStorage['graphiql:query']?.includes(operation)", arg=operation
    )


async def run(opened: Visit) -> None:
    await ready(opened)
    await opened.page.get_by_role("button", name="Execute query").click()


def tool_of(opened: Visit) -> Locator:
    """Return the editor of the variables or of the headers, whichever is in front."""
    return opened.page.locator(".graphiql-editor-tool .graphiql-editor:not(.hidden) .view-lines")


def answer_of(opened: Visit) -> Locator:
    return opened.page.locator(".graphiql-response .view-lines")


def wrapped(text: str) -> re.Pattern[str]:
    """Match text that a narrow pane breaks anywhere."""
    return re.compile(r"\s*".join(map(re.escape, text)))
