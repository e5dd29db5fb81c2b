/* A text one types, with the values that occur most offered below, each with its count. */
import { place } from "./popup.js";

const { h, number } = Attune;
let made = 0;

/** `load(term)` answers [{value, count}]; `onpick` hears a chosen value, `onchange` what is typed. */
export const suggestInput = ({ value, label, load, onchange, onpick, placeholder, type = "text", part = "value" }) => {
  const id = `at-suggest-${(made += 1)}`;
  const list = h("div", { class: "at at-pop at-options at-values", popover: "manual", role: "listbox", id, "aria-label": `Values that occur: ${label}` });
  const input = h("input", {
    class: "at-input", type, inputmode: type === "number" ? "decimal" : null, step: type === "number" ? "any" : null,
    value: value ?? "", autocomplete: "off", placeholder, "aria-label": label, "data-part": part,
    role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": id,
  });
  let found = [];
  let active = -1;
  let asked = 0;

  const hide = () => {
    asked += 1;
    if (list.isConnected) list.remove();
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    window.removeEventListener("scroll", follow, true);
  };
  const follow = (event) => { if (event.target !== list) place(list, input); };

  const activate = (index) => {
    list.children[active]?.classList.remove("at-active");
    active = found.length ? (index + found.length) % found.length : -1;
    const option = list.children[active];
    option?.classList.add("at-active");
    option?.scrollIntoView({ block: "nearest" });
    if (option) input.setAttribute("aria-activedescendant", option.id);
  };

  const pick = (entry) => {
    hide();
    input.value = entry.value;
    (onpick ?? onchange)(entry.value, input);
  };

  const show = async () => {
    const mine = (asked += 1);
    const answer = await load(input.value.trim()).catch(() => []);
    if (mine !== asked || document.activeElement !== input) return;
    found = answer;
    active = -1;
    if (!found.length) { hide(); return; }
    const most = Math.max(...found.map((entry) => entry.count), 1);
    list.replaceChildren(...found.map((entry, index) => option(entry, index, most)));
    if (!list.isConnected) {
      document.body.append(list);
      list.showPopover();
      window.addEventListener("scroll", follow, true);
    }
    input.setAttribute("aria-expanded", "true");
    place(list, input, { width: 240 });
  };

  const option = (entry, index, most) => {
    const bar = h("i", { class: "at-bar", "aria-hidden": "true" });
    bar.style.width = `${Math.max(2, Math.round((100 * entry.count) / most))}%`;
    return h(
      "div",
      { class: "at-option", role: "option", id: `${id}-${index}`, "aria-selected": "false", onpointerdown: (event) => event.preventDefault(), onclick: () => pick(entry) },
      bar,
      h("span", { class: "at-option-text" }, String(entry.label ?? entry.value)),
      h("span", { class: "at-option-note" }, number(entry.count))
    );
  };

  input.addEventListener("input", () => { onchange(input.value, input); show(); });
  input.addEventListener("focus", show);
  input.addEventListener("click", () => { if (!list.isConnected) show(); });
  input.addEventListener("blur", hide);
  input.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const isOpen = list.isConnected;
    if (event.key === "ArrowDown" && type !== "number") { event.preventDefault(); isOpen ? activate(active + 1) : show(); }
    else if (event.key === "ArrowUp" && isOpen) { event.preventDefault(); activate(active - 1); }
    else if (event.key === "Enter" && isOpen && active >= 0) { event.preventDefault(); event.stopImmediatePropagation(); pick(found[active]); }
    else if (event.key === "Escape" && isOpen) { event.stopPropagation(); hide(); }
  });
  return input;
};
