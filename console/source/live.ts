/** `<live-part src="…">`: a part of the page that is fetched again while what it shows goes on.
 *
 * It asks every second at first and every five seconds while nothing changes, stops while the page is hidden, and ends when the
 * server says that there is no more to come (`X-Live: done`). A switch turns it off, and says when it last asked.
 */

export const FASTEST_MILLIS = 1000;
export const SLOWEST_MILLIS = 5000;
const SLOWER = 1.5;

/** Return how long to wait after an answer: longer each time that nothing changed, longest when the server failed. */
export function nextWait(wait: number, answer: "changed" | "same" | "failed"): number {
  if (answer === "changed") {
    return FASTEST_MILLIS;
  }
  return answer === "failed" ? SLOWEST_MILLIS : Math.min(SLOWEST_MILLIS, wait * SLOWER);
}

type Swap = (target: Element, text: string) => Promise<void>;

/** Return the element's class for a page, with what puts new text in place of the old. */
export function livePart(swap: Swap): CustomElementConstructor {
  return class extends HTMLElement {
    #wait = FASTEST_MILLIS;
    #timer: ReturnType<typeof setTimeout> | undefined;
    #tag = "";
    #isDone = false;

    connectedCallback(): void {
      document.addEventListener("visibilitychange", this.#schedule);
      this.#switch?.addEventListener("change", this.#schedule);
      this.#schedule();
    }

    disconnectedCallback(): void {
      document.removeEventListener("visibilitychange", this.#schedule);
      clearTimeout(this.#timer);
    }

    get #switch(): HTMLInputElement | null {
      return document.querySelector<HTMLInputElement>(`#${this.id}-switch`);
    }

    readonly #schedule = (): void => {
      clearTimeout(this.#timer);
      if (!this.#isDone && !document.hidden && (this.#switch?.checked ?? true)) {
        this.#timer = setTimeout(() => void this.#ask(), this.#wait);
      }
    };

    async #ask(): Promise<void> {
      try {
        const headers = { Accept: "text/html", "HX-Request": "true", ...(this.#tag === "" ? {} : { "If-None-Match": this.#tag }) };
        const reply = await fetch(this.getAttribute("src") ?? "", { headers, cache: "no-store", redirect: "error" });
        this.#isDone = reply.status === 404 || reply.headers.get("X-Live") === "done";
        this.#tag = reply.headers.get("ETag") ?? "";
        if (reply.ok) {
          await swap(this, await reply.text());
        }
        this.#wait = nextWait(this.#wait, reply.ok ? "changed" : reply.status === 304 ? "same" : "failed");
        this.#say(reply.ok || reply.status === 304);
      } catch {
        this.#wait = nextWait(this.#wait, "failed");
        this.#say(false);
      }
      if (this.#isDone) {
        this.dispatchEvent(new CustomEvent("live-done", { bubbles: true }));
      }
      this.#schedule();
    }

    #say(isGood: boolean): void {
      const note = document.querySelector(`#${this.id}-note`);
      if (note !== null) {
        const now = new Date().toLocaleTimeString();
        note.textContent = this.#isDone ? `Finished at ${now}` : isGood ? `Updated at ${now}` : `Could not be reached at ${now}`;
      }
    }
  };
}
