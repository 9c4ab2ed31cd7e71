"""The one JSON border: dataclasses to JSON values and back, and canonical digests."""

import base64
import dataclasses
import functools
import hashlib
import json
import types
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


class DecodeError(ValueError):
    """A JSON value does not have the shape of the type that was asked for."""


def encode(value: object) -> Any:
    """A value of ours as JSON values; bytes are UTF-8 text, or ``{"b64": …}`` where they are not.

    Raises ``TypeError`` for a type that has no JSON form.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return encode_bytes(value)
    if isinstance(value, Path):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: encode(getattr(value, name)) for name in _field_names(type(value))}
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [encode(item) for item in items]
    raise TypeError(f"{type(value).__name__} has no JSON form")


def encode_bytes(value: bytes) -> Any:
    """Bytes as text where they are UTF-8, else as ``{"b64": …}``."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(value).decode("ascii")}


def decode_bytes(value: object) -> bytes:
    """The inverse of ``encode_bytes``; raises ``DecodeError``."""
    if isinstance(value, str):
        return value.encode("utf-8")
    if isinstance(value, Mapping) and set(value) == {"b64"}:
        try:
            return base64.b64decode(value["b64"], validate=True)
        except (TypeError, ValueError) as error:
            raise DecodeError(f"not base64: {error}") from error
    raise DecodeError(f"expected text or {{'b64': …}}, got {type(value).__name__}")


def decode(cls: type[T], data: object) -> T:
    """A dataclass of type ``cls`` from JSON values; raises ``DecodeError`` on any mismatch."""
    result = _decode(cls, data)
    if not isinstance(result, cls):
        raise DecodeError(f"expected {cls.__name__}, got {type(result).__name__}")
    return result


def dumps(value: object, *, indent: int | None = None) -> str:
    """A value of ours as JSON text, keys in the order of the fields."""
    return json.dumps(encode(value), indent=indent, ensure_ascii=False)


def canonical(value: object) -> bytes:
    """The one byte form of a value: sorted keys, no spaces, UTF-8; what digests are made of."""
    text = json.dumps(encode(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def digest(value: object) -> str:
    """SHA-256 of the canonical form, in hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


@functools.cache
def _field_names(cls: type) -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(cls))


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _decode(kind: Any, data: object) -> Any:
    origin = get_origin(kind)
    if kind is Any:
        return data
    if origin in (Union, types.UnionType):
        return _decode_union(kind, data)
    if origin is tuple:
        return _decode_tuple(kind, data)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(data, Mapping):
            raise DecodeError(f"expected an object, got {type(data).__name__}")
        value_kind = get_args(kind)[1]
        return {str(key): _decode(value_kind, item) for key, item in data.items()}
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _decode_dataclass(kind, data)
    return _decode_scalar(kind, data)


def _decode_union(kind: Any, data: object) -> Any:
    failure: DecodeError | None = None
    for option in get_args(kind):
        if option is type(None):
            if data is None:
                return None
            continue
        try:
            return _decode(option, data)
        except DecodeError as error:
            failure = error
    raise failure or DecodeError(f"expected null, got {type(data).__name__}")


def _decode_tuple(kind: Any, data: object) -> tuple[Any, ...]:
    if not isinstance(data, list | tuple):
        raise DecodeError(f"expected a list, got {type(data).__name__}")
    (item_kind, *_) = get_args(kind)
    return tuple(_decode(item_kind, item) for item in data)


def _decode_dataclass(kind: type, data: object) -> Any:
    if not isinstance(data, Mapping):
        raise DecodeError(f"expected an object for {kind.__name__}, got {type(data).__name__}")
    hints = _hints(kind)
    unknown = set(data) - set(_field_names(kind))
    if unknown:
        raise DecodeError(f"{kind.__name__} has no field {', '.join(sorted(map(str, unknown)))}")
    try:
        return kind(**{name: _decode(hints[name], item) for name, item in data.items()})
    except TypeError as error:
        raise DecodeError(str(error)) from error


def _decode_scalar(kind: Any, data: object) -> Any:
    if kind is bytes:
        return decode_bytes(data)
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(data)
        except ValueError as error:
            raise DecodeError(str(error)) from error
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if kind is Path and isinstance(data, str):
        return Path(data)
    is_bool_for_int = kind is int and isinstance(data, bool)
    if isinstance(kind, type) and isinstance(data, kind) and not is_bool_for_int:
        return data
    raise DecodeError(f"expected {getattr(kind, '__name__', kind)}, got {type(data).__name__}")
