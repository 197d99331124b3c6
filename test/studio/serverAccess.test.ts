/** Who is let in: the token in the address, the cookie that it is exchanged for, and what strangers are told. */
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Interruption } from "../../src/cli/io.ts";
import { browserCommand, openBrowser } from "../../src/cli/studio/openBrowser.ts";
import { routes } from "../../src/cli/studio/routes.ts";
import { runStudio } from "../../src/cli/studio/runStudio.ts";
import { palimpsest } from "../cli/harness.ts";
import {
  headerFaults,
  ownPost,
  pageFiles,
  request,
  send,
  serve,
  serveClosed,
  temporaryFolder,
  writeFiles,
} from "./serving.ts";

/** An address of a route's form. */
const addressOf = (path: string) =>
  path.replace(":path{.+}", "index.html").replace(":id", "0123456789abcdef");

test("every route there is refuses who has no cookie, or a wrong one, and changes nothing", async () => {
  const { port, cookie, cwd } = await serve();
  const [name, value] = cookie.split("=");
  const other = await serve();
  const strangers = [
    null,
    "",
    `${name}=`,
    `${name}=${"0".repeat(64)}`,
    `${name}=${value.slice(1)}`,
    `${name}=${value}0`,
    `${name}=${value.toUpperCase()}x`,
    `${name}="${value}"`,
    `${name} =${value}`,
    `x${name}=${value}`,
    `palimpsest-${port + 1}=${value}`,
    `palimpsest=${value}`,
    value,
    other.cookie,
    `${name}=${other.cookie.split("=")[1]}`,
  ];
  expect(routes.length).toBeGreaterThan(6);
  for (const { method, path, body } of routes)
    for (const stranger of strangers) {
      const target = addressOf(path);
      const lines = method === "GET" ? [] : ownPost(port, body);
      const sent = method === "GET" ? undefined : '{"study":"persistence"}';
      const answer = await send(
        port,
        request({ port }, { method, target, lines, body: sent, cookie: stranger }),
      );
      expect({ method, path, stranger, status: answer.status }).toEqual({
        method,
        path,
        stranger,
        status: 401,
      });
      expect(headerFaults(answer)).toEqual([]);
      const text = answer.body.toString();
      if (target.startsWith("/api/")) expect(JSON.parse(text)).toEqual({ error: expect.any(String) });
      expect(text).toMatch(/has not been let in/);
      expect(text).not.toContain(value);
      expect(text).not.toContain("Studio</title>");
      expect(answer.headers.get("www-authenticate")).toEqual(['Cookie realm="palimpsest studio"']);
      expect(answer.headers.has("set-cookie")).toBe(false);
    }
  expect(readdirSync(cwd)).toEqual([]);
});

test("no file of the page is shown to a stranger", async () => {
  const { port } = await serve();
  for (const path of ["", ...Object.keys(pageFiles)])
    expect(await send(port, request({ port }, { target: `/${path}` })), path).toMatchObject({ status: 401 });
});

test("every route answers who has the cookie, among other cookies and in any of several headers", async () => {
  const { port, cookie } = await serve();
  for (const { method, path, body } of routes) {
    const lines = [...(method === "GET" ? [] : ownPost(port, body)), `Cookie: a=b; ${cookie}`];
    const name = cookie.split("=")[0];
    const parts = { method, target: addressOf(path), lines, cookie: `${name}=wrong; c=d` };
    const { status } = await send(
      port,
      request({ port }, { ...parts, body: method === "GET" ? undefined : "{}" }),
    );
    expect([200, 400, 404], `${method} ${path}`).toContain(status);
  }
});

test("the token lets one browser in, once, and the address that is then shown holds none", async () => {
  const { port, url } = await serveClosed();
  const target = new URL(url).search;
  expect(target).toMatch(/^\?token=[0-9a-f]{64}$/);
  for (const wrong of [
    `?token=${"0".repeat(64)}`,
    `${target}0`,
    `${target}&x=1`,
    `?x=1&${target.slice(1)}`,
    target.replace("token", "Token"),
    `index.html${target}`,
    `api/runs${target}`,
  ])
    expect(
      await send(port, request({ port }, { target: wrong.startsWith("?") ? wrong : `/${wrong}` })),
    ).toMatchObject({
      status: 401,
    });
  // neither another method nor another site's page uses the token up
  const elsewhere = { target, lines: ["Sec-Fetch-Site: cross-site"] };
  expect(await send(port, request({ port }, elsewhere))).toMatchObject({ status: 403 });
  const posted = { method: "POST", target, lines: ownPost(port), body: "{}" };
  expect(await send(port, request({ port }, posted))).toMatchObject({ status: 401 });

  const answer = await send(port, request({ port }, { target, lines: ["Sec-Fetch-Site: none"] }));
  expect(answer.status).toBe(303);
  expect(answer.headers.get("location")).toEqual(["/"]);
  expect(answer.body.length).toBe(0);
  expect(headerFaults(answer)).toEqual([]);
  const [cookie] = answer.headers.get("set-cookie") as string[];
  expect(cookie).toMatch(new RegExp(`^palimpsest-${port}=[0-9a-f]{64}; Path=/; HttpOnly; SameSite=Strict$`));
  expect(cookie).not.toContain(target.slice(7));

  expect(await send(port, request({ port }, { target }))).toMatchObject({ status: 401 });
  const own = { cookie: cookie.split(";")[0] };
  const again = await send(port, request({ port, ...own }, { target }));
  expect(again.status).toBe(303);
  expect(again.headers.has("set-cookie")).toBe(false);
  expect(await send(port, request({ port, ...own }, {}))).toMatchObject({ status: 200 });
});

