/* The tree as JSON for who likes it better: what is typed is read at once, and what is wrong is said. */
const { h, icon } = Attune;

/** Line and column of a position in a text. */
const locate = (text, position) => {
  const before = text.slice(0, position).split("\n");
  return { line: before.length, column: before.at(-1).length + 1 };
};

export class JsonView {
  /** `onread(tree)` hears each readable state, `onbroken(text)` each unreadable one. */
  constructor({ readonly, onread, onbroken }) {
    Object.assign(this, { onread, onbroken, isBroken: false });
    this.area = h("textarea", { class: "at-input at-code", rows: 18, spellcheck: "false", "aria-label": "Conditions as JSON", readonly, oninput: () => this.readText() });
    this.problems = h("div", { class: "at-json-problems", role: "status" });
    this.element = h("div", { class: "at-json-view", hidden: true }, this.area, this.problems);
  }

  show(tree) {
    this.area.value = JSON.stringify(tree, null, 2);
    this.isBroken = false;
    this.problems.replaceChildren();
  }

  readText() {
    try {
      const tree = JSON.parse(this.area.value);
      this.isBroken = false;
      this.problems.replaceChildren();
      this.onread(tree);
    } catch (error) {
      this.isBroken = true;
      this.sayBroken(error);
      this.onbroken(this.area.value);
    }
  }

  sayBroken(error) {
    const position = Number(/position (\d+)/.exec(error.message)?.[1] ?? this.area.value.length);
    const { line, column } = locate(this.area.value, position);
    this.problems.replaceChildren(h("p", { class: "at-row-problem" }, icon("error"), `Line ${line}, column ${column}: this is not JSON yet. ${error.message}`));
  }

  /** Faults found by the server, each with its path. */
  list(problems) {
    if (this.isBroken) return;
    const line = (problem) => h("p", { class: "at-row-problem" }, icon("error"), problem.path ? h("code", {}, problem.path) : null, problem.message);
    this.problems.replaceChildren(...problems.map(line));
  }
}
