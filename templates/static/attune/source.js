/* The page of a source: choose a platform with mouse or arrow keys, copy what it needs. */
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const choose = (tab) => {
    for (const other of tab.parentNode.children) {
      const isChosen = other === tab;
      other.setAttribute("aria-selected", String(isChosen));
      other.tabIndex = isChosen ? 0 : -1;
      document.getElementById(other.getAttribute("aria-controls")).hidden = !isChosen;
    }
  };
  const STEPS = { ArrowRight: 1, ArrowLeft: -1 };
  for (const list of document.querySelectorAll(".at-tabs [role=tablist]")) {
    const tabs = [...list.children];
    list.addEventListener("click", (event) => {
      const tab = event.target.closest("[role=tab]");
      if (tab) choose(tab);
    });
    list.addEventListener("keydown", (event) => {
      const place = tabs.indexOf(document.activeElement);
      const to = { Home: 0, End: tabs.length - 1 }[event.key] ?? (event.key in STEPS ? place + STEPS[event.key] : null);
      if (place < 0 || to === null) return;
      event.preventDefault();
      const tab = tabs[(to + tabs.length) % tabs.length];
      choose(tab);
      tab.focus();
    });
  }

  /** Without TLS a page has no clipboard of its own: then the text is marked, ready to be copied. */
  const copy = async (element) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(element.textContent);
    getSelection().selectAllChildren(element);
    if (!document.execCommand("copy")) throw new Error("marked only");
  };
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.setAttribute("aria-live", "polite");
    const words = button.textContent;
    button.addEventListener("click", async () => {
      const said = await copy(document.getElementById(button.dataset.copy)).then(() => "Copied", () => "Press Ctrl+C");
      button.textContent = said;
      setTimeout(() => { button.textContent = words; }, 2000);
    });
  }
});
