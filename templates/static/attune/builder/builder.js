/* The builder as a whole: draws the tree, hears what is done to it, shows what is known of it. */
import { makeSortable } from "./drag.js";
import { drawGroup } from "./group.js";
import { JsonView } from "./json-view.js";
import { hearKeys, rove } from "./keyboard.js";
import { clearNotes, noteCounts, noteProblems, noteTrace } from "./notes.js";
import { History, Tree } from "./tree.js";
import { Vocabulary } from "./vocabulary.js";

const { h, icon, iconButton } = Attune;
let builders = 0;

export class ConditionBuilder {
  /** `onchange(tree)` hears every change; `onbroken(text)` JSON that cannot be read as yet. */
  constructor(host, { tree, vocabulary, onchange, onbroken, readonly = false }) {
    Object.assign(this, { host, onchange, onbroken, readonly, number: (builders += 1) });
    this.vocabulary = vocabulary instanceof Vocabulary ? vocabulary : new Vocabulary(vocabulary);
    this.problems = [];
    this.elements = new Map();
    this.model = new Tree(tree);
    this.history = new History(this.model.json);
    this.frame();
    this.draw();
  }

  get tree() {
    return this.model.json;
  }

  frame() {
    this.canvas = h("div", { class: "at-canvas" });
    this.live = h("p", { class: "at-unseen", "aria-live": "polite" });
    this.json = new JsonView({
      readonly: this.readonly,
      onread: (tree) => { this.load(tree); this.changed("json"); },
      onbroken: (text) => this.onbroken?.(text),
    });
    this.undoButton = iconButton("undo", "Undo", () => this.travel(-1), { "aria-keyshortcuts": "Control+Z" });
    this.redoButton = iconButton("redo", "Redo", () => this.travel(1), { "aria-keyshortcuts": "Control+Y" });
    this.jsonButton = h("button", { type: "button", class: "at-link at-json-button", "aria-pressed": "false", onclick: () => this.turnJson() }, icon("data_object"), "JSON");
    this.extra = h("div", { class: "at-bar-extra" });
    const edits = this.readonly ? null : h("span", { class: "at-bar-edits" }, this.undoButton, this.redoButton);
    const bar = h("div", { class: "at-bar-line", role: "toolbar", "aria-label": "Conditions" }, this.extra, edits, this.jsonButton);
    this.host.classList.add("at-conditions");
    this.host.replaceChildren(bar, this.canvas, this.json.element, this.live);
    hearKeys(this.canvas, this.ui);
  }

  /** What rows and groups may do to the builder. */
  get ui() {
    this.made ??= Object.defineProperties({
      readonly: this.readonly,
      number: this.number,
      vocabulary: this.vocabulary,
      edited: (key) => this.changed(key),
      redraw: (node, part) => this.redraw(node, part),
      shown: (node, element) => { this.elements.set(node.id, element); return element; },
      element: (node) => this.elements.get(node.id),
      group: (node, options) => drawGroup(this.ui, node, options),
      choose: (node, key) => this.choose(node, key),
      replace: (node, other) => { this.model.replace(node.id, other); this.redraw(other, "value"); },
      remove: (node) => this.remove(node),
      duplicate: (node) => { const twin = this.model.duplicate(node.id); this.redraw(twin, "grip"); this.say("Duplicated."); },
      step: (node, by) => { if (this.model.step(node.id, by)) this.moved(node); else this.say("It cannot move further."); },
      moveOut: (node) => { const { parent, list } = this.model.place(node.id); if (this.model.leave(node, parent, list, 1)) this.moved(node); },
      wrap: (node) => { this.model.wrap(node.id); this.redraw(node, "grip"); this.say("Now in a group of its own."); },
      unwrap: (node) => { const [first] = node.children; this.model.unwrap(node.id); this.redraw(first, "grip"); },
      dropped: (id, groupId, index) => { this.model.move(id, groupId, index); this.moved(this.model.place(id).node); },
      travel: (by) => this.travel(by),
    }, { tree: { get: () => this.model } });
    return this.made;
  }

