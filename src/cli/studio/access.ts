/** Who may use the studio's server: whoever was given the address with its token, and from then on that browser. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** Bytes of a secret: 256 bits. */
const secretBytes = 32;

/** The secrets of one server, made when it starts and gone when it ends. */
export interface Access {
  /** 64 hexadecimal digits that open the server once. */
  readonly token: string;
  /** Whether this is the token; from then on no token is. */
  redeem(token: string): boolean;
  /** Whether one of a request's Cookie headers holds what {@link cookie} set. */
  admits(cookieHeaders: readonly string[]): boolean;
  /** Value of Set-Cookie for the browser that brought the token. */
  readonly cookie: string;
}

const digest = (text: string) => createHash("sha256").update(text).digest();

/** Whether two texts are equal, in a time that does not tell where they differ. */
function equal(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

/**
 * New secrets.
 *
 * The cookie lasts as long as the browser runs, no script can read it, and no other site's page has it sent along.
 * Cookies do not know ports, so its name holds the port: servers side by side do not overwrite each other's.
 *
 * @param port  of the server
 */
export function createAccess(port: number): Access {
  const token = randomBytes(secretBytes).toString("hex");
  const session = randomBytes(secretBytes).toString("hex");
  const name = `palimpsest-${port}`;
  let spent = false;
  return {
    token,
    cookie: `${name}=${session}; Path=/; HttpOnly; SameSite=Strict`,
    redeem: (given) => {
      if (spent || !equal(given, token)) return false;
      spent = true;
      return true;
    },
    admits: (headers) =>
      headers
        .flatMap((header) => header.split(";"))
        .map((pair) => pair.trim())
        .some((pair) => pair.startsWith(`${name}=`) && equal(pair.slice(name.length + 1), session)),
  };
}
