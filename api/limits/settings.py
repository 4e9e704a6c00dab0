"""The settings of what is let in."""

from pathlib import Path

from pydantic import Field

from api.limits.bounds import Bounds
from api.limits.budget import Rates


class Limits(Rates, Bounds):
    """Bounds of documents, rates of spending, and the manifest of trusted documents."""

    trusted_documents: Path | None = Field(
        default=None,
        description="A file with the only documents that are executed: the manifest of Relay's compiler, or "
        "of Apollo's. Clients name them by `documentId` or by `extensions.persistedQuery.sha256Hash`. "
        "GraphiQL is off then.",
    )
