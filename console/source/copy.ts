/** Buttons that copy the text of the field or element that they name in `data-copy`. */

const SHOWN_MILLIS = 2000;

function textOf(element: Element): string {
  return element instanceof HTMLInputElement ? element.value : element.textContent.trim();
}

/** Let every copy button of a part of the page do so; without script, or where the browser refuses, they stay hidden. */
export function prepareCopying(page: Document): void {
  page.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-copy]") : null;
    const source = button === null ? null : page.getElementById(button.dataset["copy"] ?? "");
    if (button === null || source === null) {
      return;
    }
    void navigator.clipboard.writeText(textOf(source)).then(() => {
      const label = button.textContent;
      button.textContent = "Copied";
      setTimeout(() => {
        button.textContent = label;
      }, SHOWN_MILLIS);
    });
  });
}
