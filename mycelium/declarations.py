"""All that is declared, in one place: messages, views of them, their rules, settings and errors. ::

    from mycelium.declarations import TLV, Config, DeclaredError, Doc, Gt, actor_messages, i64

| declaration | names |
|---|---|
| message | `TLV`, `define_tlv`, `actor_messages`, `message_set`, `Domain`; field types `i8` to `u256`, `f32`, `f64`, `Group`, `Scaled`, `Size`, `Null`, `pad`, `padding`, `Doc` |
| zero-copy access | `TLV.ref_from`, `TLV.read_from`, `TLV.as_bytes`; `Batch`, `FrameWriter`, `read_frame`, `read_frames` |
| validation | `Gt`, `Ge`, `Lt`, `Le`, `Interval`, `MultipleOf`, `Len`, `MinLen`, `MaxLen`, `Predicate`, `NonZero`; a method ``validate`` |
| config | `Config`, `Setting` |
| error | `DeclaredError`, `catalogue` |

Each is the same object as where it lives: in `tlv`, in `mycelium`, in annotated-types or, `Setting`, in pydantic, where it is
called ``Field``.
"""

from __future__ import annotations

from annotated_types import Ge, Gt, Interval, Le, Len, Lt, MaxLen, MinLen, MultipleOf, Predicate
from pydantic import Field as Setting

from mycelium.config import Config
from mycelium.contracts.domain import Domain
from mycelium.contracts.message_sets import actor_messages, message_set
from tlv import (
    TLV,
    Batch,
    DeclaredError,
    Doc,
    FrameWriter,
    Group,
    NonZero,
    Null,
    Scaled,
    Size,
    catalogue,
    define_tlv,
    f32,
    f64,
    i8,
    i16,
    i24,
    i32,
    i40,
    i48,
    i56,
    i64,
    i96,
    i112,
    i128,
    i160,
    i192,
    i224,
    i256,
    pad,
    padding,
    read_frame,
    read_frames,
    u8,
    u16,
    u24,
    u32,
    u40,
    u48,
    u56,
    u64,
    u96,
    u112,
    u128,
    u160,
    u192,
    u224,
    u256,
)

__all__ = [
    "TLV",
    "Batch",
    "Config",
    "DeclaredError",
    "Doc",
    "Domain",
    "FrameWriter",
    "Ge",
    "Group",
    "Gt",
    "Interval",
    "Le",
    "Len",
    "Lt",
    "MaxLen",
    "MinLen",
    "MultipleOf",
    "NonZero",
    "Null",
    "Predicate",
    "Scaled",
    "Setting",
    "Size",
    "actor_messages",
    "catalogue",
    "define_tlv",
    "f32",
    "f64",
    "i8",
    "i16",
    "i24",
    "i32",
    "i40",
    "i48",
    "i56",
    "i64",
    "i96",
    "i112",
    "i128",
    "i160",
    "i192",
    "i224",
    "i256",
    "message_set",
    "pad",
    "padding",
    "read_frame",
    "read_frames",
    "u8",
    "u16",
    "u24",
    "u32",
    "u40",
    "u48",
    "u56",
    "u64",
    "u96",
    "u112",
    "u128",
    "u160",
    "u192",
    "u224",
    "u256",
]
