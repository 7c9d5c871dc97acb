import { defineCommand } from "./command.js";
import { countWithin } from "./count.js";
import { openSource } from "./source.js";
import { tableText } from "./table.js";

const LIMIT = { min: 0, max: 5000, fallback: 20 };

export default defineCommand({
  name: "verify",
  summary: "hold every folio and every page of device memory against the kernel's rules",
  operands: ["SOURCE"],
  options: {
    limit: {
      type: "string",
      value: "N",
      help: `the most findings to list, up to ${LIMIT.max} (default: ${LIMIT.fallback})`,
    },
  },
  details: `Counts how often each rule is broken, and lists the first pages that break one. Exits with 1 if any does.`,
  examples: [
    { line: "vmemmap verify vmcore", says: "is the map sound? the exit code tells" },
    { line: "vmemmap verify vmcore --limit 5000 --json", says: "up to 5000 findings, for another program" },
  ],
  async run({ operands, options, host }) {
    const limit = countWithin("--limit", options.limit, LIMIT);
    const map = await openSource({ options, host }, operands[0]!);
    const report = map.verify({ limit });
    const broken = Object.entries(report.counts);
    if (options.json) {
      await host.stdout.json(report);
    } else if (broken.length === 0) {
      await host.stdout.write(`${report.pages} pages, no finding\n`);
    } else {
      const total = broken.reduce((sum, [, count]) => sum + count, 0);
      await host.stdout.write(
        tableText(
          [{ title: "rule" }, { title: "findings", align: "right" }],
          [...broken.map(([code, count]) => [code, String(count)]), ["all", String(total)]],
        ),
      );
      if (report.findings.length > 0) {
        await host.stdout.write(
          `\n${tableText(
            [{ title: "pfn", align: "right" }, { title: "rule" }, { title: "found" }, { title: "expected" }],
            report.findings.map(({ pfn, code, found, expected }) => [
              String(pfn),
              code,
              String(found),
              expected === null ? "" : String(expected),
            ]),
          )}`,
        );
      }
      if (report.findings.length < total) {
        await host.stderr.write(`${total - report.findings.length} more; --limit lists up to ${LIMIT.max}\n`);
      }
    }
    return broken.length === 0 ? 0 : 1;
  },
});
