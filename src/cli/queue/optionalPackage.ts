/** Packages that only some commands need. */
import { ArgumentError } from "../../base/errors.ts";

/** The versions that the queue is tested with. */
const testedVersions = { bullmq: "6.7.0", ioredis: "6.0.0", pg: "8.23.1" } as const;

/** A package that is not installed with Palimpsest. */
export type OptionalPackage = keyof typeof testedVersions;

/** What to type for packages to be there, with the versions that are tested. */
function installing(packages: readonly OptionalPackage[]): string {
  return `npm install ${packages.map((name) => `${name}@${testedVersions[name]}`).join(" ")}`;
}

function missing(error: unknown, name: string): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") && message.includes(`'${name}'`);
}

/**
 * Loads packages, all or none.
 *
 * @param where   what needs them, e.g. `--queue`
 * @param load    gives the package's module; by default `import(name)`
 * @returns       the modules in the order of `packages`
 * @throws ArgumentError with the command that installs them, where one is missing
 */
export async function optionalPackages(
  where: string,
  packages: readonly OptionalPackage[],
  // the name is no literal: neither bundler nor type check ask for a package that may be absent
  load: (name: string) => Promise<unknown> = (name) => import(name),
): Promise<unknown[]> {
  return Promise.all(
    packages.map(async (name) => {
      try {
        return await load(name);
      } catch (error) {
        if (!missing(error, name)) throw error;
        throw new ArgumentError({
          where,
          rule: `needs the ${packages.length === 1 ? "package" : "packages"} ${packages.join(" and ")}`,
          got: `no ${name}`,
          wayOut: `${installing(packages)}.`,
        });
      }
    }),
  );
}
