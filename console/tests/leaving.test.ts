import assert from "node:assert/strict";
import { test } from "node:test";

import { askBeforeLeaving } from "../source/leaving.ts";

/** Return whether the browser would ask before the page is left. */
function asks(page: EventTarget): boolean {
  return !page.dispatchEvent(new Event("beforeunload", { cancelable: true }));
}

test("the browser asks while something is unsaved", () => {
  const page = new EventTarget();
  let text = "saved";
  askBeforeLeaving(page, null, () => text !== "saved");
  assert.equal(asks(page), false);
  text = "written";
  assert.equal(asks(page), true);
});

test("the browser does not ask when the form sends the text, and asks again on a page that came back", () => {
  const page = new EventTarget();
  const form = new EventTarget();
  askBeforeLeaving(page, form, () => true);
  form.dispatchEvent(new Event("submit"));
  assert.equal(asks(page), false);
  page.dispatchEvent(new Event("pageshow"));
  assert.equal(asks(page), true);
});
