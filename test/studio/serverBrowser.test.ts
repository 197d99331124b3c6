/** The studio's server and a whole browser: its own page has all it needs, pages from elsewhere get nothing. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startBrowser } from "../browser/findBrowser.ts";
import { leftOut } from "../browser/openBrowser.ts";
import { type Served, serveClosed } from "./serving.ts";

/** A name that an attacker has given this machine's address, as DNS rebinding does. */
const EVIL = "evil.test";

/**
 * The name leads to this machine. Chromium of late keeps pages of a network from its loopback by itself; others do not,
 * so what is tested is the server without that.
 */
const FLAGS = [
  `--host-resolver-rules=MAP ${EVIL} 127.0.0.1`,
  "--disable-features=LocalNetworkAccessChecks",
] as const;

/** A server without any of the rules: what the attacks below are worth where nothing stops them. */
async function serveNaively(body: string): Promise<{ port: number; asked: string[] }> {
  const asked: string[] = [];
  const server: Server = createServer(({ method, url }, response) => {
    asked.push(`${method} ${url}`);
    response.writeHead(200, { "content-type": "text/html" }).end(body);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, asked };
}

describe.skipIf(leftOut)("in a browser", () => {
  let scratch = "";
  let started: Promise<Browser>;

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "palimpsest-browser-"));
    started = startBrowser(scratch, process.env, FLAGS).then(({ browser }) => browser);
    await started.catch(() => {});
  });
  afterAll(async () => {
    await started.then((browser) => browser.close()).catch(() => {});
    rmSync(scratch, { recursive: true, force: true });
  });

  /** A page in a profile of its own, and all that it complains of. */
  async function openPage(): Promise<{ page: Page; complaints: string[] }> {
    const context = await (await started).newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => complaints.push(error.message));
    return { page, complaints };
  }

  test("the address opens the page, isolated, without a complaint, and the token leaves the address bar", async () => {
    const served = await serveClosed();
    const { page, complaints } = await openPage();
    await page.goto(served.url);
    await page.waitForFunction(() => document.title === "Studio runs");
    expect(page.url()).toBe(`${served.origin}/`);
    const found = await page.evaluate(() => ({
      isolated: crossOriginIsolated,
      color: getComputedStyle(document.body).color,
      cookie: document.cookie,
      referrer: document.referrer,
    }));
    expect(found).toEqual({ isolated: true, color: "rgb(1, 2, 3)", cookie: "", referrer: "" });
    await page.reload();
    await page.waitForFunction(() => document.title === "Studio runs");
    expect(complaints).toEqual([]);

    const second = await openPage();
    const refused = await second.page.goto(served.url);
    expect(refused?.status()).toBe(401);
    expect(await second.page.textContent("body")).toMatch(/has not been let in/);
  });

  test("the page saves a run with plain fetch, and finds it in the list and in its files", async () => {
    const served = await serveClosed();
    const { page, complaints } = await openPage();
    await page.goto(served.url);
    const found = await page.evaluate(async () => {
      const json = async (path: string, init?: RequestInit) => (await fetch(path, init)).json();
      const headers = { "Content-Type": "application/json" };
      const post = (path: string, value: object) =>
        json(path, { method: "POST", headers, body: JSON.stringify(value) });
      const { id } = await post("api/saves", { study: "persistence", name: "mine" });
      const entry = await json(`api/saves/${id}/files/measurements/loss.parquet`, {
        method: "PUT",
        headers: { "Content-Type": "application/octet-stream" },
        body: new Blob(["ab", "c"]),
      });
      const name = await post(`api/saves/${id}/commit`, {
        ...{ status: "complete", config: { steps: 1 }, versions: { palimpsest: "0.1.0" }, engine: null },
        files: [entry],
      });
      const { runs } = await json("api/runs");
      const file = await fetch(`api/runs/${runs[0].id}/files/measurements/loss.parquet`);
      return { name, runs, text: await file.text() };
    });
    expect(found).toMatchObject({ name: { name: "runs/mine" }, runs: [{ name: "runs/mine" }], text: "abc" });
    expect(complaints).toEqual([]);
    expect(readdirSync(join(served.cwd, "runs/mine")).sort()).toEqual([
      "log.jsonl",
      "manifest.json",
      "measurements",
    ]);
  });

  /** Bytes that a page of the rebound name reads from a port of this machine, by address. */
  async function rebound(
    page: Page,
    port: number,
    targets: readonly string[],
  ): Promise<Record<string, number>> {
    const attack = `http://${EVIL}:${port}/attack.html`;
    // the page itself is from before the name was rebound; everything it asks for then goes to this machine
    await page.route(attack, (route) =>
      route.fulfill({ contentType: "text/html", body: "<p>a nice page</p>" }),
    );
    await page.goto(attack);
    return page.evaluate(async (targets) => {
      const read: Record<string, number> = {};
      for (const target of targets)
        for (const method of ["GET", "POST"]) {
          const init =
            method === "GET" ? {} : { method, body: "{}", headers: { "Content-Type": "application/json" } };
          const response = await fetch(target, init).catch(() => null);
          read[`${method} ${target}`] = response === null ? 0 : (await response.arrayBuffer()).byteLength;
        }
      return read;
    }, targets);
  }

  test("a page whose name was rebound to this machine reads no byte, even with the token", async () => {
    const served = await serveClosed();
    const { page } = await openPage();
    const targets = [
      "/",
      "/api/runs",
      "/api/saves",
      "/assets/plain.svg",
      "/nothing",
      new URL(served.url).search,
    ];
    const nothing = await rebound(page, served.port, targets);
    expect(Object.values(nothing)).toEqual(new Array(12).fill(0));
    expect(existsSync(join(served.cwd, "runs"))).toBe(false);
    // the same page against a server without the rules reads everything: the attack is a real one
    const naive = await serveNaively("secret");
    const all = await rebound(page, naive.port, targets);
    expect(Object.values(all)).toEqual(new Array(12).fill(6));
    // and its request did not use the token up
    await page.goto(served.url);
    expect(page.url()).toBe(`${served.origin}/`);
  });

  /** Everything a page of another site can send to an origin without being asked, from a page of its own. */
  async function attackFrom(page: Page, origin: string, attacker: number): Promise<string[]> {
    await page.goto(`http://${EVIL}:${attacker}/`);
    return page.evaluate(async (origin) => {
      const got: string[] = [];
      const tell = (what: string) => () => got.push(what);
      const post = { method: "POST", body: '{"study":"persistence"}' };
      const tries: [string, RequestInit][] = [
        ["/api/runs", {}],
        ["/api/runs", { credentials: "include" }],
        ["/api/saves", { ...post, headers: { "Content-Type": "application/json" }, credentials: "include" }],
      ];
      for (const [path, init] of tries) await fetch(origin + path, init).then(tell(`read ${path}`), () => {});
      // these are sent without asking, and their answers are not shown
      await fetch(`${origin}/api/saves`, { ...post, mode: "no-cors", credentials: "include" }).catch(
        () => {},
      );
      navigator.sendBeacon(`${origin}/api/saves`, post.body);
      const element = (tag: string, attributes: Record<string, string>) =>
        new Promise<void>((done) => {
          const node = Object.assign(document.createElement(tag), attributes);
          node.addEventListener("load", () => {
            // a frame tells of an error page too
            if (tag !== "iframe") got.push(`loaded ${tag}`);
            done();
          });
          node.addEventListener("error", () => done());
          document.body.append(node);
        });
      await element("script", { src: `${origin}/assets/index-_bCd-234.js` });
      await element("img", { src: `${origin}/assets/plain.svg` });
      await element("link", { rel: "stylesheet", href: `${origin}/assets/index-AbCd1234.css` });
      await element("iframe", { src: `${origin}/` });
      if (document.querySelector("iframe")?.contentDocument != null) got.push("read iframe");
      await new Promise<void>((done) => {
        const socket = new WebSocket(`${origin.replace("http", "ws")}/api/runs`);
        socket.onopen = () => {
          got.push("opened socket");
          done();
        };
        socket.onerror = () => done();
      });
      const form = Object.assign(document.createElement("form"), {
        method: "post",
        action: `${origin}/api/saves`,
        enctype: "text/plain",
        target: "form",
      });
      const frame = Object.assign(document.createElement("iframe"), { name: "form" });
      document.body.append(form, frame);
      await new Promise((done) => {
        frame.addEventListener("load", done, { once: true });
        form.submit();
      });
      return got;
    }, origin);
  }

  test("a page of another site, in the browser that has the cookie, reads nothing and changes nothing", async () => {
    const served: Omit<Served, "cookie"> = await serveClosed();
    const { page } = await openPage();
    await page.goto(served.url);
    const attacker = await serveNaively("<!doctype html><body></body>");
    expect(await attackFrom(page, served.origin, attacker.port)).toEqual([]);
    expect(readdirSync(served.cwd)).toEqual([]);
    expect(served.defects).toEqual([]);
    // a server without the rules was sent all of it
    const naive = await serveNaively("1");
    const got = await attackFrom(page, `http://127.0.0.1:${naive.port}`, attacker.port);
    expect(got).toContain("loaded script");
    expect(naive.asked.filter((line) => line === "POST /api/saves").length).toBeGreaterThanOrEqual(3);
    // neither did the visit cost the studio's own page its cookie
    await page.goto(served.origin);
    await page.waitForFunction(() => document.title === "Studio runs");
  });
});
