import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // engine and calibration tests compute for seconds; a slow machine is no failure
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ["default", "./test/plainCount.ts"],
    // two workers suit the smallest machine the project promises to work on
    maxWorkers: 2,
  },
});
