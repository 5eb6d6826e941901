/** Keyboard shortcuts: links and fields name their own keys in `data-key`, so the help always lists what is there. */

const FORGET_MILLIS = 1200;

export interface Shortcut {
  keys: string;
  label: string;
  target: HTMLElement;
}

/** Follows what is typed and finds the shortcut whose keys end it, such as `g s`. */
export class KeySequence {
  #typed: string[] = [];
  #last = 0;

  /** Return which of the shortcuts a key completes, or undefined. */
  press(key: string, now: number, known: readonly string[]): string | undefined {
    if (now - this.#last > FORGET_MILLIS) {
      this.#typed = [];
    }
    this.#last = now;
    this.#typed.push(key);
    const found = known.find((keys) => this.#endsWith(keys.split(" ")));
    if (found !== undefined) {
      this.#typed = [];
    }
    return found;
  }

  #endsWith(keys: readonly string[]): boolean {
    const end = this.#typed.slice(-keys.length);
    return end.length === keys.length && end.every((key, index) => key === keys[index]);
  }
}

/** Return the shortcuts of the page. */
export function shortcutsOf(root: ParentNode): Shortcut[] {
  return [...root.querySelectorAll<HTMLElement>("[data-key]")].map((target) => ({
    keys: target.dataset["key"] ?? "",
    label: target.getAttribute("aria-label") ?? target.textContent.trim().replace(/\s+/g, " "),
    target,
  }));
}

function isTyping(event: KeyboardEvent): boolean {
  return event.target instanceof HTMLElement && event.target.closest("input, textarea, select, [contenteditable]") !== null;
}

function use(target: HTMLElement): void {
  if (target instanceof HTMLInputElement) {
    target.focus();
    target.select();
  } else {
    target.click();
  }
}

/** Listen for shortcuts in the whole page. */
export function listenForShortcuts(page: Document): void {
  const sequence = new KeySequence();
  page.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event) || page.querySelector("dialog[open]") !== null) {
      return;
    }
    const known = shortcutsOf(page);
    const keys = sequence.press(
      event.key,
      event.timeStamp,
      known.map((shortcut) => shortcut.keys),
    );
    const shortcut = known.find((item) => item.keys === keys);
    if (shortcut !== undefined) {
      event.preventDefault();
      use(shortcut.target);
    }
  });
}
