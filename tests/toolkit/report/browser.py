#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Looks at pages in Chromium as a reader would, and prints what is wrong with them, a fault a line.

browser.py CHROMIUM CHROMEDRIVER PAGE...; with --keep DIR before them it leaves screenshots and PDFs there.
"""

import base64
import json
import os
import pathlib
import re
import sys
import tempfile

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

WIDTHS = [360, 768, 1400]
HEIGHT = 900
SCHEMES = ["light", "dark"]

# What is wrong with the page as it is shown now, as a list of sentences.
FAULTS = r"""
const faults = [];
const width = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth > width)
    faults.push(`the page scrolls sideways: ${document.documentElement.scrollWidth} of ${width} pixels`);
const name = (element) => `${element.tagName} "${element.textContent.trim().slice(0, 40)}"`;

// Colours: what is drawn on what.
const channels = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
        const [r, g, b, a = 1] = channels(getComputedStyle(at).backgroundColor);
        if (a === 1) return [r, g, b];
        if (a > 0) faults.push(`${name(at)} has a ground that can be seen through`);
    }
    return [255, 255, 255];
};
const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (a, b) => {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
};
const expect = (least, colour, element) => {
    const found = contrast(channels(colour).slice(0, 3), ground(element));
    if (!(found >= least)) faults.push(`${name(element)}: contrast ${found.toFixed(2)}, not ${least}`);
};
let texts = 0;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility() || ["title", "desc"].includes(element.tagName)) continue;
    texts += 1;
    const style = getComputedStyle(element);
    expect(4.5, element.closest("svg") ? style.fill : style.color, element);
}
if (texts < 100) faults.push(`only ${texts} texts are visible`);
for (const line of document.querySelectorAll(".line, .bar, .mark"))
    if (line.checkVisibility()) expect(3, line.matches(".line") ? getComputedStyle(line).stroke : getComputedStyle(line).fill, line);

// Drawings: there, large enough, and no text on another or outside.
const charts = [...document.querySelectorAll("svg.chart")].filter((chart) => chart.checkVisibility());
for (const figure of document.querySelectorAll("figure:has(svg.chart)"))
    if ([...figure.querySelectorAll("svg.chart")].filter((chart) => chart.checkVisibility()).length !== 1)
        faults.push(`${name(figure)} shows not one drawing`);
for (const chart of charts) {
    const box = chart.getBoundingClientRect();
    if (box.width < 250 || box.height < 50) faults.push(`${name(chart)} is ${box.width} x ${box.height}`);
    const boxes = [...chart.querySelectorAll("text")].map((text) => [text, text.getBoundingClientRect()]);
    boxes.forEach(([text, one], n) => {
        if (one.height < 8) faults.push(`${name(text)} in ${chart.querySelector("title").textContent}: ${one.height.toFixed(1)} pixels high`);
        if (one.left < box.left - 1 || one.right > box.right + 1 || one.top < box.top - 1 || one.bottom > box.bottom + 1)
            faults.push(`${name(text)} leaves ${chart.querySelector("title").textContent}`);
        for (const [other, two] of boxes.slice(n + 1)) {
            const across = Math.min(one.right, two.right) - Math.max(one.left, two.left);
            // Boxes of lines are higher than their letters.
            const down = Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top);
            if (across > 0.5 && down > 3)
                faults.push(`${name(text)} lies on ${name(other)} in ${chart.querySelector("title").textContent}`);
        }
    });
}
return {faults, charts: charts.length};
"""

# On paper nothing is folded, cut or left to scroll.
ON_PAPER = r"""
const faults = [];
const page = arguments[0];
for (const details of document.querySelectorAll("details")) {
    const inner = details.querySelector("table");
    if (!inner.checkVisibility() || inner.getBoundingClientRect().height < 20)
        faults.push(`folded: ${details.querySelector("caption").textContent}`);
}
for (const drawing of document.querySelectorAll("svg.chart")) {
    if (!drawing.checkVisibility()) continue;
    if (getComputedStyle(drawing).breakInside !== "avoid") faults.push(`may be cut: ${drawing.querySelector("title").textContent}`);
    const height = drawing.getBoundingClientRect().height;
    if (height > page) faults.push(`longer than a page: ${drawing.querySelector("title").textContent}, ${height}`);
}
for (const box of document.querySelectorAll(".scroll, pre"))
    if (box.scrollWidth > box.clientWidth + 1) faults.push(`cut at the right: ${box.textContent.slice(0, 40)}, ${box.scrollWidth} of ${box.clientWidth}`);
