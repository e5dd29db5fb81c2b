// What a website loads as /attune.js: Segment's calls, held in memory until the visitor agreed.
// It is served without comments and needless spaces, in at most 5,000 bytes. For that a comment has
// a line of its own, every statement ends in a semicolon, texts stand in "double quotes" and a
// regular expression holds no space (personalization/sources/browser.py).
(() => {
  const stub = window.attune || [];
  if (stub.version) return;
  const tag = document.currentScript;
  const home = new URL(tag.src);
  const key = tag.dataset.writeKey || home.searchParams.get("key");
  if (!key) return console.warn("attune.js: no write key, add ?key=... to its address");

  const target = home.origin + "/v1/batch";
  const isPrivate = navigator.globalPrivacyControl;
  const held = [], queue = [];
  let pause = 1e3, timer = 0;

  const now = () => new Date().toISOString();
  // crypto.randomUUID is missing on pages without TLS.
  const random = () =>
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
      byte.toString(16).padStart(2, "0")).join("");

  // The only thing ever stored, and only after consent: who it is here, and what they allowed.
  const write = (value, seconds) => {
    document.cookie = "attune=" + value + ";path=/;samesite=lax;max-age=" + seconds +
      (location.protocol == "https:" ? ";secure" : "");
  };
  const read = () => {
    try {
      return JSON.parse(decodeURIComponent(document.cookie.match(/(?:^|;\s)attune=([^;]+)/)[1]));
    } catch {
      return {};
    }
  };
  if (isPrivate) write("", 0);
  const stored = read();
  let isStored = !!stored.a;
  let anonymous = stored.a || random();
  let user = stored.u;
  let choice = stored.c || {};
  const keep = () => {
    isStored = choice.profiling && !isPrivate;
    if (isStored) write(encodeURIComponent(JSON.stringify({ a: anonymous, u: user, c: choice })), 31536e3);
  };

  // Addresses without their query: it may hold anything, as an email address.
  const look = () => {
    const campaign = {};
    new URLSearchParams(location.search).forEach((value, name) => {
      if (/^utm_/.test(name)) campaign[name == "utm_campaign" ? "name" : name.slice(4)] = value;
    });
    const path = location.pathname;
    const referrer = document.referrer && new URL(document.referrer).origin;
    return { page: { path, url: location.origin + path, title: document.title, referrer }, campaign };
  };
  let here = look();

  const message = (type, fields) => {
    const context = {
      ...here,
      locale: navigator.language,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      library: { name: "attune.js", version: "1" },
    };
    if (isPrivate) context.gpc = true;
    return { type, ...fields, context, messageId: "attune-" + random(), timestamp: now() };
  };
  // Who it is, and what they allowed, is said when it leaves: held events belong to them as well.
  const address = (each) => {
    const context = { ...each.context };
    if (!isPrivate) context.consent = { categoryPreferences: { ...choice } };
    return { anonymousId: anonymous, userId: user, ...each, context };
  };
  const add = (type, fields) => {
    const made = message(type, fields);
    if (choice.profiling) {
      queue.push(address(made));
      later(200);
    } else if (choice.profiling !== false && held.length < 100) held.push(made);
  };

  // A string is sent as text/plain, which needs no preflight. What failed goes again under its id.
  const later = (wait) => {
    timer = timer || setTimeout(flush, wait);
  };
  const pack = (batch) => JSON.stringify({ batch, writeKey: key, sentAt: now() });
  const again = (batch) => {
    queue.unshift(...batch);
    queue.splice(500);
    later((pause = Math.min(pause * 2, 6e4)));
  };
  const flush = () => {
    timer = 0;
    const batch = queue.splice(0, 25);
    if (!batch.length) return;
    const body = pack(batch);
    // A browser keeps at most 64 kB alive when its page is left.
    fetch(target, { method: "POST", body, credentials: "omit", keepalive: body.length < 6e4 }).then(
      (answer) => {
        if (answer.status == 429 || answer.status > 499) return again(batch);
        pause = 1e3;
        if (queue.length) later(0);
      },
      () => again(batch));
  };
  const rush = () => {
    while (queue.length) {
      const batch = queue.splice(0, 25);
      if (!navigator.sendBeacon(target, pack(batch))) return again(batch);
    }
  };

  // A stay is the time a page is seen; coming back to its tab begins another.
  let since = 0, depth = 0;
  const arrive = () => {
    since = performance.now();
    depth = 0;
    scrolled();
  };
  const scrolled = () => {
    depth = Math.max(depth, scrollY + innerHeight);
  };
  const leave = () => {
    if (!since) return;
    const height = document.documentElement.scrollHeight;
    add("track", { event: "Page Left", properties: {
      seconds: Math.round((performance.now() - since) / 1e3),
      percent: Math.min(100, Math.round((100 * depth) / height)),
    } });
    since = 0;
  };
  const gone = () => {
    leave();
    rush();
  };
  const seen = () => {
    if (document.visibilityState == "hidden") gone();
    else if (!since) arrive();
  };
  addEventListener("scroll", scrolled, { passive: true });
  addEventListener("visibilitychange", seen);
  addEventListener("pageshow", seen);
  addEventListener("pagehide", gone);

  let isFirst = true;
  const text = (value) => (value == null ? undefined : String(value));
  const calls = {
    identify(id, traits) {
      if (id && typeof id == "object") traits = id;
      else user = text(id) || user;
      keep();
      add("identify", { userId: user, traits: traits || {} });
    },
    track(event, properties) {
      add("track", { event, properties: properties || {} });
    },
    // page(), page(name), page(category, name), each with properties; a second one ends a stay.
    page(...given) {
      if (!isFirst) {
        leave();
        here = look();
        arrive();
      }
      isFirst = false;
      const names = given.filter((each) => typeof each == "string");
      const properties = given.find((each) => each && typeof each == "object") || {};
      add("page", { name: names.pop(), category: names.pop(), properties });
    },
    group(id, traits) {
      add("group", { groupId: text(id), traits: traits || {} });
    },
    alias(id, previous) {
      const before = text(previous) || user || anonymous;
      user = text(id);
      keep();
      add("alias", { userId: user, previousId: before });
    },
    reset() {
      user = undefined;
      anonymous = random();
      held.length = 0;
      keep();
    },
    // A refusal drops what was held. It is told only of who is known here already.
    consent(given) {
      const before = JSON.stringify(choice);
      choice = { ...choice, ...given };
      const isNew = before != JSON.stringify(choice);
      const waiting = held.splice(0);
      if (choice.profiling) {
        keep();
        if (isNew) add("identify", { traits: {} });
        queue.push(...waiting.map(address));
        later(0);
      } else if (choice.profiling === false) {
        if (!isStored) anonymous = undefined;
        if (isNew && (user || isStored)) {
          queue.push(address({ ...message("identify"), context: isPrivate ? { gpc: true } : {} }));
          later(0);
        }
        write("", 0);
        isStored = false;
        anonymous = random();
      } else held.push(...waiting);
    },
  };
  stub.version = 1;
  stub.push = ([name, ...given]) => calls[name] && calls[name](...given);
  Object.assign(stub, calls);
  window.attune = stub;
  seen();
  stub.splice(0).forEach(stub.push);
})();
