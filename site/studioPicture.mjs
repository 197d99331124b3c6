// The picture of the studio in README.md and docs/studio.md: sixteen trained networks, then and now.
//
//   npm run build && node site/studioPicture.mjs     (writes docs/figures/studio.png)
import { createServer } from "vite";

// Vite reads the TypeScript of the tests' harness, which Node 20 cannot
const vite = await createServer({
  configFile: false,
  server: { middlewareMode: true, ws: false, watch: null },
  appType: "custom",
});
const { openStudio } = await vite.ssrLoadModule("/test/studio/openStudio.ts");
const studio = await openStudio();
try {
  const context = { viewport: { width: 1240, height: 980 }, colorScheme: "light" };
  const { page } = await studio.visit({ hash: "layer=1&kind=position&at=160", context });
  await page.getByText("trained, 16 seeds").waitFor();
  await page.getByRole("button", { name: "Not now" }).click();
  await page.waitForTimeout(1000);
  await page.screenshot({ path: "docs/figures/studio.png" });
} finally {
  await studio.close();
  await vite.close();
}
