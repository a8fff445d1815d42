import assert from "node:assert/strict";
import { test } from "node:test";
import { exportRows, toCsv, toGeojson } from "../src/export";
import { makeFilter } from "../src/filter";
import { troubleOf } from "../src/label";
import { sortedRows, type Column } from "../src/rows";
import { findDoubles } from "../src/wire";
import { dice, modelOf } from "./made";

const sample = () => modelOf([
  { id: 1, level: 1400, speed: 2500, sensors: 1 }, { id: 2, level: -32768, speed: 1000, sensors: 2, flags: 2 }, { id: 10, level: 400, speed: 2000, sensors: 3 },
  { id: 11, level: 1000, speed: 900, sensors: 1, flags: 1 | 16 },
], { 1: { callsign: "SWR12", address: "4B1234", modeA: "1000" }, 2: { modeA: "7700" }, 10: { callsign: "DLH4AB", modeA: "1012" } });

const ids = (model: ReturnType<typeof sample>, column: Column, down = false) => sortedRows(model, { column, down }).map((row) => model.picture!.id[row]);

test("each column sorts, what is not known comes last, both ways", () => {
  const model = sample();
  assert.deepEqual(ids(model, "label"), [2, 10, 1, 11]); // A7700, DLH4AB, SWR12, #11
  assert.deepEqual(ids(model, "level"), [10, 11, 1, 2]);
  assert.deepEqual(ids(model, "level", true), [1, 11, 10, 2]);
  assert.deepEqual(ids(model, "modeA"), [1, 10, 2, 11]);
  assert.deepEqual(ids(model, "modeA", true), [2, 10, 1, 11]);
  assert.deepEqual(ids(model, "speed"), [11, 2, 10, 1]);
  assert.deepEqual(ids(model, "state"), [2, 11, 1, 10]); // emergency, suspect, the others
});

test("the order that was does not change the order that is", () => {
  const roll = dice(5), rows = Array.from({ length: 500 }, (_, k) => ({ id: k + 1, level: roll(40) * 40, speed: roll(30) * 100 }));
  const model = modelOf(rows);
  for (const column of ["level", "speed", "label", "state"] as const) {
    const plain = sortedRows(model, { column, down: false });
    const before = Array.from({ length: 700 }, () => roll(900)); // gone ones and doubles among them
    assert.deepEqual(sortedRows(model, { column, down: false }, before), plain);
  }
});

test("filters: text, level band, sensor, Mode A, and all together", () => {
  const model = sample(), passing = () => [0, 1, 2, 3].filter(makeFilter(model)).map((row) => model.picture!.id[row]);
  assert.deepEqual(passing(), [1, 2, 10, 11]);
  const cases: [Partial<typeof model.filter>, number[]][] = [
    [{ text: "dlh" }, [10]], [{ text: " 4b12 " }, [1]], [{ text: "11" }, [11]], [{ text: "7700" }, [2]], [{ text: "<b>" }, []],
    [{ minLevelFt: 20000 }, [1, 11]], [{ maxLevelFt: 10000 }, [10]], [{ minLevelFt: 10000, maxLevelFt: 25000 }, [10, 11]], [{ sensor: 1 }, [2, 10]],
    [{ modeA: "10" }, [1, 10]], [{ modeA: "10", sensor: 1 }, [10]], [{ modeA: "10", sensor: 1, text: "SWR" }, []],
  ];
  for (const [filter, expected] of cases) {
    Object.assign(model.filter, { text: "", minLevelFt: null, maxLevelFt: null, sensor: null, modeA: "" }, filter);
    assert.deepEqual(passing(), expected, JSON.stringify(filter));
  }
});

test("files hold what passes the filter; a callsign is neither a formula nor markup", () => {
  const model = sample();
  model.statics.set(1, { callsign: '=SUM("A1")', address: null, modeA: null });
  model.statics.set(10, { callsign: "A,B", address: null, modeA: null });
  const lines = toCsv(exportRows(model)).trimEnd().split("\r\n");
  assert.equal(lines.length, 5);
  assert.ok(lines[1].includes(`"'=SUM(""A1"")"`));
  assert.ok(lines[3].includes('"A,B"'));
  assert.ok(lines[1].includes(",35000,pressure_altitude,"));
  model.filter.sensor = 1;
  const collection = JSON.parse(toGeojson(exportRows(model)));
  assert.deepEqual(collection.features.map((one: { id: number }) => one.id), [2, 10]);
  assert.deepEqual(collection.features[0].geometry, { type: "Point", coordinates: [0, 0] });
});

test("30,000 rows are sorted in a small part of a second", () => {
  const roll = dice(6), rows = Array.from({ length: 30_000 }, (_, k) => ({ id: 3 * k, level: roll(1600), speed: roll(3000) })), model = modelOf(rows);
  for (let k = 0; k < 30_000; k++) model.statics.set(3 * k, { callsign: `ABC${roll(10_000)}`, address: null, modeA: null });
  let before = sortedRows(model, { column: "label", down: false }).map((row) => model.picture!.id[row]);
  const from = performance.now(), rounds = 5;
  for (let k = 0; k < rounds; k++) before = sortedRows(model, { column: "label", down: false }, before).map((row) => model.picture!.id[row]);
  console.log(`30,000 rows sorted again by name: ${((performance.now() - from) / rounds).toFixed(1)} ms`);
  assert.equal(before.length, 30_000);
});

test("tracks of one address are doubles while both are in the picture", () => {
  const model = modelOf([{ id: 1 }, { id: 2 }, { id: 3 }], { 1: { address: "4B1234" }, 2: { address: "4B1234" }, 3: {}, 9: { address: "4B1234" } });
  findDoubles(model);
  assert.deepEqual([...model.doubles].sort(), [1, 2]);
  assert.equal(troubleOf(model, 1, 1), "DUPE");
  assert.equal(troubleOf(model, 3, 1), null);
  model.statics.set(2, { callsign: null, address: "4B9999", modeA: null });
  findDoubles(model);
  assert.equal(model.doubles.size, 0);
});
