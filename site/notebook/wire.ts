/** The little of ZMTP 3.0 that a Jupyter kernel is spoken to with: one socket, messages of several frames. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A connection to one socket of a kernel. */
export interface Wire {
  send(frames: readonly Uint8Array[]): void;
  close(): void;
}

/** Bits of a frame's first byte. */
const [MORE, LONG, COMMAND] = [1, 2, 4];
/** Signature, version 3.0, security mechanism NULL, client, filler. */
const GREETING = Buffer.alloc(64);
GREETING.set([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0]);
GREETING.write("NULL", 12, "ascii");

function frame(flags: number, body: Uint8Array): Buffer {
  if (body.length < 256) return Buffer.concat([Buffer.of(flags, body.length), body]);
  const head = Buffer.alloc(9);
  head[0] = flags | LONG;
  head.writeBigUInt64BE(BigInt(body.length), 1);
  return Buffer.concat([head, body]);
}

/** `READY` with the one property that is required. */
function ready(kind: "DEALER" | "SUB"): Buffer {
  const value = Buffer.from(kind);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(value.length);
  const name = "Socket-Type";
  return frame(
    COMMAND,
    Buffer.concat([Buffer.from(`\x05READY${String.fromCharCode(name.length)}${name}`), size, value]),
  );
}

/** Cuts bytes as they come into whole messages. */
function messageReader(onMessage: (frames: Buffer[]) => void): (bytes: Buffer) => void {
  let waiting = Buffer.alloc(0);
  let greeted = false;
  let frames: Buffer[] = [];
  return (bytes) => {
    waiting = Buffer.concat([waiting, bytes]);
    if (!greeted) {
      if (waiting.length < GREETING.length) return;
      greeted = true;
      waiting = waiting.subarray(GREETING.length);
    }
    for (;;) {
      if (waiting.length < 2) return;
      const [flags] = waiting;
      const head = flags & LONG ? 9 : 2;
      if (waiting.length < head) return;
      const size = flags & LONG ? Number(waiting.readBigUInt64BE(1)) : waiting[1];
      if (waiting.length < head + size) return;
      const body = waiting.subarray(head, head + size);
      waiting = waiting.subarray(head + size);
      if (flags & COMMAND) continue;
      frames.push(body);
      if (flags & MORE) continue;
      onMessage(frames);
      frames = [];
    }
  };
}

/**
 * Connects to a socket of a kernel, waiting until the kernel listens.
 *
 * @param kind  `DEALER` asks and is answered; `SUB` hears everything that is published
 * @throws Error after `patience` milliseconds without anyone listening
 */
export async function openWire(
  { port, kind, patience = 20_000 }: { port: number; kind: "DEALER" | "SUB"; patience?: number },
  onMessage: (frames: Buffer[]) => void,
): Promise<Wire> {
  const socket = await listening(port, patience);
  socket.on("data", messageReader(onMessage));
  socket.on("error", () => socket.destroy());
  socket.write(Buffer.concat([GREETING, ready(kind)]));
  // a subscription is a message: 1, then the prefix of topics, here none
  if (kind === "SUB") socket.write(frame(0, Buffer.of(1)));
  return {
    send: (frames) =>
      void socket.write(
        Buffer.concat(frames.map((body, i) => frame(i < frames.length - 1 ? MORE : 0, body))),
      ),
    close: () => void socket.destroy(),
  };
}

async function listening(port: number, patience: number): Promise<Socket> {
  const start = performance.now();
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return socket;
    } catch (error) {
      socket.destroy();
      if (performance.now() - start > patience) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
