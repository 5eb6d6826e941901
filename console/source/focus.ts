/** Keeps the focus where it was when a part of the page is replaced: on what has the same id, or on the part itself. */

/** Return the ids of an element and of what it stands in, the nearest first. */
export function placesOf(element: Element | null): string[] {
  const places: string[] = [];
  for (let item = element; item !== null; item = item.parentElement) {
    if (item.id !== "") {
      places.push(item.id);
    }
  }
  return places;
}

/** Let the page give the focus back after a part of it was replaced. */
export function keepFocus(page: Document): void {
  let places: string[] = [];
  page.addEventListener("focusin", (event) => {
    places = placesOf(event.target instanceof Element ? event.target : null);
  });
  page.addEventListener("htmx:after:swap", () => {
    if (page.activeElement !== null && page.activeElement !== page.body) {
      return;
    }
    const part = places.map((id) => page.getElementById(id)).find((item) => item !== null);
    if (part !== undefined && part !== page.body) {
      if (part.tabIndex < 0) {
        part.tabIndex = -1;
      }
      part.focus({ preventScroll: true });
    }
  });
}
