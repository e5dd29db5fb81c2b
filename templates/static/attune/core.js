/* What the editors share: building elements, asking the server, saying what is wrong where. */
"use strict";
window.Attune = (() => {
  /** Make an element: h("button", {class: "x", onclick: f}, "text", child). */
  const h = (tag, props = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(props)) {
      if (value === undefined || value === null || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (name === "value" || name === "checked") element[name] = value;
      else element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return element;
  };

  const icon = (name) =>
    h("span", { class: "material-symbols-outlined at-icon", "aria-hidden": "true" }, name);

  const iconButton = (name, label, onclick, extra = {}) =>
    h("button", { type: "button", class: "at-icon-button", title: label, "aria-label": label, onclick, ...extra }, icon(name));

  /** A select from [value, label] pairs; groups are [label, pairs] with an array inside. */
  const select = (options, value, onchange, props = {}) => {
    const option = ([key, label]) => h("option", { value: key }, label);
    const made = h(
      "select",
      { class: "at-input", onchange: (event) => onchange(event.target.value), ...props },
      options.map((entry) =>
        Array.isArray(entry[1])
          ? h("optgroup", { label: entry[0] }, entry[1].map(option))
          : option(entry)
      )
    );
    made.value = value ?? "";
    return made;
  };

  const config = () => {
    const element = document.getElementById("at-config");
    return element ? JSON.parse(element.textContent) : {};
  };

  const post = async (url, body, signal) => {
    const token = document.querySelector("[name=csrfmiddlewaretoken]");
    const answer = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token ? token.value : "" },
      body: JSON.stringify(body),
      signal,
    });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    return answer.json();
  };

  const later = (action, milliseconds) => {
    let timer = 0;
    return (...args) => {
      clearTimeout(timer);
      timer = setTimeout(() => action(...args), milliseconds);
    };
  };

  /** Ask only for the newest state; an answer to an older question is dropped. */
  const newest = (ask) => {
    let running = null;
    return async (...args) => {
      running?.abort();
      const mine = (running = new AbortController());
      try {
        const answer = await ask(mine.signal, ...args);
        return mine.signal.aborted ? null : answer;
      } catch (error) {
        if (mine.signal.aborted) return null;
        throw error;
      }
    };
  };

  /** Move the focus to the first control inside; keyboards go on where something was added. */
  const focusInside = (element) =>
    element?.querySelector("input, select, textarea, button")?.focus();

  const number = (value) => new Intl.NumberFormat("en").format(value);
  const people = (count) => `${number(count)} ${count === 1 ? "customer" : "customers"}`;

  /** Keep a JSON textarea in step with an editor, and a way to see the JSON itself. */
  const takeOver = (textarea, { readonly }) => {
    const host = h("div", { class: "at-host" });
    textarea.before(host);
    textarea.hidden = true;
    // Each problem is shown again at the row it is about.
    if (config().problems.length) textarea.parentNode.querySelector(":scope > .at-problems")?.remove();
    const note = h("p", { class: "at-hint" });
    const toggle = h(
      "button",
      {
        type: "button",
        class: "at-link at-json-toggle",
        "aria-expanded": "false",
        onclick: () => {
          textarea.hidden = !textarea.hidden;
          toggle.setAttribute("aria-expanded", String(!textarea.hidden));
          note.textContent = textarea.hidden ? "" : "Changes made here are read when you save.";
          host.inert = !textarea.hidden && !readonly;
          host.classList.toggle("at-dim", !textarea.hidden && !readonly);
        },
      },
      icon("data_object"),
      "Show as JSON"
    );
    textarea.after(note, toggle);
    return { host, write: (content) => { textarea.value = JSON.stringify(content, null, 2); } };
  };

  const parsed = (textarea, otherwise) => {
    try {
      return JSON.parse(textarea.value);
    } catch {
      return otherwise;
    }
  };

  const problemList = (problems) =>
    h(
      "ul",
      { class: "at-problems", role: "alert" },
      problems.map((problem) =>
        h("li", {}, icon("error"), h("span", {}, problem.line ? `Line ${problem.line}, column ${problem.column || 1}: ${problem.message}` : problem.message))
      )
    );

  return { h, icon, iconButton, select, config, post, later, newest, focusInside, number, people, takeOver, parsed, problemList };
})();
