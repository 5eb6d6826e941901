import assert from "node:assert/strict";
import { test } from "node:test";

import { selectionOf } from "../source/selection.ts";

test("the box above a list shows whether all rows are selected", () => {
  assert.deepEqual(selectionOf(0, 3), { state: "none", text: "" });
  assert.deepEqual(selectionOf(2, 3), { state: "some", text: "2 of 3 selected" });
  assert.deepEqual(selectionOf(3, 3), { state: "all", text: "3 of 3 selected" });
});
