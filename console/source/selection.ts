/** Lists whose rows have boxes: one box above selects all rows of the page, and a text says how many are selected. */

export interface Selection {
  state: "all" | "some" | "none";
  text: string;
}

/** Return what the box above a list shows for a number of selected rows. */
export function selectionOf(selected: number, all: number): Selection {
  const state = selected === 0 ? "none" : selected === all ? "all" : "some";
  return { state, text: selected === 0 ? "" : `${String(selected)} of ${String(all)} selected` };
}

function boxesOf(page: ParentNode, name: string): HTMLInputElement[] {
  return [...page.querySelectorAll<HTMLInputElement>("input[type=checkbox]")].filter((box) => box.name === name);
}

/** Show in the boxes above the lists of the page how many rows are selected. */
export function showSelection(page: ParentNode): void {
  for (const all of page.querySelectorAll<HTMLInputElement>("input[data-select-all]")) {
    const name = all.dataset["selectAll"] ?? "";
    const boxes = boxesOf(page, name);
    const { state, text } = selectionOf(boxes.filter((box) => box.checked).length, boxes.length);
    all.checked = state === "all";
    all.indeterminate = state === "some";
    const note = page.querySelector(`[data-selected="${CSS.escape(name)}"]`);
    if (note !== null) {
      note.textContent = text;
    }
  }
}

/** Let the boxes above the lists of the page select and clear all rows. */
export function prepareSelection(page: Document): void {
  page.addEventListener("change", (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement) || box.type !== "checkbox") {
      return;
    }
    const name = box.dataset["selectAll"];
    if (name !== undefined) {
      for (const row of boxesOf(page, name)) {
        row.checked = box.checked;
      }
    }
    showSelection(page);
  });
  // A browser that goes back to a page fills its boxes again.
  addEventListener("pageshow", () => {
    showSelection(page);
  });
}