const white = getComputedStyle(document.body).backgroundColor;
if (white !== "rgb(255, 255, 255)") faults.push(`paper is ${white}`);
return faults;
"""

MM = 96 / 25.4
PAPER = (210 - 2 * 12, 297 - 2 * 14)  # millimetres of A4 within the margins


class Browser:
    def __init__(self, chromium, chromedriver, profile):
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for argument in [
            "--headless=new",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
        ]:
            options.add_argument(argument)
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(chromedriver))

    def cdp(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def show(self, url, width, media, scheme):
        """Loads the page afresh, and gives back what it asked for and complained of on the way."""
        self.driver.get("about:blank")
        self.driver.get_log("performance")
        self.driver.get_log("browser")
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=HEIGHT, deviceScaleFactor=1, mobile=False)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.cdp("Emulation.setEmulatedMedia", media=media, features=features)
        self.driver.get(url)
        faults = [f"console: {entry['message']}" for entry in self.driver.get_log("browser")]
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        if url not in asked:
            faults.append(f"the log of requests does not even have the page: {asked}")
        faults += [f"request: {other}" for other in asked if other != url]
        return faults

    def screenshot(self):
        height = self.driver.execute_script("return document.documentElement.scrollHeight")
        width = self.driver.execute_script("return document.documentElement.clientWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        return base64.b64decode(self.cdp("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"])


def on_screen(browser, page, keep):
    faults = []
    for width in WIDTHS:
        for scheme in SCHEMES:
            what = f"{page.stem} {width} {scheme}"
            found = browser.show(page.as_uri(), width, "screen", scheme)
            looked = browser.driver.execute_script(FAULTS)
            # What is folded is looked at, too.
            browser.driver.execute_script("document.querySelectorAll('details').forEach((one) => (one.open = true))")
            found += looked["faults"] + browser.driver.execute_script(FAULTS)["faults"]
            if keep:
                (keep / f"{page.stem}-{width}-{scheme}.png").write_bytes(browser.screenshot())
            faults += [f"{what}: {fault}" for fault in dict.fromkeys(found)]
            print(f"ok {what}: {looked['charts']} drawings" if not found else f"FAULTS {what}")
    return faults


def on_paper(browser, page, keep):
    what = f"{page.stem} on paper"
    # A reader with a dark screen prints, too.
    found = browser.show(page.as_uri(), round(PAPER[0] * MM), "print", "dark")
    found += browser.driver.execute_script(ON_PAPER, PAPER[1] * MM)
    pdf = base64.b64decode(browser.cdp("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"])
    height = browser.driver.execute_script("return document.documentElement.scrollHeight")
    pages = len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))
    # What is kept together leaves gaps, but not more than it fills.
    least = height / (PAPER[1] * MM)
    if not least <= pages <= 2 * least + 2:
        found.append(f"{pages} pages, where {least:.1f} hold all that there is")
    if keep:
        (keep / f"{page.stem}.pdf").write_bytes(pdf)
    print(f"ok {what}: {pages} pages" if not found else f"FAULTS {what}")
    return [f"{what}: {fault}" for fault in found]


def main():
    arguments = sys.argv[1:]
    keep = None
    if arguments[0] == "--keep":
        keep = pathlib.Path(arguments[1])
        arguments = arguments[2:]
    chromium, chromedriver, *pages = arguments
    faults = []
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(chromium, chromedriver, profile)
        try:
            for page in map(pathlib.Path, pages):
                page = page.resolve()
                faults += on_screen(browser, page, keep) + on_paper(browser, page, keep)
        finally:
            browser.driver.quit()
    print("\n".join(faults))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
