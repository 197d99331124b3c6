/** Which requests the studio's server looks at: raw ones, because no client library sends the wrong ones. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { headerFaults, ownPost, pageFiles, request, send, serve, serveClosed } from "./serving.ts";

/** Local addresses that the kernel says are listened on at a port, as hexadecimal words; none on another system. */
function listening(port: number): string[] {
  return ["/proc/net/tcp", "/proc/net/tcp6"]
    .filter((file) => existsSync(file))
    .flatMap((file) => readFileSync(file, "utf8").trim().split("\n").slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === "0A" && Number.parseInt(local.split(":")[1], 16) === port)
    .map(([, local]) => local.split(":")[0]);
}

test("the kernel says that the loopback alone is listened on, and other addresses of this machine do not answer", async () => {
  const { port, addresses } = await serve();
  const kernel = { "127.0.0.1": "0100007F", "::1": "00000000000000000000000001000000" };
  const known = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const has6 = known.some(({ address }) => address === "::1");
  expect(addresses).toEqual(has6 ? ["127.0.0.1", "::1"] : ["127.0.0.1"]);
  if (existsSync("/proc/net/tcp"))
    expect(listening(port)).toEqual(addresses.map((address) => kernel[address as keyof typeof kernel]));
  const others = known.filter(({ internal, family }) => !internal && family === "IPv4");
  for (const { address } of others)
    expect(await send(port, request({ port }, {}), address)).toMatchObject({ status: 0 });
});

test("both loopback addresses answer by all three names", async () => {
  const { port, cookie, addresses } = await serve();
  for (const address of addresses)
    for (const name of ["127.0.0.1", "localhost", "[::1]"]) {
      const bytes = request({ port, cookie }, { host: [`Host: ${name}:${port}`] });
      expect(await send(port, bytes, address)).toMatchObject({ status: 200 });
    }
});

test("a request that does not name this server in its one Host is refused and reads nothing", async () => {
  const { port, cookie } = await serve();
  const own = `127.0.0.1:${port}`;
  const foul: (readonly string[])[] = [
    [],
    ["Host:"],
    ["Host: "],
    [`Host: ${own}`, `Host: ${own}`],
    [`Host: ${own}`, "Host: evil.test"],
    ["Host: evil.test", `Host: ${own}`],
    [`Host: ${own}`, `host: evil.test:${port}`],
    ["Host: evil.test"],
    [`Host: evil.test:${port}`],
    ["Host: 127.0.0.1"],
    ["Host: localhost"],
    ["Host: 127.0.0.1:80"],
    [`Host: 127.0.0.1:${port + 1}`],
    [`Host: 127.0.0.1:0${port}`],
    [`Host: 127.0.0.1:${port}0`],
    [`Host: 127.0.0.1:${port}:${port}`],
    [`Host: localhost.:${port}`],
    [`Host: 127.0.0.1.:${port}`],
    [`Host: 127.0.0.1.evil.com:${port}`],
    [`Host: localhost.evil.com:${port}`],
    [`Host: evil-localhost:${port}`],
    [`Host: sub.localhost:${port}`],
    [`Host: 0.0.0.0:${port}`],
    [`Host: 0:${port}`],
    [`Host: [::]:${port}`],
    [`Host: [::ffff:127.0.0.1]:${port}`],
    [`Host: ::1:${port}`],
    [`Host: 127.1:${port}`],
    [`Host: 2130706433:${port}`],
    [`Host: 0x7f.1:${port}`],
    [`Host: 127.0.0.2:${port}`],
    [`Host: user@127.0.0.1:${port}`],
    [`Host: 127.0.0.1:${port}@evil.test`],
    [`Host: 127.0.0.1:${port}, evil.test`],
    [`Host: 127.0.0.1:${port} evil.test`],
    [`Host: 127.0.0.1:${port}/`],
    [`Host: 127.0.0.1:${port}?`],
    [`Host: 127.0.0.1:${port}#`],
    [`Host: http://127.0.0.1:${port}`],
    [`Host: 127.0.0.1\\:${port}`],
    [`Host: 127.0.0.1%3A${port}`],
    [`Host: *:${port}`],
    [`Host: LOCALHOST:${port}`],
    [`Host: 127.0.0.1:${port}\x80`],
    [`X-Forwarded-Host: ${own}`, "Host: evil.test"],
    [`Forwarded: host=${own}`, `Host: evil.test:${port}`],
  ];
  expect(foul.length).toBeGreaterThan(40);
  for (const host of foul)
    for (const target of ["/", "/api/runs"]) {
      const answer = await send(port, request({ port, cookie }, { host, target }));
      expect({
        host,
        status: answer.status,
        bytes: answer.body.length,
        faults: headerFaults(answer),
      }).toEqual({
        host,
        status: expect.toSatisfy((status) => status === 400 || status === 403),
        bytes: 0,
        faults: [],
      });
    }
});

