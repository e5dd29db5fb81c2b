/* Things that open over the page: lists to search, menus. On a phone they rise from below. */
const { h, icon } = Attune;
const GAP = 6;

/** Put a popover under its anchor, or above where there is more room. */
export const place = (popover, anchor, { width } = {}) => {
  if (window.matchMedia("(max-width: 640px)").matches && popover.classList.contains("at-sheet")) return;
  const at = anchor.getBoundingClientRect();
  popover.style.minWidth = `${Math.min(width ?? at.width, window.innerWidth - 16)}px`;
  const { offsetWidth: wide, offsetHeight: high } = popover;
  const below = window.innerHeight - at.bottom;
  const top = below < high + GAP && at.top > below ? Math.max(8, at.top - high - GAP) : at.bottom + GAP;
  popover.style.top = `${top}px`;
  popover.style.left = `${Math.max(8, Math.min(at.left, window.innerWidth - wide - 8))}px`;
};

/** Open something that closes by itself: by Escape, by a click elsewhere, by `close()`. */
export const open = (anchor, content, { label, width, className = "" }) => {
  const popover = h("div", { class: `at at-pop at-sheet ${className}`, popover: "auto", "aria-label": label }, content);
  document.body.append(popover);
  popover.addEventListener("toggle", (event) => {
    anchor.setAttribute("aria-expanded", String(event.newState === "open"));
    if (event.newState === "closed") popover.remove();
  });
  popover.showPopover();
  place(popover, anchor, { width });
  return {
    popover,
    close: () => {
      const wasInside = popover.contains(document.activeElement);
      popover.hidePopover();
      if (wasInside && anchor.isConnected) anchor.focus();
    },
  };
};

/** A menu of actions: `items` are {icon, label, keys, run, isDanger}; null draws a line. */
export const openMenu = (anchor, items, label) => {
  const list = h("div", { class: "at-menu", role: "menu", "aria-label": label });
  const opened = open(anchor, list, { label, width: 210 });
  for (const item of items) {
    if (!item) list.append(h("hr", {}));
    else list.append(menuItem(item, () => { opened.close(); item.run(); }));
  }
  place(opened.popover, anchor, { width: 210 });
  const buttons = [...list.querySelectorAll("button")];
  const step = (by) => buttons[(buttons.indexOf(document.activeElement) + by + buttons.length) % buttons.length].focus();
  list.addEventListener("keydown", (event) => {
    const moves = { ArrowDown: () => step(1), ArrowUp: () => step(-1), Home: () => buttons[0].focus(), End: () => buttons.at(-1).focus(), Tab: opened.close };
    if (!moves[event.key]) return;
    event.preventDefault();
    moves[event.key]();
  });
  buttons[0].focus();
};

const menuItem = (item, run) =>
  h(
    "button",
    { type: "button", role: "menuitem", tabindex: "-1", class: item.isDanger ? "at-danger" : "", onclick: run },
    icon(item.icon),
    h("span", {}, item.label),
    item.keys ? h("kbd", { "aria-hidden": "true" }, item.keys) : null
  );
