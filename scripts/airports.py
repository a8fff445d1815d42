"""Cut the table of airports to what the map draws: large ones, and medium ones that are flown to on schedule.

The table is `airports.csv` of OurAirports (ourairports.com/data), which its makers have given to the public domain.
`python scripts/airports.py airports.csv.gz` writes web/public/airports.json.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from pathlib import Path

OUT = Path(__file__).parent.parent / "web" / "public" / "airports.json"
SOURCE = "OurAirports, public domain: large airports (2), medium ones with scheduled flights (1)"
IMPORTANCE = {"large_airport": 2, "medium_airport": 1}


def main(table: Path) -> None:
    """Read the table and write the JSON."""
    packed = table.read_bytes()
    text = (gzip.decompress(packed) if table.suffix == ".gz" else packed).decode("utf-8")
    rows = [
        [row["ident"], round(float(row["latitude_deg"]), 4), round(float(row["longitude_deg"]), 4), importance]
        for row in csv.DictReader(io.StringIO(text))
        if (importance := IMPORTANCE.get(row["type"], 0)) == 2
        or (importance == 1 and row["scheduled_service"] == "yes")
    ]
    rows.sort(key=lambda row: (-row[3], row[0]))
    OUT.write_text(json.dumps(rows, separators=(",", ":")) + "\n")
    print(f"{len(rows)} airports, {OUT.stat().st_size / 1e3:.0f} kB: {SOURCE}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
