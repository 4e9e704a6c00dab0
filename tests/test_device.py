"""What is told of a device by its User-Agent header: as people say it, and nothing that it does not say."""

from typing import Any

import pytest
from calls import create
from node import FUTURE, USER, Node
from stored import row, session_id, store

from api.demo.devices import USER_AGENTS
from api.device import AGENT_LIMIT, device_of
from models.database import Database

DEVICE = "device { browser browserVersion os osVersion type isBot }"

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
MACOS = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
LINUX = "Mozilla/5.0 (X11; Linux x86_64)"
ANDROID = "Mozilla/5.0 (Linux; Android 10; K)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X)"
GOOGLE_PHONE = "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P)"
GOOGLE = "Googlebot/2.1; +http://www.google.com/bot.html"
BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"
WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"

_AGENTS = [
    # Desktops
    (f"{MACOS} {BLINK} Chrome/138.0.0.0 Safari/537.36", "Chrome / 138.0.0.0 / macOS / 10.15.7 / DESKTOP"),
    (
        f"{WINDOWS} {BLINK} Chrome/124.0.6367.207 Safari/537.36",
        "Chrome / 124.0.6367.207 / Windows / 10 / DESKTOP",
    ),
    (
        f"{WINDOWS} {BLINK} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
        "Edge / 142.0.0.0 / Windows / 10 / DESKTOP",
    ),
    (
        f"{WINDOWS} {BLINK} Chrome/141.0.0.0 Safari/537.36 OPR/125.0.0.0",
        "Opera / 125.0.0 / Windows / 10 / DESKTOP",
    ),
    (f"{MACOS} {WEBKIT} Version/26.0 Safari/605.1.15", "Safari / 26.0 / macOS / 10.15.7 / DESKTOP"),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0",
        "Firefox / 145.0 / macOS / 10.15 / DESKTOP",
    ),
    (
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "Firefox / 128.0 / Ubuntu / - / DESKTOP",
    ),
    (f"{LINUX} {BLINK} Chrome/142.0.0.0 Safari/537.36", "Chrome / 142.0.0.0 / Linux / - / DESKTOP"),
    (
        f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {BLINK} Chrome/142.0.0.0 Safari/537.36",
        "Chrome / 142.0.0.0 / ChromeOS / 14541.0.0 / DESKTOP",
    ),
    (
        "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
        "Internet Explorer / 11.0 / Windows / 7 / DESKTOP",
    ),
    # Phones
    (f"{IPHONE} {WEBKIT} Version/26.0 Mobile/15E148 Safari/604.1", "Safari / 26.0 / iOS / 18.6 / MOBILE"),
    (
        f"{IPHONE} {WEBKIT} CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1",
        "Chrome / 142.0.7444.77 / iOS / 18.6 / MOBILE",
    ),
    (
        f"{IPHONE} {WEBKIT} FxiOS/144.0 Mobile/15E148 Safari/605.1.15",
        "Firefox / 144.0 / iOS / 18.6 / MOBILE",
    ),
    (
        f"{ANDROID} {BLINK} Chrome/142.0.0.0 Mobile Safari/537.36",
        "Chrome / 142.0.0.0 / Android / 10 / MOBILE",
    ),
    (
        f"{ANDROID} {BLINK} Chrome/142.0.0.0 Mobile Safari/537.36 EdgA/142.0.0.0",
        "Edge / 142.0.0.0 / Android / 10 / MOBILE",
    ),
    (
        f"{ANDROID} {BLINK} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
        "Samsung Internet / 28.0 / Android / 10 / MOBILE",
    ),
    (
        "Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0",
        "Firefox / 145.0 / Android / 15 / MOBILE",
    ),
    # Tablets
    (
        f"Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) {WEBKIT} Version/17.6 Mobile/15E148 Safari/604.1",
        "Safari / 17.6 / iOS / 17.6 / TABLET",
    ),
    (f"{ANDROID} {BLINK} Chrome/142.0.0.0 Safari/537.36", "Chrome / 142.0.0.0 / Android / 10 / TABLET"),
    (
        f"Mozilla/5.0 (Linux; Android 14; SM-X710 Build/UP1A) {BLINK} Chrome/120.0.6099.230 Safari/537.36",
        "Chrome / 120.0.6099.230 / Android / 14 / TABLET",
    ),
    (
        "Mozilla/5.0 (Android 15; Tablet; rv:145.0) Gecko/145.0 Firefox/145.0",
        "Firefox / 145.0 / Android / 15 / TABLET",
    ),
    (
        f"Mozilla/5.0 (Linux; Android 9; KFMAWI) {BLINK} Silk/120.4.1 like Chrome/120.0.0.0 Safari/537.36",
        "Amazon Silk / 120.4.1 / Android / 9 / TABLET",
    ),
    # Apps
    (
        f"{IPHONE} {WEBKIT} Mobile/15E148 Instagram 361.0.0.27.83",
        "Instagram / 361.0.0 / iOS / 18.6 / MOBILE",
    ),
    (
        f"{MACOS} {BLINK} Slack/4.41.105 Chrome/130.0.6723.191 Electron/33.3.2 Safari/537.36",
        "Electron / 33.3.2 / macOS / 10.15.7 / DESKTOP",
    ),
    ("Fieldnotes/1.0 CFNetwork/1568.200.51 Darwin/24.1.0", "Fieldnotes / 1.0 / iOS / 18.1 / MOBILE"),
    ("Fieldnotes/7.4.1 (iPhone17,1; iOS 26.1; Scale/3.00)", "- / - / iOS / 26.1 / MOBILE"),
    ("fieldnotes-cli/2.9.0 (darwin; arm64)", "- / - / macOS / - / DESKTOP"),
    # Programs
    ("curl/8.9.1", "curl / 8.9.1 / - / - / UNKNOWN"),
    ("python-requests/2.32.3", "Python Requests / 2.32 / - / - / UNKNOWN"),
    ("Go-http-client/2.0", "Go-http-client / 2.0 / - / - / UNKNOWN"),
    # Robots
    (
        f"Mozilla/5.0 (compatible; {GOOGLE})",
        "Googlebot / 2.1 / - / - / UNKNOWN / robot",
    ),
    (
        f"{GOOGLE_PHONE} {BLINK} Chrome/141.0.7390.122 Mobile Safari/537.36 (compatible; {GOOGLE})",
        "Googlebot / 2.1 / Android / 6.0.1 / UNKNOWN / robot",
    ),
    (
        "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        "GPTBot / 1.2 / - / - / UNKNOWN / robot",
    ),
    (
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Slackbot-LinkExpanding / 1.0 / - / - / UNKNOWN / robot",
    ),
    # What is neither
    (
        f"Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) {BLINK} 94.0.4606.31/7.0 TV Safari/537.36",
        "Safari / - / Tizen / 7.0 / UNKNOWN",
    ),
    (
        f"Mozilla/5.0 (PlayStation; PlayStation 5/6.50) {WEBKIT} Version/17.5 Safari/605.1.15",
        "Safari / 17.5 / - / - / UNKNOWN",
    ),
]
AGENTS = dict(_AGENTS)
"""What is sent, and what it says: browser, version, system, version, type, and whether it is a robot."""

