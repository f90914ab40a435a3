"""Drives the explorer as a person would, in a real browser, on a real network under load.

Starts `weft dev` in a folder of its own and `weft bench load` beside it, then goes through every
view at the width of a phone and of a desk. Each check waits for what it expects; a word on the
console, a page that is wider than the screen, or a request to anybody else fails it.

Left out on purpose: how it looks. `--pictures DIR` is for eyes.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from playwright.sync_api import expect, sync_playwright

WIDTHS = {"phone": (390, 844), "desk": (1440, 900)}
RATE = 150
# Longest wait for anything; nothing is decided by how long it took.
PATIENCE_MS = 60_000


class Network:
    """`weft dev` and a load on it, for as long as the checks take."""

    # Readings of a device whose readings are put together.
    SENT = 12

    def __init__(self, weft, rate):
        self.weft, self.rate = weft, rate
        self.folder = tempfile.TemporaryDirectory(prefix="weft-browser-")

    def __enter__(self):
        directory = pathlib.Path(self.folder.name) / "net"
        words = [self.weft, "dev", "--json", "--dir", str(directory), "--api-port", "24265"]
        self.dev = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        self.ready = json.loads(self.dev.stdout.readline())
        # It prints a line for every reading, and waits for whoever does not read.
        threading.Thread(target=self.dev.stdout.read, daemon=True).start()
        self.nodes = [node["api"] for node in self.ready["nodes"]]
        key, address = (self.ready["accounts"][0][name] for name in ("key", "address"))
        other = self.ready["accounts"][1]["address"]
        self.address = address
        sent = self.run("--json", "send", other, "5000", "--key", key, "--reference", "rent")
        self.transfer = json.loads(sent)["id"]
        self.post(directory)
        words = [self.weft, "bench", "load", "--rate", str(self.rate), "--seconds", "300",
                 "--nodes", ",".join(self.nodes)]
        self.load = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                     text=True)
        # It signs everything before it posts anything.
        for line in self.load.stderr:
            if line.startswith("posts"):
                break
        threading.Thread(target=self.load.stderr.read, daemon=True).start()
        return self

    def post(self, directory):
        """As a device of the network's own gateway, over HTTP."""
        words = [self.weft, "--json", "device", "new", "many", "--batch", "--devices",
                 str(directory / "devices.toml")]
        made = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        token = json.loads(made)["token"]
        url = f"{self.ready['gateway']['http']}/up/many/temp"
        # Whatever proxy the environment names: the gateway is on this machine.
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for number in range(self.SENT):
            data = f"{20 + number / 10}".encode()
            head = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(number)}
            until = time.monotonic() + PATIENCE_MS / 1000
            while True:
                try:
                    direct.open(urllib.request.Request(url, data, head)).close()
                    break
                except urllib.error.HTTPError as refused:
                    # The gateway sees a new device within two seconds.
                    if refused.code != 401 or time.monotonic() > until:
                        raise
                    time.sleep(0.1)

    def run(self, *words):
        words = [self.weft, *words, "--node", self.nodes[0]]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout

    def __exit__(self, *_):
        for process in (self.load, self.dev):
            process.terminate()
            process.wait(timeout=60)
        self.folder.cleanup()


