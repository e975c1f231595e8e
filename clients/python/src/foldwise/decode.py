"""JSON into dataclasses, by their annotations.

What a class does not know is left out, for later coordinators say more.
"""

from __future__ import annotations

import dataclasses
import types
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from foldwise.errors import DamagedError

Shape = TypeVar("Shape")


def decode(shape: type[Shape], value: object, place: str) -> Shape:
    """A value of the class; `place` names it in messages."""
    return _decode(shape, value, place)  # type: ignore[no-any-return]


def _decode(shape: Any, value: object, place: str) -> Any:
    if dataclasses.is_dataclass(shape):
        return _record(shape, value, place)
    origin = get_origin(shape)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        return _decode(next(one for one in get_args(shape) if one is not type(None)), value, place)
    if origin is list:
        if not isinstance(value, list):
            raise _wrong(place, "a list", value)
        (inner,) = get_args(shape)
        return [_decode(inner, one, f"{place}[{index}]") for index, one in enumerate(value)]
    if origin is dict:
        if not isinstance(value, dict):
            raise _wrong(place, "an object", value)
        return value
    if shape is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if shape is Any or (isinstance(value, shape) and not (shape is int and isinstance(value, bool))):
        return value
    raise _wrong(place, shape.__name__, value)


def _record(shape: Any, value: object, place: str) -> Any:
    if not isinstance(value, dict):
        raise _wrong(place, "an object", value)
    known = {}
    for name, hint, needed in _fields(shape):
        if name in value:
            known[name] = _decode(hint, value[name], f"{place}.{name}")
        elif needed:
            raise _wrong(f"{place}.{name}", "there", None)
    return shape(**known)


@cache
def _fields(shape: Any) -> list[tuple[str, Any, bool]]:
    hints = get_type_hints(shape)
    missing = dataclasses.MISSING
    return [
        (field.name, hints[field.name], field.default is missing and field.default_factory is missing)
        for field in dataclasses.fields(shape)
    ]


def _wrong(place: str, expected: str, value: object) -> DamagedError:
    found = "absent" if value is None else f"{value!r:.60}"
    remedy = "is the coordinator as new as this package? its JSON can be had with `foldwise report --format json`"
    return DamagedError("cannot read the report", f"{place} is not {expected}, but {found}", remedy)
