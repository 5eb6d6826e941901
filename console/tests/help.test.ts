import assert from "node:assert/strict";
import { test } from "node:test";

import { sortShortcuts } from "../source/help.ts";
import type { Shortcut } from "../source/shortcuts.ts";

test("the help lists single keys first, then pairs by their letters", () => {
  const shortcuts = ["g m", "/", "g a", "?"].map((keys) => ({ keys, label: keys }) as Shortcut);

  assert.deepEqual(sortShortcuts(shortcuts).map((item) => item.keys), ["?", "/", "g a", "g m"]);
});
