/** Text from dumps on a terminal. */
import { expect, it } from "vitest";
import { printable } from "../../../src/cli/printable.js";
import { tableText } from "../../../src/cli/table.js";
import { refusal } from "./run.js";

it("shows what a terminal would obey", () => {
  expect(printable("7.3\x1b[31m\n\u202e\x9b é 漢")).toBe("7.3\\u001b[31m\\u000a\\u202e\\u009b é 漢");
});

it("in tables takes the room of what is shown", () => {
  expect(tableText([{ title: "value" }, { title: "from" }], [["a\x07", "b"]])).toBe("value    from\na\\u0007  b\n");
});

it("in messages too", async () => {
  expect(await refusal("info", "no\x1b[2Jfile")).toBe("vmemmap info: no\\u001b[2Jfile: no such file (ENOENT)");
});
