/* The template editor: line numbers, marked problems, and the mail as it will look. */
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const host = document.querySelector("[data-at-template]");
  if (!host) return;
  const { h } = Attune;
  const config = Attune.config();
  const part = (name) => document.querySelector(`[name="${name}"]`);
  const parts = ["subject", "preheader", "mjml", "text"];
  const editors = { mjml: new Attune.CodeEditor(part("mjml")), text: new Attune.CodeEditor(part("text")) };
  let focused = editors.mjml;
  for (const editor of Object.values(editors)) editor.textarea.addEventListener("focus", () => { focused = editor; });
  if (config.readonly) parts.forEach((name) => { part(name).readOnly = true; });

  const state = { reader: "known", width: "desktop", language: config.languages[0]?.[0] ?? "" };
  const stage = Attune.frame("Preview of the mail");
  const frame = h("div", { class: "at-stage at-tall" }, stage.frame);
  const inbox = h("div", { class: "at-inbox" });
  const messages = h("div", {});
  const plain = h("pre", { class: "at-plain" });
  const ask = Attune.newest((signal) => Attune.post(config.previewUrl, { ...Object.fromEntries(parts.map((name) => [name, part(name).value])), reader: state.reader, language: state.language }, signal));

  const show = (answer) => {
    messages.replaceChildren(...(answer.problems.length ? [Attune.problemList(answer.problems.map((each) => ({ ...each, message: each.path ? `${each.path}: ${each.message}` : each.message })))] : []));
    for (const [name, editor] of Object.entries(editors)) editor.mark(answer.problems.filter((each) => each.path === name));
    // With a problem the last good look stays, a little paler.
    frame.classList.toggle("at-dim", answer.problems.length > 0);
    if (answer.problems.length) return;
    inbox.replaceChildren(h("strong", {}, answer.subject), h("span", {}, answer.preheader));
    stage.show(answer.html);
    plain.textContent = answer.text;
  };
  const refresh = async () => {
    const answer = await ask().catch((error) => ({ problems: [{ message: `No preview: ${error.message}` }] }));
    if (answer) show(answer);
  };
  const later = Attune.later(refresh, 500);
  parts.forEach((name) => part(name).addEventListener("input", later));

  const widths = Attune.tabs([["desktop", "Desktop"], ["phone", "Phone"]], "desktop", (width) => frame.classList.toggle("at-phone", width === "phone"), "Width");
  const readers = Attune.tabs(Attune.READERS, "known", (reader) => { state.reader = reader; refresh(); }, "Reader");
  // Which text a block shows depends on it; the frame may look at {{ customer.language }}.
  const language = config.languages.length > 1 ? Attune.select(config.languages, state.language, (tag) => { state.language = tag; refresh(); }, { "aria-label": "Language of the reader" }) : null;
  host.append(h("div", { class: "at-preview-bar" }, readers, language, widths), messages, inbox, frame, h("details", { class: "at-variables" }, h("summary", {}, "The text part"), plain));
  document.querySelector("[data-at-variables]").append(Attune.variableHelp(config.variables, (name) => focused.insert(Attune.liquid(name.replace(".*.", ".hero.")))));
  for (const [name, editor] of Object.entries(editors)) editor.mark(config.problems.filter((each) => each.path === name));
  refresh();
});
