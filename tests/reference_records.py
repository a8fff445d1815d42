"""Random records of any category and edition, made by walking libasterix's definitions."""

from __future__ import annotations

from random import Random
from typing import Any


def random_record(chance: Random, definition: Any) -> bytes:
    """One record of an edition (a class of libasterix): a random choice of its items with random content."""
    from asterix import base

    uap = definition.cv_uap
    if issubclass(uap, base.UapSingle):
        return _record(chance, uap.cv_record, None)
    (name, *rest), cases = uap.cv_selector
    value, profile = chance.choice(list(cases.items()))
    # The choice is the first bit of an item, or an item of one byte.
    return _record(chance, uap.cv_uaps[profile], (name, 0x7F if rest else 0, value << 7 if rest else value))


def _record(chance: Random, record: Any, forced: tuple[str, int, int] | None) -> bytes:
    from asterix import base

    flags, content = [], b""
    share = chance.choice([0.1, 0.5, 1.0])
    for entry in record.cv_items_list:
        name = entry.cv_non_spare.cv_name if issubclass(entry, base.UapItem) else None
        wanted = name is not None and (chance.random() < share or (forced is not None and forced[0] == name))
        flags.append(wanted)
        if wanted:
            item = bytearray(_item(chance, entry.cv_non_spare))
            if forced is not None and forced[0] == name:
                item[0] = item[0] & forced[1] | forced[2]
            content += item
    if not any(flags):
        return _record(chance, record, forced)
    return _fspec(flags) + content


def _fspec(flags: list[bool]) -> bytes:
    used = max(k for k, flag in enumerate(flags) if flag) // 7 + 1 if any(flags) else 1
    out = bytearray(used)
    for k, flag in enumerate(flags):
        if flag:
            out[k // 7] |= 128 >> k % 7
    for k in range(used - 1):
        out[k] |= 1
    return bytes(out)


def _item(chance: Random, non_spare: Any) -> bytes:
    from asterix import base

    rule = non_spare.cv_rule
    variation = getattr(rule, "cv_variation", None) or rule.cv_default_variation
    if issubclass(variation, base.Element | base.Group):
        return _bits(chance, _size(variation))
    if issubclass(variation, base.Extended):
        return _extended(chance, variation)
    if issubclass(variation, base.Repetitive):
        size = _size(variation.cv_variation)
        if variation.cv_rep_bytes is None:
            times = chance.randint(1, 3)
            parts = [bytearray(_bits(chance, size + 1)) for _ in range(times)]
            for k, part in enumerate(parts):
                part[-1] = part[-1] & 0xFE | (k < times - 1)
            return b"".join(parts)
        times = chance.randint(0, 2)
        return bytes([times]) + b"".join(_bits(chance, size) for _ in range(times))
    if issubclass(variation, base.Explicit):
        content = chance.randbytes(chance.randint(0, 4))
        return bytes([len(content) + 1]) + content
    wanted = [sub is not None and chance.random() < 0.5 for sub in variation.cv_items_list]
    chosen = [sub for sub, flag in zip(variation.cv_items_list, wanted) if flag]
    return _fspec(wanted) + b"".join(_item(chance, sub) for sub in chosen)


def _extended(chance: Random, variation: Any) -> bytes:
    parts = variation.cv_items_list
    last = chance.randrange(len(parts))
    out = b""
    for k, part in enumerate(parts[: last + 1]):
        size = sum(1 if element is None else _width(element) for element in part)
        bits = bytearray(_bits(chance, size))
        if part[-1] is None:  # the extension bit
            bits[-1] = bits[-1] & 0xFE | (k < last)
        out += bits
    return out


def _width(element: Any) -> int:
    return int(element[1])


def _size(variation: Any) -> int:
    from asterix import base

    if issubclass(variation, base.Element):
        return int(variation.cv_bit_size)
    return sum(int(size) for _, size in variation.cv_items_list)


def _bits(chance: Random, size: int) -> bytes:
    assert size % 8 == 0
    pattern = chance.choice(["random", "zeros", "ones"])
    if pattern == "random":
        return chance.randbytes(size // 8)
    return (b"\x00" if pattern == "zeros" else b"\xff") * (size // 8)
