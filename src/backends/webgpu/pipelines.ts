/** Compiled kernels, kept for as long as their device: the same text is compiled once. */

const compiled = new WeakMap<GPUDevice, Map<string, Promise<GPUComputePipeline>>>();

/** The pipeline of a module's `main`. */
export function pipelineOf(device: GPUDevice, code: string): Promise<GPUComputePipeline> {
  let known = compiled.get(device);
  if (known === undefined) compiled.set(device, (known = new Map()));
  let pipeline = known.get(code);
  if (pipeline === undefined) {
    const module = device.createShaderModule({ code });
    pipeline = device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: "main" } });
    pipeline.catch(() => {}); // whoever waits for it is told; it may be that nobody does
    known.set(code, pipeline);
  }
  return pipeline;
}
