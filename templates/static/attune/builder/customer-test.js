/* "Why is this person in or out?": find a customer, see each condition come out. */
import { card } from "./people.js";

const { h, icon } = Attune;

export class CustomerTest {
  /** `tree()` returns what is edited now; `ontrace(trace)` hears how each part came out, or null;
      `verdicts` are the words for yes and no. */
  constructor({ url, tree, ontrace, title, verdicts }) {
    Object.assign(this, { url, tree, ontrace, verdicts });
    this.input = h("input", { class: "at-input", type: "text", autocomplete: "off", spellcheck: "false", "aria-label": "Address or customer number", placeholder: "Address or customer number, whole" });
    this.answer = h("div", { class: "at-test-answer", "aria-live": "polite" });
    const run = () => this.run();
    this.button = h("button", { type: "button", class: "at-button at-small", onclick: run }, icon("person_search"), "Test");
    this.clearButton = h("button", { type: "button", class: "at-link", hidden: true, onclick: () => this.clear() }, "Take the marks away");
    this.input.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); run(); } });
    this.element = h(
      "section",
      { class: "at-panel", "aria-label": "Test with one customer" },
      h("div", { class: "at-panel-head" }, h("h3", {}, title), this.clearButton),
      h("div", { class: "at-test-line" }, this.input, this.button),
      this.answer
    );
  }

  async run() {
    const term = this.input.value.trim();
    if (!term) { this.input.focus(); return; }
    this.button.disabled = true;
    try {
      this.show(await Attune.post(this.url, { tree: this.tree(), term }));
    } catch (error) {
      this.show({ error: `Not tested: ${error.message}` });
    }
    this.button.disabled = false;
  }

  show(found) {
    this.clearButton.hidden = Boolean(found.error);
    if (found.error) {
      this.answer.replaceChildren(h("p", { class: "at-hint" }, found.error));
      this.ontrace(null);
      return;
    }
    const verdict = this.verdicts[found.is_in ? 0 : 1];
    this.answer.replaceChildren(
      h("ul", { class: "at-people" }, card(found.person)),
      h("p", { class: `at-verdict ${found.is_in ? "at-yes" : "at-no"}` }, icon(found.is_in ? "check_circle" : "cancel"), verdict, h("small", {}, "Each condition above says why."))
    );
    this.ontrace(found.trace);
  }

  /** The marks belong to the tree that was tested. */
  clear() {
    if (this.clearButton.hidden) return;
    this.clearButton.hidden = true;
    this.answer.replaceChildren();
    this.ontrace(null);
  }
}
