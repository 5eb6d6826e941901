import assert from "node:assert/strict";
import { test } from "node:test";

import { duration, relative } from "../source/moments.ts";

const NOW = Date.parse("2026-11-30T12:00:00Z");
const MINUTE = 60_000;
const DAY = 1440 * MINUTE;

test("a moment is told relative to now, in the largest unit that fits", () => {
  const told = [0, 9_000, 20_000, 5 * MINUTE, 59.6 * MINUTE, 23 * 60 * MINUTE, 3 * DAY, 60 * DAY, 800 * DAY].map((ago) =>
    relative(NOW - ago, NOW),
  );
  assert.deepEqual(told, [
    "just now",
    "just now",
    "20 seconds ago",
    "5 minutes ago",
    "1 hour ago",
    "23 hours ago",
    "3 days ago",
    "2 months ago",
    "2 years ago",
  ]);
});

test("a moment ahead is told as such", () => {
  assert.equal(relative(NOW + DAY, NOW), "tomorrow");
  assert.equal(relative(NOW + 10 * DAY, NOW), "in 10 days");
  assert.equal(relative(NOW + 30 * DAY, NOW), "in 30 days");
  assert.equal(relative(NOW + 365 * DAY, NOW), "in 12 months");
});

test("a duration has two parts at most", () => {
  assert.deepEqual([-5, 0, 42_900, 185_000, 3_725_000].map(duration), ["0s", "0s", "42s", "3m 05s", "1h 02m"]);
});
