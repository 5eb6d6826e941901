import assert from "node:assert/strict";
import { test } from "node:test";

import { matching, searchFor } from "../source/palette.ts";

const COMMANDS = ["Access tokens", "Audit log", "Stacks", "acme"].map((label) => ({ label, href: `/${label}`, keys: "" }));

test("all words must be in a label, whatever their case and order", () => {
  assert.deepEqual(
    matching(COMMANDS, "LOG au").map((command) => command.label),
    ["Audit log"],
  );
  assert.deepEqual(matching(COMMANDS, "log stacks"), []);
});

test("labels that begin with the words come first, the shorter before the longer", () => {
  assert.deepEqual(
    matching(COMMANDS, "ac").map((command) => command.label),
    ["acme", "Access tokens", "Stacks"],
  );
});

test("without words everything is offered", () => {
  assert.equal(matching(COMMANDS, " ").length, COMMANDS.length);
});

test("what was typed can be searched among stacks", () => {
  assert.deepEqual(searchFor(" a&b ", "/acme/stacks"), {
    label: "Search stacks for “a&b”",
    href: "/acme/stacks?q=a%26b",
    keys: "",
  });
  assert.equal(searchFor("  ", "/acme/stacks"), undefined);
  assert.equal(searchFor("a", ""), undefined);
});
