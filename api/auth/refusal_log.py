"""The log of refusals: who was refused what. A session is named by a hash, by which it can be recognised."""

import hashlib
import logging

from api.auth.viewer import Viewer
from api.errors import ErrorCode
from models.refusals import Refusal, Unauthenticated

logger = logging.getLogger(__name__)


def log_refusal(code: ErrorCode, viewer: Viewer | None, what: str) -> None:
    """Put down that `what`, a field, was refused to a viewer."""
    logger.info("%s: %s refused to %s", code, what, _label(viewer))


def log_rejection(refusal: Refusal, transport: str) -> None:
    """Put down that nobody in particular was let in by a transport, and why."""
    reason = refusal.reason if isinstance(refusal, Unauthenticated) else str(refusal)
    logger.info("%s: %s rejected (%s)", type(refusal).__name__.upper(), transport, reason)


def _label(viewer: Viewer | None) -> str:
    if viewer is None:
        return "nobody"
    if viewer.key is not None:
        return f"service {viewer.key.id}"
    if viewer.session_id is None:
        return "the open server's viewer"
    digest = hashlib.sha256(viewer.session_id.encode()).hexdigest()
    return f"user {viewer.user_id}, session sha256:{digest[:16]}"