test("a request in absolute form, or in the old version without a Host, is refused", async () => {
  const { port, cookie } = await serve();
  const raw = async (text: string) => (await send(port, Buffer.from(text, "latin1"))).status;
  const rest = `Cookie: ${cookie}\r\nConnection: close\r\n\r\n`;
  const host = `Host: 127.0.0.1:${port}\r\n`;
  expect(await raw(`GET / HTTP/1.1\r\n${host}${rest}`)).toBe(200);
  expect(await raw(`GET http://evil.test/ HTTP/1.1\r\n${host}${rest}`)).toBe(400);
  expect(await raw(`GET http://127.0.0.1:${port}/ HTTP/1.1\r\n${host}${rest}`)).toBe(400);
  expect(await raw(`GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: evil.test\r\n${rest}`)).toBe(403);
  expect(await raw(`GET / HTTP/1.0\r\n${rest}`)).toBe(400);
  expect(await raw(`OPTIONS * HTTP/1.1\r\n${host}${rest}`)).toBe(403);
  // a proxy's request gets no answer at all
  expect(await raw(`CONNECT evil.test:80 HTTP/1.1\r\n${host}${rest}`)).toBe(0);
});

test("what comes from another site, or tells less than a browser does, is refused and changes nothing", async () => {
  const { port, cookie, cwd } = await serve();
  const own = `http://127.0.0.1:${port}`;
  const json = "Content-Type: application/json";
  const save = { method: "POST", target: "/api/saves", body: '{"study":"persistence"}' };
  const foul: { status: number; method?: string; target?: string; body?: string; lines: string[] }[] = [
    ...[
      "null",
      "http://evil.test",
      `http://evil.test:${port}`,
      "https://127.0.0.1",
      `https://127.0.0.1:${port}`,
      "http://127.0.0.1",
      `http://127.0.0.1:${port + 1}`,
      `http://localhost:${port}`,
      `${own}.evil.test`,
      `${own}/`,
      `${own} http://evil.test`,
      "file://",
      "",
    ].flatMap((origin) => [
      { ...save, status: 403, lines: [json, `Origin: ${origin}`] },
      { status: 403, target: "/api/runs", lines: [`Origin: ${origin}`] },
    ]),
    { ...save, status: 403, lines: [json] },
    { ...save, status: 403, lines: [json, `Origin: ${own}`, "Origin: http://evil.test"] },
    { ...save, status: 403, lines: [json, `Origin: ${own}`, `Origin: ${own}`] },
    ...["cross-site", "same-site", "", "Same-Origin", "same-origin, none"].flatMap((site) => [
      { ...save, status: 403, lines: [json, `Origin: ${own}`, `Sec-Fetch-Site: ${site}`] },
      { status: 403, target: "/", lines: [`Sec-Fetch-Site: ${site}`, "Sec-Fetch-Mode: navigate"] },
      { status: 403, target: "/api/runs", lines: [`Sec-Fetch-Site: ${site}`] },
    ]),
    { status: 403, lines: ["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"] },
    {
      status: 403,
      target: "/api/runs",
      lines: [
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
      ],
    },
    {
      status: 403,
      lines: [`Origin: ${own}`, "Upgrade: websocket", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="],
    },
    { status: 403, lines: ["Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"] },
    ...[
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
      "text/json",
      "application/jsonp",
      "",
    ].map((type) => ({ ...save, status: 415, lines: [`Origin: ${own}`, `Content-Type: ${type}`] })),
    { ...save, status: 415, lines: [`Origin: ${own}`] },
    { ...save, status: 415, lines: [`Origin: ${own}`, json, "Content-Encoding: gzip"] },
    {
      status: 403,
      method: "OPTIONS",
      target: "/api/saves",
      lines: [
        "Origin: http://evil.test",
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: content-type",
        "Access-Control-Request-Private-Network: true",
      ],
    },
    { status: 405, method: "OPTIONS", target: "/api/saves", lines: [`Origin: ${own}`] },
    { status: 405, method: "DELETE", target: "/api/runs", lines: [`Origin: ${own}`] },
    { status: 405, method: "TRACE", lines: [`Origin: ${own}`] },
    { status: 403, method: "HEAD", lines: [] },
  ];
  for (const { status, ...parts } of foul) {
    const answer = await send(port, request({ port, cookie }, parts));
    expect({ parts, status: answer.status, faults: headerFaults(answer) }).toEqual({
      parts,
      status,
      faults: [],
    });
  }
  expect(readdirSync(cwd)).toEqual([]);
});

test("addresses that are not plain paths are refused, whatever they would lead to", async () => {
  const { port, cookie, cwd } = await serve();
  const foul = [
    "/../../etc/passwd",
    "/assets/../index.html",
    "/./index.html",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..%2f..%2fetc/passwd",
    "/assets/%2e%2e%2findex.html",
    "/assets%2findex-AbCd1234.css",
    "//etc/passwd",
    "//evil.test/",
    "/assets//plain.svg",
    "/assets/",
    "/assets\\plain.svg",
    "/..\\..\\etc\\passwd",
    "/index.html\0",
    "/index.html%00",
    "/index.html%00.png",
    "/.git/config",
    "/assets/.hidden",
    "/index.html::$DATA",
    "/c:/windows/win.ini",
    "/~root",
    "/index.html#x",
    "/?a#b",
    "/a b",
    "*",
    "index.html",
    "",
    `/${"a".repeat(20_000)}`,
  ];
  for (const target of foul) {
    const answer = await send(port, request({ port, cookie }, { target }));
    expect({ target: target.slice(0, 40), status: answer.status, faults: headerFaults(answer) }).toEqual({
      target: target.slice(0, 40),
      status: target.length > 16_384 ? 431 : 400,
      faults: [],
    });
    expect(answer.body.toString()).not.toContain("root:");
  }
  expect(readdirSync(cwd)).toEqual([]);
});

test("every file of the page is served with its type, and only hashed names may be kept", async () => {
  const { port, cookie } = await serve();
  const types: Record<string, string> = {
    "index.html": "text/html; charset=utf-8",
    "assets/index-_bCd-234.js": "text/javascript; charset=utf-8",
    "assets/worker-Zz001122.js": "text/javascript; charset=utf-8",
    "assets/index-AbCd1234.css": "text/css; charset=utf-8",
    "assets/plain.svg": "image/svg+xml",
    "strange.xyz": "application/octet-stream",
  };
  expect(Object.keys(types)).toEqual(Object.keys(pageFiles));
  for (const [path, type] of [...Object.entries(types), ["", types["index.html"]]]) {
    const answer = await send(port, request({ port, cookie }, { target: `/${path}?anything=%2e%2e&a[]=/` }));
    const { status, headers, body } = answer;
    expect({ path, status, type: headers.get("content-type"), text: body.toString() }).toEqual({
      ...{ path, status: 200, type: [type], text: pageFiles[path || "index.html"] },
    });
    const kept = /-[\w-]{8}\./.test(path) ? "private, max-age=31536000, immutable" : "no-store";
    expect({ path, kept: headers.get("cache-control") }).toEqual({ path, kept: [kept] });
    expect(headerFaults(answer)).toEqual([]);
  }
});

test("responses that Node makes before there is a request carry the headers too", async () => {
  const { port, cookie } = await serve();
  const host = `Host: 127.0.0.1:${port}`;
  const foul: [number, string][] = [
    [400, "nonsense\r\n\r\n"],
    [400, `GET / HTTP/9.9\r\n${host}\r\n\r\n`],
    [400, `GET / HTTP/1.1\r\n${host}\r\nBroken\r\n\r\n`],
    [400, `GET / HTTP/1.1\r\n${host}\r\n X: folded\r\n\r\n`],
    [400, `POST / HTTP/1.1\r\n${host}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n`],
    [400, `POST / HTTP/1.1\r\n${host}\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n`],
    [400, `POST / HTTP/1.1\r\n${host}\r\nContent-Length: -1\r\n\r\n`],
    [431, `GET / HTTP/1.1\r\n${host}\r\nX: ${"x".repeat(20_000)}\r\n\r\n`],
    [417, `GET / HTTP/1.1\r\n${host}\r\nCookie: ${cookie}\r\nConnection: close\r\nExpect: the-worst\r\n\r\n`],
  ];
  for (const [status, text] of foul) {
    const answer = await send(port, Buffer.from(text, "latin1"));
    expect({ text: text.slice(0, 60), status: answer.status, faults: headerFaults(answer) }).toEqual({
      ...{ text: text.slice(0, 60), status, faults: [] },
    });
  }
});

test("a header that stands after two thousand others is still seen", async () => {
  const { port, cookie } = await serve();
  const lines = [...Array.from({ length: 2500 }, () => "a:"), "Origin: http://evil.test"];
  expect(await send(port, request({ port, cookie }, { lines: lines.slice(0, -1) }))).toMatchObject({
    status: 200,
  });
  expect(await send(port, request({ port, cookie }, { lines }))).toMatchObject({ status: 403 });
});

test("a body that is announced with Expect is asked for only after the gate and the cookie", async () => {
  const { port, cookie, cwd } = await serve();
  const parts = { method: "POST", target: "/api/saves", body: '{"study":"a"}' };
  const lines = [...ownPost(port), "Expect: 100-continue"];
  expect(await send(port, request({ port }, { ...parts, lines }))).toMatchObject({ status: 401 });
  expect(readdirSync(cwd)).toEqual([]);
  expect(await send(port, request({ port, cookie }, { ...parts, lines }))).toMatchObject({ status: 201 });
  expect(readdirSync(join(cwd, "runs"))).toEqual(["a-20250102-030405"]);
});

test("an address that is given in another spelling is known by the one that browsers use", async () => {
  if (!Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === "::1")))
    return;
  const served = await serveClosed({ host: "0:0:0:0:0:0:0:1" });
  const { host, search } = new URL(served.url);
  expect(host).toBe(`[::1]:${served.port}`);
  const bytes = request(served, { host: [`Host: ${host}`], target: search });
  expect(await send(served.port, bytes, "::1")).toMatchObject({ status: 303 });
});

test("a port that another server has on either loopback address is refused in one sentence", async () => {
  const { port, addresses } = await serveClosed();
  await expect(serveClosed({ port })).rejects.toThrow(
    `--port: another program listens there; got 127.0.0.1, port ${port}. Leave --port out for a free one.`,
  );
  expect(addresses.length).toBeGreaterThan(0);
  await expect(serveClosed({ host: "192.0.2.1" })).rejects.toThrow(
    "--host: must be an address of this machine; got 192.0.2.1.",
  );
});
