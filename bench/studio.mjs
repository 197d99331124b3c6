// How the studio feels: milliseconds to its first frame on a cold load, and frames a second in every view while 16 seeds of
// `original` train as fast as they go, in Chromium, from its own server.
//
//   npm run build && node bench/studio.mjs [--seconds 5]
//
// A frame is late if the one before it was drawn more than a thirtieth of a second earlier; shown is the rate over all
// frames, the share that was late, and the longest gap. Keys are pressed meanwhile, as a person would.
import { parseArgs } from "node:util";
import { createServer } from "vite";

// Vite reads the TypeScript of the page and of its tests, which Node 20 cannot
const vite = await createServer({
  configFile: false,
  server: { middlewareMode: true, ws: false, watch: null },
  appType: "custom",
});
const { viewNames, viewTitles } = await vite.ssrLoadModule("/studio/src/state/viewNames.ts");
const { openStudio } = await vite.ssrLoadModule("/test/studio/openStudio.ts");

const { values } = parseArgs({ options: { seconds: { type: "string", default: "5" } } });
const seconds = Number(values.seconds);
const studio = await openStudio();

/** Draws until the time is over, and tells when each frame came. */
const countFrames = (ms) =>
  new Promise((done) => {
    const times = [];
    const frame = (time) => {
      times.push(time);
      if (time - times[0] < ms) requestAnimationFrame(frame);
      else done(times);
    };
    requestAnimationFrame(frame);
  });

try {
  const first = [];
  for (let round = 0; round < 5; round++) {
    const { page, close } = await studio.visit();
    await page.getByRole("button", { name: "Play" }).waitFor();
    const paint = await page.evaluate(
      () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN,
    );
    first.push(paint);
    await close();
  }
  first.sort((a, b) => a - b);
  console.log(`${studio.from}`);
  console.log(
    `first frame: ${Math.round(first[2])} ms (${Math.round(first[0])} to ${Math.round(first[4])}), 5 cold loads`,
  );

  console.log("view               frames/s   late %   longest gap ms   steps/s");
  for (const view of viewNames) {
    const { page, close } = await studio.visit({ hash: `steps=1000000&view=${view}` });
    await page.getByText("before the first update, 16 seeds").waitFor();
    await page.getByLabel("Pace").selectOption("as fast as it goes");
    await page.getByRole("button", { name: "Play" }).click();
    await page.waitForTimeout(2000);
    const step = async () => Number((await page.getByText(/^Step \d+ of/).textContent())?.match(/\d+/)?.[0]);
    const [from, began] = [await step(), Date.now()];
    const counting = page.evaluate(countFrames, 1000 * seconds);
    await page.getByRole("tab", { name: viewTitles[view] }).focus();
    for (let press = 0; press < seconds; press++) {
      await page.keyboard.press("Shift");
      await page.waitForTimeout(500);
    }
    const times = await counting;
    const rate = (1000 * ((await step()) - from)) / (Date.now() - began);
    const gaps = times.slice(1).map((time, i) => time - times[i]);
    const late = gaps.filter((gap) => gap > 1000 / 30 + 1).length / gaps.length;
    console.log(
      [
        viewTitles[view].padEnd(18),
        ((1000 * gaps.length) / (times[times.length - 1] - times[0])).toFixed(1).padStart(9),
        (100 * late).toFixed(1).padStart(8),
        Math.max(...gaps)
          .toFixed(0)
          .padStart(16),
        rate.toFixed(0).padStart(9),
      ].join(""),
    );
    await close();
  }
} finally {
  await studio.close();
  await vite.close();
}
