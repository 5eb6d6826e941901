import assert from "node:assert/strict";
import { test } from "node:test";

import { matching } from "../source/palette.ts";

const COMMANDS = ["Access tokens", "Audit log", "Stacks", "acme"].map((label) => ({ label, href: `/${label}`, keys: "" }));

test("all words must be in a label, whatever their case and order", () => {
  assert.deepEqual(
    matching(COMMANDS, "LOG au").map((command) => command.label),
    ["Audit log"],
  );
  assert.deepEqual(matching(COMMANDS, "log stacks"), []);
});

test("labels that begin with the words come first", () => {
  assert.deepEqual(
    matching(COMMANDS, "ac").map((command) => command.label),
    ["Access tokens", "acme", "Stacks"],
  );
});

test("without words everything is offered", () => {
  assert.equal(matching(COMMANDS, " ").length, COMMANDS.length);
});
