import assert from "node:assert/strict";
import { test } from "node:test";

import { scrollFor } from "../source/tabs.ts";

test("a tab that is far to the right is scrolled to the middle", () => {
  assert.equal(scrollFor(300, 700, 100), 600);
});

test("the first tabs stay where they are", () => {
  assert.equal(scrollFor(300, 20, 80), 0);
});
