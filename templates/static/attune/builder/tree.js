/* Where the conditions of a builder stand, and how they move: up, down, into groups and out. */
import * as model from "./model.js";

export class Tree {
  constructor(json) {
    this.root = model.readRoot(json);
    this.index();
  }

  get json() {
    return model.writeRoot(this.root);
  }

  /** Look again who stands where; after each change of the structure. */
  index() {
    this.places = new Map();
    const enter = (node, parent, list, isWhere) => {
      this.places.set(node.id, { node, parent, list, isWhere });
      const children = node.children ?? node.steps;
      children?.forEach((child) => enter(child, node, children, isWhere));
      if (node.where) enter(node.where, null, null, true);
    };
    enter(this.root, null, null, false);
    model.writeRoot(this.root);
  }

  place(id) {
    return this.places.get(id);
  }

  /** The place whose path a fault or a count names: the deepest one at or above it. */
  at(path, { exact = false } = {}) {
    const nodes = [...this.places.values()].map((place) => place.node).filter((node) => node.path !== undefined);
    const fitting = nodes.filter((node) => (exact ? node.path === path : model.isUnder(path, node.path)));
    return fitting.reduce((best, node) => (!best || node.path.length >= best.path.length ? node : best), null);
  }

  remove(id) {
    const { node, list } = this.places.get(id);
    list.splice(list.indexOf(node), 1);
  }

  /** Put a copy behind the original and return it. */
  duplicate(id) {
    const { node, list, isWhere } = this.places.get(id);
    const twin = model.copy(node, isWhere);
    list.splice(list.indexOf(node) + 1, 0, twin);
    return twin;
  }

  replace(id, other) {
    const { node, list } = this.places.get(id);
    list[list.indexOf(node)] = other;
  }

  /** One step up or down; past the end of a group it leaves it, at a group it enters it. */
  step(id, by) {
    const { node, parent, list } = this.places.get(id);
    if (!list) return false;
    const index = list.indexOf(node);
    const beside = list[index + by];
    if (node.kind === "step") {
      if (!beside) return false;
      [list[index], list[index + by]] = [beside, node];
      return true;
    }
    if (beside?.kind === "group") {
      list.splice(index, 1);
      beside.children.splice(by > 0 ? 0 : beside.children.length, 0, node);
      return true;
    }
    if (beside) {
      [list[index], list[index + by]] = [beside, node];
      return true;
    }
    return this.leave(node, parent, list, by);
  }

  leave(node, parent, list, by) {
    const outer = this.places.get(parent.id);
    if (!outer.list) return false;
    list.splice(list.indexOf(node), 1);
    outer.list.splice(outer.list.indexOf(parent) + (by > 0 ? 1 : 0), 0, node);
    return true;
  }

  move(id, groupId, index) {
    const { node, list } = this.places.get(id);
    const target = this.places.get(groupId).node;
    list.splice(list.indexOf(node), 1);
    (target.children ?? target.steps).splice(index, 0, node);
  }

  /** Put a condition into a group of its own, so that others can join it. */
  wrap(id) {
    const { node, parent, list } = this.places.get(id);
    const around = model.group(parent.mode === "all" ? "any" : "all", [node]);
    list[list.indexOf(node)] = around;
    return around;
  }

  unwrap(id) {
    const { node, list } = this.places.get(id);
    list.splice(list.indexOf(node), 1, ...node.children);
  }
}

/** What one can go back to: the JSON after each change; quick changes of one control are one. */
export class History {
  constructor(json) {
    this.states = [JSON.stringify(json)];
    this.index = 0;
    this.last = { key: "", at: 0 };
  }

  remember(json, key = "") {
    const text = JSON.stringify(json);
    if (text === this.states[this.index]) return;
    const isSame = key && key === this.last.key && Date.now() - this.last.at < 1500;
    this.last = { key, at: Date.now() };
    this.states.length = this.index + 1;
    if (isSame) this.states[this.index] = text;
    else this.index = this.states.push(text) - 1;
  }

  get mayUndo() {
    return this.index > 0;
  }

  get mayRedo() {
    return this.index < this.states.length - 1;
  }

  go(by) {
    this.index += by;
    this.last = { key: "", at: 0 };
    return JSON.parse(this.states[this.index]);
  }
}
