"""The console in a browser, as a person has it before them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from browser import Visit, visit
from playwright.async_api import Browser, Locator, Page, expect

from api.console.page import Console

LISTED = """
ids => ids.join() === [...document.querySelectorAll('tbody tr')].map(row => row.dataset.id).join()
"""
READ, END = "sessions:read", "sessions:end"
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 780}}


def signed_in(credential: str, *, end_permission: str = END) -> Console:
    """Return a console that has this credential filled in."""
    return Console(READ, end_permission, {"Somebody": credential})


def shortened(id_: str) -> str:
    """Return an id as it is shown where there is no room for all of it."""
    return f"{id_.partition('_')[0]}_…{id_[-8:]}"


@dataclass
class Board:
    """An open console."""

    opened: Visit

    @property
    def page(self) -> Page:
        return self.opened.page

    @property
    def rows(self) -> Locator:
        return self.page.get_by_role("table").get_by_role("rowgroup").last.get_by_role("row")

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    @property
    def connection(self) -> Locator:
        return self.page.get_by_role("banner").get_by_role("paragraph")

    @property
    def changes(self) -> Locator:
        return self.region("Recent changes").get_by_role("listitem")

    def region(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=name)

    def button(self, name: str, *, within: Locator | None = None) -> Locator:
        return (within or self.page).get_by_role("button", name=name, exact=True)

    def field(self, name: str) -> Locator:
        return self.page.get_by_role("search").get_by_label(name, exact=True)

    async def lists(self, *ids: str) -> None:
        """Wait until these sessions are listed, in this order, and no others."""
        await expect(self.rows).to_have_count(len(ids))
        await self.page.wait_for_function(LISTED, arg=list(ids))

    async def counts(self, active: int, expired: int, revoked: int) -> None:
        """Wait until so many sessions are said to have each status."""
        for name, count in {"Active": active, "Expired": expired, "Revoked": revoked}.items():
            figure = self.page.get_by_role("group", name="Status").locator("label").filter(has_text=name)
            await expect(figure.locator(".value")).to_have_text(f"{count:,}")

    async def is_live(self) -> None:
        await expect(self.connection).to_have_text("Live")


@asynccontextmanager
async def open_console(
    browser: Browser, url: str, query: str = "", *, complaints: tuple[str, ...] = (), **options: Any
) -> AsyncIterator[Board]:
    """Open the console; in the end it has asked nobody else, and the browser has found no other fault."""
    async with visit(browser, url, f"/console{query}", **options) as opened:
        yield Board(opened)
        assert opened.foreign == []
        others = [one for one in opened.complaints if not one.startswith(complaints or ("\0",))]
        assert others == [], others
