// Says what the page weighs, script and style packed by gzip, and fails where that is more than it may be.
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const LIMIT_KB = 60;
const root = new URL("assets/", pathToFileURL(`${resolve(process.env.FARWATCH_PAGE_OUT ?? "../src/farwatch/page")}/`));
let total = 0;
for (const name of readdirSync(root).filter((name) => /\.(js|css)$/.test(name)).sort()) {
  const bytes = gzipSync(readFileSync(new URL(name, root)), { level: 9 }).length;
  total += bytes;
  console.log(`${(bytes / 1000).toFixed(1).padStart(7)} kB  ${name}`);
}
console.log(`${(total / 1000).toFixed(1).padStart(7)} kB  script and style, gzipped (at most ${LIMIT_KB} kB)`);
if (total > LIMIT_KB * 1000) process.exit(1);
