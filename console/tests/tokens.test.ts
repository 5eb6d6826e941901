import assert from "node:assert/strict";
import { test } from "node:test";

import { tokenizer } from "../source/tokens.ts";
import type { Line } from "../source/tokens.ts";

/** A line as the editor gives it to the tokenizer. */
class Text implements Line {
  at = 0;
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  eatSpace(): boolean {
    return this.match(/^\s+/);
  }
  match(pattern: RegExp): boolean {
    const length = pattern.exec(this.text.slice(this.at))?.[0].length ?? 0;
    this.at += length;
    return length > 0;
  }
  next(): unknown {
    this.at += 1;
    return undefined;
  }
  sol(): boolean {
    return this.at === 0;
  }
  indentation(): number {
    return /^ */.exec(this.text)?.[0].length ?? 0;
  }
}

function tokens(text: string): [string, string][] {
  const state = tokenizer.startState();
  const found: [string, string][] = [];
  for (const line of text.split("\n").map((one) => new Text(one))) {
    while (line.at < line.text.length) {
      const start = line.at;
      const kind = tokenizer.token(line, state);
      assert.ok(line.at > start, "each token has a letter at least");
      if (kind !== null) {
        found.push([line.text.slice(start, line.at), kind]);
      }
    }
  }
  return found;
}

test("keys, functions, references, numbers and comments have kinds", () => {
  assert.deepEqual(tokens('values: # all\n  "a b": 12\n  c: x ${d.e} y\n  fn::open::aws-login: {f: true}'), [
    ["values", "propertyName"],
    ["# all", "comment"],
    ['"a b"', "propertyName"],
    ["12", "number"],
    ["c", "propertyName"],
    ["${d.e}", "variableName"],
    ["fn::open::aws-login", "keyword"],
    ["f", "propertyName"],
    ["true", "number"],
  ]);
});

test("a block of text has references alone", () => {
  assert.deepEqual(tokens("a: |\n  b: 1 # no ${c}\n\nd: 2"), [
    ["a", "propertyName"],
    ["${c}", "variableName"],
    ["d", "propertyName"],
    ["2", "number"],
  ]);
});

test("any text ends", () => {
  for (const text of ["$", "${", '"', "'", "#", "-", ":", "a:b", "{[}]", "😀: 'x", "\t$$ {"]) {
    tokens(text);
  }
});
