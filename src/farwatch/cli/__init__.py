"""The command line: verbs and their options; what they do stands in a file each, imported when it is called.

Results go to stdout, progress and messages to stderr. Exit status: 0 done, 1 failed, 2 wrong usage, 3 done in part.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="farwatch",
    help="Radar plots in, one honest air picture out. Surveillance only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Recordings = Annotated[
    list[Path],
    typer.Argument(
        help="ASTERIX in any container, Beast, AVR, SBS, aircraft.json, or plots.parquet; several are merged."
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of the simulation.", min=0)]
Editions = Annotated[
    list[str] | None,
    typer.Option("--edition", help="ASTERIX edition: 048=1.31, of a source 021@0/107=0.23, of a port 021@:8600=2.1."),
]


def main() -> None:
    """Entry point of the command `farwatch`."""
    from farwatch.cli.say import answer

    answer(app)


@app.command()
def demo(
    headless: Annotated[bool, typer.Option("--headless", help="As fast as possible, then a summary.")] = False,
    terminal: Annotated[bool, typer.Option("--terminal", help="A live table in the terminal.")] = False,
    on_map: Annotated[bool, typer.Option("--map", help="The map, even where there is no terminal.")] = False,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the map in the browser.")] = True,
    port: Annotated[int, typer.Option(help="Port that the map is served on.", min=0, max=65_535)] = 8765,
    speed: Annotated[
        float | None, typer.Option(help="Data time per real time: on the map 1, in the table 10.", min=0.01)
    ] = None,
    duration: Annotated[
        float | None, typer.Option(help="Seconds of data: on the map without end, else 300.", min=1)
    ] = None,
    scenario: Annotated[str, typer.Option(help="Built-in scenario or TOML file.")] = "s300",
    seed: Seed = 1,
    json: Json = False,
) -> None:
    """Track 300 simulated aircraft out to 600 km, live on the map; without a terminal, a summary."""
    import sys

    if on_map or (not (headless or terminal or json) and sys.stdout.isatty()):
        from farwatch.cli.demo_map import demo_map

        demo_map(scenario, duration, seed, speed or 1.0, port, browser)
        return
    from farwatch.cli.demo import demo

    demo(scenario, duration or 300.0, seed, speed or 10.0, headless or not terminal, json)


@app.command()
def track(
    recordings: Recordings,
    site: Annotated[Path, typer.Option("--site", "-s", help="TOML file of the sensors.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Tracks: .parquet, .jsonl, .csv or .ast (CAT062).")],
    identity: Annotated[
        bool, typer.Option("--identity/--no-identity", help="Use what says who an aircraft is.")
    ] = True,
    every: Annotated[str | None, typer.Option(help="All tracks at a steady interval instead, as 1s or 500ms.")] = None,
    smooth: Annotated[bool, typer.Option("--smooth", help="States improved by what came after them.")] = False,
    lag: Annotated[str | None, typer.Option(help="With --smooth: by so much of what came after, as 30s.")] = None,
    edition: Editions = None,
    day: Annotated[str | None, typer.Option(help="Day of the recording (UTC), as 2024-05-01.")] = None,
    sac_sic: Annotated[str, typer.Option("--sac-sic", help="Data source of the tracks in CAT062.")] = "0/1",
    json: Json = False,
) -> None:
    """Track recordings as fast as possible and write the tracks."""
    from farwatch.cli.track import shape_of, track

    shape = shape_of(every, smooth, lag)
    track(recordings, site, output, identity, shape, edition or [], day, sac_sic, json)


@app.command()
def listen(
    site: Annotated[str, typer.Argument(help="TOML file with [[feeds]] and, if tracks are sent, [[outputs]].")],
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", help="Tracks: .parquet, .jsonl, .csv or .ast; may be repeated."),
    ] = None,
    duration: Annotated[float | None, typer.Option(help="Seconds; by default until Ctrl-C.", min=0.1)] = None,
    day: Annotated[
        str | None, typer.Option(help="A recording of this day (UTC) is played to the feeds, as 2024-05-01.")
    ] = None,
    sac_sic: Annotated[str, typer.Option("--sac-sic", help="Data source of the tracks in .ast files.")] = "0/1",
    json: Json = False,
) -> None:
    """Track live feeds, and send and write the tracks."""
    from farwatch.cli.listen import listen

    listen(site, output or [], duration, day, sac_sic, json)


@app.command()
def serve(
    site: Annotated[str, typer.Argument(help="TOML file with [[feeds]]; a built-in scenario is simulated.")],
    replay: Annotated[
        list[Path] | None,
        typer.Option("--replay", help="A recording or journal in place of the feeds; may be repeated."),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(
            help="Data time per real time; by default 1 simulated, and a replay as fast as it goes.", min=0.01
        ),
    ] = None,
    record: Annotated[Path | None, typer.Option("--record", help="Folder of the journal.")] = None,
    no_record: Annotated[bool, typer.Option("--no-record", help="Write no journal.")] = False,
    state: Annotated[Path | None, typer.Option("--state", help="Folder of the checkpoints.")] = None,
    standby_of: Annotated[
        str | None, typer.Option("--standby-of", help="Follow the one whose replica is there, as 10.0.0.1:8766.")
    ] = None,
    simulate: Annotated[
        float | None, typer.Option("--simulate", help="Seconds of the simulation; by default without end.", min=1)
    ] = None,
    seed: Seed = 1,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", help="Tracks: .parquet, .jsonl, .csv or .ast; may be repeated."),
    ] = None,
    edition: Editions = None,
    day: Annotated[
        str | None, typer.Option(help="Day of the recording (UTC), replayed or played to the feeds, as 2024-05-01.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address that the map is served on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port that the map is served on.", min=0, max=65_535)] = None,
    token_file: Annotated[Path | None, typer.Option(help="File with the token that clients must know.")] = None,
    web: Annotated[
        bool, typer.Option("--web/--no-web", help="The map; without it a replay ends when it is through.")
    ] = True,
    json: Json = False,
) -> None:
    """Run the live service: receive, record, track, send, and survive; with the map."""
    from farwatch.cli.serve import Wanted, serve

    kept = (record, no_record, state)
    source = (replay or [], speed, simulate, seed, edition or [], day)
    serve(site, Wanted(*source, *kept, standby_of, output or [], host, port, token_file, web), json)


@app.command()
def play(
    recording: Annotated[Path, typer.Argument(help="ASTERIX, plain or PCAP.")],
    to: Annotated[list[str], typer.Option("--to", help="Where to, as udp://239.1.1.1:8600; may be repeated.")],
    speed: Annotated[float, typer.Option(help="Data time per real time; 0: as fast as it goes.", min=0)] = 1.0,
    interface: Annotated[str | None, typer.Option(help="Network interface for groups: its name or address.")] = None,
    ttl: Annotated[int, typer.Option(help="How many networks a datagram to a group may cross.", min=0, max=255)] = 1,
    edition: Editions = None,
    now: Annotated[bool, typer.Option("--now", help="Move the times of day so that the recording starts now.")] = False,
    json: Json = False,
) -> None:
    """Send a recording to the network at its own pace."""
    from farwatch.cli.play import play

    play(recording, to, speed, interface, ttl, edition or [], now, json)


@app.command()
def simulate(
    scenario: Annotated[str, typer.Argument(help="Built-in scenario or TOML file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for plots, progress and truth.")],
    duration: Annotated[float, typer.Option(help="Seconds of data.", min=1)] = 600.0,
    seed: Seed = 1,
    asterix: Annotated[
        bool, typer.Option("--asterix", help="Write plots.ast as well: ASTERIX, in the order of the times.")
    ] = False,
    category: Annotated[
        list[str] | None,
        typer.Option(
            help="Of plots.ast: 048 (with 034) or 001 (with 002) of the radars, 021 (with 023) of ADS-B; may be "
            "repeated. By default 048. All go into one file, as a network would carry them; farwatch convert parts it."
        ),
    ] = None,
    edition: Annotated[
        list[str] | None, typer.Option("--edition", help="ASTERIX edition to write: 021=2.4; by default the newest.")
    ] = None,
    json: Json = False,
) -> None:
    """Simulate a scenario: what the sensors say, and what is true."""
    from farwatch.cli.simulate import simulate

    simulate(scenario, output, duration, seed, asterix, category or ["048"], edition or [], json)


@app.command()
def evaluate(
    tracks: Annotated[Path, typer.Argument(help="Tracks as Parquet.")],
    truth: Annotated[Path, typer.Argument(help="truth.parquet of the same time.")],
    illuminations: Annotated[
        Path | None, typer.Option(help="What the sensors could see; by default illuminations.parquet beside the truth.")
    ] = None,
    scenario: Annotated[
        str | None, typer.Option("--scenario", "-s", help="Scenario or TOML file; by default what the truth carries.")
    ] = None,
    json: Json = False,
) -> None:
    """Score tracks against truth: completeness, error, bound, swaps and more."""
    from farwatch.cli.evaluate import evaluate_files

    evaluate_files(tracks, truth, illuminations, scenario, json)


@app.command()
def inspect(
    recording: Annotated[Path, typer.Argument(help="A recording.")],
    edition: Editions = None,
    json: Json = False,
) -> None:
    """Say what is in a recording."""
    from farwatch.cli.inspect import inspect

    inspect(recording, edition or [], json)


@app.command()
def convert(
    recordings: Annotated[list[Path], typer.Argument(help="ASTERIX in any container, one file after another.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File: .parquet, .csv, .jsonl, .kml or .ast.")],
    category: Annotated[str | None, typer.Option(help="Only these categories, as 48,34.")] = None,
    source: Annotated[str | None, typer.Option(help="Only these sources (SAC/SIC), as 20/129.")] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="From this time (UTC): 08:30 or 2024-05-01T08:30.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Before this time (UTC).")] = None,
    bbox: Annotated[str | None, typer.Option(help="Only positions in south,west,north,east (degrees).")] = None,
    address: Annotated[str | None, typer.Option(help="Only these aircraft addresses, as 3C6586,4CA123.")] = None,
    site: Annotated[Path | None, typer.Option("--site", "-s", help="TOML file with the sensors' places.")] = None,
    edition: Editions = None,
    day: Annotated[str | None, typer.Option(help="Day of the recording (UTC), as 2024-05-01.")] = None,
    all_columns: Annotated[bool, typer.Option(help="Tables with the columns that are empty throughout, too.")] = False,
    json: Json = False,
) -> None:
    """Write recordings as tables (Parquet, CSV, JSON lines), a map (KML) or filtered ASTERIX."""
    from farwatch.cli.convert import convert

    filters = {"category": category, "source": source, "from": since, "to": until, "bbox": bbox, "address": address}
    convert(recordings, output, filters, site, edition or [], day, all_columns, json)


@app.command()
def check(
    site: Annotated[str, typer.Argument(help="TOML file, or a built-in scenario.")],
    sensors: Annotated[
        bool, typer.Option("--sensors", help="Measure the sensors: errors, detection, interval and noise.")
    ] = False,
    recording: Annotated[
        list[Path] | None,
        typer.Option("--recording", help="With --sensors: what to measure by; else the file's simulation."),
    ] = None,
    duration: Annotated[float, typer.Option(help="With --sensors: seconds of the simulation.", min=60)] = 600.0,
    seed: Seed = 1,
    json: Json = False,
) -> None:
    """Check a site file, and say what each of its sensors can see; or measure its sensors."""
    if sensors:
        from farwatch.cli.check_sensors import check_sensors

        check_sensors(site, recording or [], duration, seed, json)
        return
    if recording:
        raise typer.BadParameter("a recording is for --sensors", param_hint="--recording")
    from farwatch.cli.check import check

    check(site, json)
