/** Lets the browser ask before a page is left with text that was not saved. */

/** Ask before the page is left while there is something unsaved, but not when a form sends it. */
export function askBeforeLeaving(page: EventTarget, form: EventTarget | null, isUnsaved: () => boolean): void {
  let isSent = false;
  form?.addEventListener("submit", () => {
    isSent = true;
  });
  page.addEventListener("pageshow", () => {
    // The page may come back from the history as it was left.
    isSent = false;
  });
  page.addEventListener("beforeunload", (event) => {
    if (!isSent && isUnsaved()) {
      event.preventDefault();
    }
  });
}
