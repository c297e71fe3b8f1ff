"""The personality decides which of several copies to a free key wins, as R2 does."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from assetstore_r2.testing import Answer, R2Personality, Request

BATCH = b"<Delete><Object><Key>to</Key></Object></Delete>"


def request(method: str, key: str, body: bytes = b"", **headers: str) -> Request:
    """Return a request; underscores in header names stand for hyphens."""
    fields = {"content-length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Request(method=method, target=f"/assets/{key}", fields=tuple(fields.items()), body=body)


COPY = request("PUT", "to", x_amz_copy_source="assets/from", cf_copy_destination_if_none_match="*")


@pytest.fixture
def personality() -> R2Personality:
    """Return a personality without R2's write limit, which would refuse most requests here."""
    return R2Personality(write_interval=0)


def code(answer: Answer | None) -> str | None:
    """Return the code of a refusal, or None."""
    return answer and ElementTree.fromstring(answer.body).findtext("Code")


def done(personality: R2Personality, asked: Request, status: int = 200, body: bytes = b"") -> str | None:
    """Let a request pass, or return the code of the refusal."""
    refusal = personality.before(asked)
    if refusal is None:
        personality.after(asked, Answer(status=status, fields=(), body=body))
    return code(refusal)


@pytest.mark.parametrize(
    "write",
    [
        COPY,
        request("PUT", "to", x_amz_copy_source="assets/from"),
        request("PUT", "to", b"x"),
        request("POST", "to?uploadId=u", b"<C><Part><PartNumber>1</PartNumber></Part></C>"),
    ],
    ids=["such a copy", "a copy", "an upload", "an upload in parts"],
)
def test_a_written_key_is_taken(personality: R2Personality, write: Request) -> None:
    """It does not matter how it was written; the same key in another bucket is another key."""
    assert [None, "PreconditionFailed"] == [done(personality, write), done(personality, COPY)]
    elsewhere = Request(method="PUT", target="/other/to", fields=COPY.fields)
    assert None is done(personality, elsewhere)


@pytest.mark.parametrize("delete", [request("DELETE", "to"), request("POST", "?delete", BATCH)], ids=["one", "batch"])
def test_a_deleted_key_is_free(personality: R2Personality, delete: Request) -> None:
    """A delete that failed deletes nothing."""
    done(personality, COPY)
    done(personality, delete, 500)
    assert "PreconditionFailed" == done(personality, COPY)
    done(personality, delete, 200, b"<DeleteResult/>")
    assert None is done(personality, COPY)


def test_a_write_that_failed_takes_no_key(personality: R2Personality) -> None:
    """Neither by its status nor by an error in the body of a 200."""
    for status, body in ((404, b""), (200, b"<Error/>"), (200, b"")):
        assert None is done(personality, COPY, status, body)


def test_of_two_copies_at_a_time_one_has_to_wait(personality: R2Personality) -> None:
    """The second is rate limited while the first is in progress; a copy without the header is not affected."""
    assert None is personality.before(COPY)
    assert "TooManyRequests" == code(personality.before(COPY))
    assert None is personality.before(request("PUT", "to", x_amz_copy_source="assets/from"))
    personality.after(COPY, Answer(status=412, fields=(), body=b""))
    assert None is personality.before(COPY)
