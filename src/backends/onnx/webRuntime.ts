/** ONNX Runtime in a page or a web worker, for {@link OnnxOptions.load}: its WebAssembly, from where the page keeps it. */
import { ArgumentError } from "../../base/errors.ts";
import { offset, state } from "../../graph/build.ts";
import { makeGraph } from "../../graph/graph.ts";
import { graphToOnnx } from "./graphToOnnx.ts";
import { type OnnxRuntime, type RuntimeLoader, runtimeIn } from "./runtime.ts";

/** Where the files of `onnxruntime-web` lie. URLs are absolute, or relative to the page or the worker's script. */
export interface WebRuntimeOptions {
  /**
   * The folder with `ort-wasm-simd-threaded.wasm` and `ort-wasm-simd-threaded.mjs`, both of the version of the module;
   * or the URL of the WebAssembly alone, under whatever name a bundler gave it, which does for one thread. By default
   * the module looks for the WebAssembly beside the script that it was bundled into.
   */
  files?: string | { readonly wasm: string };
}

/** What `onnxruntime-web` has besides: settings that it reads when its first model is loaded. */
interface WebOnnxRuntime extends OnnxRuntime {
  readonly env: OnnxRuntime["env"] & { readonly wasm: { numThreads?: number; wasmPaths?: unknown } };
}

/**
 * The loader of `onnxruntime-web` in a page, its WebAssembly included.
 *
 * Several threads need memory that they share, which a browser gives to an isolated page (`crossOriginIsolated`), and a
 * script of their own, which is in a folder of files; without either there is one. The module is loaded once in a page:
 * the first loader's files and threads stay, and after a failure the page has to be loaded anew.
 *
 * @param load  brings the module where a bundler sees it: `() => import("onnxruntime-web/wasm")`
 * @throws ArgumentError (the loader) if the files are not where they should be, or the browser cannot run them
 */
export function webRuntime(load: () => Promise<unknown>, { files }: WebRuntimeOptions = {}): RuntimeLoader {
  return async (threads) => {
    const runtime = runtimeIn(await load()) as WebOnnxRuntime;
    const { wasm } = runtime.env;
    // a thread of a bundled module would start the page's own script instead, and never answer
    wasm.numThreads = typeof files === "string" && globalThis.crossOriginIsolated ? threads : 1;
    if (files !== undefined) wasm.wasmPaths = pathsOf(files);
    await tryOut(runtime, wasm.wasmPaths);
    return runtime;
  };
}

/** The places as absolute URLs; the module would take a relative one for the name of a package. */
function pathsOf(files: string | { readonly wasm: string }): string | { wasm: string } {
  const absolute = (url: string) => new URL(url, globalThis.location?.href).href;
  if (typeof files === "string") return absolute(files.endsWith("/") ? files : `${files}/`);
  return { wasm: absolute(files.wasm) };
}

/** Loads the smallest of models: the module fetches its WebAssembly with the first, and says only then that it is not there. */
async function tryOut(runtime: OnnxRuntime, from: unknown): Promise<void> {
  const smallest = graphToOnnx(makeGraph({ outputs: { out: offset(state("in", []), 1) } }), 1);
  try {
    await (await runtime.InferenceSession.create(smallest, {})).release();
  } catch (error) {
    throw new ArgumentError({
      where: "onnx backend",
      rule: "the WebAssembly of onnxruntime-web cannot be loaded",
      got: String(error).split("\n")[0],
      wayOut: `Looked ${from === undefined ? "beside the page's script" : `in ${JSON.stringify(from)}`}: serve its files there, or say where they are (files).`,
    });
  }
}
