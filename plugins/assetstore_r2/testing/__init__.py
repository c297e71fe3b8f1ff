"""A proxy that injects the faults of networks and services, and makes any S3 server as strict as Cloudflare R2.

It needs h11, which ``assetstore[testing]`` installs. The upstream can be any S3 server that verifies signatures against the
Host header it receives: requests pass unchanged, so the proxy does not sign them::

    from assetstore_r2.testing import FaultProxy, LoseResponse, R2Personality

    with FaultProxy(server_url, faults=[LoseResponse(method="PUT")], personality=R2Personality()) as proxy:
        store = AssetStore(R2Backend(endpoint_url=proxy.url, ...))
"""

from assetstore_r2.testing.answering import ErrorBody, ExpireCredentials, RetryAfterForm, Status
from assetstore_r2.testing.faults import Delay, Direction, Fault, FlipBit, LoseResponse, Reset, Shorten, Stall, Truncate
from assetstore_r2.testing.messages import Answer, Request
from assetstore_r2.testing.personality import R2Personality
from assetstore_r2.testing.server import FaultProxy, LoggedRequest, Personality

__all__ = [
    "Answer",
    "Delay",
    "Direction",
    "ErrorBody",
    "ExpireCredentials",
    "Fault",
    "FaultProxy",
    "FlipBit",
    "LoggedRequest",
    "LoseResponse",
    "Personality",
    "R2Personality",
    "Request",
    "Reset",
    "RetryAfterForm",
    "Shorten",
    "Stall",
    "Status",
    "Truncate",
]
