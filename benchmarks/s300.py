"""How well and how fast is the headline scenario tracked, ten minutes of it, on one core?

    python benchmarks/s300.py [--scenario s300] [--seeds 3] [--duration 600]

Each seed is one run of `farwatch demo --headless --json`, timed from outside: start, simulation, tracking and
evaluation together, with the kernels compiled. A first short run compiles them. Airliners are told apart from fighters,
which turn at 9 g between two looks.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from typing import Any

from rich.console import Console
from rich.table import Table

LIMITS = {  # figure: (limit, whether more is better)
    "airliners: completeness, %": (99.5, True),
    "airliners: swaps": (0.0, False),
    "airliners: RMSE over the bound": (1.1, False),
    "fighters: completeness, %": (97.0, True),
    "spurious, %": (0.3, False),
    "ms a scan, median": (6.0, False),
    "s for the whole run": (15.0, False),
}


def run(scenario: str, seed: int, duration_s: int) -> tuple[dict[str, Any], float]:
    """What one run prints, and its seconds."""
    start_s = time.perf_counter()
    command = [sys.executable, "-m", "farwatch.cli", "demo", "--headless", "--json", "--scenario", scenario]
    out = subprocess.run(
        [*command, "--seed", str(seed), "--duration", str(duration_s)], check=True, capture_output=True, text=True
    ).stdout
    return json.loads(out), time.perf_counter() - start_s


def figures(found: dict[str, Any], spent_s: float) -> dict[str, float]:
    """One run's figures by their names in the table."""
    airliners = found["by_type"].get("airliner", {})
    agile = [found["by_type"][kind] for kind in ("fighter", "heavy_fighter") if kind in found["by_type"]]
    return {
        "airliners: completeness, %": 100 * airliners.get("completeness", float("nan")),
        "airliners: swaps": airliners.get("swaps", float("nan")),
        "airliners: fragments": airliners.get("fragments", float("nan")),
        "airliners: RMSE over the bound": airliners.get("rmse_over_bound") or float("nan"),
        "airliners: NEES": airliners.get("nees") or float("nan"),
        "fighters: completeness, %": 100 * statistics.mean(a["completeness"] for a in agile) if agile else float("nan"),
        "all: completeness, %": 100 * found["completeness"],
        "spurious, %": 100 * found["spuriousness"],
        "false tracks a scan": found["false"],
        "GOSPA, m": found["gospa_m"],
        "swaps": found["swaps"],
        "ms a scan, median": found["scan_ms_median"],
        "ms a scan, p99": found["scan_ms_p99"],
        "s for the whole run": spent_s,
    }


def main() -> None:
    """Run the seeds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="s300")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--duration", type=int, default=600, help="seconds of data")
    args = parser.parse_args()
    run(args.scenario, 1, 60)
    rows = [figures(*run(args.scenario, seed, args.duration)) for seed in range(1, args.seeds + 1)]
    table = Table(title=f"{args.scenario}: {args.duration} s, seeds 1 to {args.seeds}, one core")
    table.add_column("")
    for seed in range(1, args.seeds + 1):
        table.add_column(f"{seed}", justify="right")
    table.add_column("median", justify="right")
    table.add_column("limit", justify="right")
    for name in rows[0]:
        values = [row[name] for row in rows]
        middle = statistics.median(values)
        said = ""
        if args.scenario == "s300" and name in LIMITS:
            limit, more = LIMITS[name]
            good = middle >= limit if more else middle <= limit
            said = f"{'>=' if more else '<='} {limit:g}: {'reached' if good else 'missed'}"
        table.add_row(name, *(f"{value:,.2f}" for value in values), f"{middle:,.2f}", said)
    Console().print(table)


if __name__ == "__main__":
    main()
