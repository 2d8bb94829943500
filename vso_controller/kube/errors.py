"""What can go wrong between us and the API server.

    OperationFailed
    ├── Transient
    │   ├── ConnectionFailed      nothing was sent, or the call may be repeated
    │   ├── ServerFailed          5xx, 408, and what no API server answers
    │   │   └── ServerBusy        ... with a Retry-After (also a Throttled)
    │   ├── Throttled
    │   │   ├── TooManyRequests   429
    │   │   └── VersionTooLarge   504: the server has not come to the version asked for
    │   ├── Conflict              409: the object is not what it was
    │   │   └── AlreadyExists     409: the name is taken
    │   └── UnreadableAnswer      a 2xx that is not what it should be
    ├── OutcomeUnknown
    │   └── AnswerLost            sent, not answered, and not to be repeated blindly
    ├── Denied
    │   ├── Unauthorized          401, with credentials that were just re-read
    │   └── Forbidden             403
    │       └── NamespaceTerminating   403: nothing is created here any more
    ├── Invalid
    │   ├── Unprocessable         400, 413, 422 and the other 4xx
    │   └── BadConfiguration      the kubeconfig or the mounted credentials
    └── Gone
        ├── NotFound              404: no such object, or no such kind
        └── Expired               410: the version or the continue token is too old
            └── UnreadableEvent   as good as expired: what the watch tells is not known

Messages say verb, resource, key and what the server said, in at most 256
characters of its own words; what a request carried is never among them.
VersionTooLarge is of `foundation.listwatch`, since reflectors act on it.
"""

from __future__ import annotations

from vso_controller.foundation.errors import (
    Denied,
    Gone,
    Invalid,
    OutcomeUnknown,
    Throttled,
    Transient,
)


class ConnectionFailed(Transient):
    """No answer, and no harm: nothing was sent, or the call may be repeated."""


class ServerFailed(Transient):
    """The server could not serve the call.

    A write that failed so may have taken effect. Each of ours is fenced by a
    name, a version or a uid, so a repeated one is refused, not done twice.
    """


class ServerBusy(ServerFailed, Throttled):
    """The server could not serve the call and said when to come back."""


class TooManyRequests(Throttled):
    """The server asked for a rest."""


class Conflict(Transient):
    """The object changed meanwhile: read it again and decide anew."""


class AlreadyExists(Conflict):
    """There is an object of that name already."""


class UnreadableAnswer(Transient):
    """The server answered with what its API does not promise."""


class AnswerLost(OutcomeUnknown):
    """The call was sent and not answered: it may have taken effect."""


class Unauthorized(Denied):
    """The server does not know who we are."""


class Forbidden(Denied):
    """The server knows who we are, and we may not."""


class NamespaceTerminating(Forbidden):
    """Nothing can be created in a namespace that is being deleted."""


class Unprocessable(Invalid):
    """The server will not accept this call, however often it comes."""


class BadConfiguration(Invalid):
    """The settings for the connection to the API server are of no use."""


class NotFound(Gone):
    """There is no such object, or its kind is not served."""


class Expired(Gone):
    """The version or the continue token asked for is too old: list again."""


class UnreadableEvent(Expired):
    """A watch told what nobody understands: list again to know it."""
