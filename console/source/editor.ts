/** `<definition-editor>`: makes the text area inside it an editor with colours, completion and a check while someone types.
 *
 * The text area stays in the form, has the same text at any time, and is all there is without script. The editor is in a shadow
 * tree, because the pages allow no style of their own: there a style sheet is an object, which the policy permits.
 */

import { autocompletion, completionKeymap } from "@codemirror/autocomplete";
import type { CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { history, historyKeymap, standardKeymap } from "@codemirror/commands";
import { HighlightStyle, StreamLanguage, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorState, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, keymap, lineNumbers } from "@codemirror/view";
import type { DecorationSet } from "@codemirror/view";
import { tags } from "@lezer/highlight";

import { offersAt } from "./completion.ts";
import type { Catalogue } from "./completion.ts";
import { askBeforeLeaving } from "./leaving.ts";
import { rangeOf } from "./problems.ts";
import type { Problem } from "./problems.ts";
import { tokenizer } from "./tokens.ts";

const PAUSE_MILLIS = 600;
/** Checks of one page are at least this far apart. */
const APART_MILLIS = 1500;

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--accent)" },
  { tag: tags.keyword, color: "var(--accent)", fontWeight: "600" },
  { tag: tags.comment, color: "var(--soft)", fontStyle: "italic" },
  { tag: tags.number, color: "var(--violet)" },
  { tag: tags.variableName, color: "var(--warn)" },
]);

/** Marks the places of problems, which move with the text until the next check. */
const mark = StateEffect.define<DecorationSet>();
const marks = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update: (old, change) => change.effects.reduce((found, effect) => (effect.is(mark) ? effect.value : found), old.map(change.changes)),
  provide: (field) => EditorView.decorations.from(field),
});

