/** What runs on every page. Pages can be read without it; it adds what a reader expects of a console. */

import htmx from "htmx.org";

import { prepareCopying } from "./copy.ts";
import { keepFocus } from "./focus.ts";
import { prepareHelp } from "./help.ts";
import { livePart } from "./live.ts";
import { prepareMenus } from "./menus.ts";
import { showTimes } from "./moments.ts";
import { preparePalette } from "./palette.ts";
import { prepareSelection, showSelection } from "./selection.ts";
import { listenForShortcuts } from "./shortcuts.ts";
import { showCurrentTabs } from "./tabs.ts";

const MINUTE_MILLIS = 60_000;
const TICK_MILLIS = 1000;

customElements.define(
  "live-part",
  livePart(async (target, text) => {
    await htmx.swap({ target, text, swap: "innerMorph" });
    showTimes(target);
  }),
);

document.documentElement.classList.add("scripted");
showTimes(document);
setInterval(() => {
  showTimes(document);
}, MINUTE_MILLIS);
setInterval(() => {
  for (const element of document.querySelectorAll("time[data-elapsed]")) {
    showTimes(element.parentElement ?? document);
  }
}, TICK_MILLIS);
document.addEventListener("htmx:after:swap", () => {
  showTimes(document);
  showSelection(document);
});
listenForShortcuts(document);
preparePalette(document);
prepareHelp(document);
prepareCopying(document);
prepareMenus(document);
prepareSelection(document);
keepFocus(document);
showCurrentTabs(document);
addEventListener("resize", () => {
  showCurrentTabs(document);
});
