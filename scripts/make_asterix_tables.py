"""Writes the item tables of every ASTERIX category and edition: `python scripts/make_asterix_tables.py`.

The facts (item names, widths, signs, least significant bits, units) come from the generated definitions of libasterix,
a development dependency. The tables are checked in and never edited by hand: what libasterix has wrong is put right in
OVERRIDES below, each with its reason, and the tables are written again. `--check` only compares.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from asterix import base, generated

FOLDER = Path(__file__).parents[1] / "src" / "farwatch" / "formats" / "asterix" / "tables"

# (category, editions or RE editions, path, what changes, why)
OVERRIDES: list[tuple[int, tuple[str, ...], str, dict[str, Any], str]] = [
    (
        48,
        ("1.27", "1.28", "1.29", "1.30", "1.31"),
        "090/FL",
        {"signed": 1},
        "declared unsigned before edition 1.32. Radars send two's complement under every edition: read unsigned, an "
        "aircraft on the ground on a day of high pressure is above FL 4000, and writing the bytes again shows nothing",
    ),
    (
        62,
        ("1.16", "1.17", "1.18"),
        "340/HEIGHT",
        {"signed": 1},
        "declared unsigned before edition 1.19, signed from there; a measured height is below zero near the coast",
    ),
    (
        17,
        ("1.3",),
        "050/ALT",
        {"signed": 1},
        "the layout of I048/090 and I018/033 (signed there); no aircraft flies above FL 2048, some fly below FL 0",
    ),
    (
        48,
        ("RE 1.11", "RE 1.12", "RE 1.13"),
        "MD5/TOS",
        {"signed": 1},
        "a time offset about the plot's time, signed in the same Mode 5 subfield of CAT007 and CAT062",
    ),
    (
        48,
        ("RE 1.11", "RE 1.12", "RE 1.13"),
        "M5N/TOS",
        {"signed": 1},
        "as MD5/TOS",
    ),
    (
        19,
        ("1.3",),
        "553",
        {"parts": [1] * 8},
        "defined with one extension, which itself carries an extension bit; systems with more than four reference "
        "transponders set it and send more (a recorded one: CD CD CC, then I019/600 where it belongs)",
    ),
    (
        21,
        ("0.23", "0.24", "0.25", "0.26"),
        "090/PA",
        {"signed": 0},
        "declared signed, but it holds a category of accuracy from 0 up (NUCp or NACp, to 11): a good NACp of 10 would "
        "read as -6",
    ),
]


def signed_lsb_unit(content: Any) -> list[Any]:
    """[signed, lsb, unit] of a content class; lsb is None where the value is no quantity, unit "text" for strings."""
    if issubclass(content, base.ContentQuantity):
        return [int(content.cv_signedness is base.Signed), content.cv_lsb, content.cv_unit]
    if issubclass(content, base.ContentInteger):
        return [int(content.cv_signedness is base.Signed), None, ""]
    if issubclass(content, base.ContentString):
        kind = {base.StringAscii: "ascii", base.StringICAO: "icao", base.StringOctal: "octal"}
        return [0, None, kind[content.cv_string_type]]
    return [0, None, ""]


def element_fields(variation: Any, path: str, bit: int) -> tuple[list[Any], int]:
    """Fields [path, bit, size, signed, lsb, unit(, depends)] of an element or group that starts at `bit`."""
    if issubclass(variation, base.Element):
        rule, size = variation.cv_rule, variation.cv_bit_size
        if issubclass(rule, base.RuleContentDependent):
            cases = [[list(value), *signed_lsb_unit(content)] for value, content in rule.cv_cases]
            depends = [["/".join(on) for on in rule.cv_depends_on], cases]
            return [[path, bit, size, *signed_lsb_unit(rule.cv_default_content), depends]], bit + size
        return [[path, bit, size, *signed_lsb_unit(rule.cv_content)]], bit + size
    assert issubclass(variation, base.Group), variation
    fields = []
    for item, size in variation.cv_items_list:
        if issubclass(item, base.Spare):
            bit += size
            continue
        found, bit = nested(item.cv_non_spare, path, bit)
        fields += found
    return fields, bit


def nested(non_spare: Any, path: str, bit: int) -> tuple[list[Any], int]:
    rule = non_spare.cv_rule
    variation = getattr(rule, "cv_variation", None) or rule.cv_default_variation
    return element_fields(variation, f"{path}/{non_spare.cv_name}".lstrip("/"), bit)


def whole_bytes(bits: int) -> int:
    assert bits % 8 == 0, bits
    return bits // 8


def item(non_spare: Any, *, titled: bool) -> dict[str, Any]:
    """The table entry of one data item or of one subfield of a compound item."""
    rule = non_spare.cv_rule
    variation = getattr(rule, "cv_variation", None) or rule.cv_default_variation
    entry: dict[str, Any] = {"title": non_spare.cv_title} if titled else {}
    if issubclass(variation, base.Element | base.Group):
        fields, bits = element_fields(variation, "", 0)
        return entry | {"kind": "fixed", "bytes": whole_bytes(bits), "fields": fields}
    if issubclass(variation, base.Extended):
        return entry | extended(variation)
    if issubclass(variation, base.Repetitive):
        fields, bits = element_fields(variation.cv_variation, "", 0)
        if variation.cv_rep_bytes is None:
            return entry | {"kind": "repetitive_fx", "bytes": whole_bytes(bits + 1), "fields": fields}
        assert variation.cv_rep_bytes == 1
        return entry | {"kind": "repetitive", "bytes": whole_bytes(bits), "fields": fields}
    if issubclass(variation, base.Explicit):
        return entry | {"kind": "explicit"}
    assert issubclass(variation, base.Compound), variation
    subfields = [None if sub is None else sub.cv_name for sub in variation.cv_items_list]
    items = {sub.cv_name: item(sub, titled=False) for sub in variation.cv_items_list if sub is not None}
    return entry | {
        "kind": "compound",
        "fspec_bytes": variation.cv_fspec_max_bytes,
        "subfields": subfields,
        "items": items,
    }


def extended(variation: Any) -> dict[str, Any]:
    fields: list[Any] = []
    parts: list[int] = []
    bit = 0
    for part in variation.cv_items_list:
        first = bit
        for element in part:
            if element is None:  # the extension bit
                bit += 1
            elif issubclass(element[0], base.Spare):
                bit += element[1]
            else:
                found, bit = nested(element[0].cv_non_spare, "", bit)
                fields += found
        parts.append(whole_bytes(bit - first))
    open_end = variation.cv_items_list[-1][-1] is not None  # the last part has no extension bit
    return {"kind": "extended", "parts": parts, "open_end": open_end, "fields": fields}


def uap_names(record: Any) -> list[str | None]:
    names: list[str | None] = []
    for entry in record.cv_items_list:
        if issubclass(entry, base.UapItem):
            names.append(entry.cv_non_spare.cv_name)
        else:
            names.append("RFS" if issubclass(entry, base.UapItemRFS) else None)
    return names


def edition(definition: Any) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """(the edition's profiles and choice between them, its items by name)."""
    uap = definition.cv_uap
    records = {"": uap.cv_record} if issubclass(uap, base.UapSingle) else dict(uap.cv_uaps)
    items: dict[str, dict[str, Any]] = {}
    for record in records.values():
        for name, non_spare in record.cv_items_dict.items():
            entry = item(non_spare, titled=True)
            assert items.setdefault(name, entry) == entry, f"{name} differs between two profiles"
    profiles = {name: uap_names(record) for name, record in records.items()}
    fspec_bytes = {name: record.cv_fspec_max_bytes for name, record in records.items()}
    table: dict[str, Any] = {"profiles": profiles, "fspec_bytes": fspec_bytes, "select": None}
    if len(records) > 1:
        path, cases = uap.cv_selector
        table["select"] = ["/".join(path), {str(value): name for value, name in cases.items()}]
    return table, items


def expansion(definition: Any) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The Reserved Expansion Field of one edition: presence bits of a fixed number of bytes, then subfields."""
    kind, size = definition.cv_expansion.cv_type
    assert kind is base.FspecFixed
    listed = definition.cv_expansion.cv_items_list
    items = {sub.cv_name: item(sub, titled=True) for sub in listed if sub is not None}
    return {"presence_bytes": size, "subfields": [None if sub is None else sub.cv_name for sub in listed]}, items


def override(category: int, name: str, items: dict[str, dict[str, Any]]) -> None:
    for of_category, editions, path, change, _reason in OVERRIDES:
        if of_category != category or name not in editions:
            continue
        head, _, rest = path.partition("/")
        entry = items[head]
        if "parts" in change:
            assert entry["parts"] != change["parts"]
            entry["parts"] = change["parts"]
            continue
        if entry["kind"] == "compound":
            sub, _, rest = rest.partition("/")
            entry = entry["items"][sub]
        field = next(f for f in entry["fields"] if f[0] == rest)
        column = {"signed": 3, "lsb": 4, "unit": 5}
        for key, value in change.items():
            assert field[column[key]] != value, f"CAT{category:03d} {name} {path}: the override changes nothing"
            field[column[key]] = value


def number(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def category_table(category: int) -> str:
    """The JSON text of one category: a pool of distinct items, one a line, and editions that point into it."""
    pool: dict[str, int] = {}

    def pooled(items: dict[str, dict[str, Any]]) -> dict[str, int]:
        return {name: pool.setdefault(dense(entry), len(pool)) for name, entry in items.items()}

    editions, expansions = {}, {}
    for definition in generated.manifest["CATS"][category]:
        name = number(definition.cv_edition)
        table, items = edition(definition)
        override(category, name, items)
        editions[name] = table | {"items": pooled(items)}
    for definition in generated.manifest["REFS"].get(category, []):
        table, items = expansion(definition)
        override(category, f"RE {number(definition.cv_edition)}", items)
        expansions[number(definition.cv_edition)] = table | {"items": pooled(items)}
    lines = ["{", f'"category": {category},', '"pool": [']
    lines += [",\n".join(pool), "],", '"editions": {']
    lines += [",\n".join(f'"{name}": {dense(table)}' for name, table in editions.items()), "},", '"expansions": {']
    lines += [",\n".join(f'"{name}": {dense(table)}' for name, table in expansions.items()), "}", "}"]
    return "\n".join(lines) + "\n"


def dense(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)


def main() -> int:
    """Writes the tables, or with --check says which differ (exit 1)."""
    check = "--check" in sys.argv[1:]
    FOLDER.mkdir(parents=True, exist_ok=True)
    stale = []
    for category in sorted(generated.manifest["CATS"]):
        path, text = FOLDER / f"cat{category:03d}.json", category_table(category)
        if not path.exists() or path.read_text() != text:
            stale.append(path.name)
            if not check:
                path.write_text(text)
    print(f"{'differ' if check else 'written'}: {', '.join(stale) or 'none'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
