import assert from "node:assert/strict";
import { test } from "node:test";

import { keysAround, offersAt } from "../source/completion.ts";
import type { Catalogue } from "../source/completion.ts";

const catalogue: Catalogue = {
  functions: ["fn::secret"],
  providers: [{ name: "aws-login", description: "AWS", inputs: { properties: { oidc: { properties: { roleArn: { type: "string" } } } } } }],
  rotators: [{ name: "password", description: "Password", inputs: { properties: { length: { type: "number" } } } }],
  environments: ["shop/base"],
};

function labels(text: string): string[] {
  const lines = text.split("\n");
  const last = lines.length - 1;
  return (offersAt(lines, last, (lines[last] ?? "").length, catalogue)?.offers ?? []).map((item) => item.label);
}

test("keys around a line are those of the mappings that it is in", () => {
  assert.deepEqual(keysAround(["values:", "  a:", "    # note", "    b: 1", "    c"], 4), ["values", "a"]);
  assert.deepEqual(keysAround(["values:", "  a: 1"], 0), []);
});

test("a document begins with imports or values", () => {
  assert.deepEqual(labels("v"), ["imports", "values"]);
});

test("imports are environments", () => {
  assert.deepEqual(labels("imports:\n  - sh"), ["shop/base"]);
  assert.deepEqual(labels("imports:\n- "), ["shop/base"]);
  assert.deepEqual(labels("values:\n  a:\n  - x"), ["environmentVariables", "pulumiConfig", "files", "fn::secret", "fn::open::aws-login", "fn::rotate::password"]);
});

test("functions are offered in values, and the inputs of a provider inside its call", () => {
  assert.ok(labels("values:\n  a:\n    fn").includes("fn::open::aws-login"));
  assert.deepEqual(labels("values:\n  a:\n    fn::open::aws-login:\n      o"), ["oidc"]);
  assert.deepEqual(labels("values:\n  a:\n    fn::open::aws-login:\n      oidc:\n        r"), ["roleArn"]);
  assert.deepEqual(labels("values:\n  a:\n    fn::rotate::password:\n      i"), ["inputs"]);
  assert.deepEqual(labels("values:\n  a:\n    fn::rotate::password:\n      inputs:\n        l"), ["length"]);
});

test("references are the values of the document", () => {
  assert.deepEqual(labels("values:\n  a: 1\n  files: {}\n  b:\n    c: ${"), ["a", "b", "context", "environments"]);
  assert.deepEqual(labels("values:\n  a: some text"), []);
});
