/** The page that computes the table in a browser. */
import { goldenDigests } from "./goldenDigests.ts";

declare global {
  var inGoldenPage: typeof goldenDigests;
}
globalThis.inGoldenPage = goldenDigests;