const look = EditorView.theme({
  "&": { color: "var(--text)", backgroundColor: "var(--sheet)", border: "1px solid var(--edge)", borderRadius: "8px", fontSize: ".88em" },
  "&.cm-focused": { outline: "3px solid var(--focus)", outlineOffset: "2px" },
  ".cm-scroller": { fontFamily: 'ui-monospace, "SF Mono", Menlo, Consolas, monospace', lineHeight: "1.5", maxHeight: "70vh" },
  ".cm-content, .cm-gutter": { minHeight: "18rem" },
  ".cm-gutters": { color: "var(--soft)", backgroundColor: "var(--ground)", border: "none", borderRadius: "8px 0 0 8px" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-tooltip": { color: "var(--text)", backgroundColor: "var(--sheet)", border: "1px solid var(--line)", borderRadius: "8px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { color: "var(--on-accent)", backgroundColor: "var(--accent)" },
  ".cm-completionDetail": { color: "inherit", opacity: ".8" },
  ".problem": { textDecoration: "underline wavy var(--danger)", textUnderlineOffset: "3px" },
  ".problem.warning": { textDecorationColor: "var(--warn)" },
});

class DefinitionEditor extends HTMLElement {
  #view: EditorView | undefined;
  #catalogue: Promise<Catalogue> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isAsking = false;
  #isWaiting = false;
  #checkedAt = 0;

  connectedCallback(): void {
    const area = this.querySelector("textarea");
    if (area === null || this.#view !== undefined) {
      return;
    }
    const root = this.attachShadow({ mode: "open" });
    const changed = EditorView.updateListener.of((update) => {
      if (update.docChanged) {
        area.value = update.state.doc.toString();
        this.#schedule();
      }
    });
    this.#view = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: area.value,
        extensions: [
          lineNumbers(),
          marks,
          history(),
          indentUnit.of("  "),
          EditorState.tabSize.of(2),
          EditorView.lineWrapping,
          StreamLanguage.define(tokenizer),
          syntaxHighlighting(colours),
          autocompletion({ override: [(context): Promise<CompletionResult | null> => this.#complete(context)], icons: false }),
          // Tab goes on to the next field, as everywhere on the pages.
          keymap.of([...completionKeymap, ...historyKeymap, ...standardKeymap]),
          EditorView.contentAttributes.of({ "aria-label": "Definition", tabindex: "0", spellcheck: "false", autocapitalize: "none" }),
          look,
          changed,
        ],
      }),
    });
    this.closest(".field")
      ?.querySelector("label")
      ?.addEventListener("click", () => {
        this.#view?.focus();
      });
    // A text that came back with a mistake was never saved.
    const loaded = this.hasAttribute("unsaved") ? undefined : area.value;
    askBeforeLeaving(window, this.closest("form"), () => area.value !== loaded);
    this.#schedule();
  }

  disconnectedCallback(): void {
    clearTimeout(this.#timer);
  }

  /** Return the address that answers a question about the definition. */
  #address(part: string): string {
    return `${this.getAttribute("src") ?? ""}/${part}`;
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const apart = this.#checkedAt + APART_MILLIS - Date.now();
    this.#timer = setTimeout(() => void this.#check(), Math.max(PAUSE_MILLIS, apart));
  }

  /** Ask the server what is wrong: one question at a time, the newest text last. */
  async #check(): Promise<void> {
    const view = this.#view;
    if (view === undefined) {
      return;
    }
    if (this.#isAsking) {
      this.#isWaiting = true;
      return;
    }
    this.#isAsking = true;
    this.#checkedAt = Date.now();
    const doc = view.state.doc;
    try {
      const form = this.closest("form");
      const key = form?.querySelector<HTMLInputElement>("input[name=form_key]")?.value ?? "";
      const body = new URLSearchParams({ form_key: key, definition: doc.toString() });
      const reply = await fetch(this.#address("check"), { method: "POST", body, headers: { Accept: "text/html" }, redirect: "error" });
      if (reply.ok && view.state.doc.eq(doc)) {
        this.#show((await reply.json()) as Problem[]);
      } else if (!reply.ok) {
        this.#say([`The check failed with status ${String(reply.status)}. Saving checks again.`]);
      }
    } catch {
      this.#say(["The server could not be reached to check the definition."]);
    }
    this.#isAsking = false;
    if (this.#isWaiting) {
      this.#isWaiting = false;
      this.#schedule();
    }
  }

  #show(problems: readonly Problem[]): void {
    const view = this.#view;
    if (view === undefined) {
      return;
    }
    const lines = view.state.doc.toString().split("\n");
    const places = problems.flatMap((problem) => {
      const { from, to } = rangeOf(lines, problem);
      const look = { class: problem.is_error ? "problem" : "problem warning", attributes: { title: problem.summary } };
      return to > from ? [Decoration.mark(look).range(from, to)] : [];
    });
    view.dispatch({ effects: mark.of(Decoration.set(places, true)) });
    this.#say(problems.map((problem) => (problem.line > 0 ? `Line ${String(problem.line)}: ${problem.summary}` : problem.summary)));
  }

  #say(texts: readonly string[]): void {
    const place = document.querySelector("#problems");
    if (place === null) {
      return;
    }
    const list = document.createElement("ul");
    list.className = "diagnostics";
    for (const text of texts) {
      const item = document.createElement("li");
      item.textContent = text;
      list.append(item);
    }
    place.replaceChildren(...(texts.length > 0 ? [list] : []));
  }

  async #complete(context: CompletionContext): Promise<CompletionResult | null> {
    const line = context.state.doc.lineAt(context.pos);
    const catalogue = await this.#getCatalogue();
    const lines = context.state.doc.toString().split("\n");
    const found = offersAt(lines, line.number - 1, context.pos - line.from, catalogue);
    // An empty word offers something only when it is asked for by Ctrl+Space, or after `${` and `- `.
    const isEmpty = found !== undefined && line.from + found.from === context.pos;
    const before = line.text.slice(0, context.pos - line.from);
    if (found === undefined || found.offers.length === 0 || (isEmpty && !context.explicit && !/(\$\{|- )$/.test(before))) {
      return null;
    }
    return {
      from: line.from + found.from,
      options: found.offers.map((offer) => ({ label: offer.label, detail: offer.detail.slice(0, 60), apply: offer.text })),
      // A colon ends a key, but for those in the name of a function.
      validFor: /^(?:fn:?|fn::[\w:-]*|[\w/.@-]*)$/,
    };
  }

  async #getCatalogue(): Promise<Catalogue> {
    this.#catalogue ??= fetch(this.#address("completions"), { headers: { Accept: "text/html" }, redirect: "error" })
      .then(async (reply) => (await reply.json()) as Catalogue)
      .catch(() => ({ functions: [], providers: [], rotators: [], environments: [] }));
    return this.#catalogue;
  }
}

customElements.define("definition-editor", DefinitionEditor);