class Page:
    """One browser page that remembers what must not happen."""

    wrong = 0

    def __init__(self, browser, base, size, name, dark, options):
        width, height = size
        self.context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light", device_scale_factor=2 if width < 500 else 1)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        self.base, self.pictures, self.name, self.troubles = base, options.pictures, name, []
        if options.files:
            self.page.route("**/explorer/*", lambda route: fresh(route, options.files))
        self.page.on("console", self.heard)
        self.page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        self.page.on("request", self.asked)

    def heard(self, message):
        # The browser reports by itself what the page is there to show: that a node has no market
        # (404), or is not ready (503).
        url = message.location.get("url", "")
        is_shown = "/v1/market/offers" in url or url.endswith("/readyz")
        if message.type in ("error", "warning") and not is_shown:
            self.troubles.append(f"console: {message.text} {message.location}")

    def asked(self, request):
        if not request.url.startswith(self.base):
            self.troubles.append(f"asked somebody else: {request.url}")

    def open(self, route):
        self.page.goto(f"{self.base}/#/{route}")

    def done(self, view):
        """The view stands: nothing was wrong, and it fits the screen."""
        wide = self.page.evaluate(
            "document.documentElement.scrollWidth - document.body.clientWidth")
        if wide > 0:
            self.troubles.append(f"{wide} pixels wider than the screen")
        if self.pictures:
            self.page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
            path = self.pictures / f"{self.name}-{view}.png"
            self.page.screenshot(path=path, full_page=True)
        print(f"{'WRONG' if self.troubles else 'ok':<6} {self.name:<12} {view}", flush=True)
        for trouble in self.troubles:
            print(f"       {trouble}")
        Page.wrong += len(self.troubles)
        self.troubles.clear()


def fresh(route, folder):
    """The file on disk, under the headers of the one in the program."""
    path = folder / route.request.url.rsplit("/", 1)[-1]
    route.fulfill(response=route.fetch(), body=path.read_bytes())


def live(page):
    page.open("")
    canvas = page.page.locator("canvas")
    expect(page.page.locator("section[aria-label='Live picture'] .side")).to_contain_text("a second")
    expect(page.page.get_by_role("region", name="Newest commits").locator("tbody tr").nth(3)
           ).to_be_visible()
    first = pixels(canvas)
    # It moves: the same place holds another picture, sooner or later.
    page.page.wait_for_function(
        "first => document.querySelector('canvas').toDataURL().length !== first", arg=first)
    canvas.focus()
    for key in ("ArrowLeft", "ArrowLeft", "ArrowUp", "ArrowRight"):
        page.page.keyboard.press(key)
    expect(page.page.locator(".card")).to_be_visible()
    page.done("live")
    page.page.keyboard.press("Escape")
    expect(page.page.locator(".card")).to_have_count(0)
    page.page.get_by_role("button", name="Free").click()
    page.page.get_by_text("The same as a table").click()
    rows = page.page.get_by_role("region", name="Newest transactions").locator("tbody tr")
    expect(rows.nth(9)).to_be_visible()
    page.done("live-free")


def pixels(canvas):
    return canvas.evaluate("canvas => canvas.toDataURL().length")


