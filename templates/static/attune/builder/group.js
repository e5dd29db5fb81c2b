/* A group on the screen: how its conditions combine, the conditions, and what can be added. */
import { group as blankGroup } from "./model.js";
import { openMenu } from "./popup.js";
import { openPicker } from "./picker.js";
import { rowBody } from "./rows.js";

const { h, icon, iconButton, select } = Attune;
const MODES = [
  ["all", "all of these hold"],
  ["any", "at least one of these holds"],
  ["not any", "none of these holds"],
  ["not all", "not all of these hold"],
];
const WORDS = { all: "and", any: "or", "not any": "nor", "not all": "and" };

const modeOf = (node) => `${node.nots % 2 ? "not " : ""}${node.mode}`;

/** `parent` is null for the root and for the root of a `where`, which names its event. */
export const drawGroup = (ui, node, { parent = null, eventName } = {}) => {
  const isWhere = eventName !== undefined;
  const children = node.children.map((child, index) => drawChild(ui, child, { node, index, eventName }));
  const isRoot = !parent && !isWhere;
  const element = h(
    "fieldset",
    { class: `at-group at-mode-${modeOf(node).replace(" ", "-")}${isWhere ? " at-group-where" : ""}`, "data-id": node.id },
    h("legend", { class: "at-unseen" }, isWhere ? `Only where, for ${eventName}` : isRoot ? "Customers for whom" : "Group of conditions"),
    head(ui, node, { parent, isWhere, isRoot }),
    h("div", { class: "at-children", "data-id": node.id }, ...children),
    node.children.length ? null : emptyNote(isRoot, node),
    ui.readonly ? null : foot(ui, node, { isWhere, eventName })
  );
  return ui.shown(node, element);
};

const emptyNote = (isRoot, node) =>
  h("p", { class: "at-hint at-empty-group" }, isRoot && node.mode === "all" && !node.nots ? "No condition yet: every customer is in." : "Empty: add a condition.");

const head = (ui, node, { parent, isWhere, isRoot }) => {
  const choose = (value) => {
    node.mode = value.replace("not ", "");
    node.nots = value.startsWith("not ") ? 1 : 0;
    node.isLone = false;
    ui.redraw(node, "mode");
  };
  const isShort = isWhere && node.children.length < 2 && modeOf(node) === "all";
  const words = isWhere ? "only where" : isRoot ? "Customers for whom" : "where";
  return h(
    "div",
    { class: "at-group-head" },
    parent && !ui.readonly ? grip(ui, node, "group") : null,
    h("span", { class: "at-group-word" }, words),
    isShort ? null : select(MODES, modeOf(node), choose, { "aria-label": "How the conditions of this group combine", "data-part": "mode" }),
    isRoot ? null : h("span", { class: "at-sub" }),
    parent && !ui.readonly ? tools(ui, node) : null
  );
};

const drawChild = (ui, child, { node, index, eventName }) => {
  const word = index ? WORDS[modeOf(node)] : "";
  const drawn = child.kind === "group" ? drawGroup(ui, child, { parent: node, eventName }) : drawRow(ui, child, { node, index, eventName });
  return h("div", { class: "at-child", "data-word": word, "data-id": child.id }, drawn);
};

const drawRow = (ui, child, { node, index, eventName }) => {
  const element = h(
    "div",
    { class: `at-row at-row-${child.kind}`, role: "group", "aria-label": `Condition ${index + 1} of ${node.children.length}`, "data-id": child.id },
    ui.readonly ? null : grip(ui, child, "condition"),
    h("div", { class: "at-row-body" }, ...rowBody(ui, child, eventName)),
    h("span", { class: "at-sub" }),
    ui.readonly ? null : tools(ui, child)
  );
  return ui.shown(child, element);
};

/** What one drags by, and where the keys for the whole condition are heard. */
const grip = (ui, node, what) =>
  h(
    "button",
    {
      type: "button", class: "at-grip", tabindex: "-1", "data-part": "grip", "aria-keyshortcuts": "Delete Alt+ArrowUp Alt+ArrowDown",
      "aria-label": `Move this ${what}`, title: "Drag to move. Keys: arrows go to the next, Enter goes in, Alt with arrows moves, Delete removes",
    },
    icon("drag_indicator")
  );

const tools = (ui, node) => {
  const what = node.kind === "group" ? "group" : "condition";
  const more = iconButton("more_vert", `More for this ${what}`, () => openMenu(more, actions(ui, node), `Actions for this ${what}`), { "aria-haspopup": "menu", "aria-expanded": "false" });
  return h("span", { class: "at-row-tools" }, more, iconButton("close", `Remove this ${what}`, () => ui.remove(node)));
};

const actions = (ui, node) => {
  const isGroup = node.kind === "group";
  const place = ui.tree.place(node.id);
  const turn = () => { node.nots = node.nots % 2 ? 0 : 1; ui.redraw(node, "grip"); };
  return [
    { icon: "content_copy", label: "Duplicate", keys: "Ctrl D", run: () => ui.duplicate(node) },
    { icon: "block", label: node.nots % 2 ? "Take the “not” away" : "Turn around (not)", keys: "", run: turn },
    isGroup
      ? { icon: "unfold_less", label: "Dissolve the group", run: () => ui.unwrap(node) }
      : { icon: "account_tree", label: "Put into a new group", run: () => ui.wrap(node) },
    null,
    { icon: "arrow_upward", label: "Move up", keys: "Alt ↑", run: () => ui.step(node, -1) },
    { icon: "arrow_downward", label: "Move down", keys: "Alt ↓", run: () => ui.step(node, 1) },
    place.parent && ui.tree.place(place.parent.id).list ? { icon: "format_indent_decrease", label: "Out of the group", run: () => ui.moveOut(node) } : undefined,
    null,
    { icon: "delete", label: isGroup ? "Remove the group" : "Remove", keys: "Del", run: () => ui.remove(node), isDanger: true },
  ].filter((each) => each !== undefined);
};

const foot = (ui, node, { isWhere, eventName }) => {
  const add = (child) => { node.children.push(child); ui.redraw(child, child.kind === "group" ? "add" : "value"); };
  const pick = () => openPicker(condition, isWhere
    ? { label: "Property of the event", groups: ui.vocabulary.propertyEntries(eventName), create: (typed) => ({ key: typed, label: typed, icon: "add", hint: "a property by this name" }), onpick: (path) => add(ui.vocabulary.startField(path, ui.vocabulary.property(eventName, path).type)) }
    : { label: "Condition about", groups: ui.vocabulary.subjects(), onpick: (key) => add(ui.vocabulary.start(key)) });
  const condition = h("button", { type: "button", class: "at-add", "data-part": "add", "aria-haspopup": "listbox", "aria-expanded": "false", onclick: pick }, icon("add"), isWhere ? "Property" : "Condition");
  const inner = h("button", { type: "button", class: "at-add at-add-quiet", onclick: () => add(blankGroup(node.mode === "all" ? "any" : "all")) }, icon("account_tree"), "Group");
  return h("div", { class: "at-group-foot" }, condition, inner);
};
