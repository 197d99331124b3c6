/** A sample as a table shows it. */
import { fixed, intervalText } from "../../figures/numberText.ts";
import { meanInterval } from "../../figures/spread.ts";

/** Mean over seeds with its 95 % t interval, e.g. `0.18 [0.14, 0.22]`; what is not finite is left out. */
export function withInterval(values: readonly number[], digits = 3): string {
  const { mean: middle, low, high } = meanInterval(values);
  return `${fixed(middle, digits)} ${intervalText([low, high], digits)}`;
}
