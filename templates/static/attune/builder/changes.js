/* Who would enter and who would leave, if a live segment became what is being edited. */
import { PeoplePanel } from "./people.js";

const { h, icon, number } = Attune;

const told = (estimate) => (estimate.is_exact ? number(estimate.count) : `about ${number(estimate.count)} (${number(estimate.low)}–${number(estimate.high)})`);

export class ChangesPanel {
  constructor({ url, peopleUrl, segment }) {
    Object.assign(this, { url, segment });
    this.text = h("div", { class: "at-changes" });
    this.people = new PeoplePanel({ url: peopleUrl, title: "Who would enter" });
    this.people.element.hidden = true;
    this.element = h("section", { class: "at-panel", hidden: true, "aria-label": "Against the live version" }, h("div", { class: "at-panel-head" }, h("h3", {}, "Against the live version")), this.text, this.people.element);
    this.ask = Attune.newest((signal, tree) => Attune.post(this.url, { tree, segment: this.segment }, signal));
  }

  async refresh(tree) {
    if (!this.segment) return;
    this.tree = tree;
    if (!this.people.element.hidden) this.people.refresh(tree);
    this.text.classList.add("at-waiting");
    const answer = await this.ask(tree).catch(() => null);
    if (answer && this.tree === tree) this.show(answer);
  }

  /** A condition that is not finished cannot be compared. */
  rest() {
    this.tree = null;
    this.element.hidden = true;
  }

  show({ entering, leaving }) {
    this.text.classList.remove("at-waiting");
    this.element.hidden = entering === null;
    if (entering === null) return;
    const part = (name, estimate, words, tone, change) =>
      h("span", { class: estimate.count ? `at-change ${tone}` : "at-change" }, icon(name), h("b", {}, told(estimate)), ` would ${words}`,
        estimate.count ? h("button", { type: "button", class: "at-link", "aria-label": `Show some who would ${words}`, onclick: () => this.showPeople(change, `Who would ${words}`) }, "Show some") : null);
    this.text.replaceChildren(
      ...(entering.count || leaving.count
        ? [part("login", entering, "enter", "at-enter", "entering"), part("logout", leaving, "leave", "at-leave", "leaving")]
        : [h("span", { class: "at-change" }, icon("drag_handle"), "Nobody would enter or leave.")])
    );
  }

  showPeople(change, title) {
    const { people } = this;
    people.more = { segment: this.segment, change };
    people.title.textContent = title;
    people.element.setAttribute("aria-label", title);
    people.element.hidden = false;
    people.refresh(this.tree);
  }
}
