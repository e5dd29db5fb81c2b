"""The words and code that people copy; `$key`, `$url` and the like are filled in."""

ATTUNE_NOTE = (
    "Paste it into the head of every page. Nothing is sent and no cookie is set before your "
    "consent banner calls attune.consent."
)
ATTUNE = """
<script>
!function(w,d,s){var a=w.attune=w.attune||[];
"identify track page group alias reset consent".split(" ").forEach(function(m){
a[m]=function(){a.push([m].concat([].slice.call(arguments)))}});
s=d.createElement("script");s.async=1;s.src="$url/attune.js?key=$key";
d.head.appendChild(s)}(window,document);
attune.page();
</script>

<!-- From your consent banner, when the visitor has chosen: -->
<script>attune.consent({profiling: true, email_tracking: false});</script>

<!-- Where you know who it is, and what happened: -->
<script>
attune.identify("customer-1042");
attune.track("Product Viewed", {product_id: "boots-38", price: 129.9, currency: "EUR"});
</script>
"""

SEGMENT_NOTE = "Your analytics-next stays as it is; only the two addresses change."
SEGMENT = """
import { AnalyticsBrowser } from "@segment/analytics-next";

export const analytics = AnalyticsBrowser.load(
  { writeKey: "$key", cdnURL: "$url" },
  { integrations: { "Segment.io": { apiHost: "$host/v1", protocol: "$scheme" } } }
);
"""

RUDDERSTACK_NOTE = "Set the data plane and the address of its configuration."
RUDDERSTACK = """
import { RudderAnalytics } from "@rudderstack/analytics-js";

const analytics = new RudderAnalytics();
analytics.load("$key", "$url", { configUrl: "$url" });
analytics.page();
"""

POSTHOG_NOTE = "Events only: flags, recordings and surveys of PostHog are not answered here."
POSTHOG = """
import posthog from "posthog-js";

posthog.init("$key", {
  api_host: "$url",
  advanced_disable_flags: true,
  disable_session_recording: true,
  disable_surveys: true,
});
"""

JITSU_NOTE = "Set host and write key."
JITSU = """
import { jitsuAnalytics } from "@jitsu/js";

const analytics = jitsuAnalytics({ host: "$url", writeKey: "$key" });
analytics.page();
"""

SNOWPLOW_NOTE = "The write key stands in the application id."
SNOWPLOW = """
import { newTracker, trackPageView } from "@snowplow/browser-tracker";

newTracker("attune", "$url", { appId: "$key" });
trackPageView();
"""

PYTHON_NOTE = "pip install segment-analytics-python"
PYTHON = """
import segment.analytics as analytics

analytics.write_key = "$key"
analytics.host = "$url"

analytics.identify("customer-1042", {"plan": "gold"})
analytics.track("customer-1042", "Order Completed", {
    "order_id": "A-1", "total": 129.9, "currency": "EUR",
    "products": [{"product_id": "boots-38", "quantity": 1, "price": 129.9}],
})
analytics.flush()
"""

NODE_NOTE = "npm install @segment/analytics-node"
NODE = """
import { Analytics } from "@segment/analytics-node";

const analytics = new Analytics({ writeKey: "$key", host: "$url" });
analytics.track({
  userId: "customer-1042",
  event: "Product Viewed",
  properties: { product_id: "boots-38" },
});
await analytics.closeAndFlush();
"""

CURL_NOTE = "One event by hand, to see that the key works. It answers 200."
CURL = """
curl -u "$key:" -H "Content-Type: application/json" $url/v1/track -d '{
  "userId": "customer-1042", "event": "Product Viewed", "messageId": "test-1",
  "properties": {"product_id": "boots-38"}
}'
"""

CLOUDEVENTS_NOTE = (
    "For systems that speak CloudEvents: the type without its domain is the event, the subject the "
    "customer number."
)
CLOUDEVENTS = """
curl $url/events -H "X-Write-Key: $key" \\
  -H "ce-specversion: 1.0" -H "ce-id: test-1" -H "ce-source: /shop" \\
  -H "ce-type: com.example.product_viewed" -H "ce-subject: customer-1042" \\
  -d '{"product_id": "boots-38"}'
"""

PIXEL_NOTE = "Where no script runs. Never write an email address into it: addresses are logged."
PIXEL = """
<img src="$url/pixel.gif?key=$key&amp;event=Guide%20Opened&amp;userId=customer-1042"
  width="1" height="1" alt="">
"""

SHOPIFY_NOTE = (
    "In Shopify under Settings, Notifications, Webhooks: add one for each event below with this "
    "address and the format JSON. Then copy the signing secret that Shopify shows under the list "
    "to “Signing secret” on this page."
)
SHOPIFY = """
$url/webhooks/shopify/?source=$slug

$topics
"""
WOOCOMMERCE_NOTE = (
    "In WordPress under WooCommerce, Settings, Advanced, Webhooks: add one for each topic below "
    "with this delivery URL, the status “Active” and the signing secret of this page."
)
WOOCOMMERCE = """
$url/webhooks/woocommerce/?source=$slug

$topics
"""
HUBSPOT_NOTE = (
    "In your HubSpot app under Webhooks: set this target URL and subscribe to the events below. "
    "The signing secret is the client secret of the app."
)
HUBSPOT = """
$url/webhooks/hubspot/?source=$slug

$topics
"""
GENERIC_NOTE = (
    "Post signed JSON to this address, by the rules of Standard Webhooks: the headers webhook-id, "
    "webhook-timestamp and webhook-signature. The field mapping below says what is what."
)
GENERIC = """
$url/webhooks/generic/$slug/
"""
FILE_NOTE = "Load files in the admin under Imports, or on the command line of the server."
FILE = """
python manage.py import_customers customers.csv --source $slug
python manage.py import_products products.csv
python manage.py import_events events.jsonl --source $slug
"""
