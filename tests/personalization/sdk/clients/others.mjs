// Other clients in Node: node others.mjs NAME URL KEY. They are run to record what they send.
import { createRequire } from "node:module";
// The packages lie in the folder it is run in.
const require = createRequire(`${process.cwd()}/`);
const [name, url, key] = process.argv.slice(2);
const viewed = { product_id: "P-1", price: 12.75, currency: "EUR" };
const timestamp = new Date("2026-03-01T12:00:00Z");
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const clients = {
  async rudder() {
    const Rudder = require("@rudderstack/rudder-sdk-node");
    const client = new (Rudder.default ?? Rudder)(key, { dataPlaneUrl: url, flushInterval: 200 });
    client.identify({ userId: "C-1", traits: { email: "anna@example.com" }, timestamp });
    client.track({ userId: "C-1", event: "Product Viewed", properties: viewed, timestamp });
    client.alias({ previousId: "anon-1", userId: "C-1" });
    await pause(1500);
  },
  async jitsu() {
    const { jitsuAnalytics } = require("@jitsu/js");
    const client = jitsuAnalytics({ host: url, writeKey: `keyid:${key}` });
    await client.identify("C-1", { email: "anna@example.com" });
    await client.track("Product Viewed", viewed);
    await client.page("Home");
    await pause(500);
  },
  async posthog() {
    const { PostHog } = require("posthog-node");
    const client = new PostHog(key, { host: url });
    client.identify({ distinctId: "C-1", properties: { email: "anna@example.com" } });
    client.capture({ distinctId: "C-1", event: "Product Viewed", properties: viewed, timestamp });
    client.alias({ distinctId: "anon-1", alias: "C-1" });
    await client.shutdown();
  },
  async snowplow() {
    const { newTracker, buildPageView, buildSelfDescribingEvent } = require("@snowplow/node-tracker");
    const tracker = newTracker({ namespace: "t1", appId: key, encodeBase64: true },
      { endpoint: url, bufferSize: 2, eventMethod: "post" });
    tracker.setUserId("C-1");
    tracker.track(buildPageView({ pageUrl: "https://shop.example/boots", pageTitle: "Boots" }));
    tracker.track(buildSelfDescribingEvent({ event: {
      schema: "iglu:com.shop/product_viewed/jsonschema/1-0-0", data: viewed } }));
    tracker.flush();
    await pause(1500);
  },
  async cloudevents() {
    const { CloudEvent, emitterFor, httpTransport, Mode } = require("cloudevents");
    const event = (id) => new CloudEvent({ id, type: "com.shop.product_viewed", source: "/shop",
      subject: "C-1", time: timestamp.toISOString(), data: viewed });
    for (const mode of [Mode.BINARY, Mode.STRUCTURED]) {
      const emit = emitterFor(httpTransport(`${url}/events?writeKey=${key}`), { mode });
      await emit(event(`js-${mode}`));
    }
  },
};
await clients[name]();
process.exit(0);
