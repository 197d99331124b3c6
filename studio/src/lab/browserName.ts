/** Which browser computes, as a run's manifest says it. */

/** Names of browsers as they tell them, the more special first. */
const browsers = [
  ["Firefox", /Firefox\/(\d+)/],
  ["Chromium", /Chrom(?:e|ium)\/(\d+)/],
  ["Safari", /Version\/(\d+)[.\d]* .*Safari/],
] as const;

/** `Chromium 147`; `unknown` where it does not say. */
export function browserName(userAgent: string): string {
  for (const [name, form] of browsers) {
    const version = form.exec(userAgent)?.[1];
    if (version !== undefined) return `${name} ${version}`;
  }
  return "unknown";
}
