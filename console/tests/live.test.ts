import assert from "node:assert/strict";
import { test } from "node:test";

import { FASTEST_MILLIS, SLOWEST_MILLIS, nextWait } from "../source/live.ts";

test("a part that changes is asked for every second", () => {
  assert.equal(nextWait(SLOWEST_MILLIS, "changed"), FASTEST_MILLIS);
});

test("a part that stays the same is asked for less and less, down to every five seconds", () => {
  const waits = [1, 2, 3, 4, 5].reduce<number[]>((all) => [...all, nextWait(all.at(-1) ?? 0, "same")], [FASTEST_MILLIS]);
  assert.deepEqual(waits, [1000, 1500, 2250, 3375, 5000, 5000]);
});

test("a server that fails is left alone for five seconds", () => {
  assert.equal(nextWait(FASTEST_MILLIS, "failed"), SLOWEST_MILLIS);
});
