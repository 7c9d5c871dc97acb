import type { ZSTDDecoder } from "zstddec/stream";
import { BadPacking } from "./bad-packing.js";
import { ZSTD_HEADER_BYTES, zstdFrame } from "./zstd-frame.js";

/** The largest window that zstd's decoder takes unless told otherwise; the one in `zstddec` can't be told. */
const MAX_WINDOW_BYTES = 1 << 27;

/** Answers without a byte, taking no input, after which the decoder has given up: it does not say so itself. */
const IDLE_ANSWERS = 64;

/**
 * Unpack a zstd stream of any length and any number of frames by `zstddec`; it takes the memory of a window.
 *
 * @param packed pieces, none of them empty
 * @throws BadPacking damaged, truncated, or with too large a window
 */
export async function* unzstd(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const decoder = await loadDecoder();

  // The decoder can't wait for its input, and takes at most one piece before each answer: so one piece is always fetched ahead.
  let ahead: Uint8Array | undefined;
  function* given(): Generator<Uint8Array, void> {
    for (let piece = ahead; piece !== undefined; piece = ahead) {
      ahead = undefined;
      yield piece;
    }
  }
  const answers = decoder.decodeStreaming(given());
  const source = packed[Symbol.asyncIterator]();
  try {
    for (let idle = 0, first = true; idle < IDLE_ANSWERS; first = false) {
      if (ahead === undefined) {
        const next = await source.next();
        if (next.done !== true) ahead = next.value;
      }
      const before = ahead;
      if (first && before !== undefined) checkWindow(before);
      const answer = nextOf(answers);
      if (answer === null) return;
      idle = answer.length === 0 && ahead === before ? idle + 1 : 0;
      if (answer.length > 0) yield answer;
    }
  } finally {
    await source.return?.();
  }
  throw new BadPacking("damaged", false);
}

async function loadDecoder(): Promise<ZSTDDecoder> {
  try {
    const { ZSTDDecoder } = await import("zstddec/stream");
    const decoder = new ZSTDDecoder();
    await decoder.init();
    return decoder;
  } catch (cause) {
    throw new BadPacking(`packed by zstd: what unpacks it could not be loaded (${String(cause)})`, true, { cause });
  }
}

/** The decoder's next answer, null at the end. */
function nextOf(answers: Generator<Uint8Array>): Uint8Array | null {
  try {
    const answer = answers.next();
    return answer.done === true ? null : answer.value;
  } catch (error) {
    throw new BadPacking("truncated", false, { cause: error });
  }
}

function checkWindow(bytes: Uint8Array): void {
  const windowSize = zstdFrame(bytes.subarray(0, ZSTD_HEADER_BYTES))?.windowSize ?? 0;
  if (windowSize <= MAX_WINDOW_BYTES) return;
  throw new BadPacking(
    `packed by zstd with a window of ${windowSize} bytes, and up to ${MAX_WINDOW_BYTES} are unpacked here: ` +
      `unpack it first, by zstd -d --long=${Math.ceil(Math.log2(windowSize))}`,
    true,
  );
}
