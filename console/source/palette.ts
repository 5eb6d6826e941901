/** The command palette: every link of the page that has a place to go, narrowed by what is typed. Ctrl+K or Cmd+K opens it. */

export interface Command {
  label: string;
  href: string;
  keys: string;
}

/** Return the commands whose label has all the words: those that begin with them first, and the shorter first. */
export function matching(commands: readonly Command[], text: string): Command[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const score = (command: Command): number => (command.label.toLowerCase().startsWith(words[0] ?? "") ? 0 : 1);
  return commands
    .filter((command) => words.every((word) => command.label.toLowerCase().includes(word)))
    .sort((first, second) => score(first) - score(second) || (text === "" ? 0 : first.label.length - second.label.length));
}

/** Return where the links of the main lists lead, each once. */
export function commandsOf(page: ParentNode): Command[] {
  const found = new Map<string, Command>();
  for (const link of page.querySelectorAll<HTMLAnchorElement>("nav a[href], [data-key][href]")) {
    const label = link.dataset["label"] ?? link.textContent.trim().replace(/\s+/g, " ");
    if (label !== "" && !found.has(link.href)) {
      found.set(link.href, { label, href: link.href, keys: link.dataset["key"] ?? "" });
    }
  }
  return [...found.values()];
}

/** Return the command that searches stacks for what was typed, where the page has a search. */
export function searchFor(text: string, address: string): Command | undefined {
  const words = text.trim();
  return words === "" || address === ""
    ? undefined
    : { label: `Search stacks for “${words}”`, href: `${address}?q=${encodeURIComponent(words)}`, keys: "" };
}

function item(page: Document, command: Command): HTMLLIElement {
  const line = page.createElement("li");
  const link = page.createElement("a");
  link.href = command.href;
  link.textContent = command.label;
  line.append(link);
  if (command.keys !== "") {
    const keys = page.createElement("kbd");
    keys.textContent = command.keys;
    line.append(keys);
  }
  return line;
}

/** Let the palette of the page, a dialog with a field and a list, be opened and used. */
export function preparePalette(page: Document): void {
  const dialog = page.querySelector<HTMLDialogElement>("#palette");
  const field = dialog?.querySelector("input");
  const list = dialog?.querySelector("ul");
  if (dialog === null || field === undefined || field === null || list === undefined || list === null) {
    return;
  }
  const show = (): void => {
    const address = page.querySelector<HTMLFormElement>("form.find")?.getAttribute("action") ?? "";
    const search = searchFor(field.value, address);
    const commands = [...matching(commandsOf(page.body), field.value), ...(search === undefined ? [] : [search])];
    list.replaceChildren(...commands.map((command) => item(page, command)));
  };
  const open = (): void => {
    field.value = "";
    dialog.showModal();
    show();
  };
  field.addEventListener("input", show);
  dialog.addEventListener("keydown", (event) => {
    const links = [...list.querySelectorAll("a")];
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      const next = links.indexOf(page.activeElement as HTMLAnchorElement) + step;
      (links[next] ?? field).focus();
    } else if (event.key === "Enter" && page.activeElement === field && links[0] !== undefined) {
      event.preventDefault();
      links[0].click();
    }
  });
  page.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "k") {
      event.preventDefault();
      open();
    }
  });
  for (const button of page.querySelectorAll("[data-opens=palette]")) {
    button.addEventListener("click", open);
  }
}