SAY_NOTHING = [
    "Mozilla/5.0",
    "hello",
    " ",
    "Mozilla/5.0 (Ünïcode 🦊)",
    "\x00",
    "\ud83e",
    "x" * 2048,
    "🦊" * 2048,
    "python-httpx/0.28.1",
]


def said(device: Any) -> str | None:
    """Return what an answer tells of a device, as in the table."""
    if device is None:
        return None
    parts = [device[key] or "-" for key in ("browser", "browserVersion", "os", "osVersion", "type")]
    return " / ".join([*parts, *(["robot"] if device["isBot"] else [])])


async def test_tells_the_device_of_each_session_as_people_say_it(node: Node, database: Database) -> None:
    await store(database, *(row(number, user_agent=agent) for number, agent in enumerate(AGENTS)))
    document = f"{{ sessions(first: 100, orderBy: {{direction: ASC}}) {{ nodes {{ userAgent {DEVICE} }} }} }}"
    shown = (await node.query(document))["sessions"]["nodes"]
    assert {one["userAgent"]: said(one["device"]) for one in shown} == AGENTS


async def test_tells_it_of_a_session_that_was_created_and_of_its_changes(node: Node) -> None:
    agent = next(iter(AGENTS))
    id_ = (await create(node, userId=USER, expiresAt=FUTURE, userAgent=agent))["session"]["id"]
    for document in (
        f"query ($id: ID!) {{ session(id: $id) {{ {DEVICE} }} }}",
        f"query ($id: ID!) {{ session: node(id: $id) {{ ... on Session {{ {DEVICE} }} }} }}",
    ):
        assert said((await node.query(document, id=id_))["session"]["device"]) == AGENTS[agent]
    document = f"{{ sessionStatusChanges {{ nodes {{ session {{ {DEVICE} }} }} }} }}"
    (change,) = (await node.query(document))["sessionStatusChanges"]["nodes"]
    assert said(change["session"]["device"]) == AGENTS[agent]


async def test_tells_of_no_device_where_there_is_no_user_agent(node: Node, database: Database) -> None:
    await store(database, row(1), row(2, user_agent=""), row(3, user_agent="Mozilla/5.0 (Ünïcode 🦊)"))
    document = f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Session {{ {DEVICE} }} }} }}"
    ids = [session_id(number) for number in (1, 2, 3)]
    assert (await node.query(document, ids=ids))["nodes"] == [{"device": None}] * 3


@pytest.mark.parametrize("agent", SAY_NOTHING)
def test_tells_of_no_device_where_nothing_is_said(agent: str) -> None:
    assert device_of(agent) is None


def test_reads_on_over_half_a_character() -> None:
    device = device_of("curl/8.9.1 \ud83e")
    assert device is not None
    assert (device.browser, device.browser_version) == ("curl", "8.9.1")


def test_looks_no_further_than_its_limit() -> None:
    agent = "curl/8.9.1"
    seen = device_of(" " * (AGENT_LIMIT - len(agent)) + agent)
    assert seen is not None
    assert seen.browser == "curl"
    assert device_of(" " * AGENT_LIMIT + agent) is None


def test_parses_the_same_header_once() -> None:
    agent = next(iter(AGENTS))
    assert device_of(agent) is device_of(agent)


def test_tells_something_of_almost_all_that_the_demo_sends() -> None:
    assert [agent for agent in USER_AGENTS if device_of(agent) is None] == ["python-httpx/0.28.1"]
