/** Lists of tabs that are wider than a phone: the tab of the page is scrolled into view. */

/** Return how far a list is scrolled so that an item is in its middle; the browser keeps it between the ends. */
export function scrollFor(listWidth: number, itemStart: number, itemWidth: number): number {
  return Math.max(0, itemStart - (listWidth - itemWidth) / 2);
}

/** Scroll each list of tabs of the page to the tab that is open. */
export function showCurrentTabs(page: Document): void {
  for (const item of page.querySelectorAll<HTMLElement>(".tabs [aria-current]")) {
    const list = item.closest("ul");
    if (list !== null) {
      const start = item.getBoundingClientRect().left - list.getBoundingClientRect().left + list.scrollLeft;
      list.scrollLeft = scrollFor(list.clientWidth, start, item.offsetWidth);
    }
  }
}
