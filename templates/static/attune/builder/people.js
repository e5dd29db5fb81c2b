/* Ten of whom a condition holds for: masked, and in clear for who may and asks. */
const { h, icon } = Attune;

export class PeoplePanel {
  constructor({ url, title = "Some of them" }) {
    Object.assign(this, { url, more: {} });
    this.list = h("ul", { class: "at-people" });
    this.note = h("p", { class: "at-hint" });
    this.unmask = h("button", { type: "button", class: "at-link", hidden: true, onclick: () => this.refresh(this.tree, true) }, icon("visibility"), "Show names");
    this.title = h("h3", {}, title);
    this.element = h("section", { class: "at-panel", "aria-label": title }, h("div", { class: "at-panel-head" }, this.title, this.unmask), this.list, this.note);
    this.ask = Attune.newest((signal, body) => Attune.post(this.url, body, signal));
  }

  async refresh(tree, isInClear = false) {
    this.tree = tree;
    this.list.classList.add("at-waiting");
    const answer = await this.ask({ ...this.more, tree, in_clear: isInClear }).catch(() => ({ people: [] }));
    if (answer && this.tree === tree) this.show(answer);
  }

  /** Of a condition that is not finished nobody can be shown, those before it least of all. */
  rest() {
    this.tree = null;
    this.list.replaceChildren();
    this.unmask.hidden = true;
    this.note.textContent = "Shown as soon as the condition is finished.";
  }

  show({ people, may_unmask: mayUnmask, in_clear: isInClear }) {
    this.list.classList.remove("at-waiting");
    this.list.replaceChildren(...people.map(card));
    this.unmask.hidden = !mayUnmask || isInClear || !people.length;
    this.note.textContent = people.length ? "" : "Nobody to show.";
  }
}

export const card = (person) =>
  h(
    "li",
    {},
    h("a", { href: person.url, class: "at-person" },
      h("span", { class: "at-avatar", "aria-hidden": "true" }, person.title.split(" ").map((word) => word[0]).slice(0, 2).join("")),
      h("span", { class: "at-person-text" }, h("b", {}, person.title), h("small", {}, [person.place, person.seen].filter(Boolean).join(" · "))))
  );
