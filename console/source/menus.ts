/** Menus are `<details class="menu">`: one is open at a time, and Escape or a click elsewhere closes it. */

/** Let the menus of the page close. */
export function prepareMenus(page: Document): void {
  const closeAll = (kept: Element | null): void => {
    for (const menu of page.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
      if (menu !== kept) {
        menu.open = false;
      }
    }
  };
  page.addEventListener("click", (event) => {
    closeAll(event.target instanceof Element ? event.target.closest("details.menu") : null);
  });
  page.addEventListener("keydown", (event) => {
    const menu = page.activeElement?.closest<HTMLDetailsElement>("details.menu[open]");
    if (event.key === "Escape" && menu !== null && menu !== undefined) {
      menu.open = false;
      menu.querySelector("summary")?.focus();
    }
  });
}
