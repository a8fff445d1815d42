import { readdirSync } from "node:fs";
import { defineConfig } from "vite";

// The unit tests, bundled for Node's test runner: Node 20 does not read TypeScript.
const tests = readdirSync(new URL("tests", import.meta.url)).filter((name) => name.endsWith(".test.ts"));

export default defineConfig({
  publicDir: false,
  build: {
    ssr: true,
    outDir: "node_modules/.farwatch-tests",
    emptyOutDir: true,
    minify: false,
    rollupOptions: { input: Object.fromEntries(tests.map((name) => [name.replace(/\.ts$/, ""), `tests/${name}`])) },
  },
});
