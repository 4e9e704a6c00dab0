"""The arguments that several fields share, with their descriptions."""

from typing import Annotated, TypeAlias

import strawberry

from api.inputs import SessionFilter, SessionOrder

Where: TypeAlias = Annotated[
    SessionFilter | None,
    strawberry.argument(description="Which sessions; all that you may see if left out."),
]
OrderBy: TypeAlias = Annotated[
    SessionOrder | None, strawberry.argument(description="The order; newest first if left out.")
]
First: TypeAlias = Annotated[
    int | None,
    strawberry.argument(description="How many at the most, from the start: 1 to 100, 20 if left out."),
]
After: TypeAlias = Annotated[
    str | None, strawberry.argument(description="Only what comes after this cursor of a page.")
]
Last: TypeAlias = Annotated[
    int | None,
    strawberry.argument(
        description="How many at the most, from the end: 1 to 100. Not together with `first`."
    ),
]
Before: TypeAlias = Annotated[
    str | None, strawberry.argument(description="Only what comes before this cursor of a page.")
]
