import { defineCommand } from "./command.js";
import { ROW_OPTIONS, rowDetails, runRows } from "./rows.js";

/** `vmemmap pages`: a row for each page that has a slot. */
export default defineCommand({
  name: "pages",
  summary: "a row for each page that has a struct page: csv, ndjson or Arrow",
  operands: ["SOURCE"],
  options: ROW_OPTIONS,
  details: rowDetails("pages"),
  examples: [
    {
      line: "vmemmap pages vmcore --columns pfn,flag_names,refcount,mapping --range 0x1000:0x1010",
      says: "sixteen pages",
    },
    {
      line: "vmemmap pages vmcore --columns pfn,head,order --where 'order >= 9 and flags has dirty' --limit 5",
      says: "the first pages of huge folios whose own word says dirty",
    },
    {
      line: "vmemmap pages vmcore --columns pfn,kind,mapcount --sort mapcount:desc --limit 10",
      says: "the ten pages that are mapped most",
    },
    {
      line: "vmemmap pages vmcore --columns all --format arrow -o pages.arrow",
      says: "all there is, for pandas, polars or DuckDB",
    },
  ],
  run: (call) => runRows("pages", call),
});
