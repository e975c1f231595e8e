"""What a failed call means: gRPC's statuses as this package's errors."""

from __future__ import annotations

import re

import grpc
from google.protobuf.message import DecodeError

from foldwise.errors import (
    DeadlineError,
    FoldwiseError,
    NotFoundError,
    Problem,
    RefusedError,
    SpecError,
    UnavailableError,
    UnreachableError,
)
from foldwise.rpc import details_pb2

DETAILS_KEY = "grpc-status-details-bin"
BAD_REQUEST = "google.rpc.BadRequest"
# In the details of a refusal by a coordinator that stands by while another leads.
STANDS_BY = b"STANDS_BY"
# gRPC's own words for a line that is not there or broke; what a coordinator says of itself is never like this.
BROKEN = re.compile(
    r"failed to connect|connect(?:ion)? failed|connection (?:reset|refused|closed|timed|attempt)|not connected|socket"
    r"|resolv|lookup|\bdns\b|empty address|host is down|unreachable|endpoint|recvmsg|sendmsg|write failed|read failed"
    r"|handshake|goaway|transport|broken pipe|RST_STREAM|keepalive|\bping\b|end of file|\bEOF\b",
    re.IGNORECASE,
)
# What such words come to, the first that fits; else the system's reason at their end, as in `connect: Refused (111)`.
MEANINGS = (
    (
        r"CERTIFICATE_VERIFY_FAILED|self.signed certificate",
        "its certificate is signed by a CA that is not trusted here: give ca=",
    ),
    (r"[Hh]ostname [Vv]erification|Peer name .* is not in peer certificate", "its certificate is for other names"),
    (r"WRONG_VERSION_NUMBER", "it does not speak TLS: try http://"),
    (r"resolv|lookup|\bdns\b", "its name is that of no machine"),
    (r"timed out before receiving SETTINGS", "it takes connections, but says nothing"),
    (r"SETTINGS|HTTP/?2|preface", "what listens there speaks no gRPC"),
    (r"removed|closed|reset|recvmsg|goaway|broken pipe", "the line broke"),
    (r"keepalive|\bping\b", "it fell silent"),
)
REASON = re.compile(r"(?:^|: )([^:]+?)(?: \(\d+\))?$")


def error_of(error: grpc.RpcError, attempt: str, url: str, *, placed: bool = True) -> FoldwiseError:
    """The error that a failed call stands for; `placed` where lines and columns mean something to the caller."""
    if not isinstance(error, grpc.Call):
        return UnavailableError(f"could not {attempt}", str(error))
    code, message = error.code(), error.details() or ""
    what = f"could not {attempt}"
    # A watcher that was dropped for being slow may come back.
    if code is grpc.StatusCode.UNAVAILABLE and BROKEN.search(message):
        return unreachable(url, message)
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED):
        return UnavailableError(what, message, "try again in a moment")
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        remedy = "is the machine busy, or the line slow? give calls longer with Client(timeout=…)"
        return DeadlineError(what, f"{url} did not answer in time", remedy)
    if code is grpc.StatusCode.UNIMPLEMENTED:
        remedy = "is the address that of a coordinator, and the coordinator as new as this package?"
        return RefusedError(what, f"{url} does not know the call", remedy)
    problems = _problems(error, placed=placed)
    if problems:
        return SpecError(what, problems)
    if code is grpc.StatusCode.UNAUTHENTICATED:
        return RefusedError(
            what, message, "give a token (token_file= or FOLDWISE_TOKEN) or a certificate (cert= and key=)"
        )
    if code is grpc.StatusCode.NOT_FOUND:
        return NotFoundError(what, message)
    return RefusedError(what, message or str(code.name))


def stands_by(error: grpc.RpcError) -> bool:
    """Whether a coordinator said that another leads."""
    if not isinstance(error, grpc.Call):
        return False
    packed = next((value for key, value in error.trailing_metadata() or () if key == DETAILS_KEY), None)
    return isinstance(packed, bytes) and STANDS_BY in packed


def is_nobody(error: grpc.RpcError) -> bool:
    """Whether there was nobody to hear the call."""
    return isinstance(error, grpc.Call) and "failed to connect" in (error.details() or "")


def unreachable(url: str, why: str) -> UnreachableError:
    """Nobody there."""
    reason = REASON.search(why)
    said = reason[1] if reason else why
    meaning = next((meaning for words, meaning in MEANINGS if re.search(words, why, re.IGNORECASE)), said)
    remedy = 'start one with `foldwise coordinator`, or name another: connect("host:port") or FOLDWISE_COORDINATOR'
    return UnreachableError(f"no coordinator answers at {url}", meaning, remedy)


def _problems(error: grpc.Call, *, placed: bool) -> list[Problem]:
    """Everything wrong with the request, one by one."""
    metadata = error.trailing_metadata() or ()
    packed = next((value for key, value in metadata if key == DETAILS_KEY), None)
    if not isinstance(packed, bytes):
        return []
    problems = []
    try:
        for detail in details_pb2.Status.FromString(packed).details:
            if detail.type_url.endswith(f"/{BAD_REQUEST}"):
                violations = details_pb2.BadRequest.FromString(detail.value).field_violations
                problems += [Problem.of(one.field, one.description, placed=placed) for one in violations]
    except DecodeError:
        return []
    return problems
