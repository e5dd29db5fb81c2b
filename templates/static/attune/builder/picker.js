/* A list one searches: fields, events and segments in groups, each with its type and what it is. */
import { open, place } from "./popup.js";

const { h, icon } = Attune;
const WIDTH = 380;
let opened = 0;

/** How well an entry answers to what was typed; 0 is not at all. */
const rank = (entry, typed) => {
  const label = entry.label.toLowerCase();
  const words = typed.split(/\s+/).filter(Boolean);
  const all = `${label} ${entry.key} ${entry.hint ?? ""} ${entry.words ?? ""}`.toLowerCase();
  if (!words.every((word) => all.includes(word))) return 0;
  if (label === typed) return 6;
  if (label.startsWith(typed)) return 5;
  if (label.includes(typed)) return 4;
  return words.every((word) => label.includes(word)) ? 3 : words.some((word) => label.includes(word)) ? 2 : 1;
};

/** `groups` are [{label, entries: [{key, label, icon, hint, note}]}]; `create` takes what was typed. */
export const openPicker = (anchor, { label, groups, selected, onpick, create }) => {
  const id = `at-picker-${(opened += 1)}`;
  const list = h("div", { class: "at-options", role: "listbox", id, "aria-label": label });
  const search = h("input", {
    class: "at-input at-search", type: "search", role: "combobox", placeholder: "Search …", autocomplete: "off",
    "aria-label": label, "aria-controls": id, "aria-expanded": "true", "aria-autocomplete": "list",
  });
  const shell = open(anchor, h("div", { class: "at-picker" }, search, list), { label, width: WIDTH });
  let options = [];
  let active = -1;

  const choose = (entry) => {
    shell.close();
    onpick(entry.key);
  };

  const activate = (index) => {
    options[active]?.element.classList.remove("at-active");
    active = options.length ? (index + options.length) % options.length : -1;
    const option = options[active]?.element;
    option?.classList.add("at-active");
    option?.scrollIntoView({ block: "nearest" });
    if (option) search.setAttribute("aria-activedescendant", option.id);
    else search.removeAttribute("aria-activedescendant");
  };

  const option = (entry) => {
    const element = h(
      "div",
      { class: "at-option", role: "option", id: `${id}-${options.length}`, "aria-selected": String(entry.key === selected), onclick: () => choose(entry) },
      icon(entry.icon),
      h("span", { class: "at-option-text" }, h("b", {}, entry.label), entry.hint ? h("small", {}, entry.hint) : null),
      entry.note ? h("span", { class: "at-option-note" }, entry.note) : null
    );
    options.push({ entry, element });
    return element;
  };

  const section = (group, number) => {
    const heading = `${id}-g${number}`;
    return h("div", { role: "group", "aria-labelledby": heading }, h("div", { class: "at-options-head", id: heading }, group.label), group.entries.map(option));
  };

  const draw = () => {
    const typed = search.value.trim();
    options = [];
    const found = groups
      .map((group) => {
        const ranked = group.entries.map((entry) => [rank(entry, typed.toLowerCase()), entry]).filter(([value]) => value);
        return { ...group, best: Math.max(0, ...ranked.map(([value]) => value)), entries: ranked.sort((a, b) => b[0] - a[0]).map(([, entry]) => entry) };
      })
      .filter((group) => group.entries.length);
    if (typed) found.sort((a, b) => b.best - a.best);
    const isKnown = found.some((group) => group.entries.some((entry) => entry.label === typed));
    if (create && typed && !isKnown) found.push({ label: "Not seen yet", entries: [create(typed)] });
    list.replaceChildren(...found.map(section));
    if (!options.length) list.append(h("p", { class: "at-hint at-nothing" }, `Nothing is called “${typed}”.`));
    const current = options.findIndex(({ entry }) => entry.key === selected);
    activate(typed ? 0 : Math.max(0, current));
  };

  search.addEventListener("input", draw);
  search.addEventListener("keydown", (event) => {
    const acts = {
      ArrowDown: () => activate(active + 1),
      ArrowUp: () => activate(active - 1),
      PageDown: () => activate(Math.min(active + 8, options.length - 1)),
      PageUp: () => activate(Math.max(active - 8, 0)),
      Enter: () => options[active] && choose(options[active].entry),
      Tab: () => shell.close(),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  });
  draw();
  place(shell.popover, anchor, { width: WIDTH });
  search.focus();
};

/** The button that shows what is chosen and opens the list. */
export const pickerButton = ({ text, name, iconName, isUnknown = false, disabled, ...rest }) => {
  const button = h(
    "button",
    { type: "button", class: `at-input at-picked${isUnknown ? " at-unknown" : ""}`, "aria-haspopup": "listbox", "aria-expanded": "false", "aria-label": `${name}: ${text}`, disabled, "data-part": "subject" },
    icon(iconName),
    h("span", {}, text),
    icon("unfold_more")
  );
  button.addEventListener("click", () => openPicker(button, { label: name, ...rest }));
  return button;
};
