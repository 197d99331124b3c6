/**
 * Functions that WGSL lacks, or has with less care: for one number, and with a 4 behind their name for four.
 *
 * A compiler of shaders may take all numbers for finite, so what decides by NaN, or by a sign that NaN may have, looks at
 * the bits. Polynomials: S. Moshier's Cephes library (single precision), as in the `wasm` kernels.
 */

interface Helper {
  readonly needs?: readonly string[];
  /** F is f32 or vec4f, U u32 or vec4u, I i32 or vec4i, B bool or vec4<bool>; # is the number behind the names. */
  readonly text: string;
}

/** In an order in which each needs only those before it. */
const helpers: Readonly<Record<string, Helper>> = {
  infinity: {
    // a constant that is not finite is refused; what a variable holds is not looked at
    text: "var<private> infinityBits: u32 = 0x7f800000u;\nfn infinity() -> f32 { return bitcast<f32>(infinityBits); }",
  },
  notANumber: {
    text: "var<private> nanBits: u32 = 0x7fc00000u;\nfn notANumber() -> f32 { return bitcast<f32>(nanBits); }",
  },
  isPositive: { text: "fn isPositive#(x: F) -> B { return bitcast<U>(x) - U(1u) < U(0x7f800000u); }" },
  isNaN: { text: "fn isNaN#(x: F) -> B { return (bitcast<U>(x) & U(0x7fffffffu)) > U(0x7f800000u); }" },
  relu: {
    // from −0 down to −∞ the bits are 0x80000000 to 0xff800000
    text: "fn relu#(x: F) -> F { return select(x, F(0f), bitcast<U>(x) - U(0x80000000u) <= U(0x7f800000u)); }",
  },
  gate: {
    needs: ["isPositive"],
    text: "fn gate#(x: F, y: F) -> F { return select(F(0f), x, isPositive#(y)); }",
  },
  maximum: {
    needs: ["isNaN"],
    text: "fn maximum#(a: F, b: F) -> F { return select(select(select(b, a, a > b), b, isNaN#(b)), a, isNaN#(a)); }",
  },
  minimum: {
    needs: ["isNaN"],
    text: "fn minimum#(a: F, b: F) -> F { return select(select(select(b, a, a < b), b, isNaN#(b)), a, isNaN#(a)); }",
  },
  sum: { text: "fn sum4(x: vec4f) -> f32 { return (x.x + x.y) + (x.z + x.w); }" },
  max: { text: "fn max4(x: vec4f) -> f32 { return max(max(x.x, x.y), max(x.z, x.w)); }" },
  // WGSL's own, which may take NaN for any number
  exp: { needs: ["isNaN"], text: "fn expOf#(x: F) -> F { return select(exp(x), x, isNaN#(x)); }" },
  log: {
    needs: ["isNaN", "infinity", "notANumber"],
    // x = 2^e m with m in [√½, √2), and a polynomial in m − 1: WGSL's own is 2^−21 off near 1, where ln x is small
    text: `fn logOf#(x: F) -> F {
  let tiny = x < F(1.17549435e-38f);
  let bits = bitcast<U>(select(x, x * F(8388608f), tiny));
  let half = bitcast<F>((bits & U(0x007fffffu)) | U(0x3f000000u));
  let low = half < F(0.70710678118654752f);
  let n = F(I(bits >> U(23u)) - I(126i)) - select(F(0f), F(1f), low) - select(F(0f), F(23f), tiny);
  let m = select(half - F(1f), half + half - F(1f), low);
  let z = m * m;
  var y = fma(F(7.0376836292e-2f), m, F(-1.151461031e-1f));
  y = fma(y, m, F(1.167699874e-1f));
  y = fma(y, m, F(-1.2420140846e-1f));
  y = fma(y, m, F(1.4249322787e-1f));
  y = fma(y, m, F(-1.6668057665e-1f));
  y = fma(y, m, F(2.0000714765e-1f));
  y = fma(y, m, F(-2.4999993993e-1f));
  y = fma(y, m, F(3.3333331174e-1f));
  y = y * m * z;
  y = fma(n, F(-2.1219444e-4f), y);
  y = fma(z, F(-0.5f), y);
  y = n * F(0.693359375f) + (m + y);
  y = select(y, F(-infinity()), x == F(0f));
  y = select(y, x, bitcast<U>(x) == U(0x7f800000u));
  y = select(y, F(notANumber()), x < F(0f));
  return select(y, x, isNaN#(x));
}`,
  },
  tanh: {
    needs: ["isNaN"],
    // odd polynomial below 0.625, 1 − 2 / (e^{2|x|} + 1) above; from 10 on that is 1, and e^{2|x|} must not overflow
    text: `fn tanhOf#(x: F) -> F {
  let a = abs(x);
  let z = x * x;
  var p = fma(F(-5.70498872745e-3f), z, F(2.06390887954e-2f));
  p = fma(p, z, F(-5.37397155531e-2f));
  p = fma(p, z, F(1.33314422036e-1f));
  p = fma(p, z, F(-3.33332819422e-1f));
  p = fma(p * z, x, x);
  let b = select(a, F(10f), a > F(10f));
  let far = F(1f) - F(2f) / (exp(b + b) + F(1f));
  return select(select(select(far, -far, x < F(0f)), p, a < F(0.625f)), x, isNaN#(x));
}`,
  },
  erf: {
    needs: ["isNaN"],
    // odd polynomial below 1, 1 − e^{−x²} · series(1/x²)/x above; from 4 on it is 1
    text: `fn erfOf#(x: F) -> F {
  let a = abs(x);
  let b = select(a, F(10f), a > F(10f));
  let z = b * b;
  var p = fma(F(7.853861353153693e-5f), z, F(-8.010193625184903e-4f));
  p = fma(p, z, F(5.188327685732524e-3f));
  p = fma(p, z, F(-2.685381193529856e-2f));
  p = fma(p, z, F(1.12835851486141e-1f));
  p = fma(p, z, F(-3.7612625824233e-1f));
  p = fma(p, z, F(1.12837916572671f));
  p = p * x;
  let q = F(1f) / select(b, F(1f), b < F(1f));
  let y = q * q;
  var r = fma(F(2.326819970068386e-2f), y, F(-1.387039388740657e-1f));
  r = fma(r, y, F(3.687424674597105e-1f));
  r = fma(r, y, F(-5.824733027278666e-1f));
  r = fma(r, y, F(6.210004621745983e-1f));
  r = fma(r, y, F(-4.944515323274145e-1f));
  r = fma(r, y, F(3.404879937665872e-1f));
  r = fma(r, y, F(-2.741127028184656e-1f));
  r = fma(r, y, F(5.638259427386472e-1f));
  var s = fma(F(-1.047766399936249e1f), y, F(1.297719955372516e1f));
  s = fma(s, y, F(-7.495518717768503f));
  s = fma(s, y, F(2.921019019210786f));
  s = fma(s, y, F(-1.0152652792027f));
  s = fma(s, y, F(4.218463358204948e-1f));
  s = fma(s, y, F(-2.820767439740514e-1f));
  s = fma(s, y, F(5.641895067754075e-1f));
  let far = F(1f) - exp(-z) * q * select(s, r, b < F(2f));
  return select(select(select(far, -far, x < F(0f)), p, a < F(1f)), x, isNaN#(x));
}`,
  },
  // Φ(x), the standard normal distribution function
  cdf: {
    needs: ["erf"],
    text: "fn cdf#(x: F) -> F { return (erfOf#(x * F(0.70710678118654752f)) + F(1f)) * F(0.5f); }",
  },
  gelu: {
    needs: ["cdf"],
    text: "fn gelu#(x: F) -> F { return x * cdf#(x); }",
  },
  // d · (Φ(x) + x φ(x))
  geluGrad: {
    needs: ["cdf"],
    text: "fn geluGrad#(d: F, x: F) -> F { return d * (cdf#(x) + x * (exp(x * x * F(-0.5f)) * F(0.3989422804014327f))); }",
  },
};

