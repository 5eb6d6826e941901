import assert from "node:assert/strict";
import { test } from "node:test";

import { edgesOf, layOut, nearest, pathOf, treeOf } from "../source/layout.ts";
import type { Node } from "../source/layout.ts";

function node(parent: number | null, ...needs: number[]): Node {
  return { name: "a", type: "t", address: "/", parent, needs };
}

test("a pair of nodes has one line, and damaged positions have none", () => {
  assert.deepEqual(edgesOf([node(null), node(0, 0, 0), node(2, 9, 1)]), [
    { from: 1, to: 0, isParent: false },
    { from: 0, to: 1, isParent: true },
    { from: 2, to: 1, isParent: false },
  ]);
});

test("children stand to the right of their parent, and nodes do not overlap", () => {
  const { places, width } = layOut([node(null), node(0), node(0, 1)]);
  const [root, first, second] = places;
  assert.ok(root !== undefined && first !== undefined && second !== undefined);
  assert.ok(root.x < second.x && second.x < first.x && first.x < width);
});

test("300 nodes are laid out, circles among them", () => {
  const nodes = Array.from({ length: 300 }, (_, index) => node(index === 0 ? null : Math.floor(index / 7), (index * 13) % 300));
  const { places, edges } = layOut(nodes);
  assert.equal(places.length, 300);
  assert.ok(edges.every(({ points }) => points.every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))));
});

test("a tree has one edge for each node, to the nearest one before it", () => {
  const edges = [
    { from: 0, to: 1 },
    { from: 2, to: 1 },
    { from: 0, to: 2 },
  ];
  assert.deepEqual(treeOf(edges), [
    { from: 0, to: 1 },
    { from: 0, to: 2 },
  ]);
});

test("an arrow key leads to the nearest node of its direction", () => {
  const place = (x: number, y: number): { x: number; y: number; width: number; height: number } => ({ x, y, width: 10, height: 10 });
  const places = [place(0, 0), place(100, 0), place(100, 50), place(0, 50)];
  assert.deepEqual(
    (["right", "down", "left", "up"] as const).map((direction) => nearest(places, 0, direction)),
    [1, 3, null, null],
  );
  assert.equal(nearest([], 0, "up"), null);
});

test("a line is a path", () => {
  assert.equal(pathOf([{ x: 1, y: 2 }, { x: 3.25, y: 4 }]), "M1.0 2.0L3.3 4.0");
});
