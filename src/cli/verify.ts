import { joinReports } from "../shards/merge.js";
import type { VerifyReport } from "../verify.js";
import { defineCommand } from "./command.js";
import { countWithin } from "./count.js";
import { withSource } from "./source.js";
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
    const report = await withSource({ options, host }, operands[0]!, async (source) => {
      const parts: VerifyReport[] = [];
      let left = limit;
      for await (const map of source.windows()) {
        const part = map.verify({ limit: left });
        left -= part.findings.length;
        parts.push(part);
      }
      return joinReports(parts, limit);
    });
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