test("tokens and cookies are 256 bits that no two servers share", async () => {
  const servers = await Promise.all(Array.from({ length: 4 }, () => serve()));
  const secrets = servers.flatMap(({ url, cookie }) => [url.split("=")[1], cookie.split("=")[1]]);
  expect(new Set(secrets).size).toBe(8);
  for (const secret of secrets) expect(Buffer.from(secret, "hex").length).toBe(32);
});

/** The command as the command line runs it, up to the moment it has said where it serves. */
async function started(args: readonly string[], cwd = temporaryFolder()) {
  const page = temporaryFolder();
  writeFiles(page, pageFiles);
  const controller = new AbortController();
  let said = () => {};
  const printed = new Promise<void>((resolve) => {
    said = resolve;
  });
  const ended = palimpsest(["studio", "--no-open", ...args], {
    io: { cwd, signal: controller.signal },
    handlers: {
      studio: (options, io) => {
        const print: typeof io.print = (...line) => {
          io.print(...line);
          said();
        };
        return runStudio(options, { ...io, print }, page);
      },
    },
  });
  await Promise.race([printed, ended]);
  const stop = () => {
    controller.abort({ by: "SIGINT", exitCode: 130 } satisfies Interruption);
    return ended;
  };
  return { cwd, stop, ended };
}

test("the command prints one line with the address, serves, and ends like the others when it is stopped", async () => {
  const { stop } = await started([]);
  const answer = await stop();
  const line = /^Studio: http:\/\/127\.0\.0\.1:(\d+)\/\?token=[0-9a-f]{64} {3}Ctrl\+C stops it\.\n$/;
  expect(answer).toMatchObject({ exitCode: 130, stderr: "palimpsest: stopped by SIGINT.\n" });
  expect(answer.stdout).toMatch(line);
  const port = Number(line.exec(answer.stdout)?.[1]);
  expect(await send(port, request({ port }, {}))).toMatchObject({ status: 0 });
});

test("a token file is the owner's alone, holds the address that is not printed, and is gone at the end", async () => {
  const { cwd, stop } = await started(["--token-file", "secret", "--json"]);
  const file = join(cwd, "secret");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const url = readFileSync(file, "utf8").trim();
  const { port, search, origin } = new URL(url);
  expect(await send(Number(port), request({ port: Number(port) }, { target: search }))).toMatchObject({
    status: 303,
  });
  const { stdout } = await stop();
  expect(JSON.parse(stdout)).toEqual({ url: origin, port: Number(port), tokenFile: "secret" });
  expect(existsSync(file)).toBe(false);
});

test("nothing that is there already is overwritten by a token file, through no link either", async () => {
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, "precious"), "mine");
  symlinkSync("nowhere", join(cwd, "link"));
  for (const name of ["precious", "link"]) {
    const { ended } = await started(["--token-file", name], cwd);
    expect(await ended).toMatchObject({
      exitCode: 2,
      stdout: "",
      stderr: `--token-file ${name}: must be a new file; got one that is there already. Remove it, or name another.\n`,
    });
  }
  expect(readdirSync(cwd).sort()).toEqual(["link", "precious"]);
  expect(readFileSync(join(cwd, "precious"), "utf8")).toBe("mine");
});

