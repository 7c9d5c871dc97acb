import { partIn } from "../dump/parts.js";
import { VmemmapError } from "../errors.js";
import { badUse } from "./arguments.js";
import { defineCommand } from "./command.js";
import { pfnRangeOf, RANGE_OPTION } from "./range.js";
import { checkOutput, OUTPUT_OPTION, writeTo } from "./sink.js";
import { filesOf, LIVE, withSource } from "./source.js";

export default defineCommand({
  name: "extract",
  summary: "write the map alone, as an image: no user data, small enough for a bug report",
  operands: ["SOURCE"],
  options: { output: OUTPUT_OPTION, range: RANGE_OPTION },
  details: `The image holds every struct page, the sections, the device page maps, the kernel's layout and where each fact came from.
It holds no page's content; but words of struct pages are the kernel's, addresses among them. Every command reads it as a SOURCE.
With --range it is a part: the sections of memory that the range meets, and those of the same 1 GiB of memory.`,
  examples: [
    { line: "vmemmap extract vmcore -o small.vmemmap", says: "the map of a dump of gigabytes in some megabytes" },
    {
      line: "vmemmap extract vmcore --range 0x10000:0x10200 -o part.vmemmap",
      says: "no more than is around some pages",
    },
    { line: "vmemmap census small.vmemmap", says: "and what it says" },
  ],
  async run({ operands, options, host }) {
    if (options.output === undefined && host.stdout.isTerminal) {
      throw badUse("an image is no text for a terminal: name a file with -o FILE");
    }
    const [name] = operands;
    if (name === LIVE && options.range !== undefined)
      throw badUse("--range: live is read as a whole: extract it, then take a part of that image");
    const files = filesOf({ options }, name!);
    await checkOutput(options.output, files);
    await withSource({ options, host }, name!, async (source) => {
      const range = pfnRangeOf(options.range, source.machine);
      if (!source.fits(range)) {
        throw new VmemmapError(
          "out-of-memory",
          `${name!}: an image holds what fits one memory, a little less than 256 GiB: name a part of it with --range A:B`,
        );
      }
      const map = await source.map(range);
      let bytes = 0;
      await writeTo(options.output, files, host, async (sink) => {
        for await (const piece of map.save() as unknown as AsyncIterable<Uint8Array>) {
          host.signal.throwIfAborted();
          await sink.write(piece);
          bytes += piece.length;
        }
      });
      const part = partIn(map.provenance);
      const said = { output: options.output ?? null, bytes, slots: map.slots, part };
      // It may be wider than what was asked for.
      const which = part === null ? "" : `, a part: PFNs ${part.start} to ${part.start + part.count - 1}`;
      if (options.json && options.output !== undefined) await host.stdout.json(said);
      else await host.stderr.write(`${bytes} bytes for ${map.slots} struct pages${which}\n`);
    });
    return 0;
  },
});
