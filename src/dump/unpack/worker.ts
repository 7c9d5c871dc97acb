/** What an unpacking thread runs: batches of pages, one after another, until it is ended. */
import { VmemmapError } from "../../errors.js";
import { openPort, runWorker } from "../../threads/port.js";
import { loadCodecs } from "../codecs/index.js";
import { buffersOf, type Done, type Job } from "./job.js";
import { unpackPages } from "./packed-pages.js";

async function done(job: Job): Promise<Done> {
  try {
    await loadCodecs(job.packings);
    return { ...job, damage: unpackPages(job, job.unpacked), threw: null };
  } catch (error) {
    const code = error instanceof VmemmapError ? error.code : null;
    return { ...job, damage: null, threw: { code, message: error instanceof Error ? error.message : String(error) } };
  }
}

runWorker(async () => {
  const port = await openPort();
  // That it lives.
  port.post(null);
  for (;;) {
    const reply = await done((await port.next()) as Job);
    port.post(reply, buffersOf(reply));
  }
});