test("another address than the loopback is listened on only by name and with a token file, and still asks for both", async () => {
  const outside = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .find(({ internal, family }) => !internal && family === "IPv4")?.address;
  // a machine without a network has the rest of 127.0.0.0/8
  const address = outside ?? "127.0.0.2";
  const { cwd, stop } = await started(["--host", address, "--token-file", "secret"]);
  const { host, port: text, search } = new URL(readFileSync(join(cwd, "secret"), "utf8"));
  const port = Number(text);
  expect(host).toBe(`${address}:${text}`);
  const at = (parts: Parameters<typeof request>[1]) => send(port, request({ port }, parts), address);
  expect(await at({ host: [`Host: ${host}`] })).toMatchObject({ status: 401 });
  expect(await at({ host: [`Host: localhost:${port}`], target: search })).toMatchObject({ status: 403 });
  expect(await at({ host: [`Host: ${host}`], target: search })).toMatchObject({ status: 303 });
  expect(await send(port, request({ port }, {}))).toMatchObject({ status: 0 });
  await stop();
});

test.each([
  [["--host", "192.0.2.1"], "--host: needs --token-file, so that the token is in no log; got none."],
  ...["0.0.0.0", "::", "0", "localhost", "fe80::1%eth0", "evil.test", "127.0.0.1:80", ""].map(
    (host): [string[], string] => [
      ["--host", host, "--token-file", "x"],
      `--host: must be one IP address of this machine, the one that browsers will name; got ${JSON.stringify(host)}.`,
    ],
  ),
  [["--port", "80"], '--port: must be a whole number, 1024 to 65535; got "80".'],
  [["nowhere"], "nowhere: cannot be opened as a run; got no such file or folder (ENOENT)."],
  [
    ["a", "b"],
    'palimpsest studio: takes <run> (run folder, or its manifest.json, to open) and options; got "a", "b".',
  ],
])("studio %j is refused in one sentence", async (args, sentence) => {
  const { ended } = await started(args);
  expect(await ended).toEqual({ exitCode: 2, stdout: "", stderr: `${sentence}\n`, calls: [] });
});

const standard = { run: null, port: 0, host: null, tokenFile: null, open: true };

test.each([
  [[], {}],
  [["runs/a"], { run: "runs/a" }],
  [["--port", "8123"], { port: 8123 }],
  [["--no-open"], { open: false }],
  [["--token-file", "t"], { tokenFile: "t" }],
  [["--host", "10.0.0.7", "--token-file", "t"], { host: "10.0.0.7", tokenFile: "t" }],
  [["--host", "2001:db8::7", "--token-file", "t"], { host: "2001:db8::7", tokenFile: "t" }],
])("studio %j changes what it says and nothing else", async (args, change) => {
  const { calls, stderr } = await palimpsest(["studio", ...args]);
  expect(stderr).toBe("");
  expect(calls).toEqual([["studio", { ...standard, ...change }]]);
});

test("without a built page the command says so and ends with 2", async () => {
  const empty = temporaryFolder();
  const answer = await palimpsest(["studio", "--no-open"], {
    io: { cwd: empty },
    handlers: { studio: (options, io) => runStudio(options, io, empty) },
  });
  expect(answer).toMatchObject({
    exitCode: 2,
    stderr:
      "palimpsest studio: the page has not been built; got no index.html in dist/studio. Run `npm run build` first.\n",
  });
});

test("a defect is told whole on this machine, and by its number alone to who asked", async () => {
  const controller = new AbortController();
  const answer = await palimpsest(["studio"], {
    io: { cwd: "/somewhere", signal: controller.signal },
    handlers: {
      studio: async (_, { report }) => {
        report(new TypeError("in /secret/place\u001b[2J"), "00c0ffee");
        return 0;
      },
    },
  });
  expect(answer.stderr).toBe(
    "defect 00c0ffee: palimpsest: this is a defect of Palimpsest, not of what it was given; got TypeError: in /secret/place. Set PALIMPSEST_STACK=1 to see where.\n",
  );
});

test.each([
  [{ platform: "linux", env: {} }, null],
  [{ platform: "linux", env: { DISPLAY: "" } }, null],
  [{ platform: "linux", env: { DISPLAY: ":0" } }, ["xdg-open", "http://a/"]],
  [{ platform: "linux", env: { WAYLAND_DISPLAY: "wayland-0" } }, ["xdg-open", "http://a/"]],
  [{ platform: "darwin", env: {} }, ["open", "http://a/"]],
  [{ platform: "win32", env: {} }, ["cmd", "/c", "start", "", "http://a/"]],
] as const)("on %j the browser is opened by %j", (desktop, command) => {
  expect(browserCommand("http://a/", desktop)).toEqual(command);
});

test("a browser that cannot be started is no error", async () => {
  const env = { DISPLAY: ":0", PATH: temporaryFolder() };
  const child = openBrowser("http://a/", { platform: "linux", env });
  const [error] = await once(child as NonNullable<typeof child>, "error");
  expect(error.code).toBe("ENOENT");
});
