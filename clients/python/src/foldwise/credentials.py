"""What says who calls, and whom the caller believes: a token, certificates, a CA."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

import grpc

from foldwise.errors import FoldwiseError

TOKEN_VARIABLE = "FOLDWISE_TOKEN"  # noqa: S105 (the name of a variable)
TOKEN_FILE_VARIABLE = "FOLDWISE_TOKEN_FILE"  # noqa: S105 (the name of a variable)
CA_VARIABLE = "FOLDWISE_CA"
CERT_VARIABLE = "FOLDWISE_CERT"
KEY_VARIABLE = "FOLDWISE_KEY"

Pathish = str | os.PathLike[str]


@dataclass(frozen=True)
class Credentials:
    """What a coordinator is called with; nothing is needed for one on this machine. A token is never shown."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    token_file: Path | None = None
    token: str | None = field(default=None, repr=False)

    @classmethod
    def read(
        cls,
        *,
        ca: Pathish | None,
        token: str | None,
        token_file: Pathish | None,
        cert: Pathish | None,
        key: Pathish | None,
    ) -> Credentials:
        """What was given, else what the environment names; a token that was given wins over a file."""
        given = _path(token_file, None if token else TOKEN_FILE_VARIABLE)
        read = cls(
            ca=_path(ca, CA_VARIABLE),
            cert=_path(cert, CERT_VARIABLE),
            key=_path(key, KEY_VARIABLE),
            token_file=None if token else given,
            token=token or (None if given else os.environ.get(TOKEN_VARIABLE) or None),
        )
        if (read.cert is None) != (read.key is None):
            raise FoldwiseError(
                "cannot connect", "a certificate and its key belong together", "give both cert= and key="
            )
        return read

    @property
    def wants_tls(self) -> bool:
        """Whether an address without a scheme means https."""
        return self.ca is not None or self.cert is not None

    def channel(self) -> grpc.ChannelCredentials:
        """For a channel with TLS."""
        return grpc.ssl_channel_credentials(
            root_certificates=_bytes_of(self.ca) if self.ca else None,
            private_key=_bytes_of(self.key) if self.key else None,
            certificate_chain=_bytes_of(self.cert) if self.cert else None,
        )

    def check(self, url: str, host: str, *, tls: bool) -> None:
        """Fails where a token would go in clear to another machine, or cannot be read."""
        if self.metadata() and not tls and not _is_local(host):
            remedy = "use https://, or a tunnel to this machine"
            raise FoldwiseError(f"refusing to send a token to {url}", "it would go in clear over the network", remedy)

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes with each call. A token in a file is read again, so that it may be replaced."""
        place = str(self.token_file) if self.token_file else "the token"
        text = _bytes_of(self.token_file).decode(errors="replace") if self.token_file else self.token
        if text is None:
            return ()
        token = text.strip()
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise FoldwiseError("cannot connect", f"{place} holds no token", "one looks like fw_…, on one line")
        return (("authorization", f"Bearer {token}"),)


def _path(given: Pathish | None, variable: str | None) -> Path | None:
    named = given or (os.environ.get(variable) if variable else None)
    return Path(named) if named else None


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FoldwiseError("cannot connect", f"{path} cannot be read: {error.strerror}", "name another file") from None


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
