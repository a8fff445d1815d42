// Reads a file and checks it, off the thread that draws.
import { checkGeojson, LARGEST_BYTES, type Checked } from "./geojson";

export type Answer = { ok: true; checked: Checked } | { ok: false; why: string };

declare const self: DedicatedWorkerGlobalScope;

self.onmessage = async (event: MessageEvent<File>) => {
  self.postMessage(await read(event.data));
};

async function read(file: File): Promise<Answer> {
  if (file.size > LARGEST_BYTES) return { ok: false, why: `it is larger than ${LARGEST_BYTES >> 20} MB; cut it to the region that you watch` };
  let told: unknown;
  try { told = JSON.parse(await file.text()); } catch (error) {
    return { ok: false, why: error instanceof SyntaxError ? "it is not JSON" : "it cannot be read" };
  }
  try { return { ok: true, checked: checkGeojson(told) }; } catch (error) {
    return { ok: false, why: error instanceof Error ? error.message : "it cannot be used" };
  }
}
