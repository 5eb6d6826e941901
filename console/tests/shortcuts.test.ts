import assert from "node:assert/strict";
import { test } from "node:test";

import { KeySequence } from "../source/shortcuts.ts";

const KNOWN = ["/", "?", "g s", "g h"];

test("one key is enough where a shortcut has one", () => {
  assert.equal(new KeySequence().press("/", 0, KNOWN), "/");
});

test("two keys in a row are one shortcut, and are used up by it", () => {
  const sequence = new KeySequence();
  assert.equal(sequence.press("g", 0, KNOWN), undefined);
  assert.equal(sequence.press("s", 500, KNOWN), "g s");
  assert.equal(sequence.press("s", 600, KNOWN), undefined);
});

test("keys that are far apart are no shortcut", () => {
  const sequence = new KeySequence();
  sequence.press("g", 0, KNOWN);
  assert.equal(sequence.press("s", 2000, KNOWN), undefined);
});
