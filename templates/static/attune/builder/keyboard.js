/* The keys: from condition to condition, in and out, move, duplicate, remove, undo. */

const isTyping = (target) => target.matches("textarea, select, input:not([type=checkbox])");

/** Hear the keys of a whole builder. */
export const hearKeys = (host, ui) => {
  host.addEventListener("keydown", (event) => {
    if (ui.readonly || event.defaultPrevented) return;
    const node = nodeAt(event.target, ui);
    if (undoKeys(event, ui)) return;
    if (event.altKey && ["ArrowUp", "ArrowDown"].includes(event.key) && node && !event.target.matches("select")) {
      event.preventDefault();
      ui.step(node, event.key === "ArrowUp" ? -1 : 1);
    } else if (event.target.matches(".at-grip")) gripKeys(event, ui, node);
    else if (event.key === "Escape" && node) focusGrip(ui, node);
    else if (event.key === "Enter" && event.target.matches("input")) event.preventDefault();
  });
  host.addEventListener("focusin", (event) => {
    if (event.target.matches(".at-grip")) rove(host, event.target);
  });
};

const nodeAt = (target, ui) => {
  const element = target.closest("[data-id]");
  const node = element && ui.tree.place(Number(element.dataset.id))?.node;
  return node && ui.tree.place(node.id).list ? node : null;
};

const undoKeys = (event, ui) => {
  if (!(event.ctrlKey || event.metaKey) || isTyping(event.target)) return false;
  const key = event.key.toLowerCase();
  const by = key === "y" || (key === "z" && event.shiftKey) ? 1 : key === "z" ? -1 : 0;
  if (!by) return false;
  event.preventDefault();
  ui.travel(by);
  return true;
};

const gripKeys = (event, ui, node) => {
  const grips = [...event.currentTarget.querySelectorAll(".at-grip")];
  const index = grips.indexOf(event.target);
  const acts = {
    ArrowDown: () => grips[Math.min(index + 1, grips.length - 1)].focus(),
    ArrowUp: () => grips[Math.max(index - 1, 0)].focus(),
    Home: () => grips[0].focus(),
    End: () => grips.at(-1).focus(),
    ArrowRight: () => into(event.target),
    Enter: () => into(event.target),
    ArrowLeft: () => outOf(event.target)?.focus(),
    Delete: () => ui.remove(node),
    Backspace: () => ui.remove(node),
  };
  const isCopy = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "d";
  const act = isCopy ? () => ui.duplicate(node) : event.ctrlKey || event.metaKey ? null : acts[event.key];
  if (!act) return;
  event.preventDefault();
  act();
};

/** To the first control of the condition, or the first condition of the group. */
const into = (grip) => {
  const element = grip.closest("[data-id]");
  const first = element.matches(".at-group") ? element.querySelector(":scope > .at-children .at-grip, select") : element.querySelector(".at-row-body :is(button, select, input, textarea)");
  first?.focus();
};

const outOf = (grip) => {
  const group = grip.closest("[data-id]").parentElement.closest(".at-group");
  return group?.querySelector(":scope > .at-group-head > :is(.at-grip, select)");
};

export const focusGrip = (ui, node) => ui.element(node)?.querySelector(".at-grip")?.focus();

/** One grip is in the tab order: the one that had the focus last, else the first. */
export const rove = (host, grip) => {
  const grips = [...host.querySelectorAll(".at-grip")];
  const chosen = grips.includes(grip) ? grip : grips[0];
  grips.forEach((each) => { each.tabIndex = each === chosen ? 0 : -1; });
};
