/* The condition tree as the builder holds it, and its way from and to JSON.

   Nothing is lost and nothing is made up: what the builder has no controls for stays as it is,
   in a row of its own kind ("raw"), and what nobody touched is written as it was read. */
const MEASURES = ["count", "sum", "avg", "first", "last"];
const LISTED = ["in", "not_in", "includes_any", "includes_all"];
const LENGTHS = ["within_last", "not_within_last", "anniversary_within_next"];
export const UNITS = ["minutes", "hours", "days", "weeks"];

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const isScalar = (value) => ["string", "number", "boolean"].includes(typeof value);
const only = (json, ...keys) => Object.keys(json).every((key) => keys.includes(key));

let lastId = 0;
const made = (kind, rest) => ({ id: (lastId += 1), kind, nots: 0, ...rest });

export const group = (mode = "all", children = []) => made("group", { mode, children });
export const raw = (json) => made("raw", { json });
export const field = (path, op, value) => made("field", { field: path, op, value });
export const segment = (slug) => made("segment", { slug });
export const event = (name, rest = {}) =>
  made("event", { event: name, where: null, machines: undefined, measure: null, within: null, ...rest });
export const step = (name, rest = {}) =>
  made("step", { event: name, where: null, machines: undefined, isAbsent: false, span: null, ...rest });
export const sequence = (steps, within = null) => made("sequence", { steps, within });

export const isDuration = (json) =>
  isObject(json) &&
  Object.keys(json).length > 0 &&
  Object.entries(json).every(([unit, amount]) => UNITS.includes(unit) && Number.isInteger(amount));

/** Whether a control of ours can show the value under this operator. */
const fits = (op, value) => {
  if (value === undefined) return true;
  if (LENGTHS.includes(op)) return isDuration(value);
  const isList = Array.isArray(value) && value.every(isScalar);
  if (op === "between") return isList && value.length === 2;
  if (LISTED.includes(op)) return isList;
  return isScalar(value) || (isList && ["eq", "ne"].includes(op));
};

const isCompare = (json, ...more) =>
  isObject(json) && typeof json.op === "string" && only(json, "op", "value", ...more) && fits(json.op, json.value);

const isMatch = (json, ...more) =>
  isObject(json) &&
  typeof json.event === "string" &&
  ["boolean", "undefined"].includes(typeof json.include_machine) &&
  only(json, "event", "where", "include_machine", ...more);

const isWithin = (json) => !("within" in json) || isDuration(json.within);

/** Read a tree; `isWhere` is true inside the `where` of an event, which knows fewer kinds. */
export const read = (json, isWhere = false) => {
  let inner = json;
  let nots = 0;
  while (isObject(inner) && "not" in inner && only(inner, "not")) {
    inner = inner.not;
    nots += 1;
  }
  return Object.assign(readPlain(inner, isWhere), { nots });
};

const readPlain = (json, isWhere) => {
  if (!isObject(json)) return raw(json);
  for (const mode of ["all", "any"]) {
    if (Array.isArray(json[mode]) && only(json, mode)) {
      return group(mode, json[mode].map((each) => read(each, isWhere)));
    }
  }
  if (typeof json.field === "string" && isCompare(json, "field")) return field(json.field, json.op, json.value);
  if (isWhere) return raw(json);
  if (typeof json.segment === "string" && only(json, "segment")) return segment(json.segment);
  return readEvent(json) ?? readSequence(json) ?? raw(json);
};

const readMatch = (json) => ({
  event: json.event,
  machines: json.include_machine,
  where: "where" in json ? asRoot(read(json.where, true)) : null,
});

