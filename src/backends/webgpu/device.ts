/** The graphics card: its adapter and device, opened before the backend and shared by all sessions on it. */
import { ArgumentError, UserError } from "../../base/errors.ts";
import { webGpu } from "./webRuntime.ts";

/** An open device. */
export interface Gpu {
  readonly device: GPUDevice;
  /** What the device was opened with: of memory and of workgroups the adapter's own maxima. */
  readonly limits: GPUSupportedLimits;
  /** The adapter in words, e.g. `google swiftshader, SwiftShader driver 5.0.0`: what its bits belong to. */
  readonly describe: string;
  /** Whether it is no card at all: the adapter computes on the processor. */
  readonly isSoftware: boolean;
  /** Why the device's numbers can be had or trusted no more: it was lost, or refused a call; null while all is well. */
  lost(): string | null;
  /** Gives the device back; in Node the process may not end before. */
  close(): void;
}

/** Brings WebGPU, what a page has as `navigator.gpu`; where it comes from is the environment's business. */
export type GpuLoader = () => Promise<GPU>;

/** Options of {@link openGpu}. */
export interface GpuOptions {
  /** Where WebGPU comes from: by default the page's own; Node gives `nodeGpu`. */
  load?: GpuLoader;
  /** Takes the adapter that computes on the processor, as tests do; by default the fastest there is. */
  software?: boolean;
}

/** Limits that a device has small unless it is opened with larger ones. */
const RAISED = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupsPerDimension",
] as const satisfies readonly (keyof GPUSupportedLimits)[];

/** The card failed, or went away, in the middle of the work: nothing that was asked for is wrong. */
export class DeviceError extends UserError {}

/**
 * Opens the card's device.
 *
 * @throws ArgumentError if WebGPU cannot be loaded, there is no adapter, or it gives no device; with what to do
 */
export async function openGpu({ load = webGpu, software = false }: GpuOptions = {}): Promise<Gpu> {
  let gpu: GPU | null = await load();
  const adapter = await gpu.requestAdapter(
    software ? { forceFallbackAdapter: true } : { powerPreference: "high-performance" },
  );
  if (adapter === null)
    throw new ArgumentError({
      where: "webgpu backend",
      rule: `needs a graphics adapter, and ${software ? "none that computes on the processor" : "none"} was found`,
      wayOut: "Install the card's driver (Vulkan on Linux), or take --backend wasm.",
    });
  const describe = words(adapter.info);
  let device: GPUDevice;
  try {
    const requiredLimits = Object.fromEntries(RAISED.map((name) => [name, adapter.limits[name]]));
    device = await adapter.requestDevice({ requiredLimits });
  } catch (error) {
    throw new ArgumentError({
      where: `webgpu backend, adapter ${describe}`,
      rule: "gives no device",
      got: firstLine(error),
      wayOut: "End what else uses the card, or take --backend wasm.",
    });
  }
  let fault: string | null = null;
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault(); // else it is printed as well
    fault ??= firstLine(event.error.message);
  });
  void device.lost.then(({ reason, message }) => {
    if (gpu !== null) fault ??= firstLine(message) || reason;
  });
  return {
    ...{ device, limits: device.limits, describe, isSoftware: adapter.info.isFallbackAdapter },
    lost: () => fault,
    close: () => {
      gpu = null; // held until now: in Node a device ends with what it came from
      device.destroy();
    },
  };
}

/**
 * Refuses a device that failed; whoever reads results from it asks before it believes them.
 *
 * @throws DeviceError in one sentence
 */
export function checkGpu(gpu: Gpu): void {
  const fault = gpu.lost();
  if (fault === null) return;
  throw new DeviceError({
    where: `webgpu backend, ${gpu.describe}`,
    rule: "the graphics card stopped in the middle of the work",
    got: fault.replace(/\.$/, ""),
    wayOut: "What was saved is kept: a run can be resumed.",
  });
}

/** Vendor, architecture and the driver's own words, as far as the adapter says any; pages often hide the last. */
function words({ vendor, architecture, description, device }: GPUAdapterInfo): string {
  const card = [vendor, architecture].filter(Boolean).join(" ");
  return [card, description || device].filter(Boolean).join(", ") || "unnamed adapter";
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim().split("\n")[0];
}
