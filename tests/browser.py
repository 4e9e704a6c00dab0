"""A headless Chromium that reaches nothing but the server under test, and what a page did in it."""

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, Page, Request, Route, WebSocket, async_playwright, expect

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

expect.set_options(timeout=20_000)


@dataclass
class Visit:
    """An open page."""

    page: Page
    foreign: list[str] = field(default_factory=list)
    """The addresses elsewhere that it asked for, in vain."""
    complaints: list[str] = field(default_factory=list)
    """What the browser reported: errors and warnings, among them violations of the policy."""
    posts: list[Request] = field(default_factory=list)
    frames: list[str] = field(default_factory=list)
    """What it sent over WebSockets."""

    def listen(self) -> None:
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self._note("error", str(error)))
        self.page.on("request", self._count)
        self.page.on("websocket", self._tap)

    async def block(self, route: Route) -> None:
        self.foreign.append(route.request.url)
        await route.abort()

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)

    def _count(self, request: Request) -> None:
        if request.method == "POST":
            self.posts.append(request)

    def _tap(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: self.frames.append(str(frame)))


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    flags = ["--disable-gpu", "--disable-quic", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        await browser.close()


@asynccontextmanager
async def visit(browser: Browser, url: str, path: str, **options: Any) -> AsyncIterator[Visit]:
    """Open a page of the server at `url`, in a profile of its own."""
    context = await browser.new_context(**options)
    opened = Visit(await context.new_page())
    opened.listen()
    await context.route(re.compile(rf"^(?!{re.escape(url)}/)"), opened.block)
    await opened.page.goto(url + path)
    yield opened
    await context.close()