const readEvent = (json) => {
  const kinds = MEASURES.filter((each) => each in json);
  if (!isMatch(json, "within", ...kinds) || !isWithin(json) || kinds.length > 1) return null;
  const [kind] = kinds;
  const about = ["sum", "avg"].includes(kind);
  const compare = kind && json[kind];
  if (kind && !isCompare(compare, ...(about ? ["property"] : []))) return null;
  if (about && typeof compare.property !== "string") return null;
  const measure = kind ? { kind, property: compare.property, op: compare.op, value: compare.value } : null;
  return event(json.event, { ...readMatch(json), measure, within: json.within ?? null });
};

const readStep = (json) => {
  if (isMatch(json, "within") && isWithin(json)) return step(json.event, { ...readMatch(json), span: json.within ?? null });
  const isAbsence = isObject(json) && only(json, "not", "for") && isMatch(json.not) && isDuration(json.for);
  return isAbsence ? step(json.not.event, { ...readMatch(json.not), isAbsent: true, span: json.for }) : null;
};

const readSequence = (json) => {
  if (!Array.isArray(json.sequence) || !only(json, "sequence", "within") || !isWithin(json)) return null;
  const steps = json.sequence.map(readStep);
  return steps.every(Boolean) ? sequence(steps, json.within ?? null) : null;
};

/** The root is always a group on the screen; a lone condition is written back as it was. */
const asRoot = (node) => (node.kind === "group" ? node : { ...group("all", [node]), isLone: true });
export const readRoot = (json) => asRoot(read(json ?? { all: [] }));

const join = (path, key) => (path ? `${path}.${key}` : key);

/** Write a node, and remember at which path of the JSON it stands. */
export const write = (node, path = "") => {
  node.path = path;
  const [only_] = node.children ?? [];
  if (node.isLone && node.children.length === 1 && node.mode === "all" && !node.nots && only_.kind !== "group") {
    return write(only_, path);
  }
  const at = path + (node.nots ? (path ? "." : "") + Array(node.nots).fill("not").join(".") : "");
  let json = WRITERS[node.kind](node, at);
  for (let left = node.nots; left > 0; left -= 1) json = { not: json };
  return json;
};

const compared = (op, value) => (value === undefined ? { op } : { op, value });

const writeMatch = (node, path) => {
  const json = { event: node.event };
  if (node.where?.children.length) json.where = write(node.where, join(path, "where"));
  else if (node.where && !node.where.isLone && !node.where.isNew) json.where = write(node.where, join(path, "where"));
  if (node.machines !== undefined) json.include_machine = node.machines;
  return json;
};

const writeStep = (node, path) => {
  node.path = path;
  if (node.isAbsent) return { not: writeMatch(node, join(path, "not")), for: node.span };
  return { ...writeMatch(node, path), ...(node.span ? { within: node.span } : {}) };
};

const WRITERS = {
  group: (node, path) => ({
    [node.mode]: node.children.map((child, index) => write(child, join(path, `${node.mode}[${index}]`))),
  }),
  field: ({ field: name, op, value }) => ({ field: name, ...compared(op, value) }),
  segment: ({ slug }) => ({ segment: slug }),
  event: (node, path) => {
    const json = writeMatch(node, path);
    if (node.measure) {
      const { kind, property, op, value } = node.measure;
      json[kind] = { ...(property === undefined ? {} : { property }), ...compared(op, value) };
    }
    if (node.within) json.within = node.within;
    return json;
  },
  sequence: (node, path) => ({
    sequence: node.steps.map((each, index) => writeStep(each, join(path, `sequence[${index}]`))),
    ...(node.within ? { within: node.within } : {}),
  }),
  raw: ({ json }) => json,
};

export const writeRoot = (root) => write(root);

/** Whether a path lies in or under another: `all[1]` is not under `all[10]`. */
export const isUnder = (path, above) => {
  if (!above) return true;
  return path.startsWith(above) && ["", ".", "["].includes(path.slice(above.length, above.length + 1));
};

/** Copy a node with everything in it, under new ids. */
export const copy = (node, isWhere = false) => (node.kind === "step" ? readStep(writeStep(node, "")) : read(write(node), isWhere));