def smooth(page):
    """The page still answers while it draws: no frame blocks it for long."""
    page.open("")
    expect(page.page.locator("section[aria-label='Live picture'] .side")).to_contain_text("a second")
    frames = page.page.evaluate("""() => new Promise((done) => {
        const times = [];
        let last = performance.now();
        const frame = (now) => {
            times.push(now - last);
            last = now;
            if (times.length < 180) requestAnimationFrame(frame);
            else done(times.slice(1).sort((a, b) => a - b));
        };
        requestAnimationFrame(frame);
    })""")
    middle, slowest = frames[len(frames) // 2], frames[-1]
    print(f"       {page.name:<12} frames: median {middle:.1f} ms, slowest {slowest:.1f} ms")
    page.done("smooth")


def search(page, network):
    field = page.page.get_by_role("searchbox")
    page.page.keyboard.press("/")
    expect(field).to_be_focused()
    for text, heading in [(network.transfer, "Transfer"), (network.address, "Account"),
                          ("telemetry", "telemetry"), ("1", "Commit 1")]:
        field.fill(text)
        field.press("Enter")
        expect(page.page.get_by_role("heading", level=1)).to_have_text(heading)
    field.fill("ab" * 32)
    field.press("Enter")
    expect(page.page.locator("main")).to_contain_text("No transaction")
    # The browser reports the refused requests itself.
    page.troubles = [trouble for trouble in page.troubles if "ab" * 32 not in trouble]
    page.done("search")


def proof(page, network):
    page.open(f"tx/{network.transfer}")
    page.page.get_by_role("button", name="Check it in this browser").click()
    verdict = page.page.locator(".verdict.good")
    expect(verdict).to_contain_text("Proven")
    expect(verdict).to_contain_text("5,000 to")
    page.done("proof")
    page.page.get_by_role("button", name="Change one bit").click()
    expect(page.page.locator(".verdict.bad")).to_contain_text("Refused, as it must be")
    page.done("proof-spoiled")


def stream(page):
    page.open("stream/telemetry")
    expect(page.page.locator(".chart .line")).to_have_count(1)
    fields = page.page.get_by_role("group", name="Field").get_by_role("button")
    expect(fields.nth(1)).to_be_visible()
    fields.nth(1).click()
    drawn = page.page.locator(".chart .line").get_attribute("d")
    # It goes on by itself.
    page.page.wait_for_function(
        "drawn => document.querySelector('.chart .line').getAttribute('d') !== drawn", arg=drawn)
    page.done("stream")


def sensor(page, network):
    """Readings that a gateway put together: each is in the curve, and in the proof."""
    page.open("stream/many%2Ftemp")
    expect(page.page.locator(".chart .line")).to_have_count(1)
    rows = page.page.get_by_role("region", name="Newest readings").locator("tbody tr")
    expect(rows).to_have_count(network.SENT)
    page.done("sensor")
    rows.first.get_by_role("link").last.click()
    page.page.get_by_role("button", name="Check it in this browser").click()
    verdict = page.page.locator(".verdict.good")
    expect(verdict).to_contain_text(f"{network.SENT} readings of many/temp")
    page.done("sensor-proof")


def others(page, network):
    page.open(f"account/{network.address}")
    expect(page.page.get_by_role("region", name="History").locator("tbody tr").first).to_be_visible()
    page.done("account")
    page.open("network")
    expect(page.page.locator(".checks li")).to_have_count(6)
    expect(page.page.locator(".chart .line")).to_have_count(2)
    expect(page.page.get_by_role("region", name="Peers").locator("tbody tr")).to_have_count(3)
    page.done("network")
    page.open("commit/latest")
    expect(page.page.locator("main h1")).to_contain_text("Commit")
    page.done("commit")
    page.open("market")
    offer = page.page.get_by_role("region", name="Offers").locator("tbody tr").first
    expect(offer).to_contain_text("telemetry/paid")
    page.done("market")
    offer.get_by_role("link").last.click()
    expect(page.page.get_by_role("heading", level=1)).to_have_text("Offer")
    page.page.get_by_role("button", name="Check it in this browser").click()
    expect(page.page.locator(".verdict.good")).to_contain_text("1 per reading")
    page.done("offer")
    page.open("nothing")
    expect(page.page.locator("main")).to_contain_text("no such view")


def colours(page):
    page.open("market")
    theme = "document.documentElement.dataset.theme"
    before = page.page.evaluate(theme)
    page.page.get_by_role("button", name="colours").click()
    assert page.page.evaluate(theme) != before
    page.page.reload()
    assert page.page.evaluate(theme) != before, "it is kept"
    page.page.get_by_role("button", name="colours").click()
    page.done("colours")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weft", required=True)
    parser.add_argument("--pictures", type=pathlib.Path)
    parser.add_argument("--rate", type=int, default=RATE, help="transactions a second")
    parser.add_argument("--files", type=pathlib.Path,
                        help="take the explorer's files from this folder, to work on them")
    parser.add_argument("--smooth", action="store_true", help="only measure frames")
    options = parser.parse_args()
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with Network(options.weft, options.rate) as network, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for name, size in WIDTHS.items():
            for dark in (False, True):
                label = f"{name}-{'dark' if dark else 'light'}"
                page = Page(browser, network.nodes[-1], size, label, dark, options)
                if options.smooth:
                    smooth(page)
                else:
                    live(page)
                    search(page, network)
                    proof(page, network)
                    stream(page)
                    sensor(page, network)
                    others(page, network)
                    colours(page)
                page.context.close()
        browser.close()
    print(f"{Page.wrong} troubles in {time.monotonic() - began:.0f} s")
    return min(Page.wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
