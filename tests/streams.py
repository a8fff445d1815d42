"""Samples of what ADS-B receivers and the like write, by the name of the format."""

from __future__ import annotations

import json

from modes import avr, beast_stream, flight

SBS = b"""MSG,8,1,1,3C6586,1,2026/01/01,00:00:01.000,2026/01/01,00:00:01.100,,,,,,,,,,,,0
MSG,1,1,1,3C6586,1,2026/01/01,00:00:01.100,2026/01/01,00:00:01.100,DLH123  ,,,,,,,,,,,0
MSG,4,1,1,3C6586,1,2026/01/01,00:00:01.200,2026/01/01,00:00:01.200,,,250,90,,,-640,,,,,0
MSG,3,1,1,3C6586,1,2026/01/01,00:00:02.500,2026/01/01,00:00:02.600,,12000,,,47.10000,8.20000,,,0,0,0,0
MLAT,3,1,1,4B1234,1,2026/01/01,00:00:03.000,2026/01/01,00:00:03.100,,9000,,,47.20000,8.30000,,2000,5,120,,
MSG,3,1,1,4B9999,1,2026/01/01,00:00:03.200,2026/01/01,00:00:03.300,,9000,,,47.30000,8.40000,,,6,,,
MSG,2,1,1,4BAAAA,1,2026/01/01,00:00:03.500,2026/01/01,00:00:03.600,,100,10,180,47.45000,8.55000,,,0,0,0,-1
"""
AIRCRAFT = {
    "now": 1767225600.5,
    "messages": 10,
    "aircraft": [
        {"hex": "3c6586", "type": "adsb_icao", "flight": "DLH123 ", "alt_baro": 35000, "alt_geom": 35425, "gs": 450.0,
         "track": 90.0, "baro_rate": -64, "squawk": "1000", "emergency": "none", "lat": 47.1, "lon": 8.2, "nic": 8,
         "rc": 186, "seen_pos": 0.25, "version": 2, "nac_p": 9, "nac_v": 1, "sil": 3, "mlat": [], "tisb": []},
        {"hex": "4b1234", "type": "mlat", "alt_baro": 9000, "lat": 47.2, "lon": 8.3, "seen_pos": 1.5,
         "mlat": ["lat", "lon"]},
        {"hex": "~abc123", "type": "tisb_other", "alt_baro": "ground", "lat": 47.3, "lon": 8.4, "seen_pos": 2.0},
        {"hex": "400000", "type": "mode_s", "alt_baro": 20000, "seen": 1.0},
    ],
}  # fmt: skip
OLD = {"now": 1767225600.0, "aircraft": [{"hex": "abcdef", "lat": 47.0, "lon": 8.0, "nucp": 7, "seen_pos": 0.5,
                                          "altitude": 10000, "speed": 300, "track": 0, "vert_rate": 128}]}  # fmt: skip
CSV = b"""1767225600.250,4B1234,SWR1,2000,47.1000,8.2000,30500,90,5,4,"a,b"
1767225601.250,4B1234,,,47.1010,8.2000,30500,-1,4,4,"a"
1767225602.250,4B1234,,,47.1020,8.2000,30500,60,4,4,"a",47.1021,8.2001,30510,12,350,-64,40
"""
PASSIVE = b"""{"timestamp": 1767225600000, "delay": [12.5, 40.0], "doppler": [100.0, -50.0], "snr": [15.0, 9.5]}
{"timestamp": 1767225600500, "delay": [], "doppler": [], "snr": []}
"""
CONTENT = {
    "beast": beast_stream(flight(0x3C6586, 5)),
    "avr": b"".join(avr(message, round(12e6 * t) + 1) for t, message in sorted(flight(0x3C6586, 5))),
    "sbs": SBS,
    "aircraft_json": json.dumps(AIRCRAFT).encode(),
    "mlat_csv": CSV,
    "blah2": PASSIVE,
    "modes_jsonl": b"".join(
        json.dumps({"timestamp": 1767225600 + t, "frame": message.hex()}).encode() + b"\n"
        for t, message in sorted(flight(0x3C6586, 5))
    ),
}
