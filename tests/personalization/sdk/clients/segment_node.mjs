// @segment/analytics-node: node segment_node.mjs URL KEY [RUN]; exits 1 on an error.
import { createRequire } from "node:module";
// The packages lie in the folder it is run in.
const require = createRequire(`${process.cwd()}/`);
const { Analytics } = require("@segment/analytics-node");

const [url, writeKey, run = "1"] = process.argv.slice(2);
const analytics = new Analytics({ writeKey, host: url, path: "/v1/batch", flushInterval: 200 });
let errors = 0;
analytics.on("error", (error) => { errors += 1; console.error(error); });
const common = { userId: "C-1", timestamp: new Date("2026-03-01T12:00:00Z") };
analytics.identify({ ...common, traits: { email: "anna@example.com" }, messageId: `sn-${run}-1` });
analytics.page({ ...common, name: "Home", messageId: `sn-${run}-2` });
analytics.track({ ...common, event: "Product Viewed",
  properties: { product_id: "P-1", price: 12.75, currency: "EUR" }, messageId: `sn-${run}-3` });
await analytics.closeAndFlush();
process.exit(errors ? 1 : 0);
