/** Numbers as sentences show them. */

/** Three decimals, or three significant digits where that would hide the number; `no value` where there is none. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "no value" : value > 0 ? "∞" : "−∞";
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value).replace("-", "−");
  const size = Math.abs(value);
  const text =
    size >= 1e5
      ? value.toPrecision(3)
      : String(Number(size < 0.01 ? value.toPrecision(3) : value.toFixed(3)));
  return text.replaceAll("-", "−");
}
