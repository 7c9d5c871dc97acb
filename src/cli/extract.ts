import { badUse } from "./arguments.js";
import { defineCommand } from "./command.js";
import { OUTPUT_OPTION, writeTo } from "./sink.js";
import { openSource } from "./source.js";

export default defineCommand({
  name: "extract",
  summary: "write the map alone, as an image: no user data, small enough for a bug report",
  operands: ["SOURCE"],
  options: { output: OUTPUT_OPTION },
  details: `The image holds every struct page, the sections, the device page maps, the kernel's layout and where each fact came from.
It holds no page's content; but words of struct pages are the kernel's, addresses among them. Every command reads it as a SOURCE.`,
  examples: [
    { line: "vmemmap extract vmcore -o small.vmemmap", says: "the map of a dump of gigabytes in some megabytes" },
    { line: "vmemmap census small.vmemmap", says: "and what it says" },
  ],
  async run({ operands, options, host }) {
    if (options.output === undefined && host.stdout.isTerminal) {
      throw badUse("an image is no text for a terminal: name a file with -o FILE");
    }
    const map = await openSource({ options, host }, operands[0]!);
    let bytes = 0;
    await writeTo(options.output, [operands[0]!, ...options.part], host, async (sink) => {
      for await (const piece of map.save() as unknown as AsyncIterable<Uint8Array>) {
        host.signal.throwIfAborted();
        await sink.write(piece);
        bytes += piece.length;
      }
    });
    const said = { output: options.output ?? null, bytes, slots: map.slots };
    if (options.json && options.output !== undefined) await host.stdout.json(said);
    else await host.stderr.write(`${bytes} bytes for ${map.slots} struct pages\n`);
    return 0;
  },
});
