"""The enums of the schema; their values are the words that are stored."""

from enum import Enum

import strawberry
from strawberry import enum_value as value

from models.changes import EndOutcome
from models.queries import Dimension
from models.session import AuthMethod as Method
from models.session import InitiatingEntity as Entity
from models.session import Status


@strawberry.enum(
    description="Whether a session is in force. It only ever changes from ACTIVE to one of the other two."
)
class SessionStatus(Enum):
    """See the descriptions."""

    ACTIVE = value(Status.ACTIVE.value, description="In force, and its time has not run out.")
    EXPIRED = value(Status.EXPIRED.value, description="Its time ran out, at `expiresAt`.")
    REVOKED = value(Status.REVOKED.value, description="It was ended before its time ran out.")


@strawberry.enum(description="How the user signed in.")
class AuthMethod(Enum):
    """See the descriptions."""

    CROSS_APP_AUTH = value(
        Method.CROSS_APP_AUTH.value, description="By another application that the user is signed in to."
    )
    EXTERNAL_AUTH = value(Method.EXTERNAL_AUTH.value, description="By an external authentication system.")
    IMPERSONATION = value(Method.IMPERSONATION.value, description="An administrator acts as the user.")
    MAGIC_CODE = value(Method.MAGIC_CODE.value, description="With a one-time code sent by email.")
    MIGRATED_SESSION = value(
        Method.MIGRATED_SESSION.value, description="Taken over from a system that was used before."
    )
    OAUTH = value(Method.OAUTH.value, description="With a social account, by OAuth.")
    PASSKEY = value(Method.PASSKEY.value, description="With a passkey (WebAuthn).")
    PASSWORD = value(Method.PASSWORD.value, description="With an email address and a password.")
    SSO = value(Method.SSO.value, description="By the single sign-on of the organization.")
    UNKNOWN = value(
        Method.UNKNOWN.value,
        description="Not known, or by a method that is newer than this schema. It is stored as it was sent.",
    )


@strawberry.enum(description="Who ended a session; the initiating entities of CAEP 1.0.")
class InitiatingEntity(Enum):
    """See the descriptions."""

    ADMIN = value(Entity.ADMIN.value, description="An administrator of the organization.")
    USER = value(Entity.USER.value, description="The user whose session it is.")
    POLICY = value(Entity.POLICY.value, description="A rule: the time of the session ran out.")
    SYSTEM = value(Entity.SYSTEM.value, description="A program, with an API key.")


@strawberry.enum(description="What became of the request to end a session.")
class EndSessionOutcome(Enum):
    """See the descriptions."""

    ENDED = value(EndOutcome.ENDED.value, description="It was active, and this call ended it.")
    ALREADY_ENDED = value(
        EndOutcome.ALREADY_ENDED.value, description="It had ended before; nothing was changed."
    )
    NOT_FOUND = value(
        EndOutcome.NOT_FOUND.value, description="There is no such session, or none that you may see."
    )


@strawberry.enum(description="What sessions can be counted by.")
class SessionDimension(Enum):
    """See the descriptions."""

    STATUS = value(Dimension.STATUS.value, description="By `status`.")
    AUTH_METHOD = value(Dimension.AUTH_METHOD.value, description="By `authMethod`.")
    ORGANIZATION = value(Dimension.ORGANIZATION.value, description="By `organizationId`.")
    IMPERSONATED = value(
        Dimension.IMPERSONATED.value, description="By whether an administrator acts as the user."
    )
    DAY = value(Dimension.DAY.value, description="By the day of `createdAt`, in UTC.")


@strawberry.enum(description="What sessions can be ordered by.")
class SessionOrderField(Enum):
    """See the descriptions."""

    CREATED_AT = value("created_at", description="By the time of the sign-in.")


@strawberry.enum(description="Which way an order runs.")
class OrderDirection(Enum):
    """See the descriptions."""

    ASC = value("asc", description="Lowest or earliest first.")
    DESC = value("desc", description="Highest or latest first.")


@strawberry.enum(description="What kind of device a session was signed in on, as far as it says.")
class DeviceType(Enum):
    """See the descriptions."""

    DESKTOP = value(
        "desktop", description="A desktop or laptop computer, or an iPad that asks for their pages."
    )
    MOBILE = value(
        "mobile", description="A phone, or another handheld that does not say that it is a tablet."
    )
    TABLET = value("tablet", description="A tablet.")
    UNKNOWN = value(
        "unknown",
        description="Not said: a television, a console, a program, a robot, or what is not understood.",
    )


@strawberry.enum(description="What kind of caller is asking.")
class ViewerKind(Enum):
    """See the descriptions."""

    USER = value("user", description="A person, with an access token.")
    SERVICE = value("service", description="A program, with an API key.")
