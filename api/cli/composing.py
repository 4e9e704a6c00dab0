"""Commands that have options in common: a set of them is a function that makes something of them."""

import inspect
from collections.abc import Callable
from typing import Any


def composed(**makers: Callable[..., Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator: a command gets what each maker makes, and the options of the makers as its own."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [one for one in _parameters(command) if one.name not in makers]
        made = {name: [one.name for one in _parameters(maker)] for name, maker in makers.items()}

        def run(**given: Any) -> None:  # noqa: ANN401  what Typer has parsed
            found = {
                name: maker(**{option: given.pop(option) for option in made[name]})
                for name, maker in makers.items()
            }
            command(**given, **found)

        parameters = own + [one for maker in makers.values() for one in _parameters(maker)]
        # This is what Typer looks at.
        run.__doc__ = command.__doc__
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        return run

    return decorate


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    parameters = inspect.signature(function).parameters.values()
    return [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters]
