/** Statements of one work item as they are printed: names for values, each computed once, and blocks. */
import type { Addressing } from "./step.ts";

/** Prints statements. */
export interface Writer {
  readonly at: Addressing;
  /** A name for a value; an expression that was named before, here or in a block around, keeps its name. */
  let(expression: string): string;
  /** A fresh variable, `var name = initial`. */
  variable(initial: string): string;
  line(statement: string): void;
  /** `head { … }` around the statements that `body` prints. */
  block(head: string, body: () => void): void;
  text(): string;
}

/** Names and literals are no work: they are not named again. */
const PLAIN = /^(\(-)?[\w.]+\)?$/;

export function makeWriter(at: Addressing): Writer {
  const lines: string[] = [];
  const scopes: Map<string, string>[] = [new Map()];
  let names = 0;
  return {
    at,
    let(expression) {
      if (PLAIN.test(expression)) return expression;
      const known = scopes.findLast((scope) => scope.has(expression))?.get(expression);
      if (known !== undefined) return known;
      const name = `v${names++}`;
      lines.push(`let ${name} = ${expression};`);
      scopes[scopes.length - 1].set(expression, name);
      return name;
    },
    variable(initial) {
      const name = `x${names++}`;
      lines.push(`var ${name} = ${initial};`);
      return name;
    },
    line(statement) {
      lines.push(statement);
    },
    block(head, body) {
      lines.push(`${head} {`);
      scopes.push(new Map());
      body();
      scopes.pop();
      lines.push("}");
    },
    text: () => lines.join("\n"),
  };
}

/** A u32 literal. */
export const u = (value: number): string => `${value}u`;

/** A f32 literal; an infinity or a NaN, which WGSL has no literal for, is a call of a helper. */
export function f(value: number): string {
  const rounded = Math.fround(value);
  if (Number.isNaN(rounded)) return "notANumber()";
  if (!Number.isFinite(rounded)) return rounded > 0 ? "infinity()" : "(-infinity())";
  if (rounded === 0) return Object.is(rounded, -0) ? "(-0f)" : "0f";
  return rounded < 0 ? `(${rounded}f)` : `${rounded}f`;
}

/** Sum of terms, zeros left out. */
export function plus(...terms: readonly string[]): string {
  const some = terms.filter((term) => term !== "0u");
  return some.length === 0 ? "0u" : some.join(" + ");
}

/** A term times a number. */
export function times(term: string, by: number): string {
  if (by === 0 || term === "0u") return "0u";
  return by === 1 ? term : `${term} * ${by}u`;
}
