/* The condition tree as the builder holds it, and its way from and to JSON. Nothing is lost:
   what the builder has no row for stays as it is, in a row of its own kind ("raw"). */
"use strict";
Attune.conditions = (() => {
  const MEASURES = ["count", "sum", "avg"];
  const UNITS = ["hours", "days", "weeks"];

  const group = (mode = "all", children = []) => ({ kind: "group", mode, children });
  const raw = (json) => ({ kind: "raw", json });

  const blankField = (vocabulary) => {
    const field = vocabulary.fields[0];
    if (!field) return { kind: "event", event: vocabulary.events[0]?.name ?? "", measure: "count", op: "gte", value: 1, within: null, where: [] };
    const op = field.type === "number" ? "gte" : vocabulary.operators[field.type][0];
    return { kind: "field", field: field.path, op, value: null };
  };

  const single = (duration) => {
    const entries = Object.entries(duration ?? {});
    return entries.length === 1 && UNITS.includes(entries[0][0])
      ? { unit: entries[0][0], amount: entries[0][1] }
      : null;
  };

  /** Comparisons of a `where` that a list of rows can show, or null. */
  const whereRows = (where) => {
    if (!where) return [];
    const all = where.all ?? [where];
    return Array.isArray(all) && all.every((each) => each.field)
      ? all.map((each) => ({ field: each.field, op: each.op, value: each.value ?? null }))
      : null;
  };

  const readEvent = (json, never = false) => {
    const measure = MEASURES.find((each) => each in json) ?? "count";
    const inner = json[measure] ?? { op: "gte", value: 1 };
    const within = json.within ? single(json.within) : null;
    const where = whereRows(json.where);
    const isPlain = where && (within || !json.within) && !("first" in json) && !("last" in json);
    if (!isPlain || (never && MEASURES.some((each) => each in json))) return null;
    return {
      kind: "event",
      event: json.event,
      measure: never ? "never" : measure,
      property: inner.property,
      op: inner.op,
      value: inner.value,
      within,
      where,
      machines: json.include_machine === true,
    };
  };

  const read = (json) => {
    if (json === null || typeof json !== "object" || Array.isArray(json)) return raw(json);
    if (Array.isArray(json.all)) return group("all", json.all.map(read));
    if (Array.isArray(json.any)) return group("any", json.any.map(read));
    if ("not" in json) return readNot(json);
    if ("segment" in json) return { kind: "segment", slug: json.segment };
    if ("field" in json) return { kind: "field", field: json.field, op: json.op, value: json.value ?? null };
    if ("event" in json) return readEvent(json) ?? raw(json);
    return raw(json);
  };

  const readNot = (json) => {
    const inner = json.not;
    if (inner && "event" in inner) {
      const event = readEvent(inner, true);
      if (event) return event;
    }
    if (inner && Array.isArray(inner.any)) return group("none", inner.any.map(read));
    return group("none", [read(inner)]);
  };

  /** The root is always a group on the screen; a lone condition is written back as it was. */
  const readRoot = (json) => {
    const root = read(json ?? { all: [] });
    if (root.kind === "group") return root;
    return { ...group("all", [root]), isLone: true };
  };

  const duration = ({ unit, amount }) => ({ [unit]: amount });

  const writeWhere = (rows) => {
    const written = rows.map(writeCompare);
    return written.length === 1 ? written[0] : { all: written };
  };

  const writeCompare = ({ field, op, value }) =>
    value === null || op === "is_set" || op === "is_not_set" ? { field, op } : { field, op, value };

  const writeEvent = (node) => {
    const json = { event: node.event };
    if (node.where.length) json.where = writeWhere(node.where);
    if (node.machines) json.include_machine = true;
    const isOnce = node.measure === "count" && node.op === "gte" && node.value === 1;
    if (node.measure !== "never" && !isOnce) {
      const about = node.measure === "count" ? {} : { property: node.property || "total" };
      json[node.measure] = { ...about, op: node.op, value: node.value };
    }
    if (node.within) json.within = duration(node.within);
    return node.measure === "never" ? { not: json } : json;
  };

  /** Write a node, and remember at which path of the JSON it stands. */
  const write = (node, path = "") => {
    node.path = path;
    const at = (key) => (path ? `${path}.${key}` : key);
    switch (node.kind) {
      case "group":
        if (node.mode !== "none") {
          return { [node.mode]: node.children.map((child, i) => write(child, at(`${node.mode}[${i}]`))) };
        }
        if (node.children.length === 1 && !(node.children[0].kind === "group" && node.children[0].mode === "any")) {
          return { not: write(node.children[0], at("not")) };
        }
        return { not: { any: node.children.map((child, i) => write(child, at(`not.any[${i}]`))) } };
      case "segment":
        return { segment: node.slug };
      case "field":
        return writeCompare(node);
      case "event":
        return writeEvent(node);
      default:
        return node.json;
    }
  };

  const writeRoot = (root) =>
    root.isLone && root.mode === "all" && root.children.length === 1 && root.children[0].kind !== "group"
      ? ((root.path = ""), write(root.children[0], ""))
      : write(root, "");

  return { group, raw, blankField, readRoot, writeRoot, UNITS };
})();
