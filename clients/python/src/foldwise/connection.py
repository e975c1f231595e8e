"""The lines to one coordinator, or to several of which one leads: channels with limits, and calls with deadlines."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import TypeVar
from urllib.parse import urlsplit

import grpc
from google.protobuf.message import Message

from foldwise.credentials import Credentials
from foldwise.errors import AddressError, DeadlineError, FoldwiseError
from foldwise.statuses import error_of, is_nobody, stands_by, unreachable
from foldwise.v1 import study_pb2

Answer = TypeVar("Answer", bound=Message)

ADDRESS_VARIABLE = "FOLDWISE_COORDINATOR"
ADDRESS_DEFAULT = "http://127.0.0.1:7070"
# The largest message either way; the coordinator's own limit.
MESSAGE_BYTES_MAX = 16 << 20
# A coordinator that does not answer in this time is not there.
CONNECT_S = 5.0
# What an ordinary call may take.
CALL_S = 30.0
# What a call may take that reads data sets on the coordinator.
SUBMIT_S = 300.0
# What a stream may take; who watches for longer goes on with another stream.
STREAM_S = 3600.0
# What sending a study's files may take; an upload that is cut goes on.
UPLOAD_S = 24 * 3600.0
# What a coordinator that stands by may take to lead, and some more; and the pause between two rounds of questions.
TAKEOVER_S = 15.0
_ROUND_PAUSE_S = 0.5
_KEEP_ALIVE_MS = 20_000
# Where there are several, one that stands still is left for the next.
_KEEP_ALIVE_OF_SEVERAL_MS = 3_000
_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Proxies for pages are none for coordinators.
    ("grpc.enable_http_proxy", 0),
)
_SERVICE = study_pb2.DESCRIPTOR.services_by_name["StudyService"]


def urls_of(address: str | None, *, tls: bool = False) -> list[str]:
    """The addresses that are meant: those given, with commas between them, the environment's, or the default."""
    given = address or os.environ.get(ADDRESS_VARIABLE) or ADDRESS_DEFAULT
    scheme = "https" if tls else "http"
    return [one if "://" in one else f"{scheme}://{one}" for one in map(str.strip, given.split(","))]


def _parts_of(url: str) -> tuple[bool, str, int]:
    """Whether there is TLS, the machine, and the port."""
    what, remedy = f"`{url}` cannot be used as a coordinator", f"an address looks like {ADDRESS_DEFAULT}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise AddressError(what, "its machine or port cannot be read", remedy) from None
    if parts.scheme not in ("http", "https"):
        raise AddressError(what, "only http:// and https:// addresses are understood", remedy)
    if parts.username is not None:
        raise AddressError(what, "it holds a name or a secret, which do not belong into an address", remedy)
    if not host:
        raise AddressError(what, "it names no machine", remedy)
    return parts.scheme == "https", host, port


