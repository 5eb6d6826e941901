/** `<resource-graph>`: draws the resources of the table inside it, as nodes that lead where the table's links lead.
 *
 * The table stays below, and is all there is without script. Arrow keys move between nodes; one of them is reached by Tab.
 */

import { layOut, nearest, pathOf } from "./layout.ts";
import type { Direction, Layout, Node, Place } from "./layout.ts";

const SVG = "http://www.w3.org/2000/svg";
const NAME_LENGTH = 26;
const ZOOMS = [0.25, 0.5, 0.75, 1, 1.5];
const DIRECTIONS: Record<string, Direction> = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };

class ResourceGraph extends HTMLElement {
  #zoom = ZOOMS.indexOf(1);

  connectedCallback(): void {
    const rows = [...this.querySelectorAll<HTMLTableRowElement>("tr[data-node]")];
    const nodes = rows.map(readNode);
    const layout = layOut(nodes);
    const picture = draw(nodes, layout);
    const view = document.createElement("div");
    view.className = "graph-view";
    view.append(picture);
    picture.addEventListener("keydown", (event) => {
      moveFocus(event, layout.places);
    });
    this.prepend(this.#tools(picture, layout), view);
    this.#show(picture, layout);
    const chosen = layout.places[0];
    if (chosen !== undefined) {
      view.scrollTo(chosen.x - view.clientWidth / 2, chosen.y - view.clientHeight / 2);
    }
  }

  #tools(picture: SVGSVGElement, layout: Layout): HTMLElement {
    const tools = document.createElement("p");
    tools.className = "row";
    for (const [text, step] of [
      ["Smaller", -1],
      ["Larger", 1],
    ] as const) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet";
      button.textContent = text;
      button.addEventListener("click", () => {
        this.#zoom = Math.min(ZOOMS.length - 1, Math.max(0, this.#zoom + step));
        this.#show(picture, layout);
      });
      tools.append(button);
    }
    return tools;
  }

  #show(picture: SVGSVGElement, layout: Layout): void {
    const zoom = ZOOMS[this.#zoom] ?? 1;
    picture.setAttribute("width", String(Math.ceil(layout.width * zoom)));
    picture.setAttribute("height", String(Math.ceil(layout.height * zoom)));
  }
}

function readNode(row: HTMLTableRowElement): Node {
  const link = row.querySelector("a");
  return {
    name: link?.textContent ?? "",
    type: row.cells[1]?.textContent ?? "",
    address: link?.getAttribute("href") ?? "",
    parent: row.dataset["parent"] === undefined ? null : Number(row.dataset["parent"]),
    needs: (row.dataset["needs"] ?? "").split(" ").filter(Boolean).map(Number),
  };
}

function draw(nodes: Node[], layout: Layout): SVGSVGElement {
  const picture = element("svg", { viewBox: `0 0 ${String(layout.width)} ${String(layout.height)}`, role: "group" });
  picture.setAttribute("aria-label", "Graph of resources");
  const marker = element("marker", { id: "arrow", viewBox: "0 0 8 8", refX: "8", refY: "4", markerWidth: "7", markerHeight: "7", orient: "auto" });
  marker.append(element("path", { d: "M0 0 8 4 0 8z" }));
  const definitions = element("defs", {});
  definitions.append(marker);
  picture.append(definitions);
  for (const edge of layout.edges) {
    const line = element("path", { d: pathOf(edge.points), class: edge.isParent ? "edge parent" : "edge" });
    if (!edge.isParent) {
      line.setAttribute("marker-end", "url(#arrow)");
    }
    picture.append(line);
  }
  nodes.forEach((node, index) => {
    const place = layout.places[index];
    if (place !== undefined) {
      picture.append(drawNode(node, place, index));
    }
  });
  return picture;
}

function drawNode(node: Node, place: Place, index: number): SVGAElement {
  const link = element("a", { href: node.address, class: index === 0 ? "node chosen" : "node", tabindex: index === 0 ? "0" : "-1" });
  link.dataset["index"] = String(index);
  const left = place.x - place.width / 2;
  const top = place.y - place.height / 2;
  const box = element("rect", { x: String(left), y: String(top), width: String(place.width), height: String(place.height), rx: "6" });
  const name = element("text", { x: String(left + 10), y: String(top + 18) });
  // The space keeps the two texts apart where they are read aloud.
  name.textContent = `${shortened(node.name)} `;
  const type = element("text", { x: String(left + 10), y: String(top + 34), class: "type" });
  type.textContent = shortened(node.type.slice(node.type.lastIndexOf(":") + 1));
  if (node.name.length > NAME_LENGTH) {
    const title = element("title", {});
    title.textContent = node.name;
    box.append(title);
  }
  link.append(box, name, type);
  return link;
}

function moveFocus(event: KeyboardEvent, places: Place[]): void {
  const direction = DIRECTIONS[event.key];
  const current = event.target instanceof Element ? event.target.closest<SVGAElement>("a.node") : null;
  if (direction === undefined || current === null) {
    return;
  }
  event.preventDefault();
  const next = nearest(places, Number(current.dataset["index"]), direction);
  const target = next === null ? null : current.ownerSVGElement?.querySelector<SVGAElement>(`a[data-index="${String(next)}"]`);
  if (target !== null && target !== undefined) {
    current.setAttribute("tabindex", "-1");
    target.setAttribute("tabindex", "0");
    target.focus();
    target.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

function shortened(text: string): string {
  return text.length > NAME_LENGTH ? `${text.slice(0, NAME_LENGTH - 1)}…` : text;
}

function element<Name extends keyof SVGElementTagNameMap>(name: Name, attributes: Record<string, string>): SVGElementTagNameMap[Name] {
  const made = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) {
    made.setAttribute(attribute, value);
  }
  return made;
}

customElements.define("resource-graph", ResourceGraph);
