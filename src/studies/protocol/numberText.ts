/** Numbers as sentences show them. */

/** Three decimals, or three significant digits where that would hide the number; `no value` where there is none. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "no value" : value > 0 ? "∞" : "−∞";
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value).replace("-", "−");
  const small = Math.abs(value) < 0.01 || Math.abs(value) >= 1e5;
  const text = small ? value.toPrecision(3) : String(Number(value.toFixed(3)));
  return text.replace("-", "−");
}