class Connection:
    """Channels to one coordinator, or to several; calls go to the one that leads."""

    def __init__(self, address: str | None, call_s: float, credentials: Credentials | None = None) -> None:
        if not call_s > 0:
            raise FoldwiseError("cannot connect", f"a timeout of {call_s} s leaves no time", "give seconds above 0")
        self._credentials = credentials or Credentials()
        urls, self.call_s = urls_of(address, tls=self._credentials.wants_tls), call_s
        alive_ms = _KEEP_ALIVE_MS if len(urls) == 1 else _KEEP_ALIVE_OF_SEVERAL_MS
        options = (*_OPTIONS, ("grpc.keepalive_time_ms", alive_ms), ("grpc.keepalive_timeout_ms", alive_ms))
        self._lines, self._current = [(url, self._channel_to(url, options)) for url in urls], 0
        self._open = True

    def _channel_to(self, url: str, options: tuple[tuple[str, int], ...]) -> grpc.Channel:
        tls, host, port = _parts_of(url)
        self._credentials.check(url, host, tls=tls)
        target = f"dns:///[{host}]:{port}" if ":" in host else f"dns:///{host}:{port}"
        if tls:
            return grpc.secure_channel(target, self._credentials.channel(), options=options)
        return grpc.insecure_channel(target, options=options)

    @property
    def url(self) -> str:
        """Where the coordinator is that calls go to."""
        return self._lines[self._current][0]

    def close(self) -> None:
        """Ends it, and every stream that it has."""
        self._open = False
        for _, channel in self._lines:
            channel.close()

    def greet(self) -> None:
        """Fails unless a coordinator answers, and soon."""
        request = study_pb2.ListStudiesRequest(page_size=1)
        try:
            timeout_s = min(CONNECT_S, self.call_s)
            self.call("ListStudies", request, study_pb2.ListStudiesResponse, "connect", timeout_s=timeout_s)
        except DeadlineError:
            url = self.url
            self.close()
            raise unreachable(url, f"it says nothing for {timeout_s:g} s") from None
        except FoldwiseError:
            self.close()
            raise

    def call(
        self,
        method: str,
        request: Message,
        answer: type[Answer],
        attempt: str,
        *,
        timeout_s: float | None = None,
        placed: bool = True,
    ) -> Answer:
        """Asks once; and of several coordinators those that lead, one after the other, until one was told."""
        self._check_open(attempt)
        until, tried, awaited = time.monotonic() + TAKEOVER_S, 0, False
        while True:
            url, channel = self._lines[self._current]
            ask = channel.unary_unary(_path(method), _bytes_of, answer.FromString)
            try:
                timeout = self.call_s if timeout_s is None else timeout_s
                return ask(request, timeout=timeout, metadata=self._credentials.metadata())
            except grpc.RpcError as error:
                tried, awaited = tried + 1, awaited or stands_by(error)
                # A question may be asked twice; what changes something is not, once it may have been heard.
                again = self._leave(error) or (len(self._lines) > 1 and method.startswith(("Get", "List")))
                last = tried % len(self._lines) == 0
                # Another is about to lead where one stands by, and is waited for.
                if not again or (last and (not awaited or time.monotonic() > until)):
                    raise error_of(error, attempt, url, placed=placed) from None
            if last:
                time.sleep(_ROUND_PAUSE_S)

    def stream(
        self,
        method: str,
        request: Message,
        answer: type[Answer],
        attempt: str,
        *,
        timeout_s: float = STREAM_S,
    ) -> Iterator[Answer]:
        """Asks once and hands out what comes; who stops listening ends the call."""
        self._check_open(attempt)
        url, channel = self._lines[self._current]
        ask = channel.unary_stream(_path(method), _bytes_of, answer.FromString)
        answers = ask(request, timeout=timeout_s, metadata=self._credentials.metadata())
        try:
            yield from answers
        except grpc.RpcError as error:
            self._leave(error)
            raise error_of(error, attempt, url) from None
        finally:
            answers.cancel()

    def upload(
        self, method: str, requests: Iterator[Message], answer: type[Answer], attempt: str, *, timeout_s: float
    ) -> Answer:
        """Sends what comes, and asks for one answer."""
        self._check_open(attempt)
        url, channel = self._lines[self._current]
        send = channel.stream_unary(_path(method), _bytes_of, answer.FromString)
        try:
            return send(requests, timeout=timeout_s, metadata=self._credentials.metadata())
        except grpc.RpcError as error:
            self._leave(error)
            raise error_of(error, attempt, url) from None

    def _leave(self, error: grpc.RpcError) -> bool:
        """Goes on to the next coordinator after one that does not answer; whether that one was told nothing."""
        if len(self._lines) == 1 or not isinstance(error, grpc.Call):
            return False
        if error.code() is grpc.StatusCode.UNAVAILABLE:
            self._current = (self._current + 1) % len(self._lines)
        return stands_by(error) or is_nobody(error)

    def _check_open(self, attempt: str) -> None:
        if not self._open:
            remedy = "connect again with foldwise.connect()"
            raise FoldwiseError(f"could not {attempt}", "this client was closed", remedy)


def _path(method: str) -> str:
    return f"/{_SERVICE.full_name}/{_SERVICE.methods_by_name[method].name}"


def _bytes_of(request: Message) -> bytes:
    return request.SerializeToString()
