import assert from "node:assert/strict";
import { test } from "node:test";
import { angleText, climbArrow, clockText, countText, courseText, dayText, levelText, spanText } from "../src/text";

test("quantities are written as they are read aloud", () => {
  assert.equal(clockText(Date.UTC(2026, 10, 25, 6, 7, 8)), "06:07:08");
  assert.equal(dayText(Date.UTC(2026, 10, 25)), "2026-11-25");
  for (const nonsense of [NaN, Infinity, -1, 0, 1e300]) assert.deepEqual([clockText(nonsense), dayText(nonsense)], ["--:--:--", ""]);
  assert.deepEqual([35_049, 950, -250, NaN].map(levelText), ["350", "010", "-02", "---"]);
  assert.deepEqual([0, 359.6, -1, 90.4, NaN].map(courseText), ["000", "000", "359", "090", "---"]);
  assert.deepEqual([10, -10, 1, NaN].map(climbArrow), ["↑", "↓", " ", " "]);
  assert.deepEqual([countText(-0), countText(-0.4), countText(12_345.6), countText(-0.04, 1), countText(NaN), countText(null)], ["0", "0", "12,346", "0.0", "–", "–"]);
  assert.equal(angleText(47.999999, "N", "S"), "48°00.00′N");
  assert.equal(angleText(-9.5, "E", "W"), "9°30.00′W");
  assert.deepEqual([4.4, 600, 7500, 7199, NaN].map(spanText), ["4 s", "10 min", "2 h 05", "2 h 00", "–"]);
});
