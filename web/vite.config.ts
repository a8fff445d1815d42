import { defineConfig } from "vite";

// Built into the Python package. Everything is a file of its own with its hash in its name, nothing is inline, so that
// the service can forbid inline scripts and styles; paths are relative, so that a proxy may put the page anywhere.
export default defineConfig({
  base: "./",
  build: {
    outDir: process.env.FARWATCH_PAGE_OUT ?? "../src/farwatch/page",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
  },
  worker: { format: "es" },
  server: { proxy: { "/api": { target: "http://127.0.0.1:8765", ws: true, changeOrigin: true } } },
});
