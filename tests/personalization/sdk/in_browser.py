"""Record what libraries send from a page of another site, in Chromium.

`python -m tests.personalization.sdk.in_browser NODE_MODULES NAME …`; the packages lie in the
folder given. What a library sent is written to recorded/NAME.json.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from threading import Thread

from playwright.sync_api import sync_playwright

from tests.personalization.sdk import recorder
from tests.requirements import chromium
from tests.servers import QuietServer

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36"
VIEWED = '{"product_id": "P-1", "price": 12.75, "currency": "EUR"}'
PAGES = {
    "segment_browser": """
<script>
  window.analytics = window.analytics || [];
  analytics._writeKey = "KEY"; analytics._cdn = "URL"; analytics.initialized = false;
  analytics._loadOptions = {integrations: {"Segment.io": {apiHost: "HOST/v1", protocol: "http"}}};
  for (const name of ["page", "identify", "track", "ready", "load"])
    analytics[name] = (...given) => { analytics.push([name, ...given]); return analytics; };
</script>
<script src="/@segment/analytics-next/dist/umd/standalone.js"></script>
<script>
  analytics.page("Home"); analytics.identify("C-1", {email: "anna@example.com"});
  analytics.track("Product Viewed", VIEWED);
</script>""",
    "rudder_browser": """
<script type="module">
  import { RudderAnalytics }
    from "/@rudderstack/analytics-js/dist/npm/modern/bundled/esm/index.mjs";
  const rudder = new RudderAnalytics();
  rudder.load("KEY", "URL", {configUrl: "URL", plugins: [], useBeacon: BEACON});
  rudder.page("Home"); rudder.identify("C-1", {email: "anna@example.com"});
  rudder.track("Product Viewed", VIEWED);
</script>""",
    "posthog_browser": """
<script src="/posthog-js/dist/array.full.no-external.js"></script>
<script>
  posthog.init("KEY", {api_host: "URL", autocapture: false, disable_session_recording: true,
    advanced_disable_flags: true, capture_pageleave: false, opt_out_useragent_filter: true,
    disable_surveys: true, request_batching: false});
  posthog.capture("Product Viewed", VIEWED);
  posthog.identify("C-1", {email: "anna@example.com"});
</script>""",
    "snowplow_browser": """
<script src="/@snowplow/browser-tracker/dist/index.umd.min.js"></script>
<script>
  const { newTracker, trackPageView, trackSelfDescribingEvent, setUserId } =
    snowplowBrowserTracking;
  newTracker("t1", "URL", {appId: "KEY", eventMethod: "METHOD", encodeBase64: true});
  setUserId("C-1"); trackPageView();
  trackSelfDescribingEvent({event: {schema: "iglu:com.shop/product_viewed/jsonschema/1-0-0",
    data: VIEWED}});
</script>""",
}
PAGES["rudder_beacon"] = PAGES["rudder_browser"].replace("BEACON", "true")
PAGES["snowplow_pixel"] = PAGES["snowplow_browser"].replace("METHOD", "get")


class _Website(SimpleHTTPRequestHandler):
    """The packages of a folder, and the page that uses one of them."""

    page = b""

    def do_GET(self) -> None:
        if not self.path.startswith("/shop?"):
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(self.page)))
        self.end_headers()
        self.wfile.write(self.page)
        return None

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def website(folder: Path, *, page: str) -> Iterator[str]:
    """Serve a page from another host than the collector's."""
    kind = type("Website", (_Website,), {"page": page.encode()})
    server = QuietServer(("127.0.0.1", 0), partial(kind, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()


def record(name: str, *, folder: Path) -> int:
    with ExitStack() as stack:
        server = stack.enter_context(recorder.recording())
        html = f"<title>Shop</title>{_filled(name, url=server.url)}"
        site = stack.enter_context(website(folder, page=html))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_context(user_agent=AGENT).new_page()
        page.on("console", lambda said: _say(said.text))
        page.on("pageerror", lambda error: _say(str(error)))
        page.goto(f"{site}/shop?mail=anna@example.com")
        page.wait_for_timeout(4_000)
        page.goto("about:blank")
        page.wait_for_timeout(500)
        browser.close()
    events = [each for each in server.seen if each["method"] == "POST" or "/i?" in each["path"]]
    text = json.dumps(events, indent=1).replace(server.url, "http://collector.example")
    text = text.replace(site, "http://shop.example")
    (recorder.FOLDER / f"{name}.json").write_text(f"{text}\n")
    return len(events)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _filled(name: str, *, url: str) -> str:
    given = {"BEACON": "false", "METHOD": "post", "VIEWED": VIEWED, "URL": url,
             "HOST": url.removeprefix("http://"), "KEY": recorder.KEY}  # fmt: skip
    page = PAGES[name]
    for word, value in given.items():
        page = page.replace(word, value)
    return page


def main() -> int:
    folder, *names = sys.argv[1:]
    for name in names or PAGES:
        sys.stdout.write(f"{name}: {record(name, folder=Path(folder))} requests\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
