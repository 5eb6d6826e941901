/** Where the nodes of a graph stand, and which node is next in a direction. Nothing here knows the page. */

import { Graph, layout as dagreLayout } from "@dagrejs/dagre";

export interface Node {
  name: string;
  type: string;
  address: string;
  /** Positions of other nodes. */
  parent: number | null;
  needs: number[];
}

export interface Point {
  x: number;
  y: number;
}

/** The middle of a node, and its size. */
export interface Place extends Point {
  width: number;
  height: number;
}

export interface Edge {
  from: number;
  to: number;
  isParent: boolean;
  points: Point[];
}

export interface Layout {
  width: number;
  height: number;
  places: Place[];
  edges: Edge[];
}

export type Direction = "left" | "right" | "up" | "down";

export const WIDTH = 210;
export const HEIGHT = 44;
// A step to the side counts so much more than one in the direction that was asked for.
const ASIDE = 2;
// All edges of a larger graph would take a browser many seconds: then a tree decides where nodes stand.
const ALL_EDGES_LIMIT = 30;

/** Return where each node stands: what a resource contains and needs is to the right of it. */
export function layOut(nodes: Node[]): Layout {
  const graph = new Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 14, ranksep: 60, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  nodes.forEach((_node, index) => {
    graph.setNode(String(index), { width: WIDTH, height: HEIGHT });
  });
  const edges = edgesOf(nodes);
  for (const edge of nodes.length > ALL_EDGES_LIMIT ? treeOf(edges) : edges) {
    graph.setEdge(String(edge.from), String(edge.to), {});
  }
  dagreLayout(graph);
  const size = graph.graph() as { width?: number; height?: number };
  const places = nodes.map((_node, index) => {
    const { x, y } = graph.node(String(index)) as Point;
    return { x, y, width: WIDTH, height: HEIGHT };
  });
  return {
    width: Math.max(size.width ?? 0, WIDTH),
    height: Math.max(size.height ?? 0, HEIGHT),
    places,
    edges: edges.map((edge) => {
      const known = graph.edge(String(edge.from), String(edge.to)) as { points?: Point[] } | undefined;
      return { ...edge, points: known?.points ?? between(places[edge.from], places[edge.to]) };
    }),
  };
}

/** Return the lines between nodes: one for each pair, where a dependency is shown rather than a parent. */
export function edgesOf(nodes: Node[]): Omit<Edge, "points">[] {
  const edges: Omit<Edge, "points">[] = [];
  nodes.forEach((node, index) => {
    for (const other of new Set(node.needs)) {
      if (other !== index && nodes[other] !== undefined) {
        edges.push({ from: index, to: other, isParent: false });
      }
    }
    if (node.parent !== null && node.parent !== index && nodes[node.parent] !== undefined) {
      edges.push({ from: node.parent, to: index, isParent: true });
    }
  });
  const seen = new Set<string>();
  return edges.filter(({ from, to }) => {
    const key = `${String(from)} ${String(to)}`;
    return seen.has(key) ? false : (seen.add(key), true);
  });
}

/** Return for each node the edge to the nearest node before it: nodes come in the order of their distance from the first. */
export function treeOf<Kind extends { from: number; to: number }>(edges: Kind[]): Kind[] {
  const best = new Map<number, Kind>();
  for (const edge of edges) {
    const later = Math.max(edge.from, edge.to);
    const known = best.get(later);
    if (known === undefined || Math.min(edge.from, edge.to) < Math.min(known.from, known.to)) {
      best.set(later, edge);
    }
  }
  return [...best.values()];
}

function between(from: Place | undefined, to: Place | undefined): Point[] {
  if (from === undefined || to === undefined) {
    return [];
  }
  const side = to.x >= from.x ? 1 : -1;
  return [
    { x: from.x + (side * from.width) / 2, y: from.y },
    { x: to.x - (side * to.width) / 2, y: to.y },
  ];
}

/** Return the node that is nearest in a direction, or null at the edge of the graph. */
export function nearest(places: Place[], current: number, direction: Direction): number | null {
  const here = places[current];
  if (here === undefined) {
    return null;
  }
  let best: number | null = null;
  let bestDistance = Infinity;
  places.forEach((place, index) => {
    const ahead = { left: here.x - place.x, right: place.x - here.x, up: here.y - place.y, down: place.y - here.y }[direction];
    const aside = direction === "left" || direction === "right" ? Math.abs(place.y - here.y) : Math.abs(place.x - here.x);
    const distance = ahead + aside * ASIDE;
    if (index !== current && ahead > 0 && distance < bestDistance) {
      best = index;
      bestDistance = distance;
    }
  });
  return best;
}

/** Return a line through points, as SVG writes it. */
export function pathOf(points: Point[]): string {
  return points.map(({ x, y }, index) => `${index === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}
