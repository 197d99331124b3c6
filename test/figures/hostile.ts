/** Names that would be markup if anybody let them, and the samples of figures and reports with them in every place. */
import { syntheticStudy } from "./synthetic.ts";

/** Closes what it may stand in, and then would run a script. */
export const attack = `"></text></svg></style><img src=x onerror=alert(1)><script>alert(2)</script>'\n\u202e&`;

/** A copy with every string, or every number, replaced. */
export function replaced(value: unknown, change: (leaf: unknown, key: string) => unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => replaced(item, change, key));
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, replaced(item, change, name)]),
    );
  return change(value, key);
}

/** The data of a figure with the attack as every text that is free. */
export const attacked = (data: unknown): unknown =>
  replaced(data, (leaf, key) => (typeof leaf === "string" && key !== "time" ? attack : leaf));

/** A study whose presets, tasks, weights, claims and rules have the attack as their names. */
export function hostileStudy(): ReturnType<typeof syntheticStudy> {
  const [size] = [{ preset: attack, seeds: 2, units: 8 }];
  const hostile = syntheticStudy([size, { ...size, preset: `</style>${attack}`, causal: true }]);
  hostile.details.forEach((detail) => {
    detail.task = attack;
    detail.layers[0].displacement = { [attack]: [0.1, 0.2] };
    detail.summary.models[0].weights = attack;
  });
  hostile.result.run = attack;
  hostile.result.claims = hostile.result.claims.map((claim) => ({
    ...claim,
    claim: attack,
    rule: attack,
    evidence: attack,
  }));
  return hostile;
}