  choose(node, key) {
    const name = key.slice(key.indexOf(":") + 1);
    const fresh = this.vocabulary.start(key);
    if (node.kind === "event" && fresh.kind === "event") {
      // Other event, same question: how often and when stay.
      node.event = name;
      this.redraw(node, "measure");
    } else if (node.kind === "field" && node.field === fresh.field) this.redraw(node, "op");
    else this.ui.replace(node, fresh);
  }

  remove(node) {
    const { parent, list } = this.model.place(node.id);
    const index = list.indexOf(node);
    this.model.remove(node.id);
    const next = list[Math.min(index, list.length - 1)];
    this.redraw(next ?? parent, next ? "grip" : "add");
    this.say("Removed. Undo brings it back.");
  }

  moved(node) {
    this.redraw(node, "grip");
    const { parent, list } = this.model.place(node.id);
    const words = { all: "all of these", any: "at least one of these" }[parent.mode] ?? "steps";
    this.say(`Now number ${list.indexOf(node) + 1} of ${list.length} in “${words}”.`);
  }

  say(text) {
    this.live.textContent = "";
    this.live.textContent = text;
  }

  load(tree) {
    this.model = new Tree(tree);
    this.problems = [];
    this.draw();
  }

  changed(key) {
    const tree = this.tree;
    this.history.remember(tree, key);
    this.showHistory();
    clearNotes(this.canvas);
    this.onchange?.(tree);
  }

  redraw(node, part) {
    this.problems = [];
    this.model.index();
    this.draw();
    this.focus(node, part);
    this.changed("");
  }

  /** Draw all of it; what is typed meanwhile sits in the model already. */
  draw() {
    this.model.index();
    this.elements.clear();
    this.canvas.replaceChildren(drawGroup(this.ui, this.model.root));
    if (this.readonly) this.canvas.querySelectorAll("input, select, textarea, button").forEach((each) => { each.disabled = true; });
    else makeSortable(this.canvas, this.ui);
    rove(this.canvas, null);
    this.show(this.problems);
    this.showHistory();
  }

  focus(node, part) {
    const element = node && this.elements.get(node.id);
    const inside = (selector) => [...(element?.querySelectorAll(selector) ?? [])].find((each) => each.closest("[data-id]") === element || element.matches(".at-group"));
    (inside(`[data-part="${part}"]`) ?? inside('[data-part="op"]') ?? inside("select, input, textarea, button"))?.focus();
  }

  travel(by) {
    if (by < 0 ? !this.history.mayUndo : !this.history.mayRedo) return;
    const tree = this.history.go(by);
    this.load(tree);
    if (!this.json.element.hidden) this.json.show(tree);
    this.say(by < 0 ? "Undone." : "Done again.");
    this.onchange?.(this.tree);
    const button = by < 0 ? this.undoButton : this.redoButton;
    (button.disabled ? (by < 0 ? this.redoButton : this.undoButton) : button).focus();
  }

  showHistory() {
    this.undoButton.disabled = !this.history.mayUndo;
    this.redoButton.disabled = !this.history.mayRedo;
  }

  turnJson() {
    const isOpening = this.json.element.hidden;
    if (!isOpening && this.json.isBroken) {
      this.say("Mend the JSON first, or undo.");
      this.json.area.focus();
      return;
    }
    if (isOpening) this.json.show(this.tree);
    this.json.element.hidden = !isOpening;
    this.canvas.hidden = isOpening;
    this.jsonButton.setAttribute("aria-pressed", String(isOpening));
    this.show(this.problems);
  }

  /** Show each problem at the condition whose path it lies in. */
  show(problems) {
    this.problems = problems;
    noteProblems(this, problems);
    this.json.list(problems);
  }

  /** `parts` says for each path how many customers that condition holds for, by itself. */
  showCounts(parts, total) {
    noteCounts(this, parts, total);
  }

  /** `trace` is {path: {outcome, seen, at}} for one customer, or null to take it away. */
  showTrace(trace) {
    noteTrace(this, trace);
  }
}
