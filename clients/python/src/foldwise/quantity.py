"""Numbers as people read them, as the command line writes them."""

from __future__ import annotations

import math
from datetime import datetime, timezone

from google.protobuf.timestamp_pb2 import Timestamp


def duration(seconds: float) -> str:
    """Seconds in the two units that matter: `1 m 20 s`, `2 h 5 m`."""
    if not math.isfinite(seconds) or seconds < 0:
        return "unknown"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s" if whole else "less than 1 s"
    if whole < 3_600:
        return f"{whole // 60} m {whole % 60} s"
    if whole < 86_400:
        return f"{whole // 3_600} h {whole % 3_600 // 60} m"
    return f"{whole // 86_400} d {whole % 86_400 // 3_600} h"


def score(value: float) -> str:
    """With the digits that can mean something."""
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e6 else f"{value:.3e}"


def moment(stamp: Timestamp) -> datetime:
    """In UTC, to the microsecond."""
    return stamp.ToDatetime(tzinfo=timezone.utc)


def shown(time: datetime) -> str:
    """`2026-01-31 12:00:00 UTC`."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC")
