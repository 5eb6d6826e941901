import assert from "node:assert/strict";
import { test } from "node:test";

import { offsetOf, rangeOf } from "../source/problems.ts";

const lines = ["values:", "  😀: ${x}"];

test("columns count characters, offsets count units of strings", () => {
  assert.equal(offsetOf(lines, 1, 1), 0);
  assert.equal(offsetOf(lines, 2, 3), 10);
  assert.equal(offsetOf(lines, 2, 4), 12);
  assert.equal(offsetOf(lines, 9, 1), 18);
  assert.equal(offsetOf(lines, 0, 0), 0);
});

test("a problem without an end goes to the end of its line", () => {
  const place = { summary: "", is_error: true, line: 2, column: 3, end_line: 2, end_column: 3 };
  assert.deepEqual(rangeOf(lines, place), { from: 10, to: 18 });
  assert.deepEqual(rangeOf(lines, { ...place, end_column: 4 }), { from: 10, to: 12 });
  assert.deepEqual(rangeOf([""], { ...place, line: 0, column: 0, end_line: 0, end_column: 0 }), { from: 0, to: 0 });
});
