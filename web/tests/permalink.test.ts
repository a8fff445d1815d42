import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULTS, type Filter, type Settings } from "../src/model";
import { readLink, writeLink } from "../src/permalink";
import { dice } from "./made";

const NONE: Filter = { text: "", minLevelFt: null, maxLevelFt: null, sensor: null, modeA: "" };

test("what is written is read again", () => {
  const roll = dice(3);
  for (let round = 0; round < 500; round++) {
    const settings: Settings = {
      ...DEFAULTS, theme: (["dark", "light", "contrast"] as const)[roll(3)], vectorMin: ([0, 1, 2, 5] as const)[roll(4)], history: roll(21), labels: roll(2) === 1,
      coverage: roll(2) === 1, ringStepKm: 1 + roll(900), coverageFt: roll(60_000), hiddenSensors: roll(2) ? [roll(5)] : [],
    };
    const filter: Filter = { text: roll(2) ? "DLH&=#%/é" : "", minLevelFt: roll(2) ? roll(300) * 100 : null, maxLevelFt: null, sensor: roll(2) ? roll(9) : null, modeA: roll(2) ? "70" : "" };
    const view = { latDeg: roll(180) - 90 + 0.25, lonDeg: Math.min(roll(360) - 180 + 0.125, 180), metresPerPixel: 1 + roll(5000) };
    if (Math.abs(view.latDeg) > 90) view.latDeg = 89;
    const selected = roll(2) ? roll(2 ** 31) : null, timeMs = roll(2) ? 1_732_500_000_000 + roll(1e9) : null;
    const link = readLink(`#${writeLink(view, selected, timeMs, settings, filter)}`);
    assert.deepEqual(link.view, view);
    assert.deepEqual([link.selected, link.timeMs], [selected, timeMs]);
    assert.deepEqual({ ...DEFAULTS, ...link.settings }, settings);
    assert.deepEqual({ ...NONE, ...link.filter }, filter);
  }
});

test("the defaults are not written", () => {
  assert.equal(writeLink({ latDeg: 1, lonDeg: 2, metresPerPixel: 100 }, null, null, DEFAULTS, NONE), "v=1.00000,2.00000,100");
});

test("of nonsense nothing is taken", () => {
  const nothing = { view: null, selected: null, timeMs: null, settings: {}, filter: {} };
  for (const hash of ["", "#", "#v=", "#v=91,0,100", "#v=1,2", "#v=1,2,3,4", "#v=1,2,0", "#v=a,b,c", "#v=,,", "#s=-1", "#s=99999999999", "#t=1e99", "#o={", "#o=%", "#o=%5B%5D",
    "#o=%7B%22theme%22%3A%22pink%22%2C%22history%22%3A1e9%2C%22labels%22%3A1%7D", "#f=%7B%22modeA%22%3A%229999%22%7D", "#__proto__=1", "#token=secret"]) {
    assert.deepEqual(readLink(hash), nothing, hash);
  }
  const roll = dice(4);
  for (let round = 0; round < 3000; round++) readLink(Array.from({ length: roll(60) }, () => String.fromCharCode(32 + roll(95))).join(""));
});
