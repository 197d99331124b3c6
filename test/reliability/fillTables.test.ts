/** The tables of a document are filled by what the checks printed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CheckLine } from "../../reliability/check.ts";
import { fillTables } from "../../reliability/fillTables.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "palimpsest-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const line: CheckLine = {
  ...{ id: "C2", promise: "It holds.", form: "long", passed: true, figure: "0 of 5 | 6", count: 1234567 },
  ...{ seed: 1, coverage: {}, seconds: 1.5, failures: [] },
};
const printed = (...lines: Partial<CheckLine>[]) =>
  lines.map((changes) => JSON.stringify({ ...line, ...changes })).join("\n");
const empty = "a\n<!-- short figures -->\n<!-- end -->\nb\n<!-- long figures -->\n<!-- end -->\n";

test("rows are those of the form, sorted by letter and number, and rows of other promises stay", () => {
  const file = join(folder, "a.md");
  writeFileSync(file, empty);
  fillTables(file, printed({ id: "C10" }, { id: "A3", passed: false }, {}, { id: "C1", without: "limits" }));
  fillTables(file, `building\n${printed({ count: 7 })}\n`);
  expect(readFileSync(file, "utf8")).toBe(`a
<!-- short figures -->
<!-- end -->
b
<!-- long figures -->

| | promise | figure | trials | seconds |
|---|---|---|--:|--:|
| A3 | It holds. | **failed**: 0 of 5 \\| 6 | 1,234,567 | 1.5 |
| C2 | It holds. | 0 of 5 \\| 6 | 7 | 1.5 |
| C10 | It holds. | 0 of 5 \\| 6 | 1,234,567 | 1.5 |

<!-- end -->
`);
});

test("a document without a place for the figures is refused", () => {
  const file = join(folder, "b.md");
  writeFileSync(file, "a");
  expect(() => fillTables(file, printed({}))).toThrow(/b\.md has no table of long figures/);
});