/** What each helper's functions are called where the key is not their name. */
const NAMES: Readonly<Record<string, string>> = { exp: "expOf", log: "logOf", tanh: "tanhOf", erf: "erfOf" };

/** WGSL declarations of all helper functions that `text` calls, for the head of its module. */
export function helpersFor(text: string): string {
  const wanted = new Set<string>();
  for (const [key, { needs = [] }] of Object.entries(helpers).reverse()) {
    for (const suffix of ["", "4"]) {
      const name = `${NAMES[key] ?? key}${suffix}`;
      if (!wanted.has(`${key}${suffix}`) && !new RegExp(`\\b${name}\\(`).test(text)) continue;
      wanted.add(`${key}${suffix}`);
      for (const need of needs) wanted.add(`${need}${suffix}`);
    }
  }
  return Object.entries(helpers)
    .flatMap(([key, { text: template }]) =>
      template.includes("#")
        ? ["", "4"].filter((suffix) => wanted.has(`${key}${suffix}`)).map((suffix) => typed(template, suffix))
        : wanted.has(key) || wanted.has(`${key}4`)
          ? [template]
          : [],
    )
    .join("\n");
}

function typed(template: string, suffix: string): string {
  const four = suffix === "4";
  const types = four
    ? { F: "vec4f", U: "vec4u", I: "vec4i", B: "vec4<bool>" }
    : { F: "f32", U: "u32", I: "i32", B: "bool" };
  return template.replaceAll("#", suffix).replace(/\b[FUIB]\b/g, (name) => types[name as keyof typeof types]);
}
