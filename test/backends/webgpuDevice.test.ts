/** The graphics card itself: how it is opened, what is said where there is none, and that its faults are remembered. */
import { expect, test } from "vitest";
import { backendNamed, chosenBackend, isOnCard, openCard } from "../../src/backends/registry.ts";
import { checkGpu, DeviceError, openGpu } from "../../src/backends/webgpu/device.ts";
import { nodeGpu } from "../../src/backends/webgpu/nodeRuntime.ts";
import { webGpu } from "../../src/backends/webgpu/webRuntime.ts";
import { ArgumentError } from "../../src/base/errors.ts";
import { softwareGpu } from "./softwareGpu.ts";

const { gpu } = await softwareGpu();
const software = test.skipIf(gpu === null);

/** A WebGPU that answers as told. */
const fake = (requestAdapter: () => Promise<unknown>) => async () => ({ requestAdapter }) as unknown as GPU;

software("a device is opened with the adapter's own limits and says what it is", async () => {
  const adapter = await (await nodeGpu()).requestAdapter();
  expect(gpu?.limits.maxBufferSize).toBe(adapter?.limits.maxBufferSize);
  expect(gpu?.limits.maxComputeWorkgroupStorageSize).toBe(adapter?.limits.maxComputeWorkgroupStorageSize);
  expect(gpu?.describe).toContain(adapter?.info.vendor);
  expect(gpu?.lost()).toBeNull();
});

software("a call that the device refuses is remembered and printed nowhere", async () => {
  const own = await openGpu({ load: nodeGpu });
  own.device.createBuffer({ size: own.limits.maxBufferSize * 2, usage: 8 });
  await own.device.queue.onSubmittedWorkDone();
  expect(own.lost()).toMatch(/max buffer size limit/);
  expect(() => checkGpu(own)).toThrow(DeviceError);
  expect(() => checkGpu(own)).toThrow(/stopped in the middle of the work; got .*\. What was saved is kept/);
  own.close();
});

software("a device that goes away is remembered, and one that was closed is no fault", async () => {
  const own = await openGpu({ load: nodeGpu });
  own.device.destroy();
  await own.device.lost;
  expect(own.lost()).toMatch(/destroyed/);
  const closed = await openGpu({ load: nodeGpu });
  closed.close();
  await closed.device.lost;
  expect(closed.lost()).toBeNull();
  expect(() => checkGpu(closed)).not.toThrow();
});

test("without an adapter, or without a device, one sentence says what to do", async () => {
  const none = openGpu({ load: fake(async () => null) });
  await expect(none).rejects.toThrow(ArgumentError);
  await expect(none).rejects.toThrow(/^webgpu backend: needs a graphics adapter.*take --backend wasm\.$/);
  const refuses = async () => ({
    ...{ info: { vendor: "acme", architecture: "one", device: "", description: "" }, limits: {} },
    requestDevice: () => Promise.reject(new Error("out of devices\nat somewhere")),
  });
  const refused = openGpu({ load: fake(refuses) });
  await expect(refused).rejects.toThrow(
    "webgpu backend, adapter acme one: gives no device; got out of devices. End what else uses the card",
  );
});

test("where the package is not there, or not for this machine, one sentence says what to do", async () => {
  const missing = Object.assign(new Error("Cannot find package 'webgpu'"), { code: "ERR_MODULE_NOT_FOUND" });
  await expect(nodeGpu(() => Promise.reject(missing))).rejects.toThrow(
    "webgpu backend: the npm package webgpu is not installed. npm install webgpu, or take --backend wasm.",
  );
  const unfit = new Error("dawn.node: wrong ELF class\nat somewhere");
  await expect(nodeGpu(() => Promise.reject(unfit))).rejects.toThrow(
    "webgpu backend: the npm package webgpu cannot be loaded; got dawn.node: wrong ELF class. Take --backend wasm.",
  );
});

test("auto takes no card, however large the model", () => {
  for (const dModel of [8, 64, 127, 128, 4096])
    expect(isOnCard(chosenBackend("auto", { dModel }))).toBe(false);
  expect(isOnCard(chosenBackend("webgpu"))).toBe(true);
});

software(
  "whoever asks for the card's backend gets the same device, and another once that was lost",
  async () => {
    const [first, second] = await Promise.all([openCard(), openCard()]);
    expect(second).toBe(first);
    expect(await backendNamed("webgpu")).toBe(first.backend);
    first.gpu.device.destroy();
    await first.gpu.device.lost;
    const third = await openCard();
    expect(third.gpu.lost()).toBeNull();
    third.gpu.close();
  },
);

test("where the environment has no WebGPU of its own, one sentence says so", async () => {
  await expect(webGpu()).rejects.toThrow(/^webgpu backend: this browser gives the page no WebGPU\./);
  await expect(openGpu()).rejects.toThrow(ArgumentError);
});
