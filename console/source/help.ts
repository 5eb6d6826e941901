/** The list of keyboard shortcuts, made of what the page has when it is opened. */

import { shortcutsOf } from "./shortcuts.ts";
import type { Shortcut } from "./shortcuts.ts";

/** Return shortcuts in the order of the help: single keys first, then by their letters. */
export function sortShortcuts(shortcuts: readonly Shortcut[]): Shortcut[] {
  return [...shortcuts].sort((a, b) => a.keys.length - b.keys.length || a.keys.localeCompare(b.keys));
}

/** Let the buttons that open the help do so. */
export function prepareHelp(page: Document): void {
  const dialog = page.querySelector<HTMLDialogElement>("#shortcuts");
  const list = dialog?.querySelector("dl");
  if (dialog === null || list === null || list === undefined) {
    return;
  }
  for (const button of page.querySelectorAll("[data-opens=shortcuts]")) {
    button.addEventListener("click", () => {
      const parts = sortShortcuts(shortcutsOf(page.body)).flatMap(({ keys, label }) => {
        const term = page.createElement("dt");
        const text = page.createElement("dd");
        for (const key of keys.split(" ")) {
          const cap = page.createElement("kbd");
          cap.textContent = key;
          term.append(cap, " ");
        }
        text.textContent = label;
        return [term, text];
      });
      list.replaceChildren(...parts);
      dialog.showModal();
    });
  }
}
